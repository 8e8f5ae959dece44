//! Limits of the service, beside those of each connection.

/// The longest path in bytes. Each node is stored with its whole path.
pub(super) const MAX_PATH_BYTES: usize = 1024;

/// The largest encoded value in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 1 << 20;

/// The largest arguments in bytes: a path, a value and a version.
pub(super) const MAX_ARGS_BYTES: usize = MAX_PATH_BYTES + MAX_VALUE_BYTES + 32;

/// What an undelivered event or a listed name counts beside its own bytes.
pub(super) const OVERHEAD_BYTES: usize = 64;
