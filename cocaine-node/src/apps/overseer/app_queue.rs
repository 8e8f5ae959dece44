//! The events of an app that wait for a slot, in their order.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::slot::Assignment;

/// An event that waits for a slot.
#[derive(Debug)]
pub(super) struct QueuedEvent {
    pub(super) since: Instant,
    pub(super) timeout: Duration,
    pub(super) sender: oneshot::Sender<Assignment>,
}

/// The place of an event among all events of the node: events with smaller numbers come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueuePosition(i64);

/// The number of the next event that comes last.
static NEXT_BACK: AtomicI64 = AtomicI64::new(0);
/// The number of the next event that comes first.
static NEXT_FRONT: AtomicI64 = AtomicI64::new(-1);

/// Events in their order. Each can be removed wherever it is, without a look at the others.
#[derive(Debug, Default)]
pub(super) struct AppQueue(BTreeMap<QueuePosition, QueuedEvent>);

impl AppQueue {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the event that has waited longest.
    pub(super) fn front(&self) -> Option<&QueuedEvent> {
        self.0.first_key_value().map(|(_, event)| event)
    }

    pub(super) fn push_back(&mut self, event: QueuedEvent) -> QueuePosition {
        self.insert(NEXT_BACK.fetch_add(1, Ordering::Relaxed), event)
    }

    pub(super) fn push_front(&mut self, event: QueuedEvent) -> QueuePosition {
        self.insert(NEXT_FRONT.fetch_sub(1, Ordering::Relaxed), event)
    }

    fn insert(&mut self, number: i64, event: QueuedEvent) -> QueuePosition {
        let position = QueuePosition(number);
        self.0.insert(position, event);
        position
    }

    pub(super) fn pop_front(&mut self) -> Option<QueuedEvent> {
        self.0.pop_first().map(|(_, event)| event)
    }

    /// Removes the event at this place, if it still waits.
    pub(super) fn remove(&mut self, position: QueuePosition) -> Option<QueuedEvent> {
        self.0.remove(&position)
    }

    /// Takes over the events of another queue, each in its place.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
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
        let positions = [1, 2, 3, 4].map(|number| queue.push_back(event(number)));
        queue.push_front(event(0));
        assert_eq!(queue.remove(positions[1]).map(|event| event.timeout), Some(Duration::from_millis(2)));
        assert!(queue.remove(positions[1]).is_none(), "it has left");
        assert_eq!((queue.len(), queue.front().unwrap().timeout), (4, Duration::ZERO));
        assert_eq!(drain(&mut queue), [0, 1, 3, 4]);
        let mut other = AppQueue::default();
        other.push_back(event(5));
        queue.push_back(event(6));
        queue.append(&mut other);
        assert_eq!(drain(&mut queue), [5, 6]);
        assert!(queue.is_empty() && queue.remove(positions[0]).is_none());
    }
}
