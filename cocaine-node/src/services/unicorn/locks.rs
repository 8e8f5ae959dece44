//! Lock nodes in the order of their creation: the first node of a folder holds its lock, the others wait. They exist in
//! memory only.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::path::Path;
use crate::store::NodeRecord;

/// The state of a lock request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockState {
    Waiting,
    Acquired,
    /// The lock node was removed by somebody else.
    Lost {
        /// The lock was acquired before, which its caller may not know yet.
        acquired: bool,
    },
}

/// A request for a lock, which the caller shares with its lock node.
#[derive(Debug)]
pub(super) struct LockRequest {
    state: watch::Sender<LockState>,
    progress: Mutex<RequestProgress>,
}

#[derive(Debug, Default)]
struct RequestProgress {
    /// The path of the lock node, once there is one.
    node: Option<Path>,
    /// The caller no longer wants the lock.
    abandoned: bool,
}

impl Default for LockRequest {
    fn default() -> Self {
        Self { state: watch::Sender::new(LockState::Waiting), progress: Mutex::default() }
    }
}

impl LockRequest {
    pub(super) fn states(&self) -> watch::Receiver<LockState> {
        self.state.subscribe()
    }

    fn progress(&self) -> MutexGuard<'_, RequestProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node of one request.
#[derive(Debug)]
pub(super) struct LockNode {
    pub(super) record: NodeRecord,
    /// The number of the change that added it.
    pub(super) change_number: u64,
    /// The change is committed and published.
    pub(super) committed: bool,
    request: Arc<LockRequest>,
}

/// All lock nodes by folder.
#[derive(Debug, Default)]
pub(super) struct LockNodes(HashMap<Path, BTreeMap<Path, LockNode>>);

impl LockNodes {
    pub(super) fn get(&self, path: &Path) -> Option<&LockNode> {
        self.0.get(path.split().0)?.get(path)
    }

    /// Returns a lock node whose change is committed.
    pub(super) fn committed_mut(&mut self, path: &Path) -> Option<&mut LockNode> {
        self.0.get_mut(path.split().0)?.get_mut(path).filter(|lock| lock.committed)
    }

    /// Returns the lock nodes below `folder`.
    pub(super) fn children(&self, folder: &Path) -> impl Iterator<Item = (&Path, &LockNode)> {
        self.0.get(folder).into_iter().flatten()
    }

    /// Adds the node of a request before its change is committed.
    pub(super) fn add_pending(
        &mut self,
        path: &Path,
        record: NodeRecord,
        change_number: u64,
        request: &Arc<LockRequest>,
    ) {
        let Some(folder) = path.parent() else { return };
        let lock = LockNode { record, change_number, committed: false, request: request.clone() };
        self.0.entry(folder).or_default().insert(path.clone(), lock);
        request.progress().node = Some(path.clone());
    }

    /// Removes the uncommitted node of a request, if there is one, and returns its path.
    pub(super) fn cancel(&mut self, request: &LockRequest) -> Option<Path> {
        let path = request.progress().node.take()?;
        self.remove_node(&path);
        Some(path)
    }

    /// Marks the node of a request as committed. Returns its path, and whether the lock is still wanted.
    pub(super) fn commit(&mut self, request: &LockRequest) -> Option<(Path, bool)> {
        let RequestProgress { node, abandoned } = &*request.progress();
        let path = node.clone()?;
        let folder = self.0.get_mut(path.split().0)?;
        folder.get_mut(&path)?.committed = true;
        grant_first(folder);
        Some((path, !abandoned))
    }

    /// Marks a request as abandoned. Returns the path of its node if that is committed and can be removed now.
    pub(super) fn release(&mut self, request: &LockRequest) -> Option<Path> {
        let mut progress = request.progress();
        progress.abandoned = true;
        progress.node.clone().filter(|path| self.committed_mut(path).is_some())
    }

    /// Removes a node. Its owner loses the lock or its place in the queue, and the next in the queue gets the lock.
    pub(super) fn remove(&mut self, path: &Path) {
        if let Some(lock) = self.remove_node(path) {
            lock.request.state.send_modify(|state| {
                *state = LockState::Lost { acquired: *state == LockState::Acquired };
            });
        }
    }

