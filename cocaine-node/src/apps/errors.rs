//! The errors of apps, with the codes and texts of the original (`node.md` 7, `worker.md` 3.4).

use cocaine::{Category, Code, Error, ErrorKind};

use crate::errno::{self, Errno};

/// The error text for the clients of a worker that is gone.
pub(crate) const DISCARDED: &str = "slave has been discarded";

/// Returns the original's text for a cause: for a POSIX number that of the C library.
pub(crate) fn cause_text(cause: Code) -> String {
    let Code { category, code } = cause;
    let known = match cause {
        Code::EOF => Some("End of file"),
        Code::INVALID_ARGUMENTS => Some("unable to decode message arguments"),
        Code::REVOKED_CHANNEL => Some("specified channel was revoked"),
        Code::SLOT_NOT_FOUND => Some("specified slot is not bound"),
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
        _ => match (category.name(), cause.name()) {
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

/// Returns the reason why an event whose client has left is not handled.
pub(crate) fn client_left() -> Error {
    errno::error(Errno::CANCELED, "the client has left")
}

/// Returns the error for an event that finds the queue full.
pub(crate) fn queue_full() -> Error {
    Error::service(Code::QUEUE_FULL, "queue is full")
}

/// Returns the error for an event whose request was offered in pieces, and whose handler takes it as one.
pub(crate) fn offer_declined() -> Error {
    Error::service(Code::OFFER_DECLINED, "the handler of the event takes a request as one chunk")
}

/// Returns the error for an unknown app.
pub(crate) fn not_found(app: &str) -> Error {
    Error::service(Code::NOT_RUNNING, format!("application {app} is not found"))
}

/// Returns whether a stream failed because too much of it was unread.
pub(crate) fn is_overflow(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::LimitExceeded(_))
}

/// Returns the error that both sides of such a stream get.
pub(crate) fn overflow(error: &Error) -> Error {
    let number = Errno::NOBUFS;
    let text = format!("the event was cut off: {}: {}", error.kind(), errno::strerror(number.raw_os_error()));
    errno::error(number, text)
}

/// Returns the error for an event that no worker took in time.
pub(crate) fn expired() -> Error {
    Error::service(Code::DEADLINE_PASSED, "the event has expired in the queue")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_texts_equal_the_recorded_ones() {
        let texts = [
            (Code::EOF, "End of file"),
            (Code::new(Category::SYSTEM, 125), "Operation canceled"),
            (Code::new(Category::WORKER_USER, 9), "worker user category: 9"),
            (Code::SLOT_NOT_FOUND, "specified slot is not bound"),
            (Code::posix(111), "Connection refused"),
        ];
        for (cause, expected) in texts {
            assert_eq!(cause_text(cause), expected);
        }
    }
}
