//! Codes and words of the original for what ends an event (`node.md` 7, `worker.md` 3.4).

use cocaine::{Category, Code, Error, ErrorKind};

use crate::errno::{self, Errno};

/// What a client reads whose worker is gone.
pub(crate) const DISCARDED: &str = "slave has been discarded";

/// Returns the words of the original for a cause: those that the operating system has for its own numbers.
pub(crate) fn text(cause: Code) -> String {
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
        // Those of archives are not registered, and have the words of the operating system too.
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

/// Returns the error of an app that has been stopped while somebody was connected to it.
pub(crate) fn stopped() -> Error {
    errno::error(Errno::PIPE, "the application has been stopped: Broken pipe")
}

/// Returns the error of an event for which there is no room.
pub(crate) fn queue_full() -> Error {
    Error::service(Code::QUEUE_FULL, "queue is full")
}

/// Returns the error of an app that is called by a name that none has.
pub(crate) fn not_found(app: &str) -> Error {
    Error::service(Code::NOT_RUNNING, format!("application {app} is not found"))
}

/// Returns whether a stream was cut off because too much of it was unread.
pub(crate) fn is_overflow(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::LimitExceeded(_))
}

/// Returns what both sides of such a stream are told.
pub(crate) fn overflow(error: &Error) -> Error {
    let number = Errno::NOBUFS;
    let text = format!("the event was cut off: {}: {}", error.kind(), errno::strerror(number.raw_os_error()));
    errno::error(number, text)
}

/// Returns the error of an event that nobody took in time.
pub(crate) fn expired() -> Error {
    Error::service(Code::DEADLINE_PASSED, "the event has expired in the queue")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_read_as_recorded() {
        let texts = [
            (Code::EOF, "End of file"),
            (Code::new(Category::SYSTEM, 125), "Operation canceled"),
            (Code::new(Category::WORKER_USER, 9), "worker user category: 9"),
            (Code::SLOT_NOT_FOUND, "specified slot is not bound"),
            (Code::posix(111), "Connection refused"),
        ];
        for (cause, expected) in texts {
            assert_eq!(text(cause), expected);
        }
    }
}
