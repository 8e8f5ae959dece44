//! Locks of files and folders.

use std::fs::{File, TryLockError};

/// The lock of a file or a folder, until it is dropped.
///
/// It is released by name, not by closing the file alone: a process that was forked meanwhile has the descriptor too, and with it
/// the lock, until it executes its program.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Locks an open file, unless another process or another lock of this process has it.
    pub(crate) fn try_acquire(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }

    /// Returns the file.
    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "a lock ends with its file only");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_ends_while_its_descriptor_is_shared() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(path.path()).unwrap();
        let file = open();
        // As a forked process has it.
        let shared = file.try_clone().unwrap();
        let lock = FileLock::try_acquire(file).unwrap();
        assert!(matches!(FileLock::try_acquire(open()), Err(TryLockError::WouldBlock)));
        drop(lock);
        FileLock::try_acquire(open()).unwrap();
        drop(shared);
    }
}
