//! The data that outlives the node: blobs, found by key and by tags, and the nodes of a tree, in one database.
//!
//! An acknowledged change is durable. All changes go through one thread, which commits everything that is queued as one
//! transaction, so that one sync serves many callers. Reads use a snapshot of the last commit and never wait. No thread
//! of an async runtime ever syncs.

mod blobs;
mod error;
mod folder;
mod nodes;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use std::{io, path::Path, sync::Arc, thread};

use arc_swap::ArcSwap;
use bytes::Bytes;
use redb::{Database, DatabaseError, WriteTransaction, backends::InMemoryBackend};
use tokio::sync::{mpsc, oneshot, watch};

pub use error::{OpenError, StoreError};
pub(crate) use nodes::{NodeRecord, NodeTable};
pub(crate) use snapshot::Snapshot;

use folder::DataFolder;
use writer::{Backend, ClosureOperation, CurrentSnapshot, Operation, StoreWriter, WriterRequest};

/// The number of operations that may be queued for the writer. When the queue is full, `submit` waits.
const MAX_QUEUED: usize = 1024;

/// A handle to the stored data; clones share it.
#[derive(Clone)]
pub(crate) struct Store {
    requests: mpsc::Sender<WriterRequest>,
    current: Arc<CurrentSnapshot>,
    /// Closed when the writer thread has ended.
    end: watch::Receiver<()>,
}

/// Memory. A database in it cannot be opened again after a failure.
struct MemoryBackend;

impl Backend for MemoryBackend {
    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        Err(io::Error::new(io::ErrorKind::NotFound, "it was in memory").into())
    }
}

impl Store {
    /// Opens the store in `folder`, which is created if it is missing and stays locked until the store is closed.
    ///
    /// This blocks: after a crash the whole database is checked, which takes a second or two per gigabyte.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder;
        let (folder, database) = DataFolder::open(path)?;
        Self::start(database, Box::new(folder)).map_err(|error| unusable(path, &error))
    }

    /// Opens a store in memory, which ends with its last handle.
    pub(crate) fn in_memory() -> Result<Self, OpenError> {
        let path = Path::new("(in memory)");
        let database = folder::database_builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| unusable(path, &error.into()))?;
        Self::start(database, Box::new(MemoryBackend)).map_err(|error| unusable(path, &error))
    }

    fn start(database: Database, backend: Box<dyn Backend>) -> Result<Self, StoreError> {
        let snapshot = Snapshot::create(&database)?;
        let (requests, queue) = mpsc::channel(MAX_QUEUED);
        let current = Arc::new(ArcSwap::from_pointee(Ok(Arc::new(snapshot))));
        let (ended, end) = watch::channel(());
        let writer = StoreWriter {
            requests: queue,
            current: current.clone(),
            database: Some(database),
            backend,
            ended,
        };
        thread::Builder::new()
            .name("cocaine-store".into())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::from(redb::StorageError::Io(error)))?;
        Ok(Self { requests, current, end })
    }

    /// Returns the blob stored under `key`. This may read from disk, and never waits for the writer.
    pub(crate) fn read(&self, collection: &str, key: &str) -> Result<Bytes, StoreError> {
        match self.current.load().as_ref() {
            Ok(snapshot) => snapshot.read(collection, key),
            Err(error) => Err(error.clone()),
        }
    }

    /// Returns the keys that have all of `tags`, in byte order. Without tags there are none.
    pub(crate) async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        match self.current.load_full().as_ref() {
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
        self.current.load().as_ref().clone()
    }

    /// Stores `blob` under `key`, replacing an older one, and adds `tags` to those of the key.
    pub(crate) async fn write(
        &self,
        collection: &str,
        key: &str,
        blob: Bytes,
        tags: &[&str],
    ) -> Result<(), StoreError> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        self.submit(blob.len(), move |txn| {
            blobs::write(txn, &collection, &key, &blob, tags.iter().map(String::as_str))
        })
        .await
    }

    /// Removes the blob stored under `key` and its tags. A missing blob is not an error.
    pub(crate) async fn remove(&self, collection: &str, key: &str) -> Result<(), StoreError> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.submit(0, move |txn| blobs::remove(txn, &collection, &key)).await
    }

    /// Runs `operation` in a transaction, which it may share with others, and returns its value once the transaction is
    /// durable and visible to reads. `weight` is roughly the number of bytes that it writes.
    ///
    /// An `Err` undoes all that the operation did; a refusal that is not a failure of the storage belongs in `T`. The
    /// operation runs again if another one fails the shared transaction. It may be carried out even if the caller stops
    /// waiting, and after a [`Full`](StoreError::Full) or [`Io`](StoreError::Io) error its outcome is unknown.
    pub(crate) async fn submit<T, F>(&self, weight: usize, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        self.submit_with_callback(weight, operation, |_, _| ()).await
    }

    /// As [`Store::submit`], but calls `on_outcome` before the caller gets the outcome, in the order in which operations
    /// ran, on the writer's thread, which it must not block. `on_outcome` also gets the value of the last run, even
    /// after an error: a snapshot then shows whether the change was carried out.
    pub(crate) async fn submit_with_callback<T, F, G>(
        &self,
        weight: usize,
        operation: F,
        on_outcome: G,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
        G: FnOnce(&Result<(), StoreError>, Option<&T>) + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        self.enqueue(Box::new(ClosureOperation { operation, weight, value: None, on_outcome, reply }))
            .await?;
        outcome.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn enqueue(&self, job: Box<dyn Operation>) -> Result<(), StoreError> {
        self.requests.send(WriterRequest::Run(job)).await.map_err(|_| StoreError::Closed)
    }

    /// Carries out the operations that were submitted, closes the database and unlocks the folder. Every later use of
    /// the store fails.
    pub(crate) async fn close(&self) {
        // An error means that another `close` came first.
        drop(self.requests.send(WriterRequest::Close).await);
        let mut end = self.end.clone();
        while end.changed().await.is_ok() {}
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("waiting", &(MAX_QUEUED - self.requests.capacity()))
            .finish_non_exhaustive()
    }
}

fn unusable(path: &Path, error: &StoreError) -> OpenError {
    OpenError::Unusable { file: path.into(), reason: error.to_string() }
}
