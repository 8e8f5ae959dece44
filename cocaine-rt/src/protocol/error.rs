//! The one error of this crate: what went wrong, where, whose fault it is, and whether a repeat is safe.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::{
    protocol::code::{Category, Code},
    wire::{decode::DecodeError, encode::EncodeError, scan::ScanError},
};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call, a channel or a connection failed.
///
/// Cloning is cheap: one broken connection answers many calls with the same error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    service: Option<Arc<str>>,
    method: Option<Arc<str>>,
    endpoint: Option<Arc<str>>,
    /// The code by which the original runtime reports the end of this connection.
    wire_code: Option<Code>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl From<&ScanError> for Code {
    /// Returns the code by which the original runtime reports the broken frame.
    fn from(error: &ScanError) -> Self {
        match error {
            ScanError::Parse(_) | ScanError::TooDeep => Self::PARSE_ERROR,
            ScanError::Shape(_) => Self::FRAME_FORMAT_ERROR,
            ScanError::TooLarge(_) => Self::OUT_OF_MEMORY,
        }
    }
}

/// What went wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The service answered with an error (`protocol.md` 4.3, 6).
    #[error("{message} ({code})")]
    Service {
        /// The service's code.
        code: Code,
        /// The service's own words; may be empty.
        message: String,
    },
    /// An address, a name or a setting that cannot be used.
    #[error("{0}")]
    Config(String),
    /// No endpoint could be reached.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection ended while the call was in flight, or before it could be sent.
    #[error("connection lost: {0}")]
    Disconnected(String),
    /// The deadline passed before the answer came.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    /// An argument that cannot be written to the wire.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// A request whose arguments are not what the method takes; a server closes the connection (`protocol.md` 2.2).
    #[error("malformed arguments: {0}")]
    InvalidArguments(String),
    /// A message whose arguments are not of the expected type.
    #[error("cannot decode: {0}")]
    Decode(String),
    /// The peer broke a rule of the protocol.
    #[error("protocol violation: {0}")]
    Protocol(String),
    /// The service does not offer the method as the bindings, or the caller, expect it.
    #[error("expected {expected}, found {found}")]
    SchemaMismatch {
        /// What the bindings or the caller ask for.
        expected: String,
        /// What the service announces.
        found: String,
    },
    /// More unread or unsent bytes than the limit allows, or a message that takes more memory than it may.
    #[error("limit exceeded: {0}")]
    LimitExceeded(String),
    /// The method is announced but nobody serves it; a server closes the connection.
    #[error("not served")]
    Unbound,
    /// Several services failed at once, each with its own error.
    #[error("{}", list(.0))]
    Multiple(Vec<Error>),
}

