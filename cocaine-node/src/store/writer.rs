//! The thread that changes the database. It commits everything that is queued as one transaction.
//!
//! ```text
//!   submit ──> queue ──> run each in one transaction ──> commit (a sync) ──> new snapshot ──> answers
//! ```
//!
//! Callers rely on the order of the last three: an answer means that the change survives a crash and that every later
//! read sees it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use arc_swap::ArcSwap;
use cocaine::bind::panic_text;
use redb::{Database, DatabaseError};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    CompactionSummary, Snapshot, StoreError,
    batch::{Batch, BatchEntry},
    compaction::copy_rows,
    database::{OpenDatabase, RetiredDatabase},
    request::WriterRequest,
};

/// The largest number of operations in one transaction.
const MAX_BATCH: usize = 1024;
/// The size in bytes at which a transaction accepts no further operations.
const MAX_BATCH_BYTES: usize = 64 << 20;

/// The newest snapshot, or the error that readers get instead.
pub(super) type CurrentSnapshot = ArcSwap<Result<Arc<Snapshot>, StoreError>>;

/// Where the database is kept.
pub(super) trait Backend: Send {
    /// Opens the database again after a failure.
    fn reopen(&mut self) -> Result<Database, DatabaseError>;
    /// Returns the size of the database's file.
    fn file_bytes(&self) -> Result<u64, StoreError>;
    /// Creates an empty database beside the one in use.
    fn create_replacement(&mut self) -> Result<Database, StoreError>;
    /// Puts the replacement, which is whole and on the disk, in the place of the database.
    fn adopt_replacement(&mut self) -> io::Result<()>;
    /// Removes a replacement that is not whole.
    fn discard_replacement(&mut self) {}
    /// Called before the database is closed for good.
    fn before_close(&mut self) {}
}

pub(super) struct StoreWriter {
    pub(super) requests: mpsc::UnboundedReceiver<WriterRequest>,
    /// The other end, for the messages of snapshots.
    pub(super) sender: mpsc::WeakUnboundedSender<WriterRequest>,
    pub(super) current: Arc<CurrentSnapshot>,
    /// `None` after a failure, until the database is opened again.
    pub(super) database: Option<OpenDatabase>,
    /// Those that compactions have replaced, while their snapshots are in use.
    pub(super) retired: Vec<RetiredDatabase>,
    pub(super) backend: Box<dyn Backend>,
    /// A panic, which may have left the database in any state: it must be opened again.
    pub(super) failure: Option<StoreError>,
    /// Dropped when the thread ends.
    pub(super) ended: watch::Sender<()>,
}

