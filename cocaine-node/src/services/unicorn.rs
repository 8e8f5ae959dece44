//! `unicorn`: a tree of values with versions, and locks (`services.md` 8).
//!
//! Values are stored, and every change is published to subscribers once it is committed. Lock nodes exist in memory
//! only and are removed with the channel that requested the lock; their parent is stored, and after a restart its
//! version counts them as removed.

mod budget;
mod error;
mod event_queue;
mod hub;
mod limits;
mod locks;
mod node_changes;
mod path;
mod streams;
#[cfg(test)]
mod tests;
mod transaction;
mod tree;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use cocaine::{Guard, Limits, MemoryBudget, Result, Stream, Value, bind::Caller, server::Dispatch};
use cocaine_bindings::{Children, Unicorn, Versioned};

use self::{
    budget::{ClientBudget, ClientBudgets},
    error::UnicornError,
    event_queue::EventQueue,
    hub::{Hub, NodeView, Subscription, Topic},
    locks::LockState,
    node_changes::{CreateNode, IncrementNode, PutNode, RemoveNode},
    path::Path,
    streams::{ChildrenItems, EventStream, ItemBuilder, SubscriptionStream, ValueItems, read, versioned},
    transaction::{LockHandle, NodeChange, apply_change},
};
use crate::{
    service_host::LimitedService,
    store::{ClientStore, Store},
};

/// The state that all calls of the service share.
#[derive(Debug)]
pub(crate) struct UnicornShared {
    hub: Arc<Hub>,
    clients: ClientBudgets,
    limits: Limits,
}

impl UnicornShared {
    /// Returns the state for the tree in `store`. [`Limits::max_unread_bytes`] bounds the events queued for a subscriber, and
    /// [`Limits::max_in_use_bytes`] the memory of all subscriptions of a connection, which is counted in `memory` too.
    pub(crate) fn new(store: Store, limits: Limits, memory: MemoryBudget) -> Self {
        Self { hub: Arc::new(Hub::new(store)), clients: ClientBudgets::new(memory), limits }
    }
}

/// The tree, as one client uses it. The place of each operation among those of the client is fixed when it is called, or
/// first polled.
#[derive(Clone, Debug)]
pub(crate) struct TreeClient {
    shared: Arc<UnicornShared>,
    store: ClientStore,
}

impl TreeClient {
    /// Subscribes to a node, and builds the stream from the subscription and the view of the node.
    fn subscribe<B: ItemBuilder + Send + 'static>(
        &self,
        topic: Topic,
        path: &str,
        peer: &str,
        build: impl FnOnce(Subscription, &NodeView, Arc<ClientBudget>) -> EventStream<B> + Send + 'static,
    ) -> SubscriptionStream<B>
    where
        B::Item: Send,
    {
        let path = match Path::new(path) {
            Ok(path) => path,
            Err(error) => return SubscriptionStream::from(EventStream::failed(error)),
        };
        let Limits { max_in_use_bytes, max_unread_bytes, .. } = self.shared.limits;
        let client = self.shared.clients.get(peer, max_in_use_bytes);
        let queue = EventQueue::new(client.clone(), max_unread_bytes);
        let hub = self.shared.hub.clone();
        let stream = self.store.observe(move |observed| match hub.subscribe(topic, &path, queue, observed) {
            Ok((subscription, view)) => build(subscription, &view, client),
            Err(error) => EventStream::failed(error.into()),
        });
        SubscriptionStream::from(stream)
    }

    fn values(&self, path: &str, peer: &str) -> SubscriptionStream<ValueItems> {
        self.subscribe(Topic::Value, path, peer, |subscription, view, _| {
            EventStream::values(subscription, view)
        })
    }

    fn children(&self, path: &str, peer: &str) -> SubscriptionStream<ChildrenItems> {
        self.subscribe(Topic::Children, path, peer, EventStream::lists)
    }

    async fn get(&self, path: &str) -> Result<Versioned, UnicornError> {
        let (hub, path) = (self.shared.hub.clone(), Path::new(path)?);
        let view = self.store.observe(move |observed| hub.view(&path, observed)).await??;
        read(&view, UnicornError::ReadParent)
    }

    async fn put(&self, path: &str, value: &Value, version: i64) -> Result<(bool, Versioned), UnicornError> {
        let (path, value) = (Path::new(path)?, tree::encode(value)?);
        if version < 0 {
            return Err(UnicornError::NegativeVersion);
        }
        let (put, record) = self.apply(PutNode { path, value, version }).await?;
        Ok((put, versioned(&record)?))
    }

    async fn create(&self, path: &str, value: &Value) -> Result<bool, UnicornError> {
        let (path, value) = (Path::new(path)?, tree::encode(value)?);
        self.apply(CreateNode { path, value }).await.map(|()| true)
    }

    async fn remove(&self, path: &str, version: i64) -> Result<bool, UnicornError> {
        let path = Path::new(path)?;
        self.apply(RemoveNode { path, version }).await.map(|()| true)
    }

    async fn increment(&self, path: &str, value: &Value) -> Result<Versioned, UnicornError> {
        let (path, by) = (Path::new(path)?, tree::number(value)?.clone());
        versioned(&self.apply(IncrementNode { path, by }).await?)
    }

    async fn apply<C: NodeChange>(&self, change: C) -> Result<C::Value, UnicornError> {
        apply_change(&self.shared.hub, &self.store, change).await
    }

    async fn lock(&self, path: &str, value: &Value) -> Result<Guard, UnicornError> {
        let (folder, value) = (Path::new(path)?, tree::encode(value)?);
        let handle = LockHandle::enqueue(&self.shared.hub, &self.store, folder, value).await?;
        let mut states = handle.states();
        // The handle owns the sender, so waiting fails only if the state is lost.
        let state = states
            .wait_for(|state| *state != LockState::Waiting)
            .await
            .map_or(LockState::Lost { acquired: false }, |state| *state);
        // One that was acquired and then lost is answered as both, in that order.
        if state == (LockState::Lost { acquired: false }) {
            return Err(UnicornError::NodeRemoved);
        }
        let lost = async move {
            let _ = states.wait_for(|state| matches!(state, LockState::Lost { .. })).await;
            UnicornError::NodeRemoved.into_service_error()
        };
        Ok(Guard::with_loss(handle, lost))
    }
}

