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
pub use super::events::{Events, ExecutionMode, HandlerRegistry};

/// What the expansion knows of an event.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// Whether its handler is dropped when the client leaves.
    pub cancel: bool,
}

/// Events that a function registers: what `events!` makes.
#[derive(Clone, Copy, Debug)]
pub struct List<F>(pub F);

impl<F: FnOnce(&mut HandlerRegistry)> Events for List<F> {
    fn register(self, registry: &mut HandlerRegistry) {
        (self.0)(registry);
    }
}

#[cfg(test)]
mod tests;