    fn remove_node(&mut self, path: &Path) -> Option<LockNode> {
        let (parent, _) = path.split();
        let folder = self.0.get_mut(parent)?;
        let lock = folder.remove(path);
        grant_first(folder);
        if folder.is_empty() {
            self.0.remove(parent);
        }
        lock
    }
}

/// Grants the lock of a folder to its first node, if that is committed.
fn grant_first(folder: &BTreeMap<Path, LockNode>) {
    let Some((_, lock)) = folder.first_key_value() else { return };
    if lock.committed {
        lock.request.state.send_if_modified(|state| {
            let was_waiting = *state == LockState::Waiting;
            *state = LockState::Acquired;
            was_waiting
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

    fn add_request(locks: &mut LockNodes, number: usize) -> (Arc<LockRequest>, watch::Receiver<LockState>) {
        let request = Arc::new(LockRequest::default());
        locks.add_pending(
            &path(number),
            NodeRecord { value: Bytes::new(), version: 0, changes: 0 },
            1,
            &request,
        );
        let states = request.states();
        (request, states)
    }

    fn states(requests: &[(Arc<LockRequest>, watch::Receiver<LockState>)]) -> Vec<LockState> {
        requests.iter().map(|(_, state)| *state.borrow()).collect()
    }

    #[test]
    fn lock_is_granted_in_order_of_requests() {
        let mut locks = LockNodes::default();
        let requests: Vec<_> = (0..4).map(|number| add_request(&mut locks, number)).collect();
        assert_eq!(states(&requests), [LockState::Waiting; 4], "nothing is committed");
        for (number, (request, _)) in requests.iter().enumerate() {
            assert_eq!(locks.commit(request), Some((path(number), true)));
        }
        assert_eq!(
            states(&requests),
            [LockState::Acquired, LockState::Waiting, LockState::Waiting, LockState::Waiting]
        );
        locks.remove(&path(1));
        assert_eq!(
            states(&requests),
            [
                LockState::Acquired,
                LockState::Lost { acquired: false },
                LockState::Waiting,
                LockState::Waiting
            ],
            "a removed waiter"
        );
        locks.remove(&path(0));
        assert_eq!(
            states(&requests),
            [
                LockState::Lost { acquired: true },
                LockState::Lost { acquired: false },
                LockState::Acquired,
                LockState::Waiting
            ]
        );
        locks.remove(&path(2));
        locks.remove(&path(3));
        assert!(locks.0.is_empty(), "removed nodes leave nothing behind");
    }

    #[test]
    fn request_abandoned_before_commit_is_removed_after() {
        let mut locks = LockNodes::default();
        let requests: Vec<_> = (0..2).map(|number| add_request(&mut locks, number)).collect();
        assert_eq!(locks.release(&requests[0].0), None);
        assert!(locks.committed_mut(&path(0)).is_none());
        assert_eq!(locks.commit(&requests[0].0), Some((path(0), false)));
        locks.remove(&path(0));
        assert_eq!(states(&requests), [LockState::Lost { acquired: true }, LockState::Waiting]);
        assert_eq!(locks.commit(&requests[1].0), Some((path(1), true)));
        assert_eq!(states(&requests), [LockState::Lost { acquired: true }, LockState::Acquired]);
        assert_eq!(locks.release(&requests[1].0), Some(path(1)), "a committed node can be removed at once");
    }

    #[test]
    fn cancelled_request_leaves_no_trace() {
        let mut locks = LockNodes::default();
        let requests: Vec<_> = (0..2).map(|number| add_request(&mut locks, number)).collect();
        locks.cancel(&requests[0].0);
        assert_eq!(locks.commit(&requests[0].0), None);
        assert_eq!(locks.commit(&requests[1].0), Some((path(1), true)));
        assert_eq!(states(&requests), [LockState::Waiting, LockState::Acquired]);
        assert_eq!(locks.release(&requests[0].0), None);
        locks.cancel(&requests[0].0);
    }
}
