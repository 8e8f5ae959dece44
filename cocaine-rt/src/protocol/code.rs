//! Error codes, their categories, and the names of both (`protocol.md` 6).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An error code: a number within a [`Category`].
///
/// On the wire it is a pair of integers. It is displayed as that pair, after the names of the category and the code if
/// they are known: `cocaine.service.locator: service_not_available, [10,1]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// The category of the code.
    pub category: Category,
    /// The number within the category.
    pub code: i64,
}

impl Code {
    /// The peer closed the connection.
    pub const EOF: Self = Self::new(Category::ASIO_MISC, 2);
    /// This side closed the connection.
    pub const CANCELLED: Self = Self::new(Category::ASIO_SYSTEM, posix::ECANCELED);

    /// The received value is not a frame.
    pub const FRAME_FORMAT_ERROR: Self = Self::new(Category::TRANSPORT, 1);
    /// The headers cannot be decoded.
    pub const HPACK_ERROR: Self = Self::new(Category::TRANSPORT, 2);
    /// The received bytes are not `MessagePack`.
    pub const PARSE_ERROR: Self = Self::new(Category::TRANSPORT, 4);

    /// The arguments do not fit the message.
    pub const INVALID_ARGUMENTS: Self = Self::new(Category::DISPATCH, 2);
    /// The message belongs to a channel that has ended.
    pub const REVOKED_CHANNEL: Self = Self::new(Category::DISPATCH, 4);
    /// The channel does not allow the message.
    pub const SLOT_NOT_FOUND: Self = Self::new(Category::DISPATCH, 5);
    /// The invocation failed without choosing a code.
    pub const UNCAUGHT_ERROR: Self = Self::new(Category::DISPATCH, 7);

    /// No running service has this name.
    pub const SERVICE_NOT_AVAILABLE: Self = Self::new(Category::LOCATOR, 1);
    /// The storage of routing groups cannot be read.
    pub const ROUTING_STORAGE_ERROR: Self = Self::new(Category::LOCATOR, 2);
    /// A service was published without the version of its protocol.
    pub const MISSING_VERSION: Self = Self::new(Category::LOCATOR, 3);
    /// A service of this name exists already.
    pub const DUPLICATE_SERVICE: Self = Self::new(Category::LOCATOR, 4);

    /// Unicorn does not allow the path.
    pub const INVALID_PATH: Self = Self::new(Category::UNICORN, 6);
    /// Unicorn has no node at this path.
    pub const NO_NODE: Self = Self::new(Category::UNICORN, 8);
    /// Unicorn has a node at this path already.
    pub const NODE_EXISTS: Self = Self::new(Category::UNICORN, 9);
    /// Unicorn has lost the connection to the storage of its tree.
    pub const CONNECTION_LOSS: Self = Self::new(Category::UNICORN, 10);

    /// `ENOENT`: there is no such blob, file or record.
    pub const NOT_FOUND: Self = Self::posix(posix::ENOENT);
    /// `ENOMEM`: the request needs more memory than the limits allow.
    pub const OUT_OF_MEMORY: Self = Self::posix(posix::ENOMEM);
    /// `EACCES`: the caller lacks the permission.
    pub const PERMISSION_DENIED: Self = Self::posix(posix::EACCES);
    /// `EINVAL`: the service does not accept the value of an argument.
    pub const INVALID_VALUE: Self = Self::posix(posix::EINVAL);
    /// `EPIPE`: the app was stopped.
    pub const APP_STOPPED: Self = Self::posix(posix::EPIPE);
    /// `EOPNOTSUPP`: the service does not implement the method.
    pub const NOT_SUPPORTED: Self = Self::posix(posix::EOPNOTSUPP);
    /// `ETIMEDOUT`: the operation took too long.
    pub const TIMED_OUT: Self = Self::posix(posix::ETIMEDOUT);
    /// `ECANCELED`: a sender was dropped before it finished its stream.
    pub const SENDER_DROPPED: Self = Self::posix(posix::ECANCELED);

