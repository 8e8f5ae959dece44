//! The store as one client uses it: in the order in which the client submits.
//!
//! A change is queued when it is submitted. An observer runs at once on the current snapshot unless a change of its client
//! is under way; then it is queued behind that. Neither waits before its place is fixed, so whoever submits in the order of
//! the client's calls keeps that order.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{
    FirstRead, Snapshot, Store, StoreError, blobs,
    pending::{ClientId, PendingChange, PendingObserver, PendingOperations},
    request::{Change, Observer, WriterRequest},
};

/// A handle to the store for the calls of one client.
#[derive(Clone, Debug)]
pub(crate) struct ClientStore {
    store: Store,
    pending: Arc<PendingOperations>,
}

impl ClientStore {
    pub(crate) fn new(store: Store, pending: Arc<PendingOperations>) -> Self {
        Self { store, pending }
    }

    /// Returns whether nothing that the client has submitted is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Calls `read` with the state of the store at this place among the operations of the client: now, if no change of the
    /// client is under way, else on the writer's thread, which it must not block.
    pub(crate) fn observe<T, F>(&self, read: F) -> Observation<T>
    where
        T: Send + 'static,
        F: FnOnce(&ObservedState<'_>) -> T + Send + 'static,
    {
        if !self.pending.has_changes() {
            return Observation::Done(Some(Ok(read(&ObservedState::Current(&self.store)))));
        }
        let (reply, outcome) = oneshot::channel();
        let observer = ClosureObserver { read, reply, pending: PendingObserver::new(&self.pending) };
        match self.store.enqueue(WriterRequest::Observe(Box::new(observer))) {
            Ok(()) => Observation::Queued(outcome),
            Err(error) => Observation::Done(Some(Err(error))),
        }
    }

    /// Returns the blob stored under `key`. This may read from disk.
    pub(crate) async fn read(&self, collection: &str, key: &str) -> Result<Bytes, StoreError> {
        if !self.pending.has_changes() {
            return self.store.read(collection, key);
        }
        self.snapshot().await?.read(collection, key)
    }

    /// Returns the blob stored under `key`, if it is small.
    pub(crate) async fn begin_read(&self, collection: &str, key: &str) -> Result<FirstRead, StoreError> {
        if !self.pending.has_changes() {
            return self.store.begin_read(collection, key);
        }
        self.snapshot().await?.begin_read(collection, key)
    }

    /// Returns the keys that have all of `tags`, in byte order. Without tags there are none.
    pub(crate) async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>, StoreError> {
        self.snapshot().await?.find(collection, tags).await
    }

    /// Returns a snapshot at this place among the operations of the client. Hold it only for the time of a call.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        self.observe(|observed: &ObservedState<'_>| observed.snapshot()).await?
    }

    /// Stores `blob` under `key`, replacing an older one, and adds `tags` to those of the key.
    pub(crate) async fn write(
        &self,
        collection: &str,
        key: &str,
        blob: Bytes,
        tags: &[&str],
    ) -> Result<(), StoreError> {
        self.submit_change(blob.len(), blobs::write_operation(collection, key, blob, tags)).await
    }

    /// Removes the blob stored under `key` and its tags. A missing blob is not an error.
    pub(crate) async fn remove(&self, collection: &str, key: &str) -> Result<(), StoreError> {
        self.submit_change(0, blobs::remove_operation(collection, key)).await
    }

    /// As [`Store::submit`].
    pub(crate) fn submit_change<C: Change>(
        &self,
        weight: usize,
        change: C,
    ) -> impl Future<Output = Result<C::Value, StoreError>> + Send + use<C> {
        self.store.submit_for(Some(PendingChange::new(&self.pending)), weight, change)
    }
}

/// The state that an observer sees.
pub(crate) enum ObservedState<'s> {
    /// That of the last commit.
    Current(&'s Store),
    /// That at the observer's place among the changes.
    At(Arc<Snapshot>),
}

impl ObservedState<'_> {
    /// Returns a snapshot of the state. If that is the one of the last commit, the snapshot is as new as this call.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        match self {
            Self::Current(store) => store.snapshot(),
            Self::At(snapshot) => Ok(snapshot.clone()),
        }
    }
}

/// What an observer returns, or the error that kept it from running.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub(crate) enum Observation<T> {
    /// `None` once it is returned.
    Done(Option<Result<T, StoreError>>),
    Queued(oneshot::Receiver<Result<T, StoreError>>),
}

// The value is never pinned.
impl<T> Unpin for Observation<T> {}

impl<T> Future for Observation<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Done(outcome) => Poll::Ready(outcome.take().unwrap_or(Err(StoreError::Closed))),
            Self::Queued(outcome) => {
                Pin::new(outcome).poll(cx).map(|outcome| outcome.unwrap_or(Err(StoreError::Closed)))
            }
        }
    }
}

struct ClosureObserver<T, F> {
    read: F,
    reply: oneshot::Sender<Result<T, StoreError>>,
    pending: PendingObserver,
}

impl<T, F> Observer for ClosureObserver<T, F>
where
    T: Send,
    F: FnOnce(&ObservedState<'_>) -> T + Send,
{
    fn client(&self) -> ClientId {
        self.pending.client()
    }

    fn show(self: Box<Self>, snapshot: Result<Arc<Snapshot>, StoreError>) {
        let Self { read, reply, pending } = *self;
        let outcome = snapshot.map(|snapshot| read(&ObservedState::At(snapshot)));
        drop(pending);
        // The caller may have stopped waiting.
        drop(reply.send(outcome));
    }
}
