//! The names of error categories and codes (`protocol.md` 6).

use std::fmt;

/// The family of an error code, by the number that stands for it on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(pub i64);

impl Category {
    /// Errors of the operating system.
    pub const SYSTEM: Self = Self(1);
    /// Errors of sockets.
    pub const ASIO_SYSTEM: Self = Self(2);
    /// End of file and other errors of the event loop.
    pub const ASIO_MISC: Self = Self(5);
    /// Broken framing.
    pub const TRANSPORT: Self = Self(6);
    /// Messages that cannot be dispatched.
    pub const DISPATCH: Self = Self(7);
    /// Missing or broken plugins.
    pub const REPOSITORY: Self = Self(8);
    /// Missing or refused identities.
    pub const SECURITY: Self = Self(9);
    /// Names that cannot be resolved.
    pub const LOCATOR: Self = Self(10);
    /// The configuration tree.
    pub const UNICORN: Self = Self(11);
    /// POSIX error numbers; also everything that has no category of its own.
    pub const GENERIC: Self = Self(12);
    /// Messages on a channel that is closed.
    pub const PROTOCOL: Self = Self(13);
    /// Errors that a framework reports for a worker.
    pub const WORKER: Self = Self(42);
    /// Errors that a worker's own code reports.
    pub const WORKER_USER: Self = Self(43);
    /// Any category that the reader does not know.
    pub const UNKNOWN: Self = Self(255);
    /// Apps: deadlines and states.
    pub const NODE: Self = Self(0x51FF);
    /// The queue and the pool of an app.
    pub const OVERSEER: Self = Self(0x52FF);
    /// A single worker process.
    pub const SLAVE: Self = Self(0x53FF);

    /// Returns the name that the original registers, or `None` for a category that is not known.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(id, _)| *id == self.0).map(|(_, name)| *name)
    }

    /// Returns the category as the original sends it on: one that it has not registered becomes
    /// [`Category::UNKNOWN`] (`worker.md` 3.6).
    pub(crate) fn registered(self) -> Self {
        if self.name().is_some() { self } else { Self::UNKNOWN }
    }

    /// Returns the name of `code` within this category, if it has one.
    pub fn code_name(self, code: i64) -> Option<&'static str> {
        let (_, names) = CODES.iter().find(|(id, _)| *id == self.0)?;
        let index = usize::try_from(code.checked_sub(1)?).ok()?;
        names.get(index).copied()
    }

    pub(crate) fn describe(self, code: i64) -> String {
        match (self.name(), self.code_name(code)) {
            (Some(category), Some(name)) => format!("{category}: {name}, [{},{code}]", self.0),
            (Some(category), None) => format!("{category}, [{},{code}]", self.0),
            (None, _) => format!("[{},{code}]", self.0),
        }
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
