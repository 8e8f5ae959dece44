//! Changes of the stored tree: each is decided in a transaction of the store's writer, and told once that is committed.

use std::sync::Arc;

use cocaine::Bytes;
use redb::WriteTransaction;
use tokio::sync::watch;

use super::{
    error::Fault,
    hub::Hub,
    locks::{Turn, Wish},
    path::Path,
    tree::{self, Change, Nodes, Stop},
};
use crate::store::{self, Record, StoreError};

/// The tree within a transaction, with the lock nodes of the hub.
pub(super) struct Rows<'t> {
    stored: store::Nodes<'t>,
    hub: &'t Hub,
}

impl<'t> Rows<'t> {
    fn open(txn: &'t WriteTransaction, hub: &'t Hub) -> Result<Self, StoreError> {
        Ok(Self { stored: store::Nodes::open(txn)?, hub })
    }

    /// Makes a lock node for a wish, which others hear of later.
    fn enter(&mut self, folder: &Path, value: &Bytes, wish: &Arc<Wish>) -> Result<Done<Arc<Wish>>, Stop> {
        let (path, changes) = tree::enter(self, folder)?;
        let number = self.stored.count()?;
        let record = Record { value: value.clone(), version: 0, changes: 0 };
        self.hub.reserve(&path, record, number, wish);
        Ok(Done { value: wish.clone(), number, changes })
    }
}

impl Nodes for Rows<'_> {
    fn get(&self, path: &Path) -> Result<Option<Record>, StoreError> {
        let (parent, name) = path.split();
        self.stored.get(parent, name)
    }

    fn set(&mut self, path: &Path, record: &Record) -> Result<(), StoreError> {
        let (parent, name) = path.split();
        self.stored.set(parent, name, record)
    }

    fn remove(&mut self, path: &Path) -> Result<(), StoreError> {
        let (parent, name) = path.split();
        self.stored.remove(parent, name)
    }

    fn has_children(&self, path: &Path) -> Result<bool, StoreError> {
        self.stored.has_children(path.as_str())
    }

    fn is_lock(&self, path: &Path) -> bool {
        self.hub.is_lock(path)
    }

    fn locks(&self, path: &Path) -> usize {
        self.hub.locks(path)
    }
}

/// What an operation has done.
struct Done<T> {
    value: T,
    /// The number of the change, from 1; 0 if nothing was changed.
    number: u64,
    changes: Vec<Change>,
}

/// A refusal of the tree is none of the storage, and leaves the transaction to the others that share it.
fn refusal<T>(outcome: Result<T, Stop>) -> Result<Result<T, Fault>, StoreError> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Fault(fault)) => Ok(Err(fault)),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// Changes the tree, tells subscribers, and returns what `operation` does, once all is on the medium. `weight` is
/// roughly how many bytes it writes.
pub(super) async fn change<T, F>(hub: &Arc<Hub>, weight: usize, mut operation: F) -> Result<T, Stop>
where
    T: Clone + Send + 'static,
    F: FnMut(&mut Rows<'_>) -> Result<(T, Vec<Change>), Stop> + Send + 'static,
{
    let (writing, telling) = (hub.clone(), hub.clone());
    let run = move |txn: &WriteTransaction| {
        let mut rows = Rows::open(txn, &writing)?;
        refusal(operation(&mut rows).and_then(|(value, changes)| {
            let number = if changes.is_empty() { 0 } else { rows.stored.count()? };
            Ok(Done { value, number, changes })
        }))
    };
    let told = move |outcome: &Result<(), StoreError>, done: Option<&Result<Done<T>, Fault>>| {
        if let Some(Ok(Done { number, changes, .. })) = done {
            match committed(&telling, outcome, *number) {
                Ok(true) => telling.publish(*number, changes),
                Ok(false) => {}
                Err(_) => telling.lose(changes),
            }
        }
    };
    Ok(hub.store.submit_telling(weight, run, told).await??.value)
}

/// Returns whether a change is in the storage: a commit that has failed may be.
fn committed(hub: &Hub, outcome: &Result<(), StoreError>, number: u64) -> Result<bool, StoreError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(_) => Ok(hub.store.snapshot()?.last_change()? >= number),
    }
}

/// A wish for a lock, which ends when this is dropped: with it goes the lock node.
#[derive(Debug)]
pub(super) struct Claim {
    hub: Arc<Hub>,
    wish: Arc<Wish>,
}

impl Claim {
    /// Queues for the lock whose nodes are below `folder`, with `value` for others to read.
    pub(super) async fn enter(hub: &Arc<Hub>, folder: Path, value: Bytes) -> Result<Self, Stop> {
        let claim = Self { hub: hub.clone(), wish: Arc::default() };
        let (writing, telling, wish) = (hub.clone(), hub.clone(), claim.wish.clone());
        let weight = value.len();
        let run = move |txn: &WriteTransaction| {
            writing.withdraw(&wish);
            let mut rows = Rows::open(txn, &writing)?;
            refusal(rows.enter(&folder, &value, &wish))
        };
        let told = move |outcome: &Result<(), StoreError>, done: Option<&Result<Done<Arc<Wish>>, Fault>>| {
            if let Some(Ok(Done { value: wish, number, changes })) = done {
                match committed(&telling, outcome, *number) {
                    Ok(true) => telling.settle(wish, *number, changes),
                    Ok(false) => drop(telling.withdraw(wish)),
                    Err(_) => {
                        let came = telling.withdraw(wish).map(Change::Came);
                        telling.lose(changes.iter().chain(&came));
                    }
                }
            }
        };
        hub.store.submit_telling(weight, run, told).await??;
        Ok(claim)
    }

    /// Returns what tells whose turn it is.
    pub(super) fn turns(&self) -> watch::Receiver<Turn> {
        self.wish.turns()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.hub.leave(&self.wish);
    }
}
