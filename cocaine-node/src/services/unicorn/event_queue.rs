//! What waits for one subscriber: events in order, and a bound.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use cocaine::Bytes;

use super::limits;

/// What a subscriber is told of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The number of the change that it is; none for what no storage knows, as the end of a lock node.
    pub(super) number: Option<u64>,
    pub(super) what: What,
}

/// What has happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Value(Bytes, i64),
    /// It has another value, which cannot be told: it has children.
    Parent,
    Removed,
    /// A child of this name came.
    Came(Arc<str>),
    /// The child of this name went.
    Left(Arc<str>),
    /// Nobody knows: the storage has failed.
    Lost,
}

impl Event {
    fn weight(&self) -> usize {
        match &self.what {
            What::Value(value, _) => limits::EVENT + value.len(),
            _ => limits::EVENT,
        }
    }
}

/// Too much waits for the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lagged;

/// How much all subscriptions of one connection may keep.
#[derive(Debug)]
pub(super) struct Client {
    peer: Arc<str>,
    used: AtomicUsize,
    limit: usize,
    clients: Clients,
}

/// The connections that subscribe.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<HashMap<Arc<str>, Weak<Client>>>>);

impl Clients {
    pub(super) fn get(&self, peer: &str, limit: usize) -> Arc<Client> {
        let mut clients = self.lock();
        if let Some(known) = clients.get(peer).and_then(Weak::upgrade) {
            return known;
        }
        let peer: Arc<str> = peer.into();
        let client =
            Arc::new(Client { peer: peer.clone(), used: AtomicUsize::new(0), limit, clients: self.clone() });
        clients.insert(peer, Arc::downgrade(&client));
        client
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Client>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut clients = self.clients.lock();
        // Another subscription of the peer may have come meanwhile.
        if clients.get(&self.peer).is_some_and(|known| known.strong_count() == 0) {
            clients.remove(&self.peer);
        }
    }
}

/// Memory that counts as a client's until this is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    client: Arc<Client>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Self { client, bytes: 0 }
    }

    /// Counts further bytes, or says that they are too many.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), Lagged> {
        self.bytes += bytes;
        let used = self.client.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used <= self.client.limit { Ok(()) } else { Err(Lagged) }
    }

    pub(super) fn take(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.client.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.client.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The events that wait for one subscriber.
#[derive(Debug)]
pub(super) struct Feed {
    waiting: Mutex<Waiting>,
    /// Bytes of events that may wait, unless it is a single one.
    limit: usize,
}

#[derive(Debug)]
struct Waiting {
    events: VecDeque<Arc<Event>>,
    charge: Charge,
    lagged: bool,
    reader: Option<Waker>,
}

impl Feed {
    pub(super) fn new(client: Arc<Client>, limit: usize) -> Self {
        let charge = Charge::new(client);
        let waiting = Waiting { events: VecDeque::new(), charge, lagged: false, reader: None };
        Self { waiting: Mutex::new(waiting), limit }
    }

    /// Adds an event; returns whether the subscriber is to be told of any more. One that falls too far behind is not,
    /// and what waited for it is dropped at once.
    pub(super) fn push(&self, event: &Arc<Event>) -> bool {
        let mut waiting = self.waiting();
        if waiting.lagged {
            return false;
        }
        let weight = event.weight();
        let fits = waiting.events.is_empty() || waiting.charge.bytes + weight <= self.limit;
        if fits && waiting.charge.add(weight).is_ok() {
            waiting.events.push_back(event.clone());
        } else {
            waiting.lagged = true;
            waiting.events = VecDeque::new();
            let held = waiting.charge.bytes;
            waiting.charge.take(held);
        }
        if let Some(reader) = waiting.reader.take() {
            reader.wake();
        }
        !waiting.lagged
    }

    /// Returns the next event, or wakes the task once there is one.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Result<Arc<Event>, Lagged>> {
        let mut waiting = self.waiting();
        if let Some(event) = waiting.events.pop_front() {
            waiting.charge.take(event.weight());
            return Poll::Ready(Ok(event));
        }
        if waiting.lagged {
            return Poll::Ready(Err(Lagged));
        }
        waiting.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Arc<Event> {
        Arc::new(Event { number: Some(1), what: What::Value(vec![0; bytes].into(), 0) })
    }

    fn next(feed: &Feed) -> Poll<Result<Arc<Event>, Lagged>> {
        feed.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_event_always_fits_and_too_many_cut_the_subscriber_off() {
        let clients = Clients::default();
        let client = clients.get("peer", 1 << 20);
        let feed = Feed::new(client.clone(), 1000);
        assert!(feed.push(&event(5000)), "a single one");
        assert!(next(&feed).is_ready());
        assert!(next(&feed).is_pending());
        assert!(feed.push(&event(400)));
        assert!(feed.push(&event(400)));
        assert!(!feed.push(&event(400)));
        assert_eq!(client.used.load(Ordering::Relaxed), 0, "what waited is dropped");
        assert_eq!(next(&feed), Poll::Ready(Err(Lagged)));
        assert!(!feed.push(&event(1)));
    }

    #[test]
    fn all_subscriptions_of_a_client_share_its_limit_and_no_other_s() {
        let clients = Clients::default();
        let feed = |peer| Feed::new(clients.get(peer, 1000), 1000);
        let (first, second, other) = (feed("one"), feed("one"), feed("other"));
        assert!(first.push(&event(600)));
        assert!(!second.push(&event(600)));
        assert!(other.push(&event(600)));
        assert!(next(&first).is_ready());
        assert!(feed("one").push(&event(600)));
        drop((first, second, other));
        assert!(clients.lock().is_empty(), "nothing is kept of who has left");
    }
}
