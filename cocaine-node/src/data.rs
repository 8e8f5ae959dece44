//! Backup, restoration and compaction of a data folder, with and without a node that uses it.
//!
//! What a node stores is in one database in its data folder: blobs with their tags (manifests, profiles, packages, crashlogs and
//! all else that `storage` has) and the tree of `unicorn`. A backup has all of it, as it was at one moment, and nothing else of
//! the folder: not the unpacked packages (`spool`), which come from the stored ones, and no logs.

use std::path::Path;

use tokio::task::spawn_blocking;

pub use crate::store::{
    BackupError, BackupSummary, CompactionSummary, DataError, Replacement, RestoreSummary,
};
use crate::{
    control::ControlClient,
    store::{self, BackupWriter, OpenError, Store},
};

/// Writes a backup of a data folder to `file`, while a node uses it or without one.
///
/// The file has its name only once it is whole, checked and on the disk. Writes that are made meanwhile are not in it.
///
/// # Errors
/// A file that exists, unless it may be replaced; stored data that is damaged.
pub async fn backup(folder: &Path, file: &Path, replace: Replacement) -> Result<BackupSummary, DataError> {
    let to_error = |source| DataError::Backup { file: file.into(), source };
    match open(folder).await {
        Ok(store) => {
            let written = store.write_backup(file, replace).await;
            store.close().await;
            written
        }
        Err(DataError::Open(OpenError::InUse { .. })) => {
            let mut writer = BackupWriter::create(file, replace).map_err(to_error)?;
            let received =
                async { ControlClient::connect(folder).await?.back_up(|piece| writer.write(piece)).await };
            received.await.map_err(|error| unanswered(folder, &error))?.map_err(to_error)?;
            spawn_blocking(|| writer.finish()).await.map_err(panicked)?.map_err(to_error)
        }
        Err(error) => Err(error),
    }
}

/// Puts the backup in `file` in the place of what a data folder stores. The folder is created if it is missing.
///
/// The whole file is checked before anything is changed. However this ends, the folder then has its former data or that of the
/// backup.
///
/// # Errors
/// A file that is no backup, or not whole; a folder that a node uses, or that has data, unless that may be replaced.
pub async fn restore(file: &Path, folder: &Path, replace: Replacement) -> Result<RestoreSummary, DataError> {
    let (file, folder) = (file.to_owned(), folder.to_owned());
    spawn_blocking(move || store::restore(&file, &folder, replace)).await.map_err(panicked)?
}

/// Gives the space of what was removed or replaced back to the file system. A node that uses the folder goes on: its writes wait
/// meanwhile, its reads do not.
///
/// # Errors
/// Stored data that is damaged, or no room for a second database. Nothing has changed then.
pub async fn compact(folder: &Path) -> Result<CompactionSummary, DataError> {
    match open(folder).await {
        Ok(store) => {
            let compacted = store.compact().await;
            store.close().await;
            Ok(compacted?)
        }
        Err(DataError::Open(OpenError::InUse { .. })) => {
            let compacted = async { ControlClient::connect(folder).await?.compact().await };
            compacted.await.map_err(|error| unanswered(folder, &error))
        }
        Err(error) => Err(error),
    }
}

async fn open(folder: &Path) -> Result<Store, DataError> {
    let folder = folder.to_owned();
    Ok(spawn_blocking(move || Store::open_existing(&folder)).await.map_err(panicked)??)
}

fn unanswered(folder: &Path, error: &impl ToString) -> DataError {
    DataError::Node { folder: folder.into(), reason: error.to_string() }
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to `map_err`")]
fn panicked(error: tokio::task::JoinError) -> DataError {
    store::StoreError::Panicked(error.to_string()).into()
}