impl StoreWriter {
    /// Serves requests until the store is closed or its last handle is dropped. If that panics, the callers of the batch get
    /// an error, and the database is opened again.
    pub(super) fn run(mut self) {
        // Unwind-safe: the batch is gone, and the database and the snapshot are replaced.
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.serve())) {
            let error = StoreError::Panicked(panic_text(panic.as_ref()).to_owned());
            tracing::error!(%error, "the storage has failed: it starts again");
            self.failure = Some(error);
        }
        self.close();
    }

    fn serve(&mut self) {
        if let Some(error) = self.failure.take() {
            self.reopen(&error);
        }
        while let Some(request) = self.requests.blocking_recv() {
            let mut queued = QueuedRequests::default();
            queued.push(request);
            while queued.has_room() {
                let Ok(request) = self.requests.try_recv() else { break };
                queued.push(request);
            }
            if queued.closing {
                self.requests.close();
            }
            let mut entries = queued.entries;
            while !entries.is_empty() {
                entries = self.commit_and_finish(entries);
            }
            if !queued.compactions.is_empty() {
                let outcome = self.compact();
                for reply in queued.compactions {
                    // The caller may have stopped waiting.
                    drop(reply.send(outcome.clone()));
                }
            }
            self.retired.retain(RetiredDatabase::is_in_use);
        }
    }

    /// Replaces the database by a copy of its rows. If that fails, the database stays as it is.
    fn compact(&mut self) -> Result<CompactionSummary, StoreError> {
        if self.database.is_none() {
            self.open_database()?;
        }
        let snapshot = self.current.load().as_ref().clone()?;
        let bytes_before = self.backend.file_bytes()?;
        let mut replacement = self.backend.create_replacement()?;
        let copied = copy_rows(&snapshot, &mut replacement);
        drop(snapshot);
        let replacement = OpenDatabase::new(replacement, &self.sender);
        let snapshot = match copied.and_then(|()| Snapshot::new(&replacement)) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                drop(replacement);
                self.backend.discard_replacement();
                return Err(error);
            }
        };
        if let Err(error) = self.backend.adopt_replacement() {
            drop((snapshot, replacement));
            let error = StoreError::from(redb::StorageError::Io(error));
            // It is not known which of the two has the place.
            self.reopen(&error);
            return Err(error);
        }
        self.current.store(Arc::new(Ok(Arc::new(snapshot))));
        self.retired.extend(self.database.replace(replacement).map(OpenDatabase::retire));
        let bytes_after = self.backend.file_bytes()?;
        Ok(CompactionSummary { bytes_before, bytes_after })
    }

    fn close(mut self) {
        self.current.store(Arc::new(Err(StoreError::Closed)));
        self.backend.before_close();
        if let Some(Err(error)) = self.database.take().map(OpenDatabase::close) {
            tracing::error!(%error, "the database was not closed properly; all that was acknowledged is safe");
        }
        // The folder is unlocked by the time that waiting callers learn of the end.
        drop((self.retired, self.backend));
        drop(self.ended);
    }

    /// Returns the entries that must wait until the others are finished.
    fn commit_and_finish(&mut self, entries: Vec<BatchEntry>) -> Vec<BatchEntry> {
        let mut batch = Batch::new(entries);
        let outcome = self.commit(&mut batch);
        if let Err(error) = &outcome {
            let operations = batch.entries.len();
            tracing::error!(%error, operations, "stored data could not be changed");
            self.reopen(error);
        }
        let current = self.current.load().as_ref().clone();
        let latest = outcome.and(current);
        for entry in batch.entries {
            entry.finish(latest.clone());
        }
        batch.later
    }

    /// Commits a batch and replaces the current snapshot.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.open_database()?;
        }
        let Some(database) = &self.database else { return Err(StoreError::Closed) };
        let current = self.current.load().as_ref().clone()?;
        if let Some(committed) = batch.commit(database, current)? {
            self.current.store(Arc::new(Ok(committed)));
        }
        Ok(())
    }

    /// Replaces a database that failed: after an I/O error redb refuses all use until it is opened again.
    fn reopen(&mut self, error: &StoreError) {
        self.current.store(Arc::new(Err(error.clone())));
        self.database = None;
        if let Err(error) = self.open_database() {
            tracing::error!(%error, "the database cannot be opened again");
        }
    }

    fn open_database(&mut self) -> Result<(), StoreError> {
        let database = OpenDatabase::new(self.backend.reopen()?, &self.sender);
        let snapshot = Snapshot::create(&database)?;
        self.current.store(Arc::new(Ok(Arc::new(snapshot))));
        self.database = Some(database);
        Ok(())
    }
}

#[derive(Default)]
struct QueuedRequests {
    entries: Vec<BatchEntry>,
    bytes: usize,
    compactions: Vec<oneshot::Sender<Result<CompactionSummary, StoreError>>>,
    closing: bool,
}

impl QueuedRequests {
    fn push(&mut self, request: WriterRequest) {
        match request {
            WriterRequest::Run(operation) => {
                self.bytes += operation.weight();
                self.entries.push(BatchEntry::Change(operation));
            }
            WriterRequest::Observe(observer) => self.entries.push(BatchEntry::view(observer)),
            WriterRequest::Compact(reply) => self.compactions.push(reply),
            // They are dropped after every batch.
            WriterRequest::DropRetired => {}
            WriterRequest::Close => self.closing = true,
        }
    }

    fn has_room(&self) -> bool {
        self.entries.len() < MAX_BATCH && self.bytes < MAX_BATCH_BYTES
    }
}