    /// The worker has no such event, as the C++ framework reports it.
    pub const EVENT_NOT_FOUND: Self = Self::new(Category::WORKER, 1);
    /// The handler failed or panicked (`worker.md` 3.6).
    pub const HANDLER_FAILED: Self = Self::new(Category::WORKER, 100);
    /// The payload of the caller does not fit the event, because it was made for another schema of the app (`worker.md` 3.6).
    pub const SCHEMA_MISMATCH: Self = Self::new(Category::WORKER, 101);
    /// The worker has no handler for the event, as the Go and Python frameworks report it (`worker.md` 3.6).
    pub const UNKNOWN_EVENT: Self = Self::new(Category::WORKER, 200);
    /// The worker cannot read the invocation, as the Python framework reports it (`worker.md` 3.6).
    pub const BAD_MESSAGE: Self = Self::new(Category::WORKER, 240);

    /// The deadline of an event passed before a worker took it.
    pub const DEADLINE_PASSED: Self = Self::new(Category::NODE, 1);
    /// The worker did not finish the event in time.
    pub const INVOCATION_TIMED_OUT: Self = Self::new(Category::NODE, 3);
    /// The app is running already.
    pub const ALREADY_STARTED: Self = Self::new(Category::NODE, 5);
    /// The app is not running.
    pub const NOT_RUNNING: Self = Self::new(Category::NODE, 6);
    /// The app could not be uploaded or unpacked.
    pub const SPOOL_ERROR: Self = Self::new(Category::NODE, 7);
    /// The app's service could not be published.
    pub const PUBLISH_ERROR: Self = Self::new(Category::NODE, 8);
    /// The workers of the app do not take the body of a request in pieces. The event did not reach a worker
    /// (`protocol.md` 14.3).
    pub const OFFER_DECLINED: Self = Self::new(Category::NODE, 100);
    /// The queue of the app is full. The event did not reach a worker.
    pub const QUEUE_FULL: Self = Self::new(Category::OVERSEER, 1);

    /// Returns the code with this number in `category`.
    pub const fn new(category: Category, code: i64) -> Self {
        Self { category, code }
    }

    /// Returns the code for a POSIX error number, in [`Category::GENERIC`].
    pub const fn posix(errno: i64) -> Self {
        Self::new(Category::GENERIC, errno)
    }

    /// Returns the code of an app's own error, in [`Category::WORKER_USER`].
    #[must_use]
    pub const fn user(code: i32) -> Self {
        Self::new(Category::WORKER_USER, code as i64)
    }

    /// Returns the name of the code, if it has one.
    pub fn name(self) -> Option<&'static str> {
        self.category.code_name(self.code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(category) = self.category.name() {
            f.write_str(category)?;
            if let Some(name) = self.name() {
                write!(f, ": {name}")?;
            }
            f.write_str(", ")?;
        }
        write!(f, "[{},{}]", self.category.0, self.code)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.category.0, self.code).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (category, code) = Deserialize::deserialize(deserializer)?;
        Ok(Self::new(Category(category), code))
    }
}

/// POSIX error numbers of Linux, the platform of the original.
mod posix {
    pub(super) const ENOENT: i64 = 2;
    pub(super) const ENOMEM: i64 = 12;
    pub(super) const EACCES: i64 = 13;
    pub(super) const EINVAL: i64 = 22;
    pub(super) const EPIPE: i64 = 32;
    pub(super) const EOPNOTSUPP: i64 = 95;
    pub(super) const ETIMEDOUT: i64 = 110;
    pub(super) const ECANCELED: i64 = 125;
}

/// The category of an error code, by its number on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(pub i64);

impl Category {
    /// Errors of the operating system.
    pub const SYSTEM: Self = Self(1);
    /// Errors of sockets.
    pub const ASIO_SYSTEM: Self = Self(2);
    /// End of file and other errors of the event loop.
    pub const ASIO_MISC: Self = Self(5);
    /// Invalid frames.
    pub const TRANSPORT: Self = Self(6);
    /// Messages that cannot be dispatched.
    pub const DISPATCH: Self = Self(7);
    /// Missing or invalid plugins.
    pub const REPOSITORY: Self = Self(8);
    /// Missing or rejected credentials.
    pub const SECURITY: Self = Self(9);
    /// Names that cannot be resolved.
    pub const LOCATOR: Self = Self(10);
    /// The configuration tree.
    pub const UNICORN: Self = Self(11);
    /// POSIX error numbers, and all errors without a category of their own.
    pub const GENERIC: Self = Self(12);
    /// Messages on a channel that is closed.
    pub const PROTOCOL: Self = Self(13);
    /// Errors that a framework reports for a worker.
    pub const WORKER: Self = Self(42);
    /// Errors that the user code of a worker reports.
    pub const WORKER_USER: Self = Self(43);
    /// Any category that the reader does not know.
    pub const UNKNOWN: Self = Self(255);
    /// Apps: deadlines and states.
    pub const NODE: Self = Self(0x51FF);
    /// The queue and the pool of an app.
    pub const OVERSEER: Self = Self(0x52FF);
    /// A single worker process.
    pub const SLAVE: Self = Self(0x53FF);

