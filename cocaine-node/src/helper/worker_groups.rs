//! The control groups of workers: one for each, in a group of the node's own.
//!
//! ```text
//! <the group that the node is in>            the node, and a helper for each worker
//! `-- cocaine-workers-<process id>-<number>  locked by the node for as long as it lives
//!     |-- worker-0                           a worker, with everything that it has started
//!     `-- worker-1
//! ```
//!
//! Nothing is moved but the workers, and no controllers are enabled, so that the node and others may stay in the group that
//! they are in, and its limits hold for the workers too. A group that is not locked is what a killed node has left.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use super::cgroup;
use crate::file_lock::FileLock;

/// How the names of the groups of nodes begin. A process id and a number follow, joined by a hyphen.
const PREFIX: &str = "cocaine-workers-";
/// How many numbers are tried for the group of a node.
const MAX_NUMBER: u32 = 1 << 16;

/// The control groups of a node's workers. Dropping this removes them, with everything that is left in them.
#[derive(Debug)]
pub struct WorkerGroups {
    folder: PathBuf,
    created: AtomicU64,
    /// Shows other nodes that this one lives.
    _lock: FileLock,
}

impl WorkerGroups {
    /// Creates a group below the one that this process is in, and ends what killed nodes have left there.
    ///
    /// # Errors
    /// There is no cgroup v2, or this process may not create groups in it.
    pub fn new() -> io::Result<Self> {
        Self::below(&cgroup::own_folder()?)
    }

    fn below(own: &Path) -> io::Result<Self> {
        end_leftovers(own)?;
        let (folder, lock) = create_locked(own).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot create a group in {}: {error}", own.display()))
        })?;
        let groups = Self { folder, created: AtomicU64::new(0), _lock: lock };
        match cgroup::check(own, &groups.folder) {
            Ok(()) => Ok(groups),
            Err(error) => {
                let text = format!("the group {} is of no use: {error}", groups.folder.display());
                Err(io::Error::new(error.kind(), text))
            }
        }
    }

    /// Creates the group of one worker.
    ///
    /// # Errors
    /// The group of the node is gone, or there are too many groups.
    pub fn create(&self) -> io::Result<WorkerGroup> {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("worker-{number}"));
        fs::create_dir(&folder)?;
        Ok(WorkerGroup(folder))
    }
}

impl Drop for WorkerGroups {
    fn drop(&mut self) {
        // Whatever is left is killed. The next node removes the groups if it has not ended by now.
        let _ = cgroup::kill(&self.folder);
        let _ = cgroup::remove(&self.folder);
    }
}

/// The control group of a worker.
#[derive(Debug)]
pub struct WorkerGroup(PathBuf);

impl WorkerGroup {
    /// Returns the folder of the group.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Kills everything in the group, without waiting for its end.
    pub fn kill(&self) {
        // Fails only if the group is removed.
        let _ = cgroup::kill(&self.0);
    }

    /// Kills everything in the group, waits for its end, and removes the group, unless that was done.
    ///
    /// # Errors
    /// Something in the group does not end.
    pub fn end(&self) -> io::Result<()> {
        cgroup::end(&self.0)
    }
}

/// Ends what nodes have left that were killed together with their helpers.
fn end_leftovers(own: &Path) -> io::Result<()> {
    for entry in fs::read_dir(own)? {
        let folder = entry?.path();
        let is_of_node = folder.file_name().and_then(|name| name.to_str()).is_some_and(is_node_group);
        // Whoever has the lock may remove the group.
        let Some(_lock) = Some(&folder).filter(|_| is_of_node).and_then(|folder| lock(folder)) else {
            continue;
        };
        match cgroup::end(&folder) {
            Ok(()) => tracing::info!(folder = %folder.display(), "the workers of a killed node are ended"),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "the workers of a killed node do not end");
            }
        }
    }
    Ok(())
}

/// Returns whether a node gives its group this name.
fn is_node_group(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = name.strip_prefix(PREFIX).and_then(|numbers| numbers.split_once('-'));
    numbers.is_some_and(|(process, number)| is_number(process) && is_number(number))
}

/// Creates a group with a name of its own, and locks it.
fn create_locked(own: &Path) -> io::Result<(PathBuf, FileLock)> {
    for number in 0..MAX_NUMBER {
        let folder = own.join(format!("{PREFIX}{}-{number}", process::id()));
        match fs::create_dir(&folder) {
            // Another node that starts may take the group for one that was left, and remove it.
            Ok(()) => {
                if let Some(lock) = lock(&folder) {
                    return Ok((folder, lock));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Returns the lock of a group, or `None` if another process has it or the group was removed.
fn lock(folder: &Path) -> Option<FileLock> {
    let lock = FileLock::try_acquire(File::open(folder).ok()?).ok()?;
    // It may have been removed, and created again, since it was opened.
    let (locked, named) = (lock.file().metadata().ok()?, fs::metadata(folder).ok()?);
    (locked.ino() == named.ino()).then_some(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_node_groups_are_recognised() {
        assert!(is_node_group("cocaine-workers-17-0"));
        for other in ["cocaine-workers-", "cocaine-workers-17", "cocaine-workers-17-", "cocaine-workers--1"] {
            assert!(!is_node_group(other), "{other}");
        }
        for other in ["cocaine-workers-17-0.service", "cocaine-node-17-0", "x-cocaine-workers-17-0"] {
            assert!(!is_node_group(other), "{other}");
        }
    }

    #[test]
    fn refusal_names_the_folder_and_leaves_nothing() {
        let own = tempfile::tempdir().unwrap();
        let refused = WorkerGroups::below(own.path()).unwrap_err().to_string();
        let starts = format!("the group {}/{PREFIX}", own.path().display());
        assert!(refused.starts_with(&starts) && refused.contains("is of no use: No such file"), "{refused}");
        assert_eq!(fs::read_dir(own.path()).unwrap().count(), 0);
        let missing = own.path().join("missing");
        assert!(WorkerGroups::below(&missing).unwrap_err().to_string().starts_with("No such file"));
    }

    #[test]
    fn lock_is_taken_once_and_by_name() {
        let own = tempfile::tempdir().unwrap();
        let (folder, held) = create_locked(own.path()).unwrap();
        assert!(lock(&folder).is_none(), "it is locked");
        let (other, _held) = create_locked(own.path()).unwrap();
        assert_ne!(folder, other);
        drop(held);
        assert!(lock(&folder).is_some());
        assert!(lock(&own.path().join("missing")).is_none());
    }
}
