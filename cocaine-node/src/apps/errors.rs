//! The errors of apps, with the codes and texts of the original (`node.md` 7, `worker.md` 3.4).

use cocaine::{Category, Cause, Error, ErrorKind};

use crate::errno::{self, Errno};

/// The error text for the clients of a worker that is gone.
pub(crate) const DISCARDED: &str = "slave has been discarded";

/// Codes of [`Category::NODE`].
pub(crate) mod code {
    pub(crate) const EXPIRED: i64 = 1;
    pub(crate) const TIMED_OUT: i64 = 3;
    pub(crate) const ALREADY_STARTED: i64 = 5;
    pub(crate) const NOT_RUNNING: i64 = 6;
    pub(crate) const UNCAUGHT_SPOOL_ERROR: i64 = 7;
    pub(crate) const UNCAUGHT_PUBLISH_ERROR: i64 = 8;
}

/// Returns the original's text for a cause: for a POSIX number that of the C library.
pub(crate) fn cause_text(cause: Cause) -> String {
    let Cause(category, code) = cause;
    let known = match cause {
        Cause::EOF => Some("End of file"),
        Cause::ARGUMENTS => Some("unable to decode message arguments"),
        Cause::REVOKED => Some("specified channel was revoked"),
        Cause::SLOT => Some("specified slot is not bound"),
        _ => None,
    };
    if let Some(known) = known {
        return known.to_owned();
    }
    match category {
        // The category of archives is not registered; its codes are POSIX numbers, too.
        Category::SYSTEM | Category::ASIO_SYSTEM | Category::GENERIC | Category::UNKNOWN => system_text(code),
        Category::WORKER => format!("worker category: {code}"),
        Category::WORKER_USER => format!("worker user category: {code}"),
        _ => match (category.name(), category.code_name(code)) {
            (_, Some(name)) => name.replace('_', " "),
            (Some(category), None) => format!("{category}: {code}"),
            (None, None) => format!("unknown category: {code}"),
        },
    }
}

/// Returns the C library's text for a code, whatever its size.
pub(crate) fn system_text(code: i64) -> String {
    i32::try_from(code).map_or_else(|_| format!("Unknown error {code}"), errno::strerror)
}

/// Returns the error for the clients that stay connected to a stopped app.
pub(crate) fn stopped() -> Error {
    errno::error(Errno::PIPE, "the application has been stopped: Broken pipe")
}

/// Returns the error for an event that finds the queue full.
pub(crate) fn queue_full() -> Error {
    Error::service(Category::OVERSEER, 1, "queue is full")
}

/// Returns the error for an unknown app.
pub(crate) fn not_found(app: &str) -> Error {
    Error::service(Category::NODE, code::NOT_RUNNING, format!("application {app} is not found"))
}

/// Returns whether a stream failed because too much of it was unread.
pub(crate) fn is_overflow(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Overflow(_))
}

/// Returns the error that both sides of such a stream get.
pub(crate) fn overflow(error: &Error) -> Error {
    let number = Errno::NOBUFS;
    let text = format!("the event was cut off: {}: {}", error.kind(), errno::strerror(number.raw_os_error()));
    errno::error(number, text)
}

/// Returns the error for an event that no worker took in time.
pub(crate) fn expired() -> Error {
    Error::service(Category::NODE, code::EXPIRED, "the event has expired in the queue")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_texts_equal_the_recorded_ones() {
        let texts = [
            (Cause::EOF, "End of file"),
            (Cause(Category::SYSTEM, 125), "Operation canceled"),
            (Cause(Category::WORKER_USER, 9), "worker user category: 9"),
            (Cause::SLOT, "specified slot is not bound"),
            (Cause(Category::GENERIC, 111), "Connection refused"),
        ];
        for (cause, expected) in texts {
            assert_eq!(cause_text(cause), expected);
        }
    }
}
