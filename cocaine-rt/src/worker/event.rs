//! What `#[cocaine::worker]` expands to: the arguments of an event are taken, its handler runs, and what it returns is
//! sent.
//!
//! ```text
//! run                      one event, from its first chunk to its end
//! arguments  source  kinds  claims   what a handler takes: in order, where from, how, and what goes together
//! reply                    what it returns
//! failure                  one error and its text
//! ```

mod arguments;
mod claims;
mod failure;
mod kinds;
mod reply;
mod run;
mod source;

pub use self::{
    arguments::{Arguments, arguments},
    reply::{Plain, Returned, Turn},
    run::run,
};
pub use super::events::{ExecutionMode, HandlerRegistry};

/// What the expansion knows of an event.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// Whether its handler is dropped when the client leaves.
    pub cancel: bool,
}

/// Lists the events of functions under `#[cocaine::worker]`, for a worker that serves them all. A type with an `impl`
/// block of events can be listed too, if it has a default.
///
/// ```
/// mod math {
///     #[cocaine::worker]
///     pub async fn sum(a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// #[cocaine::worker]
/// async fn ping() -> &'static str {
///     "pong"
/// }
///
/// async fn serve(worker: cocaine::Worker) -> cocaine::Result<()> {
///     worker.serve(cocaine::events![ping, math::sum]).await
/// }
/// ```
#[macro_export]
macro_rules! events {
    ($($event:ty),* $(,)?) => {
        $crate::bind::event::List(|#[allow(unused_variables)] registry: &mut $crate::bind::event::HandlerRegistry| {
            $($crate::Events::register(<$event as ::core::default::Default>::default(), registry);)*
        })
    };
}

/// Events that a function registers: what [`events!`](crate::events) makes.
#[derive(Clone, Copy, Debug)]
pub struct List<F>(pub F);

impl<F: FnOnce(&mut HandlerRegistry)> super::events::Events for List<F> {
    fn register(self, registry: &mut HandlerRegistry) {
        (self.0)(registry);
    }
}

#[cfg(test)]
mod tests;
