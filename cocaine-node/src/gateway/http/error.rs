//! Errors that the gateway itself answers with (`worker.md` 6.2, 6.4).

use std::time::Duration;

use cocaine::{Category, Code, Error, ErrorKind};
use http::StatusCode;

/// The category of errors of the scheduler in front of a cluster.
pub(super) const VICODYN: Category = Category(0x54FF);

/// A request that ends without a response of an app.
#[derive(Debug)]
pub(crate) struct HttpError {
    pub(crate) status: StatusCode,
    pub(crate) cause: String,
    /// What the log says beside the cause, and no client learns.
    pub(crate) detail: Option<String>,
    /// Whether an app of the name in the request is known to exist.
    pub(crate) is_of_app: bool,
    /// The component that reports the error.
    pub(crate) generated_by: &'static str,
}

impl HttpError {
    pub(crate) fn new(status: StatusCode, cause: impl Into<String>) -> Self {
        Self { status, cause: cause.into(), detail: None, is_of_app: false, generated_by: "cocaine-gateway" }
    }

    /// Returns the error for an app that does not answer within `limit`.
    pub(crate) fn timed_out(limit: Duration) -> Self {
        let cause =
            format!("Timed out while waiting for response from the Cocaine: no answer within {limit:?}");
        Self::new(StatusCode::GATEWAY_TIMEOUT, cause)
    }

    /// Returns the error for a call that failed before its response began.
    pub(crate) fn from_call(error: &Error) -> Self {
        let (status, cause) = match error.kind() {
            ErrorKind::Service { code, message } => match *code {
                Code::SERVICE_NOT_AVAILABLE => {
                    (StatusCode::SERVICE_UNAVAILABLE, or_default(message, "service is not available"))
                }
                Code::APP_STOPPED => {
                    (StatusCode::SERVICE_UNAVAILABLE, or_default(message, "the app is stopped"))
                }
                Code::QUEUE_FULL => {
                    (StatusCode::SERVICE_UNAVAILABLE, "Retry limit exceeded: queue is full".to_owned())
                }
                Code::UNKNOWN_EVENT | Code::EVENT_NOT_FOUND => {
                    let cause = "the app has no event of this name".to_owned();
                    return Self { detail: Some(message.clone()), ..Self::new(StatusCode::NOT_FOUND, cause) };
                }
                // The text of a panic or an exception is for those who run the app.
                Code::HANDLER_FAILED => {
                    let cause = format!("[{}]: the app has failed; its reason is in the log", code.code);
                    let status = StatusCode::INTERNAL_SERVER_ERROR;
                    return Self { detail: Some(message.clone()), ..Self::new(status, cause) };
                }
                Code { category: VICODYN, code } => {
                    return Self { generated_by: "vicodyn", ..Self::from_app(code, message) };
                }
                Code { code, .. } => return Self::from_app(code, message),
            },
            ErrorKind::Connect(_) => (StatusCode::SERVICE_UNAVAILABLE, error.kind().to_string()),
            ErrorKind::Deadline(limit) => return Self::timed_out(*limit),
            ErrorKind::Disconnected(_) => (StatusCode::BAD_GATEWAY, error.kind().to_string()),
            ErrorKind::SchemaMismatch { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("the service is not an app: {}", error.kind()))
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, error.kind().to_string()),
        };
        Self::new(status, cause)
    }

    fn from_app(code: i64, message: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("[{code}]: {message}"))
    }
}

fn or_default(message: &str, default: &str) -> String {
    if message.is_empty() { default.into() } else { message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_status() {
        for (error, status, text) in [
            (
                Error::service(Code::SERVICE_NOT_AVAILABLE, "service is not available"),
                503,
                "service is not available",
            ),
            (Error::service(Code::SERVICE_NOT_AVAILABLE, ""), 503, "service is not available"),
            (Error::service(Code::APP_STOPPED, "invalid queue state"), 503, "invalid queue state"),
            (Error::service(Code::QUEUE_FULL, "odd"), 503, "Retry limit exceeded: queue is full"),
            (Error::service(Code::UNKNOWN_EVENT, "no x"), 404, "the app has no event of this name"),
            (Error::service(Code::EVENT_NOT_FOUND, ""), 404, "the app has no event of this name"),
            (
                Error::service(Code::HANDLER_FAILED, "the password is secret"),
                500,
                "[100]: the app has failed; its reason is in the log",
            ),
            (Error::service(Code::new(Category::WORKER, 7), "on purpose"), 500, "[7]: on purpose"),
            (Error::service(Code::new(Category::UNKNOWN, 32), "Broken pipe"), 500, "[32]: Broken pipe"),
        ] {
            let http = HttpError::from_call(&error);
            assert_eq!((http.status.as_u16(), http.cause.as_str()), (status, text));
        }
    }
}
