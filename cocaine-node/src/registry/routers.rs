//! The routers that subscribe to the routing table. A slow router skips to the newest table.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc};

use super::SubscriptionError;
use crate::registry::routing::RoutingTable;

/// The subscribed routers and the current table; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Routers(Arc<Mutex<RouterState>>);

#[derive(Default)]
struct RouterState {
    table: Arc<RoutingTable>,
    routers: BTreeMap<String, Arc<RouterSlot>>,
    stopped: bool,
}

/// The mailbox of one router. A new table replaces an undelivered one, since each table is complete.
struct RouterSlot {
    owner: String,
    state: Mutex<SlotState>,
    changed: Notify,
}

#[derive(Default)]
struct SlotState {
    table: Option<Arc<RoutingTable>>,
    guards: Vec<DeliveryGuard>,
    ended: Option<SubscriptionError>,
}

/// Dropped when a table was delivered, or its router is gone.
type DeliveryGuard = mpsc::Sender<()>;

/// The receiving half of a router's subscription.
pub(crate) struct RouterSubscription {
    uuid: String,
    slot: Arc<RouterSlot>,
    routers: Routers,
}

/// A table for a router. Drop it once the table is sent: a refresh on the same connection waits for that.
#[derive(Debug)]
pub(crate) struct TableDelivery {
    /// The routing table.
    pub(crate) table: Arc<RoutingTable>,
    _guards: Vec<DeliveryGuard>,
}

/// The deliveries of a table that a refresh waits for.
#[derive(Debug)]
#[must_use]
pub(crate) struct PendingDeliveries(mpsc::Receiver<()>);

impl PendingDeliveries {
    /// Waits until each router has got its table or is gone.
    pub(crate) async fn wait(mut self) {
        while self.0.recv().await.is_some() {}
    }
}

impl Routers {
    /// Subscribes the router `uuid` of the connection `owner`; it gets the current table at once. An older subscription
    /// of `uuid` ends.
    pub(crate) fn subscribe(&self, uuid: &str, owner: &str) -> RouterSubscription {
        let mut state = self.state();
        let table = Some(state.table.clone());
        let ended = state.stopped.then_some(SubscriptionError::Stopped);
        let slot_state = Mutex::new(SlotState { table, ended, ..SlotState::default() });
        let slot =
            Arc::new(RouterSlot { owner: owner.to_owned(), state: slot_state, changed: Notify::new() });
        if let Some(older) = state.routers.insert(uuid.to_owned(), slot.clone()) {
            older.end(SubscriptionError::Replaced);
        }
        RouterSubscription { uuid: uuid.to_owned(), slot, routers: self.clone() }
    }

    /// Sends `table` to all routers. Returns the deliveries to those of the connection `owner`: the answer to a refresh
    /// must follow the tables on the same connection (`protocol.md` 2).
    pub(crate) fn publish(&self, table: RoutingTable, owner: &str) -> PendingDeliveries {
        let (guard, pending) = mpsc::channel(1);
        let mut state = self.state();
        state.table = Arc::new(table);
        for slot in state.routers.values() {
            let guard = (slot.owner == owner).then(|| guard.clone());
            slot.set(state.table.clone(), guard);
        }
        PendingDeliveries(pending)
    }

    /// Ends all subscriptions.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        for slot in mem::take(&mut state.routers).into_values() {
            slot.end(SubscriptionError::Stopped);
        }
    }

    fn state(&self) -> MutexGuard<'_, RouterState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouterSlot {
    fn set(&self, table: Arc<RoutingTable>, guard: Option<DeliveryGuard>) {
        let mut state = self.state();
        state.table = Some(table);
        state.guards.extend(guard);
        self.changed.notify_one();
    }

    fn poll_ready(&self) -> Option<Result<TableDelivery, SubscriptionError>> {
        let mut state = self.state();
        if let Some(ended) = state.ended {
            return Some(Err(ended));
        }
        let table = state.table.take()?;
        Some(Ok(TableDelivery { table, _guards: mem::take(&mut state.guards) }))
    }

    fn end(&self, reason: SubscriptionError) {
        let mut state = self.state();
        *state = SlotState { ended: Some(reason), ..SlotState::default() };
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouterSubscription {
    /// Waits for the next table.
    pub(crate) async fn next(&mut self) -> Result<TableDelivery, SubscriptionError> {
        loop {
            if let Some(next) = self.slot.poll_ready() {
                return next;
            }
            self.slot.changed.notified().await;
        }
    }
}

impl Drop for RouterSubscription {
    fn drop(&mut self) {
        let mut state = self.routers.state();
        if state.routers.get(&self.uuid).is_some_and(|slot| Arc::ptr_eq(slot, &self.slot)) {
            state.routers.remove(&self.uuid);
        }
    }
}

impl fmt::Debug for RouterSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RouterSubscription").field(&self.uuid).finish()
    }
}

impl fmt::Debug for Routers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Routers").field(&self.state().routers.keys()).finish()
    }
}
