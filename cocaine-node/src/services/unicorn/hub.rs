//! Who is told of which node, and the lock nodes: all that the service keeps in memory.
//!
//! A subscriber is entered first and looks at a snapshot then; of what it is told from then on it leaves out the
//! changes that the snapshot shows. So it misses nothing, and hears nothing twice.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    error::Fault,
    event_queue::{Event, Feed, What},
    locks::{Lock, Locks, Wish},
    path::Path,
    tree::{self, Change, Stop},
};
use crate::store::{Record, Snapshot, Store, StoreError};

/// What a subscriber wants to know of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Value,
    Children,
}

/// What is told, and to whom.
pub(super) struct Hub {
    pub(super) store: Store,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscribers: HashMap<(Topic, Path), BTreeMap<u64, Arc<Feed>>>,
    locks: Locks,
    last: u64,
}

/// An entry in the list of those who are told, until it is dropped.
pub(super) struct Subscription {
    pub(super) feed: Arc<Feed>,
    hub: Arc<Hub>,
    topic: (Topic, Path),
    id: u64,
}

/// What there was when somebody looked.
pub(super) struct View {
    snapshot: Arc<Snapshot>,
    /// The number of the last change that it shows.
    pub(super) number: u64,
    path: Path,
    /// The node, if it is one of a lock.
    lock: Option<Record>,
    /// The names of the lock nodes below it.
    locks: Vec<Arc<str>>,
}

impl Hub {
    pub(super) fn new(store: Store) -> Self {
        Self { store, state: Mutex::default() }
    }

    /// Enters a subscriber, and looks at the node as it is then.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        topic: Topic,
        path: &Path,
        feed: Feed,
    ) -> Result<(Subscription, View), StoreError> {
        let mut state = self.state();
        state.last += 1;
        let (id, feed, topic) = (state.last, Arc::new(feed), (topic, path.clone()));
        state.subscribers.entry(topic.clone()).or_default().insert(id, feed.clone());
        let looked = self.look(&state, path);
        // Dropped in case of an error, it takes the lock.
        drop(state);
        let subscription = Subscription { feed, hub: self.clone(), topic, id };
        Ok((subscription, looked?.settled()?))
    }

    /// Looks at a node.
    pub(super) fn view(&self, path: &Path) -> Result<View, StoreError> {
        let looked = self.look(&self.state(), path)?;
        looked.settled()
    }

    fn look(&self, state: &State, path: &Path) -> Result<Look, StoreError> {
        let seen = |lock: &Lock| (!lock.settled).then_some(lock.born);
        let lock = state.locks.get(path).map(|lock| (lock.record.clone(), seen(lock)));
        let locks = state.locks.below(path).map(|(path, lock)| (path.split().1.into(), seen(lock)));
        Ok(Look { snapshot: self.store.snapshot()?, path: path.clone(), lock, locks: locks.collect() })
    }

    /// Tells subscribers of a change that is committed.
    pub(super) fn publish(&self, number: u64, changes: &[Change]) {
        let mut state = self.state();
        for change in changes {
            state.tell_change(Some(number), change);
        }
    }

    /// Tells the subscribers of what changes are about that nobody knows whether they are committed.
    pub(super) fn lose<'c>(&self, changes: impl IntoIterator<Item = &'c Change>) {
        let mut state = self.state();
        for change in changes {
            match change {
                Change::Value { path, .. } => state.tell(&(Topic::Value, path.clone()), None, What::Lost),
                Change::Removed(path) => {
                    state.tell(&(Topic::Value, path.clone()), None, What::Lost);
                    state.tell(&(Topic::Children, path.clone()), None, What::Lost);
                }
                Change::Came(path) | Change::Left(path) => state.tell_parent(path, None, |_| What::Lost),
            }
        }
    }

    pub(super) fn is_lock(&self, path: &Path) -> bool {
        self.state().locks.get(path).is_some()
    }

    /// Returns how many lock nodes are below `path`.
    pub(super) fn locks(&self, path: &Path) -> usize {
        self.state().locks.below(path).count()
    }

    /// Adds the lock node of a wish, whose change is not committed yet.
    pub(super) fn reserve(&self, path: &Path, record: Record, born: u64, wish: &Arc<Wish>) {
        self.state().locks.reserve(path, record, born, wish);
    }

    /// Takes the lock node of a wish back that nobody has heard of, if there is one, and returns where it was.
    pub(super) fn withdraw(&self, wish: &Wish) -> Option<Path> {
        self.state().locks.withdraw(wish)
    }

    /// Tells of the lock node of a wish that its change is committed, and of its end if nobody wants it any more.
    pub(super) fn settle(&self, wish: &Wish, number: u64, changes: &[Change]) {
        let mut state = self.state();
        for change in changes {
            state.tell_change(Some(number), change);
        }
        let Some((path, wanted)) = state.locks.settle(wish) else { return };
        if let Some(Record { value, version, .. }) = state.locks.get(&path).map(|lock| lock.record.clone()) {
            let value = Change::Value { path: path.clone(), value, version, parent: false };
            state.tell_change(Some(number), &value);
            state.tell_change(Some(number), &Change::Came(path.clone()));
        }
        if !wanted {
            state.end_lock(&path);
        }
    }

    /// Ends the lock node of a wish that nobody has any more, now or once it is settled.
    pub(super) fn leave(&self, wish: &Wish) {
        let mut state = self.state();
        if let Some(path) = state.locks.leave(wish) {
            state.end_lock(&path);
        }
    }

    /// Replaces the value of a lock node as [`tree::put`] does; `None` if there is no such node.
    pub(super) fn put_lock(
        &self,
        path: &Path,
        value: &cocaine::Bytes,
        version: i64,
    ) -> Option<(bool, Record)> {
        let mut state = self.state();
        let lock = state.locks.known(path)?;
        match tree::replaced(&lock.record, value.clone(), version) {
            Some(next) => {
                lock.record = next.clone();
                state.tell_lock(path, &next);
                Some((true, next))
            }
            None => Some((false, lock.record.clone())),
        }
    }

    /// Adds to the number of a lock node as [`tree::increment`] does; `None` if there is no such node.
    pub(super) fn increment_lock(&self, path: &Path, by: &cocaine::Value) -> Option<Result<Record, Stop>> {
        let mut state = self.state();
        let lock = state.locks.known(path)?;
        let next = tree::increased(&lock.record, by);
        if let Ok(next) = &next {
            lock.record = next.clone();
            state.tell_lock(path, next);
        }
        Some(next)
    }

    /// Removes a lock node as [`tree::remove`] does, and takes the lock from its holder; `None` if there is no such node.
    pub(super) fn remove_lock(&self, path: &Path, version: i64) -> Option<Result<(), Fault>> {
        let mut state = self.state();
        let removable = tree::removable(&state.locks.known(path)?.record, version);
        if removable.is_ok() {
            state.end_lock(path);
        }
        Some(removable)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell_change(&mut self, number: Option<u64>, change: &Change) {
        match change {
            Change::Value { path, value, version, parent } => {
                let parent = *parent || self.locks.below(path).any(|(_, lock)| lock.settled);
                let what = if parent { What::Parent } else { What::Value(value.clone(), *version) };
                self.tell(&(Topic::Value, path.clone()), number, what);
            }
            Change::Removed(path) => {
                self.tell(&(Topic::Value, path.clone()), number, What::Removed);
                self.tell(&(Topic::Children, path.clone()), number, What::Removed);
            }
            Change::Came(path) => self.tell_parent(path, number, What::Came),
            Change::Left(path) => self.tell_parent(path, number, What::Left),
        }
    }

    fn tell_parent(&mut self, path: &Path, number: Option<u64>, what: fn(Arc<str>) -> What) {
        if let Some(parent) = path.parent() {
            self.tell(&(Topic::Children, parent), number, what(path.split().1.into()));
        }
    }

    fn tell_lock(&mut self, path: &Path, record: &Record) {
        let (value, version) = (record.value.clone(), record.version);
        self.tell_change(None, &Change::Value { path: path.clone(), value, version, parent: false });
    }

    /// Removes a lock node that others know of.
    fn end_lock(&mut self, path: &Path) {
        self.locks.remove(path);
        self.tell_change(None, &Change::Removed(path.clone()));
        self.tell_change(None, &Change::Left(path.clone()));
    }

    fn tell(&mut self, topic: &(Topic, Path), number: Option<u64>, what: What) {
        let Some(feeds) = self.subscribers.get_mut(topic) else { return };
        let event = Arc::new(Event { number, what });
        feeds.retain(|_, feed| feed.push(&event));
        if feeds.is_empty() {
            self.subscribers.remove(topic);
        }
    }
}

