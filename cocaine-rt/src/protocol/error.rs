//! The one error of this crate: what went wrong, where, whose fault it is, and whether a repeat is safe.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use crate::{
    protocol::code::Category,
    wire::{decode::DecodeError, encode::EncodeError, scan::ScanError},
};

/// The code of a handler that failed, in the category of workers (`worker.md` 3.6).
const HANDLER_FAILED: i64 = 100;

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
    cause: Option<Cause>,
}

/// The category and code by which the original runtime calls the end of a connection (`worker.md` 3.4, 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause(pub Category, pub i64);

impl Cause {
    /// The other side has closed the connection.
    pub const EOF: Self = Self(Category::ASIO_MISC, 2);
    /// This side has ended it.
    pub const CANCELLED: Self = Self(Category::ASIO_SYSTEM, 125);
    /// A value that is no frame.
    pub const FRAME: Self = Self(Category::TRANSPORT, 1);
    /// Headers that cannot be read.
    pub const HEADERS: Self = Self(Category::TRANSPORT, 2);
    /// Bytes that are not `MessagePack`.
    pub const PARSE: Self = Self(Category::TRANSPORT, 4);
    /// Arguments that are not what the message takes.
    pub const ARGUMENTS: Self = Self(Category::DISPATCH, 2);
    /// A message on a channel that has ended.
    pub const REVOKED: Self = Self(Category::DISPATCH, 4);
    /// A message that the channel does not allow.
    pub const SLOT: Self = Self(Category::DISPATCH, 5);
    /// A channel that begins with a message that opens none.
    pub const UNCAUGHT: Self = Self(Category::DISPATCH, 7);
    /// More than this side keeps in memory.
    pub const MEMORY: Self = Self(Category::GENERIC, 12);
}

impl From<&ScanError> for Cause {
    /// Returns the code by which the original runtime reports the broken frame.
    fn from(error: &ScanError) -> Self {
        match error {
            ScanError::Parse(_) | ScanError::TooDeep => Self::PARSE,
            ScanError::Shape(_) => Self::FRAME,
            ScanError::TooLarge(_) => Self::MEMORY,
        }
    }
}

/// What went wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The service answered with an error (`protocol.md` 4.3, 6).
    #[error("{message} ({})", .category.describe(*.code))]
    Service {
        /// The family of the code.
        category: Category,
        /// The number within the family.
        code: i64,
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
    Malformed(String),
    /// A message whose arguments are not of the expected type.
    #[error("cannot decode: {0}")]
    Decode(String),
    /// The peer broke a rule of the protocol.
    #[error("protocol violation: {0}")]
    Protocol(String),
    /// The service does not offer the method as the bindings, or the caller, expect it.
    #[error("expected {expected}, found {found}")]
    Drift {
        /// What the bindings or the caller ask for.
        expected: String,
        /// What the service announces.
        found: String,
    },
    /// More unread or unsent bytes than the limit allows.
    #[error("limit exceeded: {0}")]
    Overflow(String),
    /// The method is announced but nobody serves it; a server closes the connection.
    #[error("not served")]
    Unbound,
    /// Several services failed at once, each with its own error.
    #[error("{}", list(.0))]
    Several(Vec<Error>),
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
        Self(Arc::new(Inner { kind, service: None, method: None, endpoint: None, cause: None }))
    }

    /// Returns an error as a service answers it; servers return it from a method to choose the code.
    pub fn service(category: Category, code: i64, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Service { category, code, message: message.into() })
    }

    /// Returns an error of an app's own: what a handler returns to choose the code that its caller gets
    /// (category 43, `worker.md` 3.6).
    pub fn user(code: i32, message: impl Into<String>) -> Self {
        Self::service(Category::WORKER_USER, code.into(), message)
    }

    /// Returns the error of a handler that failed without a code of its own.
    pub(crate) fn handler(message: impl Into<String>) -> Self {
        Self::service(Category::WORKER, HANDLER_FAILED, message)
    }

    /// Returns the error of a method that is announced but not served: the server closes the connection
    /// (`protocol.md` 2.2).
    pub fn unbound() -> Self {
        Self::new(ErrorKind::Unbound)
    }

    /// Returns the error of arguments that are not what the method takes: the server closes the connection
    /// (`protocol.md` 2.2).
    pub fn malformed(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed(text.into())).caused(Cause::ARGUMENTS)
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
        Self::decode(error.to_string())
    }

    /// Says what the original runtime would call it.
    pub(crate) fn caused(mut self, cause: Cause) -> Self {
        Arc::make_mut(&mut self.0).cause = Some(cause);
        self
    }

    /// Returns what the original runtime calls the end of the connection that this error stands for, or the code of a
    /// service's answer.
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause.or_else(|| Some(Cause(self.category()?, self.code()?)))
    }

    /// Names the service, the method and the endpoint, where they are not named yet.
    pub(crate) fn at(
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

    /// Returns the arguments of the `error` message that says this: a service's own code, or that the invocation failed
    /// (`protocol.md` 4.3, 6).
    pub(crate) fn answer(&self) -> ((i64, i64), Cow<'_, str>) {
        match self.kind() {
            ErrorKind::Service { category, code, message } => ((category.0, *code), message.into()),
            _ => ((Category::DISPATCH.0, 7), self.to_string().into()),
        }
    }

    /// Returns the arguments of the `error` message by which a worker says this: a service's own code, or that the
    /// handler failed (`worker.md` 3.6). A code that does not fit the wire would cost the whole connection.
    pub(crate) fn worker_answer(&self) -> ((i64, i64), Cow<'_, str>) {
        match self.kind() {
            ErrorKind::Service { category, code, message } if i32::try_from(*code).is_ok() => {
                ((category.0, *code), message.into())
            }
            _ => ((Category::WORKER.0, HANDLER_FAILED), self.to_string().into()),
        }
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the category of the service's answer, if it was one.
    pub fn category(&self) -> Option<Category> {
        match self.kind() {
            ErrorKind::Service { category, .. } => Some(*category),
            _ => None,
        }
    }

    /// Returns the code of the service's answer, if it was one.
    pub fn code(&self) -> Option<i64> {
        match self.kind() {
            ErrorKind::Service { code, .. } => Some(*code),
            _ => None,
        }
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
            ErrorKind::Config(_) | ErrorKind::Encode(_) | ErrorKind::Drift { .. } => Fault::Caller,
            ErrorKind::Connect(_) | ErrorKind::Disconnected(_) | ErrorKind::Deadline(_) => Fault::Network,
            ErrorKind::Several(errors) => errors.first().map_or(Fault::Service, Self::fault),
            _ => Fault::Service,
        }
    }

    /// Returns whether the request surely did nothing, so that it may be sent again.
    pub fn is_safe_to_repeat(&self) -> bool {
        match self.kind() {
            ErrorKind::Connect(_) => true,
            ErrorKind::Service { category, code, .. } => {
                (*category, *code) == (Category::OVERSEER, 1) || (*category, *code) == (Category::LOCATOR, 1)
            }
            ErrorKind::Several(errors) => errors.iter().all(Self::is_safe_to_repeat),
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
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {}

fn list(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
