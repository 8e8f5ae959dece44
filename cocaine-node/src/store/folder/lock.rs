//! The lock of a data folder.
//!
//! The database file has a lock of its own, but a file that is created, restored or compacted takes its place.

use std::{
    fs::{OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::in_use;
use crate::{
    file_lock::FileLock,
    permissions::{PRIVATE_FILE, inherit_owner},
    store::error::OpenError,
};

const LOCK_FILE: &str = "node.lock";

/// The lock of a data folder, until it is dropped. There is none where the file system has no locks.
pub(super) struct FolderLock(
    #[expect(dead_code, reason = "is released when it is dropped")] Option<FileLock>,
);

impl FolderLock {
    /// Locks a folder, unless another process or another node of this process has.
    pub(super) fn acquire(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { folder: folder.into(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(PRIVATE_FILE);
        let file = options.open(folder.join(LOCK_FILE)).map_err(failed)?;
        inherit_owner(&file, folder).map_err(failed)?;
        match FileLock::try_acquire(file) {
            Ok(lock) => Ok(Self(Some(lock))),
            Err(TryLockError::WouldBlock) => Err(in_use(folder)),
            // The lock of the database is left.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(Self(None)),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
