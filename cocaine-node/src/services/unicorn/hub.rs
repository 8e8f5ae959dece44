//! The subscribers and the lock nodes, which is all the state that the service keeps in memory.
//!
//! A subscriber is registered first and takes a snapshot then. It skips the events whose changes the snapshot already
//! includes, so that it sees every change exactly once.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    error::UnicornError,
    event_queue::{EventKind, EventQueue, NodeEvent},
    locks::{LockNode, LockNodes, LockRequest},
    path::Path,
    tree::{self, ChangeError, TreeChange},
};
use crate::store::{NodeRecord, ObservedState, Snapshot, Store, StoreError};

/// The aspect of a node that a subscriber follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Value,
    Children,
}

/// Publishes changes to subscribers, and holds the lock nodes.
pub(super) struct Hub {
    pub(super) store: Store,
    state: Mutex<HubState>,
}

#[derive(Default)]
struct HubState {
    subscribers: HashMap<(Topic, Path), BTreeMap<u64, Arc<EventQueue>>>,
    locks: LockNodes,
    last_id: u64,
}

/// A subscriber's registration, which ends when it is dropped.
pub(super) struct Subscription {
    pub(super) queue: Arc<EventQueue>,
    hub: Arc<Hub>,
    topic: (Topic, Path),
    id: u64,
}

/// A consistent view of a node.
pub(super) struct NodeView {
    snapshot: Arc<Snapshot>,
    /// The number of the last change that it includes.
    pub(super) number: u64,
    path: Path,
    /// The record, if the node is a lock node.
    lock: Option<NodeRecord>,
    /// The names of the lock nodes below the node.
    locks: Vec<Arc<str>>,
}

impl Hub {
    pub(super) fn new(store: Store) -> Self {
        Self { store, state: Mutex::default() }
    }

