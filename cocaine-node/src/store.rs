//! The data that outlives the node: blobs, found by key and by tags, and the nodes of a tree, in one database.
//!
//! An acknowledged change is durable. All changes go through one thread, which commits everything that is queued as one
//! transaction, so that one sync serves many callers. Reads use a snapshot of the last commit; they wait only if their own
//! client has changes under way. No thread of an async runtime ever syncs.

mod backup;
mod batch;
pub(crate) mod blobs;
mod checksum;
mod client;
mod compaction;
mod database;
mod durability;
mod error;
mod folder;
mod format;
mod nodes;
mod offline;
mod pending;
mod request;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod upkeep;
mod writer;

use std::{io, path::Path, sync::Arc, thread};

use arc_swap::ArcSwap;
use bytes::Bytes;
use redb::{Database, DatabaseError, WriteTransaction, backends::InMemoryBackend};
use tokio::sync::{mpsc, oneshot, watch};

#[cfg(test)]
pub(crate) use backup::BackupReader;
pub(crate) use backup::{BackupEncoder, BackupWriter};
pub use backup::{BackupError, BackupSummary, DataError, Replacement, RestoreSummary};
pub(crate) use client::{ClientStore, Observation, ObservedState};
pub use compaction::CompactionSummary;
pub use error::{OpenError, StoreError};
pub(crate) use nodes::{NodeRecord, NodeTable};
pub(crate) use offline::OfflineStore;
pub(crate) use request::Change;
pub(crate) use snapshot::{FirstRead, Snapshot};
pub(crate) use upkeep::{FileUsage, Upkeep};

use database::OpenDatabase;
use folder::DataFolder;
pub(crate) use folder::restore;
use pending::PendingChange;
use request::{SubmittedChange, WriterRequest};
use upkeep::DatabaseFile;
use writer::{Backend, CurrentSnapshot, StoreWriter};

/// A handle to the stored data; clones share it.
#[derive(Clone)]
pub(crate) struct Store(Arc<StoreHandle>);

struct StoreHandle {
    /// What waits for the writer. Nothing bounds it but the callers, each of which waits for an outcome: a bounded queue
    /// would admit those that wait for room in any order.
    requests: mpsc::UnboundedSender<WriterRequest>,
    current: Arc<CurrentSnapshot>,
    /// `None` in memory.
    file: Option<DatabaseFile>,
    /// Closed when the writer thread has ended.
    end: watch::Receiver<()>,
}

/// Memory. A database in it cannot be opened again after a failure.
struct MemoryBackend;

