//! Those who are told of routing groups, each by the newest table alone.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc};

use super::Ended;
use crate::registry::routing::Table;

/// The routers that listen, and the table that they were told last; clones share them.
#[derive(Clone, Default)]
pub struct Routers(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    table: Arc<Table>,
    routers: BTreeMap<String, Arc<Cell>>,
    stopped: bool,
}

/// What waits for one router: a table replaces one that was not taken yet, since each is whole.
struct Cell {
    owner: String,
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Default)]
struct Waiting {
    table: Option<Arc<Table>>,
    tickets: Vec<Ticket>,
    ended: Option<Ended>,
}

/// Dropped when a table has reached its router, or nobody is there to take it.
type Ticket = mpsc::Sender<()>;

/// The end that a router reads.
pub struct Router {
    uuid: String,
    cell: Arc<Cell>,
    routers: Routers,
}

/// A table for a router. Keep it until the table is on its way: a refresh on the same connection waits for that.
#[derive(Debug)]
pub struct Delivery {
    /// The rings of all groups.
    pub table: Arc<Table>,
    _tickets: Vec<Ticket>,
}

/// The routers of one connection that have yet to be told.
#[derive(Debug)]
#[must_use]
pub struct Delivered(mpsc::Receiver<()>);

impl Delivered {
    /// Waits until each was told or is gone.
    pub async fn wait(mut self) {
        while self.0.recv().await.is_some() {}
    }
}

impl Routers {
    /// Returns the stream of tables for `uuid` on the connection `owner`: the newest one at once. An older stream for
    /// `uuid` ends.
    pub fn subscribe(&self, uuid: &str, owner: &str) -> Router {
        let mut state = self.state();
        let table = Some(state.table.clone());
        let ended = state.stopped.then_some(Ended::Stopped);
        let waiting = Mutex::new(Waiting { table, ended, ..Waiting::default() });
        let cell = Arc::new(Cell { owner: owner.to_owned(), waiting, changed: Notify::new() });
        if let Some(older) = state.routers.insert(uuid.to_owned(), cell.clone()) {
            older.end(Ended::Replaced);
        }
        Router { uuid: uuid.to_owned(), cell, routers: self.clone() }
    }

    /// Tells all routers of `table`, and returns what waits for those of the connection `owner`: an answer on it must
    /// not come before their tables (`protocol.md` 2).
    pub fn publish(&self, table: Table, owner: &str) -> Delivered {
        let (ticket, delivered) = mpsc::channel(1);
        let mut state = self.state();
        state.table = Arc::new(table);
        for cell in state.routers.values() {
            let ticket = (cell.owner == owner).then(|| ticket.clone());
            cell.put(state.table.clone(), ticket);
        }
        Delivered(delivered)
    }

    /// Ends all streams.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        for cell in mem::take(&mut state.routers).into_values() {
            cell.end(Ended::Stopped);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cell {
    fn put(&self, table: Arc<Table>, ticket: Option<Ticket>) {
        let mut waiting = self.waiting();
        waiting.table = Some(table);
        waiting.tickets.extend(ticket);
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Result<Delivery, Ended>> {
        let mut waiting = self.waiting();
        if let Some(ended) = waiting.ended {
            return Some(Err(ended));
        }
        let table = waiting.table.take()?;
        Some(Ok(Delivery { table, _tickets: mem::take(&mut waiting.tickets) }))
    }

    fn end(&self, why: Ended) {
        let mut waiting = self.waiting();
        *waiting = Waiting { ended: Some(why), ..Waiting::default() };
        self.changed.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Router {
    /// Waits for a table that is newer than the last one.
    pub async fn next(&mut self) -> Result<Delivery, Ended> {
        loop {
            if let Some(next) = self.cell.take() {
                return next;
            }
            self.cell.changed.notified().await;
        }
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let mut state = self.routers.state();
        if state.routers.get(&self.uuid).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell)) {
            state.routers.remove(&self.uuid);
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Router").field(&self.uuid).finish()
    }
}

impl fmt::Debug for Routers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Routers").field(&self.state().routers.keys()).finish()
    }
}
