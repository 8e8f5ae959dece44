//! Bounds the memory that the subscriptions of one connection may use.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use cocaine::{MemoryBudget, MemoryReservation};

/// More than the limit is queued for a subscriber, or more than there is memory for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LaggedError;

/// The memory that all subscriptions of one connection share.
#[derive(Debug)]
pub(super) struct ClientBudget {
    peer: Arc<str>,
    used: AtomicUsize,
    limit: usize,
    /// What is counted in the budget of the node.
    counted: Mutex<MemoryReservation>,
    clients: ClientBudgets,
}

/// The budgets of the connections that subscribe; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ClientBudgets {
    clients: Arc<Mutex<HashMap<Arc<str>, Weak<ClientBudget>>>>,
    memory: MemoryBudget,
}

impl ClientBudgets {
    /// Returns budgets whose memory is counted in `memory`.
    pub(super) fn new(memory: MemoryBudget) -> Self {
        Self { clients: Arc::default(), memory }
    }

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
            counted: Mutex::new(self.memory.charge(0)),
            clients: self.clone(),
        });
        clients.insert(peer, Arc::downgrade(&client));
        client
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<ClientBudget>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientBudget {
    /// Counts `used` bytes in the budget of the node; returns whether there is memory for them.
    fn count(&self, used: usize) -> bool {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).try_count(used)
    }

    /// Subtracts bytes that are not used any more.
    fn subtract(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::Relaxed);
        if before > MemoryBudget::UNCOUNTED_BYTES {
            self.count(before - bytes);
        }
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
pub(super) struct ClientReservation {
    client: Arc<ClientBudget>,
    pub(super) bytes: usize,
}

impl ClientReservation {
    pub(super) fn new(client: Arc<ClientBudget>) -> Self {
        Self { client, bytes: 0 }
    }

    /// Adds bytes, which stay reserved even if they exceed the budget: the subscriber is then cut off.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), LaggedError> {
        self.bytes += bytes;
        let used = self.client.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let is_small = used <= MemoryBudget::UNCOUNTED_BYTES;
        let fits = used <= self.client.limit && (is_small || self.client.count(used));
        if fits { Ok(()) } else { Err(LaggedError) }
    }

    /// Returns bytes to the budget.
    pub(super) fn shrink(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.client.subtract(bytes);
    }
}

impl Drop for ClientReservation {
    fn drop(&mut self) {
        self.client.subtract(self.bytes);
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
