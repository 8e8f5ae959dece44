//! A store without its thread, for what is done to a data folder while no node uses it.

use std::{io, path::Path};

use redb::WriteTransaction;

use super::{
    OpenError, Snapshot, StoreError,
    database::OpenDatabase,
    folder::{DATABASE_FILE, DataFolder},
    writer::Backend,
};

/// The data of a folder, which is locked until this is dropped.
pub(crate) struct OfflineStore {
    /// Closed before the folder is unlocked.
    database: OpenDatabase,
    folder: DataFolder,
}

impl OfflineStore {
    /// Opens the store in `folder`, which is created if it is missing.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let (folder, database) = DataFolder::open(folder)?;
        Ok(Self { database: OpenDatabase::without_writer(database), folder })
    }

    /// Returns whether `folder` has a store.
    pub(crate) fn is_data_folder(folder: &Path) -> bool {
        folder.join(DATABASE_FILE).exists()
    }

    /// Opens the store in `folder` if there is one.
    pub(crate) fn open_existing(folder: &Path) -> Result<Option<Self>, OpenError> {
        let failed = |source: io::Error| OpenError::Io { folder: folder.into(), source };
        if !folder.join(DATABASE_FILE).try_exists().map_err(failed)? {
            return Ok(None);
        }
        Self::open(folder).map(Some)
    }

    /// Returns what is stored.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::create(&self.database)
    }

    /// Makes a change in one transaction, which is durable when this returns. After an error nothing has changed.
    pub(crate) fn change<E: From<StoreError>>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<(), E>,
    ) -> Result<(), E> {
        let txn = self.database.begin_write().map_err(StoreError::from)?;
        // A transaction that is dropped is undone.
        change(&txn)?;
        Ok(txn.commit().map_err(StoreError::from)?)
    }
}

impl Drop for OfflineStore {
    fn drop(&mut self) {
        self.folder.before_close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::blobs;

    #[test]
    fn failed_change_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = OfflineStore::open(folder.path()).unwrap();
        let failed = store.change(|txn| {
            blobs::write(txn, "c", "k", b"v", ["t"])?;
            Err(StoreError::Closed)
        });
        assert_eq!(failed, Err(StoreError::Closed));
        assert!(store.snapshot().unwrap().read("c", "k").is_err());
        store.change(|txn| blobs::write(txn, "c", "k", b"v", ["t"])).unwrap();
        assert_eq!(store.snapshot().unwrap().read("c", "k").unwrap(), "v");
        assert!(store.snapshot().unwrap().has_tag("c", "k", "t").unwrap());
    }
}
