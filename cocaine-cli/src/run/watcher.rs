//! Waits for files that change.
//!
//! The system reports that something has happened in a folder; a new snapshot says what, so that files that do not matter, and
//! those that come and go, are no changes. Folders that do not matter are not watched at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{
    ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::snapshot::{FolderStamp, Snapshot};
use crate::error::{Error, Result};

/// How long changes are collected.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Files that are watched.
#[derive(Debug)]
pub(super) struct FileWatcher {
    system: RecommendedWatcher,
    /// Something has happened.
    woken: Arc<Notify>,
    /// When the next snapshot is taken.
    due: Option<Instant>,
    roots: BTreeSet<PathBuf>,
    left_out: BTreeSet<PathBuf>,
    watched: BTreeMap<PathBuf, Option<FolderStamp>>,
    snapshot: Snapshot,
}

impl FileWatcher {
    /// Watches everything at and below `roots`, but for `left_out`. What changes from now on is reported.
    pub(super) fn new(roots: BTreeSet<PathBuf>, left_out: BTreeSet<PathBuf>) -> Result<Self> {
        let woken = Arc::new(Notify::new());
        let waker = Arc::clone(&woken);
        let system = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| is_change(event.kind)) {
                waker.notify_one();
            }
        });
        let system = system.map_err(|error| unwatched(Path::new("."), &error))?;
        let mut watcher = Self {
            system,
            woken,
            due: None,
            roots,
            left_out,
            watched: BTreeMap::new(),
            snapshot: Snapshot::default(),
        };
        watcher.snapshot = watcher.look()?;
        Ok(watcher)
    }

    /// Returns the files that have changed since the last time. Nothing is lost if this is dropped while it waits.
    pub(super) async fn changed(&mut self) -> Result<Vec<PathBuf>> {
        loop {
            if self.due.is_none() {
                self.woken.notified().await;
            }
            sleep_until(*self.due.get_or_insert_with(|| Instant::now() + DEBOUNCE)).await;
            self.due = None;
            let snapshot = self.look()?;
            let changed = snapshot.changed_since(&self.snapshot);
            self.snapshot = snapshot;
            if !changed.is_empty() {
                return Ok(changed);
            }
        }
    }

    /// Takes a snapshot in which nothing is missing that was written before a new folder was watched.
    fn look(&mut self) -> Result<Snapshot> {
        loop {
            let snapshot = Snapshot::take(&self.roots, &self.left_out);
            if !self.watch(&snapshot)? {
                return Ok(snapshot);
            }
        }
    }

    /// Watches the folders of a snapshot. Returns whether there are new ones.
    fn watch(&mut self, snapshot: &Snapshot) -> Result<bool> {
        let folders = snapshot.folders();
        self.watched.retain(|folder, stamp| stamp.is_none() || folders.get(folder) == stamp.as_ref());
        let new: Vec<_> =
            folders.keys().filter(|folder| !self.watched.contains_key(*folder)).cloned().collect();
        for folder in &new {
            self.watch_folder(folder)?;
            self.watched.insert(folder.clone(), folders.get(folder).cloned());
        }
        // A single file may be replaced by another one, and may not be there yet.
        let files = self.roots.iter().filter(|root| !folders.contains_key(*root));
        let parents: BTreeSet<_> = files.filter_map(|file| file.parent()).map(Path::to_owned).collect();
        let mut has_new = !new.is_empty();
        for parent in parents {
            if !self.watched.contains_key(&parent) && parent.is_dir() {
                self.watch_folder(&parent)?;
                self.watched.insert(parent, None);
                has_new = true;
            }
        }
        Ok(has_new)
    }

    fn watch_folder(&mut self, folder: &Path) -> Result<()> {
        match self.system.watch(folder, RecursiveMode::NonRecursive) {
            Err(error) if folder.is_dir() => Err(unwatched(folder, &error)),
            // It is gone.
            _ => Ok(()),
        }
    }
}

/// Returns whether something may be other than before.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

fn unwatched(folder: &Path, error: &notify::Error) -> Error {
    let reason = match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the system watches no more folders: raise `fs.inotify.max_user_watches` with \
                                     sysctl, or let git ignore folders with many others"
                .to_owned()
        }
        kind => format!("cannot be watched: {kind:?}; `--once` does without"),
    };
    Error::in_file(folder)(reason)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn new_folders_are_watched_as_well() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let mut watcher = FileWatcher::new([root.clone()].into(), BTreeSet::new()).unwrap();
        fs::create_dir(root.join("new")).unwrap();
        fs::write(root.join("new/one"), "1").unwrap();
        assert_eq!(watcher.changed().await.unwrap(), [root.join("new/one")]);
        fs::write(root.join("new/two"), "2").unwrap();
        assert_eq!(watcher.changed().await.unwrap(), [root.join("new/two")]);
        fs::remove_dir_all(root.join("new")).unwrap();
        assert_eq!(watcher.changed().await.unwrap(), [root.join("new/one"), root.join("new/two")]);
        fs::create_dir(root.join("new")).unwrap();
        fs::write(root.join("new/one"), "1").unwrap();
        assert_eq!(watcher.changed().await.unwrap(), [root.join("new/one")]);
    }

    #[tokio::test]
    async fn single_file_is_watched_before_it_exists() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().canonicalize().unwrap().join("lock");
        let mut watcher = FileWatcher::new([file.clone()].into(), BTreeSet::new()).unwrap();
        fs::write(root.path().join("other"), "1").unwrap();
        fs::write(&file, "1").unwrap();
        assert_eq!(watcher.changed().await.unwrap(), [file]);
    }
}
