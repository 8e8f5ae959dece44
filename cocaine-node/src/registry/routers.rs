//! Those who are told of routing groups, each by the newest table alone.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc};

use super::SubscriptionError;
use crate::registry::routing::RoutingTable;

/// The routers that listen, and the table that they were told last; clones share them.
#[derive(Clone, Default)]
pub struct Routers(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    table: Arc<RoutingTable>,
    routers: BTreeMap<String, Arc<RouterSlot>>,
    stopped: bool,
}

/// What waits for one router: a table replaces one that was not taken yet, since each is whole.
struct RouterSlot {
    owner: String,
    waiting: Mutex<SlotState>,
    changed: Notify,
}

#[derive(Default)]
struct SlotState {
    table: Option<Arc<RoutingTable>>,
    tickets: Vec<DeliveryGuard>,
    ended: Option<SubscriptionError>,
}

/// Dropped when a table has reached its router, or nobody is there to take it.
type DeliveryGuard = mpsc::Sender<()>;

/// The end that a router reads.
pub struct RouterSubscription {
    uuid: String,
    cell: Arc<RouterSlot>,
    routers: Routers,
}

/// A table for a router. Keep it until the table is on its way: a refresh on the same connection waits for that.
#[derive(Debug)]
pub struct TableDelivery {
    /// The rings of all groups.
    pub table: Arc<RoutingTable>,
    _tickets: Vec<DeliveryGuard>,
}

/// The routers of one connection that have yet to be told.
#[derive(Debug)]
#[must_use]
pub struct PendingDeliveries(mpsc::Receiver<()>);

impl PendingDeliveries {
    /// Waits until each was told or is gone.
    pub async fn wait(mut self) {
        while self.0.recv().await.is_some() {}
    }
}

impl Routers {
    /// Returns the stream of tables for `uuid` on the connection `owner`: the newest one at once. An older stream for
    /// `uuid` ends.
    pub fn subscribe(&self, uuid: &str, owner: &str) -> RouterSubscription {
        let mut state = self.state();
        let table = Some(state.table.clone());
        let ended = state.stopped.then_some(SubscriptionError::Stopped);
        let waiting = Mutex::new(SlotState { table, ended, ..SlotState::default() });
        let cell = Arc::new(RouterSlot { owner: owner.to_owned(), waiting, changed: Notify::new() });
        if let Some(older) = state.routers.insert(uuid.to_owned(), cell.clone()) {
            older.end(SubscriptionError::Replaced);
        }
        RouterSubscription { uuid: uuid.to_owned(), cell, routers: self.clone() }
    }

    /// Tells all routers of `table`, and returns what waits for those of the connection `owner`: an answer on it must
    /// not come before their tables (`protocol.md` 2).
    pub fn publish(&self, table: RoutingTable, owner: &str) -> PendingDeliveries {
        let (ticket, delivered) = mpsc::channel(1);
        let mut state = self.state();
        state.table = Arc::new(table);
        for cell in state.routers.values() {
            let ticket = (cell.owner == owner).then(|| ticket.clone());
            cell.put(state.table.clone(), ticket);
        }
        PendingDeliveries(delivered)
    }

    /// Ends all streams.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        for cell in mem::take(&mut state.routers).into_values() {
            cell.end(SubscriptionError::Stopped);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouterSlot {
    fn put(&self, table: Arc<RoutingTable>, ticket: Option<DeliveryGuard>) {
        let mut waiting = self.waiting();
        waiting.table = Some(table);
        waiting.tickets.extend(ticket);
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Result<TableDelivery, SubscriptionError>> {
        let mut waiting = self.waiting();
        if let Some(ended) = waiting.ended {
            return Some(Err(ended));
        }
        let table = waiting.table.take()?;
        Some(Ok(TableDelivery { table, _tickets: mem::take(&mut waiting.tickets) }))
    }

    fn end(&self, why: SubscriptionError) {
        let mut waiting = self.waiting();
        *waiting = SlotState { ended: Some(why), ..SlotState::default() };
        self.changed.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, SlotState> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouterSubscription {
    /// Waits for a table that is newer than the last one.
    pub async fn next(&mut self) -> Result<TableDelivery, SubscriptionError> {
        loop {
            if let Some(next) = self.cell.take() {
                return next;
            }
            self.cell.changed.notified().await;
        }
    }
}

impl Drop for RouterSubscription {
    fn drop(&mut self) {
        let mut state = self.routers.state();
        if state.routers.get(&self.uuid).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell)) {
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
