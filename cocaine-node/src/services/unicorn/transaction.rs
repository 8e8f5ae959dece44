//! Changes of the stored tree. Each is decided in a transaction of the store's writer, and published to subscribers once
//! that is committed.

use std::sync::Arc;

use cocaine::Bytes;
use redb::WriteTransaction;
use tokio::sync::watch;

use super::{
    error::UnicornError,
    hub::Hub,
    locks::{LockRequest, LockState},
    path::Path,
    tree::{self, ChangeError, NodeStore, TreeChange},
};
use crate::store::{self, Change, ClientStore, NodeRecord, StoreError};

/// The tree within a transaction, together with the lock nodes of the hub.
pub(super) struct TreeTransaction<'t> {
    stored: store::NodeTable<'t>,
    hub: &'t Hub,
}

impl<'t> TreeTransaction<'t> {
    fn open(txn: &'t WriteTransaction, hub: &'t Hub) -> Result<Self, StoreError> {
        Ok(Self { stored: store::NodeTable::open(txn)?, hub })
    }

    /// Adds a lock node for a request, which others see once the transaction is committed.
    fn add_lock_node(
        &mut self,
        folder: &Path,
        value: &Bytes,
        request: &Arc<LockRequest>,
    ) -> Result<StoredChange<()>, ChangeError> {
        let (path, changes) = tree::reserve_lock_path(self, folder)?;
        let number = self.stored.next_change()?;
        let record = NodeRecord { value: value.clone(), version: 0, changes: 0 };
        self.hub.add_pending_lock(&path, record, number, request);
        Ok(StoredChange { value: (), number, changes })
    }
}

impl NodeStore for TreeTransaction<'_> {
    fn get(&self, path: &Path) -> Result<Option<NodeRecord>, StoreError> {
        let (parent, name) = path.split();
        self.stored.get(parent, name)
    }

    fn set(&mut self, path: &Path, record: &NodeRecord) -> Result<(), StoreError> {
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

/// A change of one node, which may be a stored node or a lock node.
pub(super) trait NodeChange: Send + 'static {
    type Value: Send + 'static;

    /// Returns roughly the number of bytes that it writes.
    fn weight(&self) -> usize {
        0
    }

    /// Returns whether the change depends on lock nodes, which are not stored.
    fn depends_on_locks(&self, hub: &Hub) -> bool;

    /// Changes the lock node. Returns `None` if the node is not one, or if such a change ignores lock nodes.
    fn change_lock(&self, hub: &Hub) -> Option<Result<Self::Value, UnicornError>>;

    /// Returns whether the node is a lock node that [`NodeChange::change_lock`] can change.
    fn is_of_lock(&self, hub: &Hub) -> bool;

    /// Changes the stored node.
    fn change_stored(
        &mut self,
        nodes: &mut TreeTransaction<'_>,
    ) -> Result<(Self::Value, Vec<TreeChange>), ChangeError>;
}

/// The value of a change of the stored tree, and what it changed.
struct StoredChange<T> {
    value: T,
    /// The number of the change, from 1; 0 if nothing changed.
    number: u64,
    changes: Vec<TreeChange>,
}

/// The outcome of a [`NodeChange`].
enum NodeOutcome<T> {
    Stored(StoredChange<T>),
    /// The node is a lock node, which is changed once everything before is finished.
    OfLock,
    Locked(Result<T, UnicornError>),
}

/// Turns a refusal into a value: it is not a failure of the storage, and must not abort the transaction that other
/// operations share.
fn split_refusal<T>(outcome: Result<T, ChangeError>) -> Result<Result<T, UnicornError>, StoreError> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(ChangeError::Refused(error)) => Ok(Err(error)),
        Err(ChangeError::Store(error)) => Err(error),
    }
}

/// Applies `change` to the tree, notifies subscribers, and returns its value once it is durable. Its place among the
/// operations of the client is fixed when it is first polled.
pub(super) async fn apply_change<C: NodeChange>(
    hub: &Arc<Hub>,
    store: &ClientStore,
    change: C,
) -> Result<C::Value, UnicornError> {
    // A lock node is changed at once, but not ahead of what the client has submitted before.
    if store.is_idle()
        && let Some(value) = change.change_lock(hub)
    {
        return value;
    }
    let change = TreeUpdate { hub: hub.clone(), change };
    match store.submit_change(change.change.weight(), change).await?? {
        NodeOutcome::Stored(StoredChange { value, .. }) => Ok(value),
        NodeOutcome::Locked(value) => value,
        NodeOutcome::OfLock => Err(UnicornError::NodeRemoved),
    }
}

