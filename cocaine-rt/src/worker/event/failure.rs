//! What went wrong, as the error that the client receives.

use std::{
    any::Any,
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::Event;
use crate::{
    codes::Category,
    error::{Error, ErrorKind, Result},
};

/// The code of an event that failed, in [`Category::WORKER`].
const FAILED: i64 = 100;

/// Returns the error of an event that failed.
#[cold]
pub(super) fn failed(text: impl Into<String>) -> Error {
    Error::service(Category::WORKER, FAILED, text)
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
    /// Runs `step` of the handler; a panic is an error like any other.
    #[inline]
    pub(super) fn catch<R>(&self, step: impl FnOnce() -> R) -> Result<R> {
        catch_unwind(AssertUnwindSafe(step)).map_err(|panic| self.panicked(&*panic))
    }

    /// Returns the error of a handler that was dropped because its client has left.
    #[cold]
    pub(super) fn left(&self) -> Error {
        failed(format!("{}: the client has left", self.name))
    }

    #[cold]
    fn panicked(&self, panic: &(dyn Any + Send)) -> Error {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("the panic has no text");
        failed(format!("the handler of `{}` panicked: {text}", self.name))
    }
}