    /// Returns the name that the original registers, or `None` for an unknown category.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(id, _)| *id == self.0).map(|(_, name)| *name)
    }

    /// Returns the category as the original forwards it: an unregistered one becomes [`Category::UNKNOWN`] (`worker.md`
    /// 3.6).
    pub(crate) fn registered(self) -> Self {
        if self.name().is_some() { self } else { Self::UNKNOWN }
    }

    fn code_name(self, code: i64) -> Option<&'static str> {
        let (_, names) = CODES.iter().find(|(id, _)| *id == self.0)?;
        let index = usize::try_from(code.checked_sub(1)?).ok()?;
        names.get(index).copied()
    }
}

impl fmt::Debug for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

const NAMES: &[(i64, &str)] = &[
    (1, "system"),
    (2, "asio.system"),
    (3, "asio.netdb"),
    (4, "asio.addrinfo"),
    (5, "asio.misc"),
    (6, "cocaine.rpc.transport"),
    (7, "cocaine.rpc.dispatch"),
    (8, "cocaine.plugins"),
    (9, "cocaine.security"),
    (10, "cocaine.service.locator"),
    (11, "cocaine.plugins.unicorn"),
    (12, "generic"),
    (13, "cocaine.rpc.protocol"),
    (42, "worker"),
    (43, "worker user"),
    (255, "unknown"),
    (0x51FF, "node"),
    (0x52FF, "node.overseer"),
    (0x53FF, "node.slave"),
];

/// The codes of each category, counted from 1.
const CODES: &[(i64, &[&str])] = &[
    (5, &["already_open", "eof", "not_found", "fd_set_failure"]),
    (6, &["frame_format_error", "hpack_error", "insufficient_bytes", "parse_error"]),
    (
        7,
        &[
            "duplicate_slot",
            "invalid_argument",
            "not_connected",
            "revoked_channel",
            "slot_not_found",
            "unbound_dispatch",
            "uncaught_error",
        ],
    ),
    (
        8,
        &[
            "component_not_found",
            "duplicate_component",
            "initialization_error",
            "invalid_interface",
            "dlopen_error",
            "version_mismatch",
            "component_not_registered",
        ],
    ),
    (
        9,
        &[
            "token_not_found",
            "unauthorized",
            "permission_denied",
            "permissions_changed",
            "invalid_acl_framing",
        ],
    ),
    (
        10,
        &[
            "service_not_available",
            "routing_storage_error",
            "missing_version_error",
            "gateway_duplicate_service",
            "gateway_missing_service",
        ],
    ),
    (
        11,
        &[
            "child_not_allowed",
            "invalid_type",
            "invalid_value",
            "unknown_error",
            "invalid_node_name",
            "invalid_path",
            "version_not_allowed",
            "no_node",
            "node_exists",
            "connection_loss",
            "backend_internal_error",
        ],
    ),
    (13, &["closed_upstream"]),
    (
        0x51FF,
        &[
            "deadline_error",
            "resource_error",
            "timeout_error",
            "invalid_assignment",
            "already_started",
            "not_running",
            "uncaught_spool_error",
            "uncaught_publish_error",
        ],
    ),
    (0x52FF, &["queue_is_full", "pool_is_full"]),
    (
        0x53FF,
        &[
            "spawn_timeout",
            "locator_not_found",
            "empty_locator_endpoints",
            "activate_timeout",
            "unknown_activate_error",
            "seal_timeout",
            "terminate_timeout",
            "heartbeat_timeout",
            "invalid_state",
            "control_ipc_error",
            "overseer_shutdowning",
            "committed_suicide",
            "slave_idle",
            "slave_is_sealing",
        ],
    ),
];
