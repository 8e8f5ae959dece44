//! The data that outlives the node: blobs found by key and by tags, nodes of a tree, and whatever else shares their
//! database.
//!
//! An acknowledged change is on the medium. All changes go through one thread, which commits those that wait
//! as one transaction, so that a sync serves many callers; reads go to a snapshot that the last commit left
//! and wait for nothing. No thread of a runtime ever syncs.

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
pub(crate) use nodes::{Nodes, Record};
pub use snapshot::Snapshot;

use folder::Folder;
use writer::{Current, Job, Medium, Request, Task, Writer};

/// How many operations may wait for the writer before those who submit more have to wait too.
const QUEUE: usize = 1024;

/// A handle of the stored data; clones share it.
#[derive(Clone)]
pub struct Store {
    requests: mpsc::Sender<Request>,
    current: Arc<Current>,
    end: watch::Receiver<()>,
}

/// Memory, which loses what it held when the database in it fails.
struct Memory;

impl Medium for Memory {
    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        Err(io::Error::new(io::ErrorKind::NotFound, "it was in memory").into())
    }
}

impl Store {
    /// Opens the store in `folder`, which it creates if need be and holds until it is closed.
    ///
    /// This blocks: after a crash the whole database is checked, a second or two for each gigabyte.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder;
        let (folder, database) = Folder::open(path)?;
        Self::start(database, Box::new(folder)).map_err(|error| failed(path, &error))
    }

    /// Opens a store that lives in memory and ends with its last handle.
    pub fn in_memory() -> Result<Self, OpenError> {
        let path = Path::new("(in memory)");
        let database = folder::settings()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| failed(path, &error.into()))?;
        Self::start(database, Box::new(Memory)).map_err(|error| failed(path, &error))
    }

    fn start(database: Database, medium: Box<dyn Medium>) -> Result<Self, StoreError> {
        let snapshot = Snapshot::first(&database)?;
        let (requests, queue) = mpsc::channel(QUEUE);
        let current = Arc::new(ArcSwap::from_pointee(Ok(Arc::new(snapshot))));
        let (ended, end) = watch::channel(());
        let current_too = current.clone();
        let writer =
            Writer { requests: queue, current: current_too, database: Some(database), medium, ended };
        thread::Builder::new()
            .name("cocaine-store".into())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::from(redb::StorageError::Io(error)))?;
        Ok(Self { requests, current, end })
    }

    /// Returns the blob stored under `key`. This is a lookup in memory or on disk, and waits for no writer.
    pub fn read(&self, collection: &str, key: &str) -> Result<Bytes, StoreError> {
        match self.current.load().as_ref() {
            Ok(snapshot) => snapshot.read(collection, key),
            Err(error) => Err(error.clone()),
        }
    }

    /// Returns the keys that carry every one of `tags`, in byte order; none for no tags.
    pub async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        match self.current.load_full().as_ref() {
            Ok(snapshot) => snapshot.find(collection, tags).await,
            Err(error) => Err(error.clone()),
        }
    }

    /// Runs `read` on everything that was committed up to now.
    pub fn with_snapshot<T>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.snapshot().and_then(|snapshot| read(&snapshot))
    }

    /// Returns everything that was committed up to now, for as long as it takes to read it.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        self.current.load().as_ref().clone()
    }

    /// Stores `blob` under `key`, replacing what was there, and adds `tags` to those that the key has.
    pub async fn write(
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

    /// Removes the blob stored under `key`, and its tags; a missing one is no error.
    pub async fn remove(&self, collection: &str, key: &str) -> Result<(), StoreError> {
        let (collection, key) = (collection.to_owned(), key.to_owned());
        self.submit(0, move |txn| blobs::remove(txn, &collection, &key)).await
    }

    /// Runs `operation` in a transaction, maybe together with others, and returns its value once the
    /// transaction is on the medium and reads see it. `weight` is roughly how many bytes it writes.
    ///
    /// An `Err` undoes all that the operation did; a refusal that is no failure of the storage belongs into
    /// `T`. The operation runs again if another one spoils the transaction. It may be carried out even if the
    /// caller stops waiting, and after an error of kind [`Full`](StoreError::Full) or
    /// [`Io`](StoreError::Io) nothing says whether it was.
    pub async fn submit<T, F>(&self, weight: usize, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    {
        self.submit_telling(weight, operation, |_, _| ()).await
    }

    /// As [`Store::submit`]; `told` hears of the outcome before anybody else, in the order in which operations were run,
    /// on the writer's thread, which it must not hold up. It also gets what the last run returned, whatever the outcome:
    /// after an error the snapshot shows whether that was carried out.
    pub(crate) async fn submit_telling<T, F, G>(
        &self,
        weight: usize,
        operation: F,
        told: G,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
        G: FnOnce(&Result<(), StoreError>, Option<&T>) + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        self.enqueue(Box::new(Task { operation, weight, value: None, told, reply })).await?;
        outcome.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn enqueue(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.requests.send(Request::Run(job)).await.map_err(|_| StoreError::Closed)
    }

    /// Carries out what was submitted, closes the database and lets go of the folder. Every later use of the
    /// store fails.
    pub async fn close(&self) {
        // An error means that another `close` came first.
        drop(self.requests.send(Request::Close).await);
        let mut end = self.end.clone();
        while end.changed().await.is_ok() {}
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("waiting", &(QUEUE - self.requests.capacity())).finish_non_exhaustive()
    }
}

fn failed(path: &Path, error: &StoreError) -> OpenError {
    OpenError::Unusable { file: path.into(), reason: error.to_string() }
}