impl Backend for MemoryBackend {
    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        Err(io::Error::new(io::ErrorKind::NotFound, "it was in memory").into())
    }

    fn file_bytes(&self) -> Result<u64, StoreError> {
        Err(StoreError::Unsupported("the data is in memory".into()))
    }

    fn create_replacement(&mut self) -> Result<Database, StoreError> {
        Err(StoreError::Unsupported("the data is in memory".into()))
    }

    fn adopt_replacement(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Store {
    /// Opens the store in `folder`, which is created if it is missing and stays locked until the store is closed.
    ///
    /// This blocks: after a crash the whole database is checked, which takes a second or two per gigabyte.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_folder(folder, DataFolder::open(folder)?)
    }

    /// Opens the store in `folder`, which must have one.
    pub(crate) fn open_existing(folder: &Path) -> Result<Self, OpenError> {
        Self::open_folder(folder, DataFolder::open_existing(folder)?)
    }

    fn open_folder(path: &Path, (folder, database): (DataFolder, Database)) -> Result<Self, OpenError> {
        let file = DatabaseFile::new(folder.file());
        Self::start(database, Box::new(folder), Some(file)).map_err(|error| unusable(path, &error))
    }

    /// Opens a store in memory, which ends with its last handle.
    pub(crate) fn in_memory() -> Result<Self, OpenError> {
        let path = Path::new("(in memory)");
        let database = folder::database_builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| unusable(path, &error.into()))?;
        Self::start(database, Box::new(MemoryBackend), None).map_err(|error| unusable(path, &error))
    }

    fn start(
        database: Database,
        backend: Box<dyn Backend>,
        file: Option<DatabaseFile>,
    ) -> Result<Self, StoreError> {
        let (requests, queue) = mpsc::unbounded_channel();
        let database = OpenDatabase::new(database, &requests.downgrade());
        let snapshot = Snapshot::create(&database)?;
        let current = Arc::new(ArcSwap::from_pointee(Ok(Arc::new(snapshot))));
        let (ended, end) = watch::channel(());
        let writer = StoreWriter {
            requests: queue,
            sender: requests.downgrade(),
            current: current.clone(),
            database: Some(database),
            retired: Vec::new(),
            backend,
            failure: None,
            ended,
        };
        thread::Builder::new()
            .name("cocaine-store".into())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::from(redb::StorageError::Io(error)))?;
        Ok(Self(Arc::new(StoreHandle { requests, current, file, end })))
    }

    /// Returns the blob stored under `key`. This may read from disk, and never waits for the writer.
    pub(crate) fn read(&self, collection: &str, key: &str) -> Result<Bytes, StoreError> {
        match self.0.current.load().as_ref() {
            Ok(snapshot) => snapshot.read(collection, key),
            Err(error) => Err(error.clone()),
        }
    }

    fn begin_read(&self, collection: &str, key: &str) -> Result<FirstRead, StoreError> {
        match self.0.current.load().as_ref() {
            Ok(snapshot) => snapshot.begin_read(collection, key),
            Err(error) => Err(error.clone()),
        }
    }

    /// Returns the keys that have all of `tags`, in byte order. Without tags there are none.
    pub(crate) async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        match self.0.current.load_full().as_ref() {
            Ok(snapshot) => snapshot.find(collection, tags).await,
            Err(error) => Err(error.clone()),
        }
    }

    /// Runs `read` on the latest snapshot.
    #[cfg(test)]
    pub(crate) fn with_snapshot<T>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.snapshot().and_then(|snapshot| read(&snapshot))
    }

    /// Returns the latest snapshot. Hold it only for the time of a call.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        self.0.current.load().as_ref().clone()
    }

    /// Stores `blob` under `key`, replacing an older one, and adds `tags` to those of the key. The change is queued when this
    /// returns.
    pub(crate) fn write(
        &self,
        collection: &str,
        key: &str,
        blob: Bytes,
        tags: &[&str],
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        self.submit(blob.len(), blobs::write_operation(collection, key, blob, tags))
    }

    /// Removes the blob stored under `key` and its tags. A missing blob is not an error. The change is queued when this returns.
    pub(crate) fn remove(
        &self,
        collection: &str,
        key: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        self.submit(0, blobs::remove_operation(collection, key))
    }

    /// Makes `change` in a transaction, which it may share with others, and returns its value once the transaction is
    /// durable and visible to reads. `weight` is roughly the number of bytes that it writes. The change is queued when this
    /// returns, and changes are made in the order in which they are queued.
    ///
    /// It may be made even if the caller stops waiting, and after a [`Full`](StoreError::Full) or [`Io`](StoreError::Io)
    /// error its outcome is unknown.
    pub(crate) fn submit<T, F>(
        &self,
        weight: usize,
        change: F,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        self.submit_for(None, weight, change)
    }

    fn submit_for<C: Change>(
        &self,
        pending: Option<PendingChange>,
        weight: usize,
        change: C,
    ) -> impl Future<Output = Result<C::Value, StoreError>> + Send + use<C> {
        let (reply, outcome) = oneshot::channel();
        let submitted = SubmittedChange { change, weight, value: None, reply, pending };
        let queued = self.enqueue(WriterRequest::Run(Box::new(submitted)));
        async move {
            queued?;
            outcome.await.unwrap_or(Err(StoreError::Closed))
        }
    }

    /// Writes all rows into a new file, which takes the place of the old one. Changes wait until then; reads do not.
    pub(crate) async fn compact(&self) -> Result<CompactionSummary, StoreError> {
        let (reply, outcome) = oneshot::channel();
        self.enqueue(WriterRequest::Compact(reply))?;
        outcome.await.unwrap_or(Err(StoreError::Closed))
    }

    fn enqueue(&self, request: WriterRequest) -> Result<(), StoreError> {
        self.0.requests.send(request).map_err(|_| StoreError::Closed)
    }

    /// Carries out the operations that were submitted, closes the database and unlocks the folder. Every later use of
    /// the store fails.
    pub(crate) async fn close(&self) {
        // An error means that another `close` came first.
        drop(self.enqueue(WriterRequest::Close));
        let mut end = self.0.end.clone();
        while end.changed().await.is_ok() {}
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

fn unusable(path: &Path, error: &StoreError) -> OpenError {
    OpenError::Unusable { file: path.into(), reason: error.to_string() }
}
