//! The errors of handlers, as the client receives them.

use std::{any::Any, fmt::Display};

use super::Event;
use crate::protocol::error::Error;

/// An error that a handler may return: any type with `Display`. An [`Error`] keeps its own category and code.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an event",
    label = "not an error of an event",
    note = "an error of an event is a type that owns its data and implements `std::fmt::Display`"
)]
pub trait IntoEventError: 'static {
    /// Converts to the error that the client receives.
    fn into_error(self) -> Error;
}

impl<E: Display + 'static> IntoEventError for E {
    #[cold]
    fn into_error(self) -> Error {
        match (&self as &dyn Any).downcast_ref::<Error>() {
            Some(error) => error.clone(),
            None => Error::handler(self.to_string()),
        }
    }
}

impl Event {
    /// Returns the error of a handler that was dropped because its client has disconnected.
    #[cold]
    pub(super) fn client_left(&self) -> Error {
        Error::handler(format!("{}: the client has left", self.name))
    }
}
