//! The error type of this crate.

mod classify;
pub(crate) mod declared;

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

pub use self::classify::Fault;
use crate::{
    protocol::code::Code,
    wire::{decode::DecodeError, encode::EncodeError, scan::ScanError},
};

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The failure of a call, a channel or a connection.
///
/// It says what went wrong and where, who has to act ([`Error::fault`]), and whether the request may be sent again
/// ([`Error::is_safe_to_retry`]). Cloning is cheap, since a lost connection fails many calls with the same error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    service: Option<Arc<str>>,
    method: Option<Arc<str>>,
    endpoint: Option<Arc<str>>,
    /// The code that the original runtime reports for such an end of the connection.
    wire_code: Option<Code>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl From<&ScanError> for Code {
    /// Returns the code that the original runtime reports for the invalid frame.
    fn from(error: &ScanError) -> Self {
        match error {
            ScanError::Parse(_) | ScanError::TooDeep => Self::PARSE_ERROR,
            ScanError::Shape(_) => Self::FRAME_FORMAT_ERROR,
            ScanError::TooLarge(_) => Self::OUT_OF_MEMORY,
        }
    }
}

/// The kind of an [`Error`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The service replied with an error (`protocol.md` 4.3, 6).
    #[error("{message} ({code})")]
    Service {
        /// The service's code.
        code: Code,
        /// The service's text, which may be empty.
        message: String,
    },
    /// An address, a name or a setting is invalid.
    #[error("{0}")]
    Config(String),
    /// No endpoint could be reached.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection ended while the call was in flight, or before it could be sent.
    #[error("connection lost: {0}")]
    Disconnected(String),
    /// The deadline passed before the reply arrived.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    /// An argument cannot be encoded.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// The arguments of a request do not fit the method. A server closes the connection (`protocol.md` 2.2).
    #[error("malformed arguments: {0}")]
    InvalidArguments(String),
    /// The arguments of a message do not have the expected type.
    #[error("cannot decode: {0}")]
    Decode(String),
    /// The peer violated the protocol.
    #[error("protocol violation: {0}")]
    Protocol(String),
    /// The service does not announce the method that the bindings or the caller expect.
    #[error("expected {expected}, found {found}")]
    SchemaMismatch {
        /// What the bindings or the caller expect.
        expected: String,
        /// What the service announces.
        found: String,
    },
    /// There are more unread or unsent bytes, or a message needs more memory, than the limit allows.
    #[error("limit exceeded: {0}")]
    LimitExceeded(String),
    /// The method is announced but not served. A server closes the connection.
    #[error("not served")]
    Unbound,
    /// Several services failed, each with an error of its own.
    #[error("{}", join(.0))]
    Multiple(Vec<Error>),
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

    /// Returns the error of a service. A server returns it from a method to choose the code.
    pub fn service(code: Code, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Service { code, message: message.into() })
    }

    /// Returns the error of an app. A handler returns it to choose the code that its caller receives (category 43,
    /// `worker.md` 3.6).
    pub fn user(code: i32, message: impl Into<String>) -> Self {
        Self::service(Code::user(code), message)
    }

    /// Returns the error of a handler that failed without choosing a code.
    pub(crate) fn handler(message: impl Into<String>) -> Self {
        Self::service(Code::HANDLER_FAILED, message)
    }

    /// Returns the error for a method that is announced but not served. The server closes the connection
    /// (`protocol.md` 2.2).
    pub fn unbound() -> Self {
        Self::new(ErrorKind::Unbound)
    }

    /// Returns the error for arguments that do not fit the method. The server closes the connection (`protocol.md` 2.2).
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

    /// Returns the error for a value that cannot be encoded. It is not a `From` impl, since a second one would break type
    /// inference where callers use `?`.
    pub(crate) fn from_encode(error: EncodeError) -> Self {
        Self::encode(error.into_reason())
    }

    /// Returns the error for bytes that cannot be decoded.
    #[expect(clippy::needless_pass_by_value, reason = "it is passed to `map_err`")]
    pub(crate) fn from_decode(error: DecodeError) -> Self {
        if error.is_over_budget() {
            return Self::new(ErrorKind::LimitExceeded(error.to_string()));
        }
        Self::decode(error.to_string())
    }

    /// Returns the error for a chunk that cannot be decoded.
    #[cold]
    pub(crate) fn from_chunk(chunk: &dyn fmt::Display, error: &DecodeError) -> Self {
        let text = format!("{chunk}: {error}");
        if error.is_over_budget() { Self::new(ErrorKind::LimitExceeded(text)) } else { Self::decode(text) }
    }

    /// Sets the code that the original runtime reports for such an end of the connection.
    pub(crate) fn with_wire_code(mut self, code: Code) -> Self {
        Arc::make_mut(&mut self.0).wire_code = Some(code);
        self
    }

    /// Sets the error that caused this one.
    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    /// Sets the service, the method and the endpoint, unless they are set.
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

    /// Returns the arguments of the `error` message with which a worker reports this error: the service's own code, or
    /// [`Code::HANDLER_FAILED`] (`worker.md` 3.6). A code that does not fit into 32 bits would cost the whole connection.
    pub(crate) fn worker_error_args(&self) -> (Code, Cow<'_, str>) {
        match self.kind() {
            ErrorKind::Service { code, message } if i32::try_from(code.code).is_ok() => {
                (*code, message.into())
            }
            _ => (Code::HANDLER_FAILED, self.to_string().into()),
        }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the service's code, if the service replied with an error.
    pub fn code(&self) -> Option<Code> {
        match self.kind() {
            ErrorKind::Service { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Returns the service's code, or the code that the original runtime reports for such an end of the connection
    /// (`worker.md` 3.4, 4).
    pub fn wire_code(&self) -> Option<Code> {
        self.0.wire_code.or_else(|| self.code())
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
        let context =
            [("service", self.service_name()), ("method", self.method()), ("endpoint", self.endpoint())];
        for (name, value) in context {
            if let Some(value) = value {
                fields.field(name, &value);
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

fn join(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_kind_code_and_context() {
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
}
