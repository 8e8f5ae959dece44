//! Measures how much of the database's file is in use, and compacts it at the start of the node if most of it is not.

use std::{
    fs, io,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep},
};

use super::{Store, StoreError};

/// The unused bytes below which a compaction at the start is not worth while.
const WORTHWHILE_BYTES: u64 = 64 << 20;

/// The pause between two measurements, each of which reads the whole database.
const INTERVAL: Duration = Duration::from_hours(1);
/// The least pause in multiples of the time that a measurement takes.
const PAUSE_FACTOR: u32 = 100;

/// The file of a database, and what was last measured of it.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    /// The size of the pages that have rows; [`UNKNOWN`] before it is first measured.
    page_bytes: AtomicU64,
}

const UNKNOWN: u64 = u64::MAX;

/// The size of the file of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileUsage {
    pub(crate) file_bytes: u64,
    /// The bytes that no row uses, as of the last measurement.
    pub(crate) free_bytes: Option<u64>,
}

impl DatabaseFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, page_bytes: AtomicU64::new(UNKNOWN) }
    }

    fn usage(&self) -> io::Result<FileUsage> {
        let file_bytes = fs::metadata(&self.path)?.len();
        let page_bytes = self.page_bytes.load(Ordering::Relaxed);
        let free_bytes = (page_bytes != UNKNOWN).then(|| file_bytes.saturating_sub(page_bytes));
        Ok(FileUsage { file_bytes, free_bytes })
    }
}

impl FileUsage {
    /// Returns whether so much of the file is unused that copying the rest is worth while.
    fn is_wasteful(&self) -> bool {
        self.free_bytes.is_some_and(|free| free >= WORTHWHILE_BYTES && free >= self.file_bytes / 2)
    }
}

/// Looks after the database until it is dropped.
#[derive(Debug)]
pub(crate) struct Upkeep(JoinHandle<()>);

impl Upkeep {
    pub(crate) fn start(store: Store) -> Self {
        Self(tokio::spawn(async move {
            if let Err(error) = store.compact_if_wasteful().await {
                tracing::warn!(%error, "the database is not compacted: it stays as it is");
            }
            loop {
                let start = Instant::now();
                match store.measure().await {
                    Ok(Some(_)) => {}
                    // In memory there is no file.
                    Ok(None) | Err(StoreError::Closed) => return,
                    Err(error) => tracing::warn!(%error, "the database cannot be measured"),
                }
                sleep(INTERVAL.max(start.elapsed() * PAUSE_FACTOR)).await;
            }
        }))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Store {
    /// Returns the size of the database's file, unless it is in memory. This asks the file system.
    pub(crate) fn file_usage(&self) -> Option<FileUsage> {
        self.0.file.as_ref().and_then(|file| file.usage().ok())
    }

    /// Measures how much of the file is in use. This reads the whole database, and keeps nothing waiting.
    pub(crate) async fn measure(&self) -> Result<Option<FileUsage>, StoreError> {
        let Some(file) = &self.0.file else { return Ok(None) };
        let snapshot = self.snapshot()?;
        let measured = spawn_blocking(move || snapshot.page_bytes()).await;
        let page_bytes = measured.map_err(|error| StoreError::Panicked(error.to_string()))??;
        file.page_bytes.store(page_bytes, Ordering::Relaxed);
        Ok(Some(file.usage().map_err(redb::StorageError::Io)?))
    }

    /// Compacts the database if most of its file is unused.
    async fn compact_if_wasteful(&self) -> Result<(), StoreError> {
        // A small file need not be measured.
        if self.file_usage().is_none_or(|usage| usage.file_bytes < WORTHWHILE_BYTES)
            || !self.measure().await?.is_some_and(|usage| usage.is_wasteful())
        {
            return Ok(());
        }
        tracing::info!("most of the database's file is unused: it is compacted, and writes wait");
        let summary = self.compact().await?;
        tracing::info!(
            before = summary.bytes_before,
            after = summary.bytes_after,
            "the database is compacted"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_shares_are_wasteful() {
        let is_wasteful = |file_bytes, free_bytes| FileUsage { file_bytes, free_bytes }.is_wasteful();
        assert!(is_wasteful(128 << 20, Some(64 << 20)));
        assert!(!is_wasteful(64 << 20, Some((64 << 20) - 1)), "little is gained");
        assert!(!is_wasteful(1 << 30, Some(400 << 20)), "most of it is copied");
        assert!(!is_wasteful(1 << 30, None));
    }
}
