//! The worker's side: the events of an app, and what handles them.

pub mod event;
mod session;

pub use event::{Chunks, Output};
pub use session::{Context, Events, Handler, Incoming, Mode, Outgoing, Session, Settlement, Table};
