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
use crate::store::{self, NodeRecord, StoreError};

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
    ) -> Result<ChangeOutcome<Arc<LockRequest>>, ChangeError> {
        let (path, changes) = tree::reserve_lock_path(self, folder)?;
        let number = self.stored.next_change()?;
        let record = NodeRecord { value: value.clone(), version: 0, changes: 0 };
        self.hub.add_pending_lock(&path, record, number, request);
        Ok(ChangeOutcome { value: request.clone(), number, changes })
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

/// The result of an operation and the changes that it made.
struct ChangeOutcome<T> {
    value: T,
    /// The number of the change, from 1; 0 if nothing changed.
    number: u64,
    changes: Vec<TreeChange>,
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

/// Applies `operation` to the tree, notifies subscribers, and returns the operation's value once the change is durable.
/// `weight` is roughly the number of bytes that it writes.
pub(super) async fn apply_change<T, F>(
    hub: &Arc<Hub>,
    weight: usize,
    mut operation: F,
) -> Result<T, ChangeError>
where
    T: Clone + Send + 'static,
    F: FnMut(&mut TreeTransaction<'_>) -> Result<(T, Vec<TreeChange>), ChangeError> + Send + 'static,
{
    let (hub_for_write, publisher) = (hub.clone(), hub.clone());
    let run = move |txn: &WriteTransaction| {
        let mut nodes = TreeTransaction::open(txn, &hub_for_write)?;
        split_refusal(operation(&mut nodes).and_then(|(value, changes)| {
            let number = if changes.is_empty() { 0 } else { nodes.stored.next_change()? };
            Ok(ChangeOutcome { value, number, changes })
        }))
    };
    let on_outcome = move |outcome: &Result<(), StoreError>,
                           done: Option<&Result<ChangeOutcome<T>, UnicornError>>| {
        if let Some(Ok(ChangeOutcome { number, changes, .. })) = done {
            match is_committed(&publisher, outcome, *number) {
                Ok(true) => publisher.publish_changes(*number, changes),
                Ok(false) => {}
                Err(_) => publisher.publish_outcome_unknown(changes),
            }
        }
    };
    Ok(hub.store.submit_with_callback(weight, run, on_outcome).await??.value)
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

impl LockHandle {
    /// Queues for the lock of `folder`, below which its nodes are. Others can read `value` from the lock node.
    pub(super) async fn enqueue(hub: &Arc<Hub>, folder: Path, value: Bytes) -> Result<Self, ChangeError> {
        let handle = Self { hub: hub.clone(), request: Arc::default() };
        let (hub_for_write, publisher, request) = (hub.clone(), hub.clone(), handle.request.clone());
        let weight = value.len();
        let run = move |txn: &WriteTransaction| {
            // An earlier run of this operation may have added a node.
            hub_for_write.cancel_lock(&request);
            let mut nodes = TreeTransaction::open(txn, &hub_for_write)?;
            split_refusal(nodes.add_lock_node(&folder, &value, &request))
        };
        let on_outcome =
            move |outcome: &Result<(), StoreError>,
                  done: Option<&Result<ChangeOutcome<Arc<LockRequest>>, UnicornError>>| {
                if let Some(Ok(ChangeOutcome { value: request, number, changes })) = done {
                    match is_committed(&publisher, outcome, *number) {
                        Ok(true) => publisher.commit_lock(request, *number, changes),
                        Ok(false) => drop(publisher.cancel_lock(request)),
                        Err(_) => {
                            let added = publisher.cancel_lock(request).map(TreeChange::ChildAdded);
                            publisher.publish_outcome_unknown(changes.iter().chain(&added));
                        }
                    }
                }
            };
        hub.store.submit_with_callback(weight, run, on_outcome).await??;
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
