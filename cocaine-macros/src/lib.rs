//! The attribute `#[cocaine::worker]`, which turns functions into events of a Cocaine app, `#[derive(Schema)]`, which
//! describes their types, and `#[derive(AppError)]`, which declares their errors.
//!
//! Depend on `cocaine-rt`, which re-exports them, rather than on this crate: the code that it generates uses
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
//! settings     the settings of an attribute
//! model        the item, as the expansion needs it
//! check        the rules for items
//! docs         doc comments
//! diagnostics  collects all errors, so that the compiler reports them together
//! expand       the generated code, from a model without errors
//! fallback     the code for an item with errors, so that nothing else fails to compile because of them
//! schema       `#[derive(Schema)]`
//! app_error    `#[derive(AppError)]`
//! ```

mod app_error;
mod check;
mod diagnostics;
mod docs;
mod expand;
mod fallback;
mod model;
mod schema;
mod settings;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::{Item, spanned::Spanned as _};

use diagnostics::Diagnostics;

/// Makes an `async fn` an event of an app, or every `async fn` with `&self` of an `impl` block.
///
/// The item stays as it is, and a unit test can call it. For a function the attribute adds a struct of the same name, for
/// `cocaine::events![…]`; for an `impl` block, an implementation of `cocaine::Events` for its type.
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
/// The types of the arguments decide what the handler receives; aliases of these types work as well.
///
/// - No argument: the handler runs at once, without waiting for a chunk.
/// - One value: the first chunk, decoded as `MessagePack` by `cocaine::msgpack`; `Bytes` is the chunk itself. Structs are
///   read from maps of their fields, and from arrays.
/// - Several values: the elements of the array in the first chunk. Further elements are ignored, and a missing element at
///   the end is `None`.
/// - `SessionReceiver<T>`: the chunks that follow, as a stream.
/// - `SessionSender<T>`: the half that sends. The function then returns `()` or `Result<()>`.
/// - `Session`: both halves.
/// - `Context`: the name, headers, trace, deadline and client of the event, beside any of the others.
///
/// # Replies
///
/// A handler returns a value, or a `Result` whose error implements `Display`. `()` sends no chunk, `Bytes` is sent as it
/// is, a `Stream` of `Result`s sends a chunk for each item, and any other value is sent as one chunk of `MessagePack`, in
/// which a struct is a map of its fields. An error that derives `AppError` is sent with the code of its variant, and a
/// `cocaine::Error` of a service with its category and code; any other error, and a panic, as `[42, 100]` with its text.
///
/// # The schema
///
/// The event is described in the schema of the app: its name, its doc comment, the names and types of its arguments, the
/// types of its chunks, and its errors. `cocaine::schema::AppSchema::of` returns it, and `WORKER --describe` prints it. A type
/// without `cocaine::Schema` is opaque there. An argument that is a pattern is called after its position, such as
/// `argument1`.
///
/// # Settings
///
/// On a function `#[cocaine::worker(event = "name", inline, cancel, errors(NotFound = 1))]`, on a method
/// `#[event(name = "name", inline, cancel, errors(NotFound = 1))]`, all of them optional:
///
/// - the name of the event, if it differs from the name of the function;
/// - `inline`: runs the handler on the connection's thread, for a handler that never blocks;
/// - `cancel`: drops the handler when the client disconnects before it has closed its stream, or ends the stream with an
///   error. A node does not report a client that disconnects later (`worker.md` 3.4);
/// - `errors(NotFound = 1, …)`: names the codes of category 43 that the handler may return as `cocaine::Error`s, as
///   `Error::user(1, "…")` is one;
/// - `#[event(skip)]`: the method is not an event.
#[proc_macro_attribute]
pub fn worker(settings: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    attribute(settings.into(), item.into()).into()
}

/// Describes a type as serde serializes it, for `cocaine::schema`. It stands beside serde's derives, and reads their
/// attributes.
///
/// ```text
/// /// A short link.
/// #[derive(Serialize, Deserialize, Schema)]
/// #[serde(rename_all = "camelCase")]
/// struct Link {
///     /// What stands behind the slash.
///     slug: String,
///     target_url: String,
///     #[serde(default)]
///     ttl: Option<u32>,
///     #[serde(with = "hexadecimal")]
///     #[schema(as = String)]
///     digest: u32,
/// }
/// ```
///
/// Names are those that travel (`rename`, `rename_all`, `rename_all_fields`, `alias`), doc comments come along, and so does
/// what may be missing (`default`, `skip_serializing_if`, `Option`), what never travels in a direction (`skip`,
/// `skip_serializing`, `skip_deserializing`), and what stands in the place of another (`flatten`, `transparent`, `from` with
/// `into`). Enums have any form of serde's. The parameters of a generic type have to have schemas.
///
/// A field whose type has no schema is opaque, and so is one with a function of its own (`with`, `serialize_with`,
/// `deserialize_with`), unless `#[schema(as = Type)]` names the type that it travels as; `#[schema(opaque)]` makes any field
/// opaque.
///
/// # Errors
///
/// It refuses, at the place in the source, what cannot travel, or cannot be read again: integers of 128 bits; fields of
/// tuples that are skipped sometimes; `untagged` enums in which a variant is taken for one before it; tuples in enums with a `tag`;
/// `flatten` of what is no map; and names or types that differ between the two directions.
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn schema(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    schema::derive(item.into()).into()
}

/// Declares the variants of an enum as errors of an app, for handlers that return them. It implements `cocaine::AppError`, and
/// the conversion to `cocaine::Error`.
///
/// ```text
/// #[derive(Debug, AppError)]
/// enum LinkError {
///     /// There is no such link.
///     #[app_error(code = 1)]
///     NotFound,
///     #[app_error(code = 2)]
///     Taken { by: String },
///     #[app_error(other)]
///     Other(cocaine::Error),
/// }
/// ```
///
/// A variant has a code, in its attribute or as its discriminant (`NotFound = 1`), and may have fields. The text that a caller
/// receives is what the enum displays: implement `Display`, by hand or with another derive. One variant may be `other`: it
/// contains a `cocaine::Error`, which is sent as it is.
#[proc_macro_derive(AppError, attributes(app_error))]
pub fn app_error(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    app_error::derive(item.into()).into()
}

/// Returns the expansion of `item`, with all errors.
fn attribute(settings: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expanded = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Fn(function)) => match model::function(settings, &function, &mut diagnostics) {
            Some(event) if diagnostics.is_empty() => expand::function(&function, &event),
            _ => fallback::function(&function),
        },
        Ok(Item::Impl(block)) => match model::block(settings, &block, &mut diagnostics) {
            Some(worker) if diagnostics.is_empty() => expand::block(&worker),
            _ => fallback::block(block),
        },
        Ok(other) => {
            let text = "`cocaine::worker` goes on an `async fn`, or on the `impl` block of the type that holds the state";
            diagnostics.error_at(other.span(), text);
            item
        }
        Err(error) => {
            diagnostics.push(error);
            item
        }
    };
    diagnostics.append_to(expanded)
}