    /// Registers a subscriber, and returns the view of the node at that moment.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        topic: Topic,
        path: &Path,
        queue: EventQueue,
        observed: &ObservedState<'_>,
    ) -> Result<(Subscription, NodeView), StoreError> {
        let mut state = self.state();
        state.last_id += 1;
        let (id, queue, topic) = (state.last_id, Arc::new(queue), (topic, path.clone()));
        state.subscribers.entry(topic.clone()).or_default().insert(id, queue.clone());
        let pending = pending_view(&state, path, observed);
        // On an error the subscription is dropped, which takes the lock.
        drop(state);
        let subscription = Subscription { queue, hub: self.clone(), topic, id };
        Ok((subscription, pending?.resolve()?))
    }

    /// Returns the view of a node.
    pub(super) fn view(&self, path: &Path, observed: &ObservedState<'_>) -> Result<NodeView, StoreError> {
        let pending = pending_view(&self.state(), path, observed)?;
        pending.resolve()
    }

    /// Notifies subscribers of a committed change.
    pub(super) fn publish_changes(&self, number: u64, changes: &[TreeChange]) {
        let mut state = self.state();
        for change in changes {
            state.notify_change(Some(number), change);
        }
    }

    /// Tells subscribers that a change may or may not have been committed.
    pub(super) fn publish_outcome_unknown<'c>(&self, changes: impl IntoIterator<Item = &'c TreeChange>) {
        let mut state = self.state();
        for change in changes {
            match change {
                TreeChange::Value { path, .. } => {
                    state.notify(&(Topic::Value, path.clone()), None, EventKind::OutcomeUnknown);
                }
                TreeChange::Removed(path) => {
                    state.notify(&(Topic::Value, path.clone()), None, EventKind::OutcomeUnknown);
                    state.notify(&(Topic::Children, path.clone()), None, EventKind::OutcomeUnknown);
                }
                TreeChange::ChildAdded(path) | TreeChange::ChildRemoved(path) => {
                    state.notify_parent(path, None, |_| EventKind::OutcomeUnknown);
                }
            }
        }
    }

    pub(super) fn is_lock(&self, path: &Path) -> bool {
        self.state().locks.get(path).is_some()
    }

    /// Returns whether there is a lock node at `path` that others see.
    pub(super) fn is_committed_lock(&self, path: &Path) -> bool {
        self.state().locks.committed_mut(path).is_some()
    }

    /// Returns whether there is a lock node at `path` or above it.
    pub(super) fn is_lock_or_below(&self, path: &Path) -> bool {
        let state = self.state();
        std::iter::successors(Some(path.clone()), Path::parent).any(|path| state.locks.get(&path).is_some())
    }

    /// Returns how many lock nodes are below `path`.
    pub(super) fn locks(&self, path: &Path) -> usize {
        self.state().locks.children(path).count()
    }

    /// Adds the lock node of a request before its change is committed. Others do not see it yet.
    pub(super) fn add_pending_lock(
        &self,
        path: &Path,
        record: NodeRecord,
        change_number: u64,
        request: &Arc<LockRequest>,
    ) {
        self.state().locks.add_pending(path, record, change_number, request);
    }

    /// Removes the uncommitted lock node of a request, if there is one, and returns its path.
    pub(super) fn cancel_lock(&self, request: &LockRequest) -> Option<Path> {
        self.state().locks.cancel(request)
    }

    /// Makes the lock node of a request visible, now that its change is committed. If the request was abandoned in the
    /// meantime, the node is removed at once.
    pub(super) fn commit_lock(&self, request: &LockRequest, number: u64, changes: &[TreeChange]) {
        let mut state = self.state();
        for change in changes {
            state.notify_change(Some(number), change);
        }
        let Some((path, is_wanted)) = state.locks.commit(request) else { return };
        if let Some(NodeRecord { value, version, .. }) =
            state.locks.get(&path).map(|lock| lock.record.clone())
        {
            let value = TreeChange::Value { path: path.clone(), value, version, parent: false };
            state.notify_change(Some(number), &value);
            state.notify_change(Some(number), &TreeChange::ChildAdded(path.clone()));
        }
        if !is_wanted {
            state.remove_lock_node(&path);
        }
    }

    /// Removes the lock node of a request: now, or as soon as it is committed.
    pub(super) fn release_lock(&self, request: &LockRequest) {
        let mut state = self.state();
        if let Some(path) = state.locks.release(request) {
            state.remove_lock_node(&path);
        }
    }

    /// Replaces the value of a lock node as [`tree::put`] does. Returns `None` if there is no such node.
    pub(super) fn put_lock(
        &self,
        path: &Path,
        value: &cocaine::Bytes,
        version: i64,
    ) -> Option<(bool, NodeRecord)> {
        let mut state = self.state();
        let lock = state.locks.committed_mut(path)?;
        match tree::with_value(&lock.record, value.clone(), version) {
            Some(next) => {
                lock.record = next.clone();
                state.notify_lock_value(path, &next);
                Some((true, next))
            }
            None => Some((false, lock.record.clone())),
        }
    }

    /// Adds to the number of a lock node as [`tree::increment`] does. Returns `None` if there is no such node.
    pub(super) fn increment_lock(
        &self,
        path: &Path,
        by: &cocaine::Value,
    ) -> Option<Result<NodeRecord, ChangeError>> {
        let mut state = self.state();
        let lock = state.locks.committed_mut(path)?;
        let next = tree::incremented(&lock.record, by);
        if let Ok(next) = &next {
            lock.record = next.clone();
            state.notify_lock_value(path, next);
        }
        Some(next)
    }

    /// Removes a lock node as [`tree::remove`] does; its owner loses the lock. Returns `None` if there is no such node.
    pub(super) fn remove_lock(&self, path: &Path, version: i64) -> Option<Result<(), UnicornError>> {
        let mut state = self.state();
        let removable = tree::check_version(&state.locks.committed_mut(path)?.record, version);
        if removable.is_ok() {
            state.remove_lock_node(path);
        }
        Some(removable)
    }

    fn state(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HubState {
    fn notify_change(&mut self, number: Option<u64>, change: &TreeChange) {
        match change {
            TreeChange::Value { path, value, version, parent } => {
                let parent = *parent || self.locks.children(path).any(|(_, lock)| lock.committed);
                let kind =
                    if parent { EventKind::ParentValue } else { EventKind::Value(value.clone(), *version) };
                self.notify(&(Topic::Value, path.clone()), number, kind);
            }
            TreeChange::Removed(path) => {
                self.notify(&(Topic::Value, path.clone()), number, EventKind::Removed);
                self.notify(&(Topic::Children, path.clone()), number, EventKind::Removed);
            }
            TreeChange::ChildAdded(path) => self.notify_parent(path, number, EventKind::ChildAdded),
            TreeChange::ChildRemoved(path) => self.notify_parent(path, number, EventKind::ChildRemoved),
        }
    }

    fn notify_parent(&mut self, path: &Path, number: Option<u64>, kind: fn(Arc<str>) -> EventKind) {
        if let Some(parent) = path.parent() {
            self.notify(&(Topic::Children, parent), number, kind(path.split().1.into()));
        }
    }

    fn notify_lock_value(&mut self, path: &Path, record: &NodeRecord) {
        let (value, version) = (record.value.clone(), record.version);
        self.notify_change(None, &TreeChange::Value { path: path.clone(), value, version, parent: false });
    }

    /// Removes a committed lock node and notifies subscribers.
    fn remove_lock_node(&mut self, path: &Path) {
        self.locks.remove(path);
        self.notify_change(None, &TreeChange::Removed(path.clone()));
        self.notify_change(None, &TreeChange::ChildRemoved(path.clone()));
    }

    fn notify(&mut self, topic: &(Topic, Path), number: Option<u64>, kind: EventKind) {
        let Some(queues) = self.subscribers.get_mut(topic) else { return };
        let event = Arc::new(NodeEvent { number, kind });
        queues.retain(|_, queue| queue.push(&event));
        if queues.is_empty() {
            self.subscribers.remove(topic);
        }
    }
}

fn pending_view(
    state: &HubState,
    path: &Path,
    observed: &ObservedState<'_>,
) -> Result<PendingView, StoreError> {
    let pending_change = |lock: &LockNode| (!lock.committed).then_some(lock.change_number);
    let lock = state.locks.get(path).map(|lock| (lock.record.clone(), pending_change(lock)));
    let locks = state.locks.children(path).map(|(path, lock)| (path.split().1.into(), pending_change(lock)));
    Ok(PendingView { snapshot: observed.snapshot()?, path: path.clone(), lock, locks: locks.collect() })
}

/// A [`NodeView`] before it is known which uncommitted lock nodes it includes.
struct PendingView {
    snapshot: Arc<Snapshot>,
    path: Path,
    /// The record, and the number of its change while that is not published.
    lock: Option<(NodeRecord, Option<u64>)>,
    locks: Vec<(Arc<str>, Option<u64>)>,
}

impl PendingView {
    fn resolve(self) -> Result<NodeView, StoreError> {
        let number = self.snapshot.last_change()?;
        let shown =
            |change_number: Option<u64>| change_number.is_none_or(|change_number| change_number <= number);
        let lock = self.lock.filter(|(_, change_number)| shown(*change_number)).map(|(record, _)| record);
        let locks =
            self.locks.into_iter().filter(|(_, change_number)| shown(*change_number)).map(|(name, _)| name);
        Ok(NodeView { snapshot: self.snapshot, number, path: self.path, lock, locks: locks.collect() })
    }
}

impl NodeView {
    /// Returns the record of the node.
    pub(super) fn node(&self) -> Result<Option<NodeRecord>, StoreError> {
        let (parent, name) = self.path.split();
        match &self.lock {
            Some(record) => Ok(Some(record.clone())),
            None => self.snapshot.node(parent, name),
        }
    }

    pub(super) fn has_children(&self) -> Result<bool, StoreError> {
        Ok(!self.locks.is_empty() || self.snapshot.has_children(self.path.as_str())?)
    }

    /// Returns the version of the children's list, and the children's names.
    pub(super) fn children(&self, record: &NodeRecord) -> Result<(i64, Vec<Arc<str>>), StoreError> {
        let names = self.snapshot.children(self.path.as_str())?.into_iter().map(Arc::from);
        let names = names.chain(self.locks.iter().cloned()).collect();
        Ok((tree::visible_changes(record.changes, self.locks.len()), names))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        let Some(queues) = state.subscribers.get_mut(&self.topic) else { return };
        queues.remove(&self.id);
        if queues.is_empty() {
            state.subscribers.remove(&self.topic);
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Hub")
            .field("subscribed", &state.subscribers.keys())
            .field("locks", &state.locks)
            .finish_non_exhaustive()
    }
}
