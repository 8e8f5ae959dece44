//! The events of an app that wait for a slot, in their order.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use lru::LruCache;
use tokio::sync::oneshot;

use super::slot::Assignment;

/// An event that waits for a slot.
#[derive(Debug)]
pub(super) struct QueuedEvent {
    pub(super) since: Instant,
    pub(super) timeout: Duration,
    pub(super) sender: oneshot::Sender<Assignment>,
}

/// The number of an event among all queued events of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct QueuedEventId(u64);

impl QueuedEventId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Events in their order. Each is added and removed in constant time, wherever it is: they are linked to their neighbours and
/// found by a hash, as in the cache that this uses without a bound, and in which the oldest entry comes first.
pub(super) struct AppQueue(LruCache<QueuedEventId, QueuedEvent>);

impl Default for AppQueue {
    fn default() -> Self {
        Self(LruCache::unbounded())
    }
}

impl AppQueue {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the event that has waited longest.
    pub(super) fn front(&self) -> Option<&QueuedEvent> {
        self.0.peek_lru().map(|(_, event)| event)
    }

    pub(super) fn push_back(&mut self, event: QueuedEvent) -> QueuedEventId {
        let id = QueuedEventId::next();
        self.0.put(id, event);
        id
    }

    pub(super) fn push_front(&mut self, event: QueuedEvent) -> QueuedEventId {
        let id = self.push_back(event);
        self.0.demote(&id);
        id
    }

    pub(super) fn pop_front(&mut self) -> Option<QueuedEvent> {
        self.0.pop_lru().map(|(_, event)| event)
    }

    /// Removes an event, if it still waits.
    pub(super) fn remove(&mut self, id: QueuedEventId) -> Option<QueuedEvent> {
        self.0.pop(&id)
    }

    /// Takes over the events of an older queue, which come before those of this one.
    pub(super) fn prepend(&mut self, older: &mut Self) {
        std::mem::swap(self, older);
        while let Some((id, event)) = older.0.pop_lru() {
            self.0.put(id, event);
        }
    }

    /// Removes all events, and the room that they took.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl fmt::Debug for AppQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppQueue").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(millis: u64) -> QueuedEvent {
        let timeout = Duration::from_millis(millis);
        QueuedEvent { since: Instant::now(), timeout, sender: oneshot::channel().0 }
    }

    fn drain(queue: &mut AppQueue) -> Vec<u128> {
        std::iter::from_fn(|| queue.pop_front()).map(|event| event.timeout.as_millis()).collect()
    }

    #[test]
    fn events_keep_order_and_can_leave_anywhere() {
        let mut queue = AppQueue::default();
        let ids = [1, 2, 3, 4].map(|number| queue.push_back(event(number)));
        queue.push_front(event(0));
        assert_eq!(queue.remove(ids[1]).map(|event| event.timeout), Some(Duration::from_millis(2)));
        assert!(queue.remove(ids[1]).is_none(), "it has left");
        assert_eq!((queue.len(), queue.front().unwrap().timeout), (4, Duration::ZERO));
        assert_eq!(drain(&mut queue), [0, 1, 3, 4]);
        let mut older = AppQueue::default();
        let moved = [5, 6].map(|number| older.push_back(event(number)));
        queue.push_back(event(8));
        older.push_back(event(7));
        queue.prepend(&mut older);
        assert!(older.is_empty() && queue.remove(moved[0]).is_some(), "events are found where they move");
        assert_eq!(drain(&mut queue), [6, 7, 8]);
        assert!(queue.is_empty() && queue.remove(ids[0]).is_none());
    }
}
