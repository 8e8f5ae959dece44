//! What went wrong, as the error that the client receives.

use std::{any::Any, fmt::Display};

use super::Event;
use crate::{
    codes::Category,
    error::{Error, ErrorKind, HANDLER_FAILED},
};

/// Returns the error of an event that failed.
#[cold]
pub(super) fn failed(text: impl Into<String>) -> Error {
    Error::service(Category::WORKER, HANDLER_FAILED, text)
}

/// Returns what the client receives for `error`: a service's error as it is, anything else as its text.
#[cold]
pub(super) fn as_answer(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Service { .. } => error,
        _ => failed(error.to_string()),
    }
}

/// An error that a handler may return: whatever has a text. A [`Error`] keeps its own category and code.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of an event",
    label = "no error of an event",
    note = "an error of an event is a type that owns what it holds and implements `std::fmt::Display`"
)]
pub trait Failure: 'static {
    /// Returns what the client receives.
    fn into_answer(self) -> Error;
}

impl<E: Display + 'static> Failure for E {
    #[cold]
    fn into_answer(self) -> Error {
        match (&self as &dyn Any).downcast_ref::<Error>() {
            Some(error) => as_answer(error.clone()),
            None => failed(self.to_string()),
        }
    }
}

impl Event {
    /// Returns the error of a handler that was dropped because its client has left.
    #[cold]
    pub(super) fn left(&self) -> Error {
        failed(format!("{}: the client has left", self.name))
    }
}
