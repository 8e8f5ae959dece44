//! What a client is told when an app has not answered (`worker.md` 6.2, 6.4).

use cocaine::{Category, Code, Error, ErrorKind};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::body::ReplyBody;
use crate::config::Target;

/// The category of errors of the scheduler in front of a cluster.
const VICODYN: Category = Category(0x54FF);

/// The header by which an error of the gateway is told from one of the app.
const GENERATED_BY: HeaderName = HeaderName::from_static("x-error-generated-by");

/// Why there is no answer of an app.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) cause: String,
    generated_by: &'static str,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, cause: impl Into<String>) -> Self {
        Self { status, cause: cause.into(), generated_by: "cocaine-gateway" }
    }

    /// The app has not answered in time.
    pub(crate) fn late(limit: std::time::Duration) -> Self {
        let cause =
            format!("Timed out while waiting for response from the Cocaine: no answer within {limit:?}");
        Self::new(StatusCode::GATEWAY_TIMEOUT, cause)
    }

    /// Returns what is told of an error before the answer has begun.
    pub(crate) fn of(error: &Error) -> Self {
        let (status, cause) = match error.kind() {
            ErrorKind::Service { code, message } => match *code {
                Code::SERVICE_NOT_AVAILABLE => {
                    (StatusCode::SERVICE_UNAVAILABLE, or(message, "service is not available"))
                }
                Code::APP_STOPPED => (StatusCode::SERVICE_UNAVAILABLE, or(message, "the app is stopped")),
                Code::QUEUE_FULL => {
                    (StatusCode::INTERNAL_SERVER_ERROR, "Retry limit exceeded: queue is full".to_owned())
                }
                Code { category: VICODYN, code } => {
                    return Self { generated_by: "vicodyn", ..Self::answered(code, message) };
                }
                Code { code, .. } => return Self::answered(code, message),
            },
            ErrorKind::Connect(_) => (StatusCode::SERVICE_UNAVAILABLE, error.kind().to_string()),
            ErrorKind::Deadline(limit) => return Self::late(*limit),
            ErrorKind::Disconnected(_) => (StatusCode::BAD_GATEWAY, error.kind().to_string()),
            ErrorKind::SchemaMismatch { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, format!("the service is no app: {}", error.kind()))
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, error.kind().to_string()),
        };
        Self::new(status, cause)
    }

    fn answered(code: i64, message: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("[{code}]: {message}"))
    }

    /// Returns the answer: a text that names the service and the event, if they are known, and the cause.
    pub(crate) fn response(self, target: Option<&Target>) -> Response<ReplyBody> {
        let text = match target {
            Some(Target { service, event }) => {
                format!("service `{service}`, event `{event}`: {}\n", self.cause)
            }
            None => format!("{}\n", self.cause),
        };
        let mut response = Response::new(ReplyBody::whole(text.into()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(GENERATED_BY, HeaderValue::from_static(self.generated_by));
        response
    }
}

fn or(message: &str, default: &str) -> String {
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
            (Error::service(Code::QUEUE_FULL, "odd"), 500, "Retry limit exceeded: queue is full"),
            (Error::service(Code::new(Category::WORKER, 7), "on purpose"), 500, "[7]: on purpose"),
            (Error::service(Code::new(Category::UNKNOWN, 32), "Broken pipe"), 500, "[32]: Broken pipe"),
        ] {
            let failure = Failure::of(&error);
            assert_eq!((failure.status.as_u16(), failure.cause.as_str()), (status, text));
        }
    }

    #[test]
    fn the_scheduler_is_named() {
        let target = Target { service: "s".into(), event: "e".into() };
        let generated = |category| {
            let response = Failure::of(&Error::service(Code::new(category, 1), "x")).response(Some(&target));
            response.headers()[GENERATED_BY].clone()
        };
        assert_eq!(generated(VICODYN), "vicodyn");
        assert_eq!(generated(Category::WORKER), "cocaine-gateway");
    }
}
