//! The limit of open files.
//!
//! A node needs a descriptor for each connection, and systems set the soft limit low, since programs that use `select` break
//! above it. Therefore the node raises its own limit, and starts its workers with the former one.

use std::{io, sync::OnceLock};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The soft limit with which this process was started.
static INHERITED: OnceLock<Option<u64>> = OnceLock::new();

/// Raises the soft limit of this process to the hard one. Workers that are started later get the former soft limit.
///
/// # Errors
/// The error of the operating system, after which the limit is as it was.
pub fn raise_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    INHERITED.get_or_init(|| limit.current);
    set_soft_limit(limit.maximum)
}

/// Returns the soft limit for workers, if this process has raised its own.
pub(crate) fn worker_limit() -> Option<u64> {
    INHERITED.get().copied().flatten()
}

/// Sets the soft limit of this process.
pub(crate) fn set_soft_limit(current: Option<u64>) -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
}
