//! What the writer commits at once: the changes, and the observers between them.
//!
//! An observer sees the changes that its client has submitted before it, and none that the client submits after it. Most
//! have no change of their client behind them and can be shown the state of the whole batch. For the others the state in
//! the middle is committed without a sync: others see it only once the last transaction has been synced, and after a crash
//! it was never there.
//!
//! ```text
//!   change, change, [observer], change, observer
//!   └── no sync ──┘             └─ one sync ──┘
//! ```

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cocaine::bind::panic_text;
use redb::{Durability, WriteTransaction};

use super::{
    Snapshot, StoreError,
    database::OpenDatabase,
    request::{Observer, Operation},
};

/// Operations that share a sync.
pub(super) struct Batch {
    /// The operations to finish, in the order in which they were submitted.
    pub(super) entries: Vec<BatchEntry>,
    /// Those that run once the others are finished.
    pub(super) later: Vec<BatchEntry>,
}

pub(super) enum BatchEntry {
    Change(Box<dyn Operation>),
    View {
        observer: Box<dyn Observer>,
        /// Its client changes something later in the batch.
        isolated: bool,
        /// The state at its place; that of the whole batch if `None`.
        state: Option<Arc<Snapshot>>,
    },
}

/// How far a transaction has come.
enum RunEnd {
    /// All operations have run.
    Last,
    /// The observer at this place needs the state before it.
    View(usize),
    /// The operation at this place runs once all others are finished.
    Later(usize),
}

impl Batch {
    pub(super) fn new(entries: Vec<BatchEntry>) -> Self {
        Self { entries, later: Vec::new() }
    }

    /// Runs the operations and makes them durable with one sync. An operation that fails by itself is finished and
    /// removed. Returns a snapshot of the new state, or `None` if there was nothing to change.
    pub(super) fn commit(
        &mut self,
        database: &OpenDatabase,
        current: Arc<Snapshot>,
    ) -> Result<Option<Arc<Snapshot>>, StoreError> {
        self.isolate_observers();
        let (mut state, mut start, mut is_changed) = (current, 0, false);
        loop {
            start = self.show_state(start, &state);
            if !is_changed && self.entries[start..].iter().all(BatchEntry::is_view) {
                return Ok(None);
            }
            let mut txn = database.begin_write()?;
            match self.run(start, &txn) {
                Ok(RunEnd::View(at)) => {
                    txn.set_durability(Durability::None)
                        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
                    txn.commit()?;
                    state = Arc::new(Snapshot::new(database)?);
                    (start, is_changed) = (at, true);
                }
                Ok(end) => {
                    if let RunEnd::Later(at) = end {
                        self.later = self.entries.split_off(at);
                    }
                    txn.commit()?;
                    return Ok(Some(Arc::new(Snapshot::new(database)?)));
                }
                Err((_, error)) if error.is_fatal() => return Err(error),
                Err((at, error)) => {
                    // What the operation did before it failed must be undone, so the others run once more.
                    txn.abort()?;
                    self.entries.remove(at).finish(Err(error));
                }
            }
        }
    }

    /// Finds the observers whose client changes something later in the batch.
    fn isolate_observers(&mut self) {
        if self.entries.iter().all(|entry| !entry.is_view()) {
            return;
        }
        let mut changing = HashSet::new();
        for entry in self.entries.iter_mut().rev() {
            match entry {
                BatchEntry::Change(operation) => changing.extend(operation.client()),
                BatchEntry::View { observer, isolated, .. } => {
                    *isolated = changing.contains(&observer.client());
                }
            }
        }
    }

    /// Shows `state` to the observers from `start` to the next change, and returns the place of that.
    fn show_state(&mut self, start: usize, snapshot: &Arc<Snapshot>) -> usize {
        let views = self.entries[start..].iter_mut().map_while(|entry| match entry {
            BatchEntry::View { isolated, state, .. } => Some((*isolated, state)),
            BatchEntry::Change(_) => None,
        });
        let shown = views.map(|(isolated, state)| *state = isolated.then(|| snapshot.clone()));
        start + shown.count()
    }

    /// Runs the operations from `start` to the next observer that needs the state at its place.
    fn run(&mut self, start: usize, txn: &WriteTransaction) -> Result<RunEnd, (usize, StoreError)> {
        let mut is_first = self.entries[..start].iter().all(BatchEntry::is_view);
        for (at, entry) in self.entries.iter_mut().enumerate().skip(start) {
            match entry {
                BatchEntry::View { isolated: true, .. } => return Ok(RunEnd::View(at)),
                BatchEntry::View { .. } => {}
                BatchEntry::Change(operation) if !is_first && operation.runs_first() => {
                    return Ok(RunEnd::Later(at));
                }
                BatchEntry::Change(operation) => {
                    run_catching_panic(operation, txn).map_err(|error| (at, error))?;
                    is_first = false;
                }
            }
        }
        Ok(RunEnd::Last)
    }
}

impl BatchEntry {
    pub(super) fn view(observer: Box<dyn Observer>) -> Self {
        Self::View { observer, isolated: false, state: None }
    }

    fn is_view(&self) -> bool {
        matches!(self, Self::View { .. })
    }

    /// Reports the outcome: a snapshot of the state after the batch, or the error that the whole batch failed with.
    pub(super) fn finish(self, latest: Result<Arc<Snapshot>, StoreError>) {
        match self {
            Self::Change(operation) => operation.finish(latest.map(drop)),
            Self::View { observer, state, .. } => {
                observer.show(latest.map(|latest| state.unwrap_or(latest)));
            }
        }
    }
}

fn run_catching_panic(operation: &mut Box<dyn Operation>, txn: &WriteTransaction) -> Result<(), StoreError> {
    // Unwind-safe: after a panic both the transaction and the operation are discarded.
    match catch_unwind(AssertUnwindSafe(|| operation.run(txn))) {
        Ok(outcome) => outcome,
        Err(panic) => Err(StoreError::Panicked(panic_text(panic.as_ref()).to_owned())),
    }
}