/// A [`NodeChange`] in the queue of the store.
struct TreeUpdate<C> {
    hub: Arc<Hub>,
    change: C,
}

impl<C: NodeChange> Change for TreeUpdate<C> {
    type Value = Result<NodeOutcome<C::Value>, UnicornError>;

    fn runs_first(&self) -> bool {
        self.change.depends_on_locks(&self.hub)
    }

    fn run(&mut self, txn: &WriteTransaction) -> Result<Self::Value, StoreError> {
        if self.change.is_of_lock(&self.hub) {
            return Ok(Ok(NodeOutcome::OfLock));
        }
        let mut nodes = TreeTransaction::open(txn, &self.hub)?;
        split_refusal(self.change.change_stored(&mut nodes).and_then(|(value, changes)| {
            let number = if changes.is_empty() { 0 } else { nodes.stored.next_change()? };
            Ok(NodeOutcome::Stored(StoredChange { value, number, changes }))
        }))
    }

    fn finish(self, outcome: &Result<(), StoreError>, value: Option<&mut Self::Value>) {
        match value {
            Some(Ok(NodeOutcome::Stored(StoredChange { number, changes, .. }))) => {
                match is_committed(&self.hub, outcome, *number) {
                    Ok(true) => self.hub.publish_changes(*number, changes),
                    Ok(false) => {}
                    Err(_) => self.hub.publish_outcome_unknown(&*changes),
                }
            }
            Some(Ok(of_lock)) if outcome.is_ok() => {
                if let Some(changed) = self.change.change_lock(&self.hub) {
                    *of_lock = NodeOutcome::Locked(changed);
                }
            }
            _ => {}
        }
    }
}

/// Returns whether a change is stored, which it may be although its commit failed.
fn is_committed(hub: &Hub, outcome: &Result<(), StoreError>, number: u64) -> Result<bool, StoreError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(_) => Ok(hub.store.snapshot()?.last_change()? >= number),
    }
}

/// A lock, or a place in its queue. Dropping the handle removes the lock node.
#[derive(Debug)]
pub(super) struct LockHandle {
    hub: Arc<Hub>,
    request: Arc<LockRequest>,
}

/// The request of a lock in the queue of the store.
struct LockChange {
    hub: Arc<Hub>,
    folder: Path,
    value: Bytes,
    request: Arc<LockRequest>,
}

impl Change for LockChange {
    type Value = Result<StoredChange<()>, UnicornError>;

    fn run(&mut self, txn: &WriteTransaction) -> Result<Self::Value, StoreError> {
        // An earlier run may have added a node.
        self.hub.cancel_lock(&self.request);
        let mut nodes = TreeTransaction::open(txn, &self.hub)?;
        split_refusal(nodes.add_lock_node(&self.folder, &self.value, &self.request))
    }

    fn finish(self, outcome: &Result<(), StoreError>, value: Option<&mut Self::Value>) {
        let Some(Ok(StoredChange { number, changes, .. })) = value else { return };
        match is_committed(&self.hub, outcome, *number) {
            Ok(true) => self.hub.commit_lock(&self.request, *number, changes),
            Ok(false) => drop(self.hub.cancel_lock(&self.request)),
            Err(_) => {
                let added = self.hub.cancel_lock(&self.request).map(TreeChange::ChildAdded);
                self.hub.publish_outcome_unknown(changes.iter().chain(&added));
            }
        }
    }
}

impl LockHandle {
    /// Queues for the lock of `folder`, below which its nodes are. Others can read `value` from the lock node.
    pub(super) async fn enqueue(
        hub: &Arc<Hub>,
        store: &ClientStore,
        folder: Path,
        value: Bytes,
    ) -> Result<Self, UnicornError> {
        let handle = Self { hub: hub.clone(), request: Arc::default() };
        let weight = value.len();
        let change = LockChange { hub: hub.clone(), folder, value, request: handle.request.clone() };
        store.submit_change(weight, change).await??;
        Ok(handle)
    }

    /// Returns the state of the lock, which changes while it is queued and held.
    pub(super) fn states(&self) -> watch::Receiver<LockState> {
        self.request.states()
    }
}

impl Drop for LockHandle {
    fn drop(&mut self) {
        self.hub.release_lock(&self.request);
    }
}
