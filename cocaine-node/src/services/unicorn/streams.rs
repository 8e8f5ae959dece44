//! What subscribers read: the node as it is, and each of its changes.

use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use cocaine::{Result, Stream};
use cocaine_bindings::{Children, Versioned};

use super::{
    error::Fault,
    event_queue::{Charge, Client, Event, What},
    hub::{Subscription, View},
    limits, tree,
};
use crate::store::Record;

/// Returns a value as callers get it.
pub(super) fn versioned(record: &Record) -> Result<Versioned, Fault> {
    Ok(Versioned { value: tree::decode(&record.value)?, version: record.version })
}

/// Returns what stands for a node that is not there.
pub(super) fn missing() -> Versioned {
    Versioned { value: cocaine::Value::Nil, version: -1 }
}

/// Returns the value that `view` shows; `parent` is what is wrong if the node has children.
pub(super) fn read(view: &View, parent: Fault) -> Result<Versioned, Fault> {
    let Some(record) = view.node()? else { return Ok(missing()) };
    if view.has_children()? {
        return Err(parent);
    }
    versioned(&record)
}

/// How a stream goes on.
pub(super) trait Follow {
    type Item;
    /// Returns what an event makes the subscriber's next item.
    fn follow(&mut self, what: &What) -> Result<Self::Item, Fault>;
}

/// A stream of what follows from the events of a node.
pub(super) struct Followed<F: Follow> {
    /// What is read first.
    first: Option<Result<F::Item, Fault>>,
    /// The rest; none once there is nothing more.
    rest: Option<Rest<F>>,
}

struct Rest<F> {
    subscription: Subscription,
    /// The last change that the first item shows.
    since: u64,
    follow: F,
}

/// Follows the value of a node.
#[derive(Debug)]
pub(super) struct Values;

/// Follows the children of a node.
#[derive(Debug)]
pub(super) struct Lists {
    version: i64,
    names: BTreeSet<Arc<str>>,
    charge: Charge,
}

impl<F: Follow> Followed<F> {
    /// Returns a stream that fails.
    pub(super) fn failed(fault: Fault) -> Self {
        Self { first: Some(Err(fault)), rest: None }
    }
}

impl Followed<Values> {
    /// Returns the values from that one on which `view` shows.
    pub(super) fn values(subscription: Subscription, view: &View) -> Self {
        let first = read(view, Fault::ParentWatched);
        let rest = first.is_ok().then_some(Rest { subscription, since: view.number, follow: Values });
        Self { first: Some(first), rest }
    }
}

impl Followed<Lists> {
    /// Returns the lists of children from that one on which `view` shows.
    pub(super) fn lists(subscription: Subscription, view: &View, client: Arc<Client>) -> Self {
        match Lists::new(view, client) {
            Err(fault) => Self::failed(fault),
            Ok(follow) => {
                let first = Some(Ok(follow.list()));
                Self { first, rest: Some(Rest { subscription, since: view.number, follow }) }
            }
        }
    }
}

impl<F: Follow> Rest<F> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<F::Item, Fault>> {
        loop {
            let event = ready!(self.subscription.feed.poll_next(cx));
            let Event { number, what } = &*event.map_err(|_| Fault::Lagged)?;
            if number.is_none_or(|number| number > self.since) {
                return Poll::Ready(self.follow.follow(what));
            }
        }
    }
}

impl<F: Follow + Unpin> Stream for Followed<F>
where
    F::Item: Unpin,
{
    type Item = Result<F::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first.map_err(Fault::answer)));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let item = ready!(rest.poll_next(cx));
        if item.is_err() {
            self.rest = None;
        }
        Poll::Ready(Some(item.map_err(Fault::answer)))
    }
}

impl Follow for Values {
    type Item = Versioned;

    fn follow(&mut self, what: &What) -> Result<Versioned, Fault> {
        match what {
            What::Value(value, version) => {
                versioned(&Record { value: value.clone(), version: *version, changes: 0 })
            }
            What::Parent => Err(Fault::ParentWatched),
            What::Removed => Err(Fault::Removed),
            What::Lost | What::Came(_) | What::Left(_) => Err(Fault::Lost),
        }
    }
}

impl Lists {
    fn new(view: &View, client: Arc<Client>) -> Result<Self, Fault> {
        let record = view.node()?.ok_or(Fault::NoFolder)?;
        let (version, names) = view.children(&record)?;
        let mut charge = Charge::new(client);
        charge.add(names.iter().map(|name| weight(name)).sum()).map_err(|_| Fault::Lagged)?;
        Ok(Self { version, names: names.into_iter().collect(), charge })
    }

    /// Returns the list, from the last name to the first: in that order the original was heard.
    fn list(&self) -> Children {
        let names = self.names.iter().rev().map(ToString::to_string).collect();
        Children { version: self.version, names }
    }
}

impl Follow for Lists {
    type Item = Children;

    fn follow(&mut self, what: &What) -> Result<Children, Fault> {
        match what {
            What::Came(name) => {
                self.charge.add(weight(name)).map_err(|_| Fault::Lagged)?;
                self.names.insert(name.clone());
            }
            What::Left(name) => {
                if self.names.remove(name) {
                    self.charge.take(weight(name));
                }
            }
            What::Removed => return Err(Fault::FolderRemoved),
            What::Lost | What::Value(..) | What::Parent => return Err(Fault::Lost),
        }
        self.version += 1;
        Ok(self.list())
    }
}

/// Returns how much memory a name takes.
fn weight(name: &str) -> usize {
    limits::EVENT + name.len()
}
