//! `unicorn`: a tree of values with versions, and locks (`services.md` 8).
//!
//! What is put is stored, and told to subscribers once it is committed, change by change. Lock nodes are kept in memory
//! and end with the channel that wanted the lock; only the node that they are below is stored, and after a restart it
//! counts them as gone.

mod fault;
mod feed;
mod hub;
mod limits;
mod locks;
mod path;
mod rows;
mod streams;
#[cfg(test)]
mod tests;
mod tree;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use cocaine::{Guard, Limits, Result, Stream, Value, bind::Caller};
use cocaine_bindings::{Children, Unicorn, Versioned};

use self::{
    fault::Fault,
    feed::{Client, Clients, Feed},
    hub::{Hub, Subscription, Topic, View},
    locks::Turn,
    path::Path,
    rows::{Claim, Rows, change},
    streams::{Followed, Lists, Values, read, versioned},
};
use crate::store::Store;

/// What all calls of the service share.
#[derive(Debug)]
pub(crate) struct Shared {
    hub: Arc<Hub>,
    clients: Clients,
    limits: Limits,
}

impl Shared {
    /// Returns what serves the tree in `store`. [`Limits::unread`] bounds what waits for a subscriber, and
    /// [`Limits::held`] what all subscriptions of a connection keep.
    pub(crate) fn new(store: Store, limits: Limits) -> Self {
        Self { hub: Arc::new(Hub::new(store)), clients: Clients::default(), limits }
    }

    fn open(&self, topic: Topic, path: &str, peer: &str) -> Result<(Subscription, View, Arc<Client>), Fault> {
        let path = Path::new(path)?;
        let Limits { held, unread, .. } = self.limits;
        let client = self.clients.get(peer, held);
        let (subscription, view) = self.hub.subscribe(topic, &path, Feed::new(client.clone(), unread))?;
        Ok((subscription, view, client))
    }

    fn values(&self, path: &str, peer: &str) -> Followed<Values> {
        match self.open(Topic::Value, path, peer) {
            Ok((subscription, view, _)) => Followed::values(subscription, &view),
            Err(fault) => Followed::failed(fault),
        }
    }

    fn children(&self, path: &str, peer: &str) -> Followed<Lists> {
        match self.open(Topic::Children, path, peer) {
            Ok((subscription, view, client)) => Followed::lists(subscription, &view, client),
            Err(fault) => Followed::failed(fault),
        }
    }

    fn get(&self, path: &str) -> Result<Versioned, Fault> {
        read(&self.hub.view(&Path::new(path)?)?, Fault::ParentRead)
    }

    async fn put(&self, path: &str, value: &Value, version: i64) -> Result<(bool, Versioned), Fault> {
        let (path, value) = (Path::new(path)?, tree::encode(value)?);
        if version < 0 {
            return Err(Fault::Negative);
        }
        if let Some((put, record)) = self.hub.put_lock(&path, &value, version) {
            return Ok((put, versioned(&record)?));
        }
        let weight = value.len();
        let put = move |nodes: &mut Rows<'_>| {
            let (put, record, changes) = tree::put(nodes, &path, value.clone(), version)?;
            Ok(((put, record), changes))
        };
        let (put, record) = change(&self.hub, weight, put).await?;
        Ok((put, versioned(&record)?))
    }

    async fn create(&self, path: &str, value: &Value) -> Result<bool, Fault> {
        let (path, value) = (Path::new(path)?, tree::encode(value)?);
        let weight = value.len();
        let create = move |nodes: &mut Rows<'_>| Ok((true, tree::create(nodes, &path, value.clone())?));
        Ok(change(&self.hub, weight, create).await?)
    }

    async fn remove(&self, path: &str, version: i64) -> Result<bool, Fault> {
        let path = Path::new(path)?;
        if let Some(removed) = self.hub.remove_lock(&path, version) {
            return removed.map(|()| true);
        }
        let remove = move |nodes: &mut Rows<'_>| Ok((true, tree::remove(nodes, &path, version)?));
        Ok(change(&self.hub, 0, remove).await?)
    }

    async fn increment(&self, path: &str, value: &Value) -> Result<Versioned, Fault> {
        let (path, by) = (Path::new(path)?, tree::number(value)?.clone());
        if let Some(record) = self.hub.increment_lock(&path, &by) {
            return versioned(&record?);
        }
        let increment = move |nodes: &mut Rows<'_>| tree::increment(nodes, &path, &by);
        versioned(&change(&self.hub, 0, increment).await?)
    }

    async fn lock(&self, path: &str, value: &Value) -> Result<Guard, Fault> {
        let claim = Claim::enter(&self.hub, Path::new(path)?, tree::encode(value)?).await?;
        let mut turns = claim.turns();
        // The sender is a part of the claim.
        let turn = turns.wait_for(|turn| *turn != Turn::Waiting).await.map_or(Turn::Lost, |turn| *turn);
        if turn == Turn::Lost {
            return Err(Fault::Removed);
        }
        let lost = async move {
            let _ = turns.wait_for(|turn| *turn == Turn::Lost).await;
            Fault::Removed.answer()
        };
        Ok(Guard::until(claim, lost))
    }
}

/// The service, as one caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct UnicornService {
    shared: Arc<Shared>,
    caller: Caller,
}

impl UnicornService {
    pub(crate) fn new(shared: Arc<Shared>, caller: &Caller) -> Self {
        Self { shared, caller: caller.clone() }
    }
}

impl Unicorn for UnicornService {
    fn subscribe(&self, path: &str) -> impl Stream<Item = Result<Versioned>> + Send + 'static + use<> {
        self.shared.values(path, self.caller.peer())
    }

    fn children_subscribe(
        &self,
        path: &str,
    ) -> impl Stream<Item = Result<Children>> + Send + 'static + use<> {
        self.shared.children(path, self.caller.peer())
    }

    async fn put(&self, path: &str, value: &Value, version: i64) -> Result<Result<Versioned, Versioned>> {
        let (put, record) = self.shared.put(path, value, version).await.map_err(Fault::answer)?;
        Ok(if put { Ok(record) } else { Err(record) })
    }

    async fn get(&self, path: &str) -> Result<Versioned> {
        self.shared.get(path).map_err(Fault::answer)
    }

    async fn create(&self, path: &str, value: &Value) -> Result<bool> {
        self.shared.create(path, value).await.map_err(Fault::answer)
    }

    async fn del(&self, path: &str, version: i64) -> Result<bool> {
        self.remove(path, version).await
    }

    async fn remove(&self, path: &str, version: i64) -> Result<bool> {
        self.shared.remove(path, version).await.map_err(Fault::answer)
    }

    async fn increment(&self, path: &str, value: &Value) -> Result<Versioned> {
        self.shared.increment(path, value).await.map_err(Fault::answer)
    }

    async fn lock(&self, path: &str) -> Result<Guard> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.named_lock(path, &since.into()).await
    }

    async fn named_lock(&self, path: &str, value: &Value) -> Result<Guard> {
        self.shared.lock(path, value).await.map_err(Fault::answer)
    }
}
