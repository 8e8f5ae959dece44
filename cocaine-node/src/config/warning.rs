//! What a configuration says that has no effect on a node, or another one than it had.

use std::fmt;

/// A part of an original runtime's configuration that has no counterpart in a node, or means something else to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigWarning {
    /// Where it stands, as `services.storage.args.backend`.
    pub path: String,
    /// What becomes of it, and what to do.
    pub message: String,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
