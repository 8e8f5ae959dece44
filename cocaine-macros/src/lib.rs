//! The attribute `#[cocaine::worker]`, which turns functions into events of a Cocaine app.
//!
//! Depend on `cocaine-rt`, which re-exports the attribute, rather than on this crate: the code that it generates uses
//! that crate.
//!
//! ```text
//! use cocaine::{Result, Worker, events};
//!
//! #[cocaine::worker]
//! async fn ping(message: String) -> Result<String> {
//!     Ok(format!("pong {message}"))
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     Worker::from_args()?.serve(events![ping]).await
//! }
//! ```
//!
//! [`macro@worker`] describes arguments, replies and settings. The crate has no features.
//!
//! # Modules
//!
//! ```text
//! settings   what stands in the attribute's brackets
//! model      the item, read into what the expansion needs
//! check      every rule for items and settings
//! mistakes   collects all errors, so that the compiler reports them at once
//! expand     the generated code, from a model that has passed every check
//! fallback   the code for an item with mistakes, so that nothing else fails to compile because of them
//! ```

mod check;
mod expand;
mod fallback;
mod mistakes;
mod model;
mod settings;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::{Item, spanned::Spanned as _};

use mistakes::Mistakes;

/// Makes an `async fn` an event of an app, or every `async fn` with `&self` of an `impl` block.
///
/// What is written stays as it is, and can be called in a unit test. Beside a function stands a struct of the same name
/// for `cocaine::events![…]`; a type with such a block implements `cocaine::Events`.
///
/// ```text
/// #[cocaine::worker]
/// async fn ping(message: String) -> cocaine::Result<String> {
///     Ok(message)
/// }
///
/// #[cocaine::worker]
/// impl Counter {
///     async fn add(&self, n: u64) -> u64 { self.0.fetch_add(n, Relaxed) + n }
///
///     #[event(name = "get", inline)]
///     async fn value(&self) -> u64 { self.0.load(Relaxed) }
/// }
/// ```
///
/// # Arguments
///
/// The type decides, not how it is spelled.
///
/// - None: the handler runs at once, and does not wait for a chunk.
/// - One value: the first chunk, decoded as `MessagePack`; `Bytes` are the chunk as it is.
/// - Several values: the elements of the array that the first chunk holds. Further elements are ignored, and one that is
///   missing at the end is `None`.
/// - `SessionReceiver<T>`: the chunks that follow, as a stream.
/// - `SessionSender<T>`: the half that sends. The function then returns `()` or `Result<()>`.
/// - `Session`: the whole event.
/// - `Context`: who calls. Goes with everything.
///
/// # What is returned
///
/// A value, or a `Result` with any error that has a text. `()` is no chunk, `Bytes` are the chunk as it is, a `Stream` of
/// `Result`s is a chunk for each item, anything else is one chunk of `MessagePack`. A `cocaine::Error` of a service goes
/// out with its category and code; any other error, and a panic, as `[42, 100]` with its text.
///
/// # Settings
///
/// On a function `#[cocaine::worker(event = "name", inline, cancel)]`, on a method
/// `#[event(name = "name", inline, cancel)]`, all of them optional:
///
/// - the name of the event, where it is not that of the function;
/// - `inline`: runs on the wire's thread, for a handler that never blocks;
/// - `cancel`: the handler is dropped when the client leaves before it has closed its stream, or ends that with an error. A
///   node does not tell of one that leaves later (`worker.md` 3.4);
/// - `#[event(skip)]`: the method is no event.
#[proc_macro_attribute]
pub fn worker(settings: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    attribute(settings.into(), item.into()).into()
}

/// Returns what stands in place of `item`.
fn attribute(settings: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let expanded = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => match model::function(settings, &function, &mut mistakes) {
            Some(event) if mistakes.is_empty() => expand::function(&function, &event),
            _ => fallback::function(&function),
        },
        Ok(Item::Impl(block)) => match model::block(settings, &block, &mut mistakes) {
            Some(worker) if mistakes.is_empty() => expand::block(&worker),
            _ => fallback::block(block),
        },
        Ok(other) => {
            let text = "`cocaine::worker` goes on an `async fn`, or on the `impl` block of the type that holds the state";
            mistakes.at_span(other.span(), text);
            item
        }
        Err(error) => {
            mistakes.keep(error);
            item
        }
    };
    mistakes.beside(expanded)
}
