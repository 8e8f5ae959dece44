//! The operations of one client that are under way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The operations of one client that are under way.
#[derive(Debug, Default)]
pub(crate) struct PendingOperations {
    changes: AtomicUsize,
    observers: AtomicUsize,
}

/// Tells clients apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientId(usize);

/// Counts a change as under way until it is dropped.
#[derive(Debug)]
pub(super) struct PendingChange(Arc<PendingOperations>);

/// Counts an observer as under way until it is dropped.
#[derive(Debug)]
pub(super) struct PendingObserver(Arc<PendingOperations>);

impl PendingOperations {
    /// Returns whether a change is under way.
    pub(super) fn has_changes(&self) -> bool {
        self.changes.load(Ordering::Acquire) > 0
    }

    /// Returns whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_changes() && self.observers.load(Ordering::Acquire) == 0
    }

    fn id(self: &Arc<Self>) -> ClientId {
        ClientId(Arc::as_ptr(self).addr())
    }
}

impl PendingChange {
    pub(super) fn new(client: &Arc<PendingOperations>) -> Self {
        client.changes.fetch_add(1, Ordering::Relaxed);
        Self(client.clone())
    }

    pub(super) fn client(&self) -> ClientId {
        self.0.id()
    }
}

impl Drop for PendingChange {
    fn drop(&mut self) {
        // Whoever sees the count sees the snapshot that was published before.
        self.0.changes.fetch_sub(1, Ordering::Release);
    }
}

impl PendingObserver {
    pub(super) fn new(client: &Arc<PendingOperations>) -> Self {
        client.observers.fetch_add(1, Ordering::Relaxed);
        Self(client.clone())
    }

    pub(super) fn client(&self) -> ClientId {
        self.0.id()
    }
}

impl Drop for PendingObserver {
    fn drop(&mut self) {
        self.0.observers.fetch_sub(1, Ordering::Release);
    }
}
