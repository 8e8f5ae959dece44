//! What waits for the writer: changes, and observers of the state between them.

use std::sync::Arc;

use redb::WriteTransaction;
use tokio::sync::oneshot;

use super::{
    CompactionSummary, Snapshot, StoreError,
    pending::{ClientId, PendingChange},
};

/// A change of the store, which may share its transaction with others.
pub(crate) trait Change: Send + 'static {
    /// What the caller gets.
    type Value: Send + 'static;

    /// Returns whether all changes before this one must be finished before it runs, since it depends on more than what is
    /// stored.
    fn runs_first(&self) -> bool {
        false
    }

    /// Makes the change. It runs again if another one fails the shared transaction. An `Err` undoes all that it did; a
    /// refusal that is not a failure of the storage belongs in the value.
    fn run(&mut self, txn: &WriteTransaction) -> Result<Self::Value, StoreError>;

    /// Called before the caller gets the outcome, in the order in which the changes ran, on the writer's thread, which it
    /// must not block. The value is that of the last run, even after an error: a snapshot then shows whether the change was
    /// carried out.
    fn finish(self, _outcome: &Result<(), StoreError>, _value: Option<&mut Self::Value>)
    where
        Self: Sized,
    {
    }
}

impl<T, F> Change for F
where
    T: Send + 'static,
    F: FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
{
    type Value = T;

    fn run(&mut self, txn: &WriteTransaction) -> Result<T, StoreError> {
        self(txn)
    }
}

/// A queued operation, which knows its caller.
pub(super) trait Operation: Send {
    /// Returns roughly the number of bytes that it writes.
    fn weight(&self) -> usize;
    /// Returns the client that submitted it, if it was one.
    fn client(&self) -> Option<ClientId> {
        None
    }
    /// Returns whether all operations before it must be finished before it runs.
    fn runs_first(&self) -> bool {
        false
    }
    /// Makes the change. It runs again if another operation failed the transaction.
    fn run(&mut self, txn: &WriteTransaction) -> Result<(), StoreError>;
    /// Reports the outcome to the caller.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A reader that waits for the changes which its client has submitted before it.
pub(super) trait Observer: Send {
    fn client(&self) -> ClientId;
    /// Passes the state of the store, at the place of the observer among the operations.
    fn show(self: Box<Self>, snapshot: Result<Arc<Snapshot>, StoreError>);
}

/// A change with the way to its caller.
pub(super) struct SubmittedChange<C: Change> {
    pub(super) change: C,
    pub(super) weight: usize,
    /// The value of the last run.
    pub(super) value: Option<C::Value>,
    pub(super) reply: oneshot::Sender<Result<C::Value, StoreError>>,
    pub(super) pending: Option<PendingChange>,
}

impl<C: Change> Operation for SubmittedChange<C> {
    fn weight(&self) -> usize {
        self.weight
    }

    fn client(&self) -> Option<ClientId> {
        self.pending.as_ref().map(PendingChange::client)
    }

    fn runs_first(&self) -> bool {
        self.change.runs_first()
    }

    fn run(&mut self, txn: &WriteTransaction) -> Result<(), StoreError> {
        self.value = None;
        self.value = Some(self.change.run(txn)?);
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { change, mut value, reply, pending, .. } = *self;
        change.finish(&outcome, value.as_mut());
        // Before the answer, so that a read that follows it need not queue.
        drop(pending);
        // The caller may have stopped waiting.
        drop(reply.send(outcome.and_then(|()| value.ok_or(StoreError::Closed))));
    }
}

/// A message to the writer thread.
pub(super) enum WriterRequest {
    Run(Box<dyn Operation>),
    Observe(Box<dyn Observer>),
    /// Compacts the database after the operations that are queued.
    Compact(oneshot::Sender<Result<CompactionSummary, StoreError>>),
    /// Drops the replaced databases that no snapshot uses any more.
    DropRetired,
    /// Ends the thread after the operations that are queued.
    Close,
}
