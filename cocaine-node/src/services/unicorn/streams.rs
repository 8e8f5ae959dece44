//! The streams of subscribers: the current state of a node first, then each of its changes.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use cocaine::{Result, Stream};
use cocaine_bindings::{Children, Versioned};

use super::{
    budget::{ClientBudget, ClientReservation},
    error::UnicornError,
    event_queue::{EventKind, NodeEvent},
    hub::{NodeView, Subscription},
    limits, tree,
};
use crate::store::{NodeRecord, Observation};

/// Decodes a record for a caller.
pub(super) fn versioned(record: &NodeRecord) -> Result<Versioned, UnicornError> {
    Ok(Versioned { value: tree::decode(&record.value)?, version: record.version })
}

/// Returns the value that callers get for a missing node.
pub(super) fn missing() -> Versioned {
    Versioned { value: cocaine::Value::Nil, version: -1 }
}

/// Returns the value of the node in `view`, or `if_parent` if the node has children.
pub(super) fn read(view: &NodeView, if_parent: UnicornError) -> Result<Versioned, UnicornError> {
    let Some(record) = view.node()? else { return Ok(missing()) };
    if view.has_children()? {
        return Err(if_parent);
    }
    versioned(&record)
}

/// Builds the items of a stream from the events of a node.
pub(super) trait ItemBuilder {
    type Item;
    /// Turns an event into the subscriber's next item.
    fn next_item(&mut self, kind: &EventKind) -> Result<Self::Item, UnicornError>;
}

/// The stream of a subscriber.
pub(super) struct EventStream<B: ItemBuilder> {
    /// The state of the node when the subscription began, until it is read.
    first: Option<Result<B::Item, UnicornError>>,
    /// `None` once the stream has ended.
    live: Option<LiveEvents<B>>,
}

/// The events after the first item.
struct LiveEvents<B> {
    subscription: Subscription,
    /// The number of the last change that the first item includes.
    since: u64,
    builder: B,
}

/// The stream of a subscriber, which may have to wait until it is subscribed.
pub(super) enum SubscriptionStream<B: ItemBuilder> {
    Waiting(Observation<EventStream<B>>),
    Subscribed(EventStream<B>),
}

/// Builds the values of a node.
#[derive(Debug)]
pub(super) struct ValueItems;

/// Builds the lists of a node's children.
#[derive(Debug)]
pub(super) struct ChildrenItems {
    version: i64,
    names: BTreeSet<Arc<str>>,
    reservation: ClientReservation,
}

impl<B: ItemBuilder> EventStream<B> {
    /// Returns a stream with an error as its only item.
    pub(super) fn failed(error: UnicornError) -> Self {
        Self { first: Some(Err(error)), live: None }
    }
}

impl EventStream<ValueItems> {
    /// Returns the values of a node, beginning with that in `view`.
    pub(super) fn values(subscription: Subscription, view: &NodeView) -> Self {
        let first = read(view, UnicornError::WatchParent);
        let live =
            first.is_ok().then_some(LiveEvents { subscription, since: view.number, builder: ValueItems });
        Self { first: Some(first), live }
    }
}

impl EventStream<ChildrenItems> {
    /// Returns the lists of a node's children, beginning with that in `view`.
    pub(super) fn lists(subscription: Subscription, view: &NodeView, client: Arc<ClientBudget>) -> Self {
        match ChildrenItems::new(view, client) {
            Err(error) => Self::failed(error),
            Ok(builder) => {
                let first = Some(Ok(builder.list()));
                Self { first, live: Some(LiveEvents { subscription, since: view.number, builder }) }
            }
        }
    }
}

impl<B: ItemBuilder> LiveEvents<B> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<B::Item, UnicornError>> {
        loop {
            let event = ready!(self.subscription.queue.poll_next(cx));
            let NodeEvent { number, kind } = &*event.map_err(|_| UnicornError::Lagged)?;
            if number.is_none_or(|number| number > self.since) {
                return Poll::Ready(self.builder.next_item(kind));
            }
        }
    }
}

