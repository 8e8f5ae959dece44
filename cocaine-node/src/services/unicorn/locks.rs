//! Who holds which lock, and who waits for it: lock nodes in the order in which they came. They live in memory alone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::path::Path;
use crate::store::Record;

/// What a caller who wants a lock has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Waiting,
    Held,
    /// Somebody has removed the lock node.
    Lost,
}

/// What a caller who wants a lock shares with the node that stands for it.
#[derive(Debug)]
pub(super) struct Wish {
    turn: watch::Sender<Turn>,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// Where the node is, once there is one.
    node: Option<Path>,
    /// Nobody wants the lock any more.
    left: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { turn: watch::Sender::new(Turn::Waiting), place: Mutex::default() }
    }
}

impl Wish {
    pub(super) fn turns(&self) -> watch::Receiver<Turn> {
        self.turn.subscribe()
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node of one wish.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) record: Record,
    /// The number of the change by which it came.
    pub(super) born: u64,
    /// The change is committed, and told to others.
    pub(super) settled: bool,
    wish: Arc<Wish>,
}

/// All lock nodes, by their folders.
#[derive(Debug, Default)]
pub(super) struct Locks(HashMap<Path, BTreeMap<Path, Lock>>);

impl Locks {
    pub(super) fn get(&self, path: &Path) -> Option<&Lock> {
        self.0.get(path.split().0)?.get(path)
    }

    /// Returns a lock node that others know of.
    pub(super) fn known(&mut self, path: &Path) -> Option<&mut Lock> {
        self.0.get_mut(path.split().0)?.get_mut(path).filter(|lock| lock.settled)
    }

    /// Returns the lock nodes below `folder`.
    pub(super) fn below(&self, folder: &Path) -> impl Iterator<Item = (&Path, &Lock)> {
        self.0.get(folder).into_iter().flatten()
    }

    /// Adds the node of a wish, whose change is not committed yet.
    pub(super) fn reserve(&mut self, path: &Path, record: Record, born: u64, wish: &Arc<Wish>) {
        let Some(folder) = path.parent() else { return };
        let lock = Lock { record, born, settled: false, wish: wish.clone() };
        self.0.entry(folder).or_default().insert(path.clone(), lock);
        wish.place().node = Some(path.clone());
    }

    /// Takes the node of a wish back that others have not heard of, if there is one, and returns where it was.
    pub(super) fn withdraw(&mut self, wish: &Wish) -> Option<Path> {
        let path = wish.place().node.take()?;
        self.take(&path);
        Some(path)
    }

    /// Notes that the change by which the node of a wish came is committed; returns where that is, and whether the lock
    /// is still wanted.
    pub(super) fn settle(&mut self, wish: &Wish) -> Option<(Path, bool)> {
        let Place { node, left } = &*wish.place();
        let path = node.clone()?;
        let folder = self.0.get_mut(path.split().0)?;
        folder.get_mut(&path)?.settled = true;
        grant(folder);
        Some((path, !left))
    }

    /// Notes that nobody wants the lock any more; returns its node if that can go now.
    pub(super) fn leave(&mut self, wish: &Wish) -> Option<Path> {
        let mut place = wish.place();
        place.left = true;
        place.node.clone().filter(|path| self.known(path).is_some())
    }

    /// Removes a node, whose caller loses the lock, or the wait for it; the next one gets it.
    pub(super) fn remove(&mut self, path: &Path) {
        if let Some(lock) = self.take(path) {
            lock.wish.turn.send_replace(Turn::Lost);
        }
    }

    fn take(&mut self, path: &Path) -> Option<Lock> {
        let (parent, _) = path.split();
        let folder = self.0.get_mut(parent)?;
        let lock = folder.remove(path);
        grant(folder);
        if folder.is_empty() {
            self.0.remove(parent);
        }
        lock
    }
}

/// Gives the lock to the first, once it is known to others.
fn grant(folder: &BTreeMap<Path, Lock>) {
    let Some((_, lock)) = folder.first_key_value() else { return };
    if lock.settled {
        lock.wish.turn.send_if_modified(|turn| {
            let waited = *turn == Turn::Waiting;
            *turn = Turn::Held;
            waited
        });
    }
}

#[cfg(test)]
mod tests {
    use cocaine::Bytes;

    use super::*;

    fn path(number: usize) -> Path {
        Path::new(&format!("/folder/lock{number:010}")).unwrap()
    }

    fn enter(locks: &mut Locks, number: usize) -> (Arc<Wish>, watch::Receiver<Turn>) {
        let wish = Arc::new(Wish::default());
        locks.reserve(&path(number), Record { value: Bytes::new(), version: 0, changes: 0 }, 1, &wish);
        let turns = wish.turns();
        (wish, turns)
    }

    fn now(wishes: &[(Arc<Wish>, watch::Receiver<Turn>)]) -> Vec<Turn> {
        wishes.iter().map(|(_, turn)| *turn.borrow()).collect()
    }

    #[test]
    fn a_lock_goes_from_one_to_the_next_in_the_order_of_their_coming() {
        let mut locks = Locks::default();
        let wishes: Vec<_> = (0..4).map(|number| enter(&mut locks, number)).collect();
        assert_eq!(now(&wishes), [Turn::Waiting; 4], "nothing is committed");
        for (number, (wish, _)) in wishes.iter().enumerate() {
            assert_eq!(locks.settle(wish), Some((path(number), true)));
        }
        assert_eq!(now(&wishes), [Turn::Held, Turn::Waiting, Turn::Waiting, Turn::Waiting]);
        locks.remove(&path(1));
        assert_eq!(now(&wishes), [Turn::Held, Turn::Lost, Turn::Waiting, Turn::Waiting], "a dead waiter");
        locks.remove(&path(0));
        assert_eq!(now(&wishes), [Turn::Lost, Turn::Lost, Turn::Held, Turn::Waiting]);
        locks.remove(&path(2));
        locks.remove(&path(3));
        assert!(locks.0.is_empty(), "nothing is kept of what nobody wants");
    }

    #[test]
    fn who_leaves_before_the_commit_is_removed_after_it() {
        let mut locks = Locks::default();
        let wishes: Vec<_> = (0..2).map(|number| enter(&mut locks, number)).collect();
        assert_eq!(locks.leave(&wishes[0].0), None);
        assert!(locks.known(&path(0)).is_none());
        assert_eq!(locks.settle(&wishes[0].0), Some((path(0), false)));
        locks.remove(&path(0));
        assert_eq!(now(&wishes), [Turn::Lost, Turn::Waiting]);
        assert_eq!(locks.settle(&wishes[1].0), Some((path(1), true)));
        assert_eq!(now(&wishes), [Turn::Lost, Turn::Held]);
        assert_eq!(locks.leave(&wishes[1].0), Some(path(1)), "one that is known can go at once");
    }

    #[test]
    fn what_was_not_committed_is_as_if_it_had_not_been() {
        let mut locks = Locks::default();
        let wishes: Vec<_> = (0..2).map(|number| enter(&mut locks, number)).collect();
        locks.withdraw(&wishes[0].0);
        assert_eq!(locks.settle(&wishes[0].0), None);
        assert_eq!(locks.settle(&wishes[1].0), Some((path(1), true)));
        assert_eq!(now(&wishes), [Turn::Waiting, Turn::Held]);
        assert_eq!(locks.leave(&wishes[0].0), None);
        locks.withdraw(&wishes[0].0);
    }
}
