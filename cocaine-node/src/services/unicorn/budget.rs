//! Bounds the memory that the subscriptions of one connection may use.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

/// More than the limit is queued for a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaggedError;

/// The memory that all subscriptions of one connection share.
#[derive(Debug)]
pub(super) struct ClientBudget {
    peer: Arc<str>,
    used: AtomicUsize,
    limit: usize,
    clients: ClientBudgets,
}

/// The budgets of the connections that subscribe; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientBudgets(Arc<Mutex<HashMap<Arc<str>, Weak<ClientBudget>>>>);

impl ClientBudgets {
    /// Returns the budget of a peer, which is created for its first subscription.
    pub(super) fn get(&self, peer: &str, limit: usize) -> Arc<ClientBudget> {
        let mut clients = self.lock();
        if let Some(known) = clients.get(peer).and_then(Weak::upgrade) {
            return known;
        }
        let peer: Arc<str> = peer.into();
        let client = Arc::new(ClientBudget {
            peer: peer.clone(),
            used: AtomicUsize::new(0),
            limit,
            clients: self.clone(),
        });
        clients.insert(peer, Arc::downgrade(&client));
        client
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<ClientBudget>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClientBudget {
    fn drop(&mut self) {
        let mut clients = self.clients.lock();
        // The peer may have subscribed again in the meantime.
        if clients.get(&self.peer).is_some_and(|known| known.strong_count() == 0) {
            clients.remove(&self.peer);
        }
    }
}

/// A share of a connection's budget, returned when it is dropped.
#[derive(Debug)]
pub(super) struct MemoryReservation {
    client: Arc<ClientBudget>,
    pub(super) bytes: usize,
}

impl MemoryReservation {
    pub(super) fn new(client: Arc<ClientBudget>) -> Self {
        Self { client, bytes: 0 }
    }

    /// Adds bytes, which stay reserved even if they exceed the budget: the subscriber is then cut off.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), LaggedError> {
        self.bytes += bytes;
        let used = self.client.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used <= self.client.limit { Ok(()) } else { Err(LaggedError) }
    }

    /// Returns bytes to the budget.
    pub(super) fn shrink(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.client.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.client.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl ClientBudget {
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
impl ClientBudgets {
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}