/// Refuses calls with more arguments than a path and a value take before these are decoded.
pub(crate) fn limited<D: Dispatch>(dispatch: D) -> LimitedService<D> {
    let refuse = |bytes| UnicornError::ArgumentsTooLarge(bytes).into_service_error();
    LimitedService::new(dispatch, limits::MAX_ARGS_BYTES, refuse)
}

/// The service, as one caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct UnicornService {
    tree: TreeClient,
    caller: Caller,
}

impl UnicornService {
    pub(crate) fn new(shared: Arc<UnicornShared>, caller: &Caller) -> Self {
        let store = ClientStore::new(shared.hub.store.clone(), caller.connection_state());
        Self { tree: TreeClient { shared, store }, caller: caller.clone() }
    }
}

impl Unicorn for UnicornService {
    fn subscribe(&self, path: &str) -> impl Stream<Item = Result<Versioned>> + Send + 'static + use<> {
        self.tree.values(path, self.caller.peer())
    }

    fn children_subscribe(
        &self,
        path: &str,
    ) -> impl Stream<Item = Result<Children>> + Send + 'static + use<> {
        self.tree.children(path, self.caller.peer())
    }

    async fn put(&self, path: &str, value: &Value, version: i64) -> Result<Result<Versioned, Versioned>> {
        let (put, record) =
            self.tree.put(path, value, version).await.map_err(UnicornError::into_service_error)?;
        Ok(if put { Ok(record) } else { Err(record) })
    }

    async fn get(&self, path: &str) -> Result<Versioned> {
        self.tree.get(path).await.map_err(UnicornError::into_service_error)
    }

    async fn create(&self, path: &str, value: &Value) -> Result<bool> {
        self.tree.create(path, value).await.map_err(UnicornError::into_service_error)
    }

    async fn del(&self, path: &str, version: i64) -> Result<bool> {
        self.remove(path, version).await
    }

    async fn remove(&self, path: &str, version: i64) -> Result<bool> {
        self.tree.remove(path, version).await.map_err(UnicornError::into_service_error)
    }

    async fn increment(&self, path: &str, value: &Value) -> Result<Versioned> {
        self.tree.increment(path, value).await.map_err(UnicornError::into_service_error)
    }

    async fn lock(&self, path: &str) -> Result<Guard> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.named_lock(path, &since.into()).await
    }

    async fn named_lock(&self, path: &str, value: &Value) -> Result<Guard> {
        self.tree.lock(path, value).await.map_err(UnicornError::into_service_error)
    }
}
