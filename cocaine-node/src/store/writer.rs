//! The one thread that changes the database: it commits everything that waits at once.
//!
//! ```text
//!   submit ──> queue ──> run each in one transaction ──> commit (a sync) ──> new snapshot ──> answers
//! ```
//!
//! The order of the last three is what callers rely on: an answer means that the change survives a crash and
//! that every later read sees it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use arc_swap::ArcSwap;
use cocaine::bind::panic_text;
use redb::{Database, DatabaseError, WriteTransaction};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Snapshot, StoreError};

/// How many operations one transaction takes at most.
const BATCH: usize = 1024;
/// Bytes of operations after which a transaction takes no more of them.
const BATCH_BYTES: usize = 64 << 20;

/// What readers are given: the newest snapshot, or why there is none.
pub(super) type Current = ArcSwap<Result<Arc<Snapshot>, StoreError>>;

/// Where the database is kept.
pub(super) trait Medium: Send {
    /// Opens the database again after a failure.
    fn reopen(&mut self) -> Result<Database, DatabaseError>;
    /// Hears that the database is about to be closed for good.
    fn leave(&mut self) {}
}

/// An operation that waits for its transaction, and whoever waits for its outcome.
pub(super) trait Job: Send {
    /// Returns roughly how many bytes it writes.
    fn weight(&self) -> usize;
    /// Makes the change. It runs again if another operation spoilt the transaction.
    fn run(&mut self, txn: &WriteTransaction) -> Result<(), StoreError>;
    /// Says how it ended.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A job made of a closure.
pub(super) struct Task<F, T, G> {
    pub(super) operation: F,
    pub(super) weight: usize,
    /// What the last run returned.
    pub(super) value: Option<T>,
    /// Hears of the outcome first.
    pub(super) told: G,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T, G> Job for Task<F, T, G>
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

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { value, told, reply, .. } = *self;
        told(&outcome, value.as_ref());
        // Whoever asked may have stopped waiting.
        drop(reply.send(outcome.and_then(|()| value.ok_or(StoreError::Closed))));
    }
}

/// What travels to the thread.
pub(super) enum Request {
    Run(Box<dyn Job>),
    /// Takes no further requests, and closes the database when those that wait are done.
    Close,
}

pub(super) struct Writer {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) current: Arc<Current>,
    /// `None` after a failure until the database could be opened again.
    pub(super) database: Option<Database>,
    pub(super) medium: Box<dyn Medium>,
    /// Dropped when all is done.
    pub(super) ended: watch::Sender<()>,
}

impl Writer {
    /// Serves requests until the store is closed or nobody holds it any more.
    pub(super) fn run(mut self) {
        while let Some(request) = self.requests.blocking_recv() {
            let mut batch = Batch::default();
            batch.take(request);
            while batch.has_room() {
                let Ok(request) = self.requests.try_recv() else { break };
                batch.take(request);
            }
            if batch.closing {
                self.requests.close();
            }
            if !batch.jobs.is_empty() {
                self.serve(batch.jobs);
            }
        }
        self.close();
    }

    fn close(mut self) {
        self.current.store(Arc::new(Err(StoreError::Closed)));
        self.medium.leave();
        if let Some(Err(error)) = self.database.take().map(Database::close) {
            tracing::error!(%error, "the database was not closed properly; all that was acknowledged is safe");
        }
        drop(self.ended);
    }

    fn serve(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let outcome = self.commit(&mut jobs);
        if let Err(error) = &outcome {
            tracing::error!(%error, operations = jobs.len(), "stored data could not be changed");
            self.reopen(error);
        }
        for job in jobs {
            job.answer(outcome.clone());
        }
    }

    /// Runs `jobs` in one transaction and commits it. A job that fails alone is answered and left out.
    fn commit(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.revive()?;
        }
        let Some(database) = &self.database else { return Err(StoreError::Closed) };
        while !jobs.is_empty() {
            let txn = database.begin_write()?;
            match jobs.iter_mut().enumerate().find_map(|(at, job)| Some((at, guarded(job, &txn).err()?))) {
                None => {
                    txn.commit()?;
                    self.current.store(Arc::new(Ok(Arc::new(Snapshot::take(database)?))));
                    return Ok(());
                }
                Some((_, error)) if error.is_fatal() => return Err(error),
                Some((at, error)) => {
                    // What the job did before it failed must not be kept, so the others run once more.
                    txn.abort()?;
                    jobs.remove(at).answer(Err(error));
                }
            }
        }
        Ok(())
    }

    /// Leaves the database that failed: after an error it serves nobody until it is opened again.
    fn reopen(&mut self, error: &StoreError) {
        self.current.store(Arc::new(Err(error.clone())));
        self.database = None;
        if let Err(error) = self.revive() {
            tracing::error!(%error, "the database cannot be opened again");
        }
    }

    fn revive(&mut self) -> Result<(), StoreError> {
        let database = self.medium.reopen()?;
        let snapshot = Snapshot::first(&database)?;
        self.current.store(Arc::new(Ok(Arc::new(snapshot))));
        self.database = Some(database);
        Ok(())
    }
}

fn guarded(job: &mut Box<dyn Job>, txn: &WriteTransaction) -> Result<(), StoreError> {
    // After a panic the transaction is thrown away, and the job with it: nothing half done is seen again.
    match catch_unwind(AssertUnwindSafe(|| job.run(txn))) {
        Ok(outcome) => outcome,
        Err(panic) => Err(StoreError::Panicked(panic_text(panic.as_ref()).to_owned())),
    }
}

#[derive(Default)]
struct Batch {
    jobs: Vec<Box<dyn Job>>,
    bytes: usize,
    closing: bool,
}

impl Batch {
    fn take(&mut self, request: Request) {
        match request {
            Request::Run(job) => {
                self.bytes += job.weight();
                self.jobs.push(job);
            }
            Request::Close => self.closing = true,
        }
    }

    fn has_room(&self) -> bool {
        self.jobs.len() < BATCH && self.bytes < BATCH_BYTES
    }
}
