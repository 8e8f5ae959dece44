//! The bounded queue of events for one subscriber.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use cocaine::Bytes;

use super::{
    budget::{ClientBudget, ClientReservation, LaggedError},
    limits,
};

/// An event of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodeEvent {
    /// The number of the stored change; `None` for one that is not stored, such as the removal of a lock node.
    pub(super) number: Option<u64>,
    pub(super) kind: EventKind,
}

/// What happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    Value(Bytes, i64),
    /// The node has a new value, which is not delivered because it has children.
    ParentValue,
    Removed,
    /// A child of this name was added.
    ChildAdded(Arc<str>),
    /// The child of this name was removed.
    ChildRemoved(Arc<str>),
    /// The storage failed: the node may or may not have changed.
    OutcomeUnknown,
}

impl NodeEvent {
    fn weight(&self) -> usize {
        match &self.kind {
            EventKind::Value(value, _) => limits::OVERHEAD_BYTES + value.len(),
            _ => limits::OVERHEAD_BYTES,
        }
    }
}

/// The events queued for one subscriber.
#[derive(Debug)]
pub(super) struct EventQueue {
    state: Mutex<QueueState>,
    /// The largest number of queued bytes. A single event may exceed it.
    limit: usize,
}

#[derive(Debug)]
struct QueueState {
    events: VecDeque<Arc<NodeEvent>>,
    reservation: ClientReservation,
    lagged: bool,
    reader: Option<Waker>,
}

impl EventQueue {
    pub(super) fn new(client: Arc<ClientBudget>, limit: usize) -> Self {
        let reservation = ClientReservation::new(client);
        let state = QueueState { events: VecDeque::new(), reservation, lagged: false, reader: None };
        Self { state: Mutex::new(state), limit }
    }

    /// Queues an event. Returns `false` if the subscriber has fallen too far behind: its queue is dropped, and it
    /// gets no further events.
    pub(super) fn push(&self, event: &Arc<NodeEvent>) -> bool {
        let mut state = self.state();
        if state.lagged {
            return false;
        }
        let weight = event.weight();
        let fits = state.events.is_empty() || state.reservation.bytes + weight <= self.limit;
        if fits && state.reservation.grow(weight).is_ok() {
            state.events.push_back(event.clone());
        } else {
            state.lagged = true;
            state.events = VecDeque::new();
            let reserved = state.reservation.bytes;
            state.reservation.shrink(reserved);
        }
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        !state.lagged
    }

    /// Polls for the next event.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<Arc<NodeEvent>, LaggedError>> {
        let mut state = self.state();
        if let Some(event) = state.events.pop_front() {
            state.reservation.shrink(event.weight());
            return Poll::Ready(Ok(event));
        }
        if state.lagged {
            return Poll::Ready(Err(LaggedError));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use cocaine::MemoryBudget;

    use super::*;
    use crate::services::unicorn::budget::ClientBudgets;

    fn event(bytes: usize) -> Arc<NodeEvent> {
        Arc::new(NodeEvent { number: Some(1), kind: EventKind::Value(vec![0; bytes].into(), 0) })
    }

    fn next(queue: &EventQueue) -> Poll<Result<Arc<NodeEvent>, LaggedError>> {
        queue.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn too_many_events_cut_subscriber_off() {
        let clients = ClientBudgets::default();
        let client = clients.get("peer", 1 << 20);
        let queue = EventQueue::new(client.clone(), 1000);
        assert!(queue.push(&event(5000)), "a single one");
        assert!(next(&queue).is_ready());
        assert!(next(&queue).is_pending());
        assert!(queue.push(&event(400)));
        assert!(queue.push(&event(400)));
        assert!(!queue.push(&event(400)));
        assert_eq!(client.used(), 0, "queued events are dropped");
        assert_eq!(next(&queue), Poll::Ready(Err(LaggedError)));
        assert!(!queue.push(&event(1)));
    }

    #[test]
    fn queued_events_are_counted_in_node_memory() {
        const STEP: usize = MemoryBudget::UNCOUNTED_BYTES;
        let memory = MemoryBudget::new(8 * STEP);
        let clients = ClientBudgets::new(memory.clone());
        let queue = EventQueue::new(clients.get("peer", 1 << 30), 1 << 30);
        assert!(queue.push(&event(STEP / 2)));
        assert_eq!(memory.used(), 0, "little is not counted");
        assert!(queue.push(&event(4 * STEP)));
        assert_eq!(memory.used(), 5 * STEP);
        assert!(!queue.push(&event(3 * STEP)), "memory is scarce: the subscriber has fallen too far behind");
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn subscriptions_of_one_client_share_its_budget() {
        let clients = ClientBudgets::default();
        let queue = |peer| EventQueue::new(clients.get(peer, 1000), 1000);
        let (first, second, other) = (queue("one"), queue("one"), queue("other"));
        assert!(first.push(&event(600)));
        assert!(!second.push(&event(600)));
        assert!(other.push(&event(600)));
        assert!(next(&first).is_ready());
        assert!(queue("one").push(&event(600)));
        drop((first, second, other));
        assert!(clients.is_empty(), "departed clients leave nothing behind");
    }
}