/// A [`View`] before it is known which lock nodes it shows.
struct Look {
    snapshot: Arc<Snapshot>,
    path: Path,
    /// With the number of its change, if that was not told yet.
    lock: Option<(Record, Option<u64>)>,
    locks: Vec<(Arc<str>, Option<u64>)>,
}

impl Look {
    fn settled(self) -> Result<View, StoreError> {
        let number = self.snapshot.last_change()?;
        let shown = |born: Option<u64>| born.is_none_or(|born| born <= number);
        let lock = self.lock.filter(|(_, born)| shown(*born)).map(|(record, _)| record);
        let locks = self.locks.into_iter().filter(|(_, born)| shown(*born)).map(|(name, _)| name);
        Ok(View { snapshot: self.snapshot, number, path: self.path, lock, locks: locks.collect() })
    }
}

impl View {
    /// Returns the node.
    pub(super) fn node(&self) -> Result<Option<Record>, StoreError> {
        let (parent, name) = self.path.split();
        match &self.lock {
            Some(record) => Ok(Some(record.clone())),
            None => self.snapshot.node(parent, name),
        }
    }

    pub(super) fn has_children(&self) -> Result<bool, StoreError> {
        Ok(!self.locks.is_empty() || self.snapshot.has_children(self.path.as_str())?)
    }

    /// Returns how often the children of the node `record` have changed, and their names.
    pub(super) fn children(&self, record: &Record) -> Result<(i64, Vec<Arc<str>>), StoreError> {
        let names = self.snapshot.children(self.path.as_str())?.into_iter().map(Arc::from);
        let names = names.chain(self.locks.iter().cloned()).collect();
        Ok((tree::visible(record.changes, self.locks.len()), names))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        let Some(feeds) = state.subscribers.get_mut(&self.topic) else { return };
        feeds.remove(&self.id);
        if feeds.is_empty() {
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
