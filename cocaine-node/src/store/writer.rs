//! The thread that changes the database. It commits everything that is queued as one transaction.
//!
//! ```text
//!   submit ──> queue ──> run each in one transaction ──> commit (a sync) ──> new snapshot ──> answers
//! ```
//!
//! Callers rely on the order of the last three: an answer means that the change survives a crash and that every later
//! read sees it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use arc_swap::ArcSwap;
use cocaine::bind::panic_text;
use redb::{Database, DatabaseError, WriteTransaction};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Snapshot, StoreError};

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
    /// Called before the database is closed for good.
    fn before_close(&mut self) {}
}

/// A queued operation, which knows its caller.
pub(super) trait Operation: Send {
    /// Returns roughly the number of bytes that it writes.
    fn weight(&self) -> usize;
    /// Makes the change. It runs again if another operation failed the transaction.
    fn run(&mut self, txn: &WriteTransaction) -> Result<(), StoreError>;
    /// Reports the outcome to the caller.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// An operation made of a closure.
pub(super) struct ClosureOperation<F, T, G> {
    pub(super) operation: F,
    pub(super) weight: usize,
    /// The value of the last run.
    pub(super) value: Option<T>,
    /// Called with the outcome before it is sent to the caller.
    pub(super) on_outcome: G,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T, G> Operation for ClosureOperation<F, T, G>
where
    F: FnMut(&WriteTransaction) -> Result<T, StoreError> + Send,
    T: Send,
    G: FnOnce(&Result<(), StoreError>, Option<&T>) + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, txn: &WriteTransaction) -> Result<(), StoreError> {
        self.value = None;
        self.value = Some((self.operation)(txn)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, on_outcome, reply, .. } = *self;
        on_outcome(&outcome, value.as_ref());
        // The caller may have stopped waiting.
        drop(reply.send(outcome.and_then(|()| value.ok_or(StoreError::Closed))));
    }
}

/// A message to the writer thread.
pub(super) enum WriterRequest {
    Run(Box<dyn Operation>),
    /// Ends the thread after the operations that are queued.
    Close,
}

pub(super) struct StoreWriter {
    pub(super) requests: mpsc::Receiver<WriterRequest>,
    pub(super) current: Arc<CurrentSnapshot>,
    /// `None` after a failure, until the database is opened again.
    pub(super) database: Option<Database>,
    pub(super) backend: Box<dyn Backend>,
    /// Dropped when the thread ends.
    pub(super) ended: watch::Sender<()>,
}

impl StoreWriter {
    /// Serves requests until the store is closed or its last handle is dropped.
    pub(super) fn run(mut self) {
        while let Some(request) = self.requests.blocking_recv() {
            let mut batch = OperationBatch::default();
            batch.push(request);
            while batch.has_room() {
                let Ok(request) = self.requests.try_recv() else { break };
                batch.push(request);
            }
            if batch.closing {
                self.requests.close();
            }
            if !batch.operations.is_empty() {
                self.commit_and_finish(batch.operations);
            }
        }
        self.close();
    }

    fn close(mut self) {
        self.current.store(Arc::new(Err(StoreError::Closed)));
        self.backend.before_close();
        if let Some(Err(error)) = self.database.take().map(Database::close) {
            tracing::error!(%error, "the database was not closed properly; all that was acknowledged is safe");
        }
        drop(self.ended);
    }

    fn commit_and_finish(&mut self, mut operations: Vec<Box<dyn Operation>>) {
        let outcome = self.commit(&mut operations);
        if let Err(error) = &outcome {
            tracing::error!(%error, operations = operations.len(), "stored data could not be changed");
            self.reopen(error);
        }
        for operation in operations {
            operation.finish(outcome.clone());
        }
    }

    /// Runs the operations in one transaction and commits it. One that fails by itself is finished and removed.
    fn commit(&mut self, operations: &mut Vec<Box<dyn Operation>>) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.open_database()?;
        }
        let Some(database) = &self.database else { return Err(StoreError::Closed) };
        while !operations.is_empty() {
            let txn = database.begin_write()?;
            match operations
                .iter_mut()
                .enumerate()
                .find_map(|(at, operation)| Some((at, run_catching_panic(operation, &txn).err()?)))
            {
                None => {
                    txn.commit()?;
                    self.current.store(Arc::new(Ok(Arc::new(Snapshot::new(database)?))));
                    return Ok(());
                }
                Some((_, error)) if error.is_fatal() => return Err(error),
                Some((at, error)) => {
                    // What the operation did before it failed must be undone, so the others run once more.
                    txn.abort()?;
                    operations.remove(at).finish(Err(error));
                }
            }
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
        let database = self.backend.reopen()?;
        let snapshot = Snapshot::create(&database)?;
        self.current.store(Arc::new(Ok(Arc::new(snapshot))));
        self.database = Some(database);
        Ok(())
    }
}

fn run_catching_panic(operation: &mut Box<dyn Operation>, txn: &WriteTransaction) -> Result<(), StoreError> {
    // Unwind-safe: after a panic both the transaction and the operation are discarded.
    match catch_unwind(AssertUnwindSafe(|| operation.run(txn))) {
        Ok(outcome) => outcome,
        Err(panic) => Err(StoreError::Panicked(panic_text(panic.as_ref()).to_owned())),
    }
}

#[derive(Default)]
struct OperationBatch {
    operations: Vec<Box<dyn Operation>>,
    bytes: usize,
    closing: bool,
}

impl OperationBatch {
    fn push(&mut self, request: WriterRequest) {
        match request {
            WriterRequest::Run(operation) => {
                self.bytes += operation.weight();
                self.operations.push(operation);
            }
            WriterRequest::Close => self.closing = true,
        }
    }

    fn has_room(&self) -> bool {
        self.operations.len() < MAX_BATCH && self.bytes < MAX_BATCH_BYTES
    }
}