/// Who has to act for the error to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The caller: an argument, a name, a setting, bindings that are out of date.
    Caller,
    /// The service: it answered with an error, or with what the protocol does not allow.
    Service,
    /// The network, or a peer that is not there.
    Network,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Arc::new(Inner {
            kind,
            service: None,
            method: None,
            endpoint: None,
            wire_code: None,
            source: None,
        }))
    }

    /// Returns an error as a service answers it; servers return it from a method to choose the code.
    pub fn service(code: Code, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Service { code, message: message.into() })
    }

    /// Returns an error of an app's own: what a handler returns to choose the code that its caller gets
    /// (category 43, `worker.md` 3.6).
    pub fn user(code: i32, message: impl Into<String>) -> Self {
        Self::service(Code::new(Category::WORKER_USER, code.into()), message)
    }

    /// Returns the error of a handler that failed without a code of its own.
    pub(crate) fn handler(message: impl Into<String>) -> Self {
        Self::service(Code::HANDLER_FAILED, message)
    }

    /// Returns the error of a method that is announced but not served: the server closes the connection
    /// (`protocol.md` 2.2).
    pub fn unbound() -> Self {
        Self::new(ErrorKind::Unbound)
    }

    /// Returns the error of arguments that are not what the method takes: the server closes the connection
    /// (`protocol.md` 2.2).
    pub fn invalid_arguments(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArguments(text.into())).with_wire_code(Code::INVALID_ARGUMENTS)
    }

    pub(crate) fn config(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config(text.into()))
    }

    pub(crate) fn protocol(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol(text.into()))
    }

    pub(crate) fn disconnected(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Disconnected(text.into()))
    }

    pub(crate) fn encode(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Encode(text.into()))
    }

    pub(crate) fn decode(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Decode(text.into()))
    }

    /// Returns the error of a value that cannot be encoded. Not a `From`: a second one would cost callers of `?` their type
    /// inference.
    pub(crate) fn from_encode(error: EncodeError) -> Self {
        Self::encode(error.into_reason())
    }

    /// Returns the error of bytes that cannot be decoded.
    #[expect(clippy::needless_pass_by_value, reason = "so that it serves `map_err`")]
    pub(crate) fn from_decode(error: DecodeError) -> Self {
        if error.is_over_budget() {
            return Self::new(ErrorKind::LimitExceeded(error.to_string()));
        }
        Self::decode(error.to_string())
    }

    /// Sets the code by which the original runtime reports the end of this connection.
    pub(crate) fn with_wire_code(mut self, code: Code) -> Self {
        Arc::make_mut(&mut self.0).wire_code = Some(code);
        self
    }

    /// Sets the error that caused this one.
    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    /// Names the service, the method and the endpoint, where they are not named yet.
    pub(crate) fn with_context(
        mut self,
        service: Option<&Arc<str>>,
        method: Option<&str>,
        endpoint: Option<&Arc<str>>,
    ) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.service = inner.service.take().or_else(|| service.cloned());
        inner.method = inner.method.take().or_else(|| method.map(Arc::from));
        inner.endpoint = inner.endpoint.take().or_else(|| endpoint.cloned());
        self
    }

    /// Returns the arguments of the `error` message that reports this error: the service's own code, or
    /// [`Code::UNCAUGHT_ERROR`] (`protocol.md` 4.3, 6).
    pub(crate) fn error_args(&self) -> (Code, Cow<'_, str>) {
        match self.kind() {
            ErrorKind::Service { code, message } => (*code, message.into()),
            _ => (Code::UNCAUGHT_ERROR, self.to_string().into()),
        }
    }

    /// Returns the arguments of the `error` message by which a worker reports this error: the service's own code, or
    /// [`Code::HANDLER_FAILED`] (`worker.md` 3.6). A code that does not fit the wire would cost the whole connection.
    pub(crate) fn worker_error_args(&self) -> (Code, Cow<'_, str>) {
        match self.kind() {
            ErrorKind::Service { code, message } if i32::try_from(code.code).is_ok() => {
                (*code, message.into())
            }
            _ => (Code::HANDLER_FAILED, self.to_string().into()),
        }
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the service's code, if the service answered with an error.
    pub fn code(&self) -> Option<Code> {
        match self.kind() {
            ErrorKind::Service { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Returns the service's code, or the code by which the original runtime reports the end of this connection
    /// (`worker.md` 3.4, 4).
    pub fn wire_code(&self) -> Option<Code> {
        self.0.wire_code.or_else(|| self.code())
    }

    /// Returns whether what was asked for does not exist: a blob, a node of unicorn, a service, a running app.
    pub fn is_not_found(&self) -> bool {
        const CODES: [Code; 4] =
            [Code::NOT_FOUND, Code::NO_NODE, Code::SERVICE_NOT_AVAILABLE, Code::NOT_RUNNING];
        self.code().is_some_and(|code| CODES.contains(&code))
    }

    /// Returns whether the answer did not come in time: the deadline of this side passed, or the service reports that
    /// one of its own did.
    pub fn is_timeout(&self) -> bool {
        const CODES: [Code; 3] = [Code::DEADLINE_PASSED, Code::INVOCATION_TIMED_OUT, Code::TIMED_OUT];
        matches!(self.kind(), ErrorKind::Deadline(_)) || self.code().is_some_and(|code| CODES.contains(&code))
    }

    /// Returns whether the connection ended before the answer came.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.kind(), ErrorKind::Disconnected(_))
    }

    /// Returns whether no connection could be made.
    pub fn is_connect(&self) -> bool {
        matches!(self.kind(), ErrorKind::Connect(_))
    }

    /// Returns whether the queue of the app is full. The event did not reach a worker and may be sent again.
    pub fn is_queue_full(&self) -> bool {
        self.code() == Some(Code::QUEUE_FULL)
    }

    /// Returns whether the app was stopped. The next call resolves its name again.
    pub fn is_app_stopped(&self) -> bool {
        self.code() == Some(Code::APP_STOPPED)
    }

    /// Returns whether the caller may not do what it asked for.
    pub fn is_permission_denied(&self) -> bool {
        self.code().is_some_and(|code| code == Code::PERMISSION_DENIED || code.category == Category::SECURITY)
    }

    /// Returns whether the app has no handler for the event.
    pub fn is_unknown_event(&self) -> bool {
        matches!(self.code(), Some(Code::UNKNOWN_EVENT | Code::EVENT_NOT_FOUND))
    }

    /// Returns the name of the service that was called.
    pub fn service_name(&self) -> Option<&str> {
        self.0.service.as_deref()
    }

    /// Returns the name of the method that was called.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// Returns the endpoint that was called, as `address:port`.
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// Returns who has to act.
    pub fn fault(&self) -> Fault {
        match self.kind() {
            ErrorKind::Config(_) | ErrorKind::Encode(_) | ErrorKind::SchemaMismatch { .. } => Fault::Caller,
            ErrorKind::Connect(_) | ErrorKind::Disconnected(_) | ErrorKind::Deadline(_) => Fault::Network,
            ErrorKind::Multiple(errors) => errors.first().map_or(Fault::Service, Self::fault),
            _ => Fault::Service,
        }
    }

    /// Returns whether the request surely did nothing, so that it may be sent again.
    pub fn is_safe_to_retry(&self) -> bool {
        match self.kind() {
            ErrorKind::Connect(_) => true,
            ErrorKind::Service { code, .. } => {
                matches!(*code, Code::QUEUE_FULL | Code::SERVICE_NOT_AVAILABLE)
            }
            ErrorKind::Multiple(errors) => errors.iter().all(Self::is_safe_to_retry),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.service_name(), self.method()) {
            (Some(service), Some(method)) => write!(f, "{service}.{method}")?,
            (Some(name), None) | (None, Some(name)) => f.write_str(name)?,
            (None, None) => {}
        }
        if let Some(endpoint) = self.endpoint() {
            write!(f, " at {endpoint}")?;
        }
        if self.service_name().is_some() || self.method().is_some() || self.endpoint().is_some() {
            f.write_str(": ")?;
        }
        write!(f, "{}", self.kind())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Error");
        fields.field("kind", self.kind());
        let places =
            [("service", self.service_name()), ("method", self.method()), ("endpoint", self.endpoint())];
        for (name, place) in places {
            if let Some(place) = place {
                fields.field(name, &place);
            }
        }
        if let Some(code) = self.0.wire_code {
            fields.field("wire_code", &code);
        }
        if let Some(source) = &self.0.source {
            fields.field("source", source);
        }
        fields.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

fn list(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_kind_code_and_place() {
        let error = Error::service(Code::NOT_FOUND, "no such blob").with_context(
            Some(&"storage".into()),
            Some("read"),
            Some(&"peer:1".into()),
        );
        let expected = "Error { kind: Service { code: generic, [12,2], message: \"no such blob\" }, \
                        service: \"storage\", method: \"read\", endpoint: \"peer:1\" }";
        assert_eq!(format!("{error:?}"), expected);
    }

    #[test]
    fn io_error_is_the_source() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let error = Error::disconnected(io.to_string()).with_source(io);
        let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
        assert_eq!(source.map(std::io::Error::kind), Some(std::io::ErrorKind::ConnectionReset));
        assert!(error.is_disconnected());
    }

    #[test]
    fn predicates_know_every_code_of_their_meaning() {
        let service = |code| Error::service(code, "");
        for code in [Code::NOT_FOUND, Code::NO_NODE, Code::SERVICE_NOT_AVAILABLE, Code::NOT_RUNNING] {
            assert!(service(code).is_not_found(), "{code}");
        }
        for code in [Code::DEADLINE_PASSED, Code::INVOCATION_TIMED_OUT, Code::TIMED_OUT] {
            assert!(service(code).is_timeout(), "{code}");
        }
        assert!(Error::new(ErrorKind::Deadline(Duration::ZERO)).is_timeout());
        assert!(service(Code::QUEUE_FULL).is_queue_full() && service(Code::APP_STOPPED).is_app_stopped());
        assert!(
            service(Code::UNKNOWN_EVENT).is_unknown_event()
                && service(Code::EVENT_NOT_FOUND).is_unknown_event()
        );
        assert!(service(Code::new(Category::SECURITY, 3)).is_permission_denied());
        assert!(!service(Code::INVALID_VALUE).is_not_found() && !service(Code::EOF).is_timeout());
    }
}
