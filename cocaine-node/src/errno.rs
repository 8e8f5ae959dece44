//! Errors with POSIX numbers, which the runtime answers in the category `generic`.

use std::io;

use cocaine::{Code, Error, ErrorKind};
pub(crate) use rustix::io::Errno;

/// Returns the error that a caller gets for a POSIX number.
pub(crate) fn error(number: Errno, text: impl Into<String>) -> Error {
    Error::service(Code::posix(number.raw_os_error().into()), text)
}

/// Returns the error for an invalid argument, with the suffix that the original adds to its text.
pub(crate) fn invalid_argument(text: &str) -> Error {
    error(Errno::INVAL, format!("{text}: Invalid argument"))
}

/// Returns the C library's text for an error number.
pub(crate) fn strerror(number: i32) -> String {
    let text = io::Error::from_raw_os_error(number).to_string();
    text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text).to_owned()
}

/// Returns a service error with more text behind its own: what was wrong, and what to do.
pub(crate) fn append_text(error: Error, text: &str) -> Error {
    match error.kind() {
        ErrorKind::Service { code, message } => Error::service(*code, format!("{message}; {text}")),
        _ => error,
    }
}
