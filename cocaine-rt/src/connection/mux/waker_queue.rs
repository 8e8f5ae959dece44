//! Tasks that wait for the same thing, in the order in which they came.

use std::{
    collections::{HashSet, VecDeque},
    ptr,
    task::Waker,
};

/// The wakers of tasks that wait, each of them once. One is added and removed in constant time, however many wait.
#[derive(Debug, Default)]
pub(super) struct WakerQueue {
    wakers: VecDeque<Waker>,
    /// The identities of the wakers: a task may poll again before it is woken.
    known: HashSet<(usize, usize)>,
}

impl WakerQueue {
    /// Adds a waker, unless it waits already.
    pub(super) fn add(&mut self, waker: &Waker) {
        if self.known.insert(identity(waker)) {
            self.wakers.push_back(waker.clone());
        }
    }

    /// Moves the wakers that have waited longest to `wakers`, at most `count` of them.
    pub(super) fn drain_into(&mut self, wakers: &mut Vec<Waker>, count: usize) {
        let count = count.min(self.wakers.len());
        for waker in self.wakers.drain(..count) {
            self.known.remove(&identity(&waker));
            wakers.push(waker);
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wakers.len()
    }
}

/// Returns what distinguishes a waker from all others that exist: a clone in the queue keeps it in use.
fn identity(waker: &Waker) -> (usize, usize) {
    (waker.data().addr(), ptr::from_ref(waker.vtable()).addr())
}