impl<B: ItemBuilder + Unpin> Stream for EventStream<B>
where
    B::Item: Unpin,
{
    type Item = Result<B::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first.map_err(UnicornError::into_service_error)));
        }
        let Some(live) = &mut self.live else { return Poll::Ready(None) };
        let item = ready!(live.poll_next(cx));
        if item.is_err() {
            self.live = None;
        }
        Poll::Ready(Some(item.map_err(UnicornError::into_service_error)))
    }
}

impl<B: ItemBuilder> From<EventStream<B>> for SubscriptionStream<B> {
    fn from(stream: EventStream<B>) -> Self {
        Self::Subscribed(stream)
    }
}

impl<B: ItemBuilder> From<Observation<EventStream<B>>> for SubscriptionStream<B> {
    fn from(subscribing: Observation<EventStream<B>>) -> Self {
        Self::Waiting(subscribing)
    }
}

impl<B: ItemBuilder + Unpin> Stream for SubscriptionStream<B>
where
    B::Item: Unpin,
{
    type Item = Result<B::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::Subscribed(stream) => return Pin::new(stream).poll_next(cx),
                Self::Waiting(subscribing) => {
                    let subscribed = ready!(Pin::new(subscribing).poll(cx));
                    *self = Self::Subscribed(
                        subscribed.unwrap_or_else(|error| EventStream::failed(error.into())),
                    );
                }
            }
        }
    }
}

impl ItemBuilder for ValueItems {
    type Item = Versioned;

    fn next_item(&mut self, kind: &EventKind) -> Result<Versioned, UnicornError> {
        match kind {
            EventKind::Value(value, version) => {
                versioned(&NodeRecord { value: value.clone(), version: *version, changes: 0 })
            }
            EventKind::ParentValue => Err(UnicornError::WatchParent),
            EventKind::Removed => Err(UnicornError::NodeRemoved),
            EventKind::OutcomeUnknown | EventKind::ChildAdded(_) | EventKind::ChildRemoved(_) => {
                Err(UnicornError::OutcomeUnknown)
            }
        }
    }
}

impl ChildrenItems {
    fn new(view: &NodeView, client: Arc<ClientBudget>) -> Result<Self, UnicornError> {
        let record = view.node()?.ok_or(UnicornError::ListMissing)?;
        let (version, names) = view.children(&record)?;
        let mut reservation = ClientReservation::new(client);
        reservation.grow(names.iter().map(|name| weight(name)).sum()).map_err(|_| UnicornError::Lagged)?;
        Ok(Self { version, names: names.into_iter().collect(), reservation })
    }

    /// Returns the list in descending order of names, as recorded from the original.
    fn list(&self) -> Children {
        let names = self.names.iter().rev().map(ToString::to_string).collect();
        Children { version: self.version, names }
    }
}

impl ItemBuilder for ChildrenItems {
    type Item = Children;

    fn next_item(&mut self, kind: &EventKind) -> Result<Children, UnicornError> {
        match kind {
            EventKind::ChildAdded(name) => {
                self.reservation.grow(weight(name)).map_err(|_| UnicornError::Lagged)?;
                self.names.insert(name.clone());
            }
            EventKind::ChildRemoved(name) => {
                if self.names.remove(name) {
                    self.reservation.shrink(weight(name));
                }
            }
            EventKind::Removed => return Err(UnicornError::WatchedRemoved),
            EventKind::OutcomeUnknown | EventKind::Value(..) | EventKind::ParentValue => {
                return Err(UnicornError::OutcomeUnknown);
            }
        }
        self.version += 1;
        Ok(self.list())
    }
}

/// Returns the bytes that a listed name counts.
fn weight(name: &str) -> usize {
    limits::OVERHEAD_BYTES + name.len()
}
