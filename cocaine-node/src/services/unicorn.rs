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

use cocaine::{Guard, Limits, Result, Stream, Value, bind::Caller, server::Dispatch};
use cocaine_bindings::{Children, Unicorn, Versioned};

use self::{
    budget::{ClientBudget, ClientBudgets},
    error::UnicornError,
    event_queue::EventQueue,
    hub::{Hub, NodeView, Subscription, Topic},
    locks::LockState,
    path::Path,
    streams::{ChildrenItems, EventStream, ValueItems, read, versioned},
    transaction::{LockHandle, TreeTransaction, apply_change},
};
use crate::{service_host::LimitedService, store::Store};

/// The state that all calls of the service share.
#[derive(Debug)]
pub(crate) struct UnicornShared {
    hub: Arc<Hub>,
    clients: ClientBudgets,
    limits: Limits,
}

impl UnicornShared {
    /// Returns the state for the tree in `store`. [`Limits::max_unread_bytes`] bounds the events queued for a subscriber, and
    /// [`Limits::max_in_use_bytes`] the memory of all subscriptions of a connection.
    pub(crate) fn new(store: Store, limits: Limits) -> Self {
        Self { hub: Arc::new(Hub::new(store)), clients: ClientBudgets::default(), limits }
    }

    fn subscribe(
        &self,
        topic: Topic,
        path: &str,
        peer: &str,
    ) -> Result<(Subscription, NodeView, Arc<ClientBudget>), UnicornError> {
        let path = Path::new(path)?;
        let Limits { max_in_use_bytes, max_unread_bytes, .. } = self.limits;
        let client = self.clients.get(peer, max_in_use_bytes);
        let (subscription, view) =
            self.hub.subscribe(topic, &path, EventQueue::new(client.clone(), max_unread_bytes))?;
        Ok((subscription, view, client))
    }

    fn values(&self, path: &str, peer: &str) -> EventStream<ValueItems> {
        match self.subscribe(Topic::Value, path, peer) {
            Ok((subscription, view, _)) => EventStream::values(subscription, &view),
            Err(error) => EventStream::failed(error),
        }
    }

    fn children(&self, path: &str, peer: &str) -> EventStream<ChildrenItems> {
        match self.subscribe(Topic::Children, path, peer) {
            Ok((subscription, view, client)) => EventStream::lists(subscription, &view, client),
            Err(error) => EventStream::failed(error),
        }
    }

    fn get(&self, path: &str) -> Result<Versioned, UnicornError> {
        read(&self.hub.view(&Path::new(path)?)?, UnicornError::ReadParent)
    }

    async fn put(&self, path: &str, value: &Value, version: i64) -> Result<(bool, Versioned), UnicornError> {
        let (path, value) = (Path::new(path)?, tree::encode(value)?);
        if version < 0 {
            return Err(UnicornError::NegativeVersion);
        }
        if let Some((put, record)) = self.hub.put_lock(&path, &value, version) {
            return Ok((put, versioned(&record)?));
        }
        let weight = value.len();
        let put = move |nodes: &mut TreeTransaction<'_>| {
            let (put, record, changes) = tree::put(nodes, &path, value.clone(), version)?;
            Ok(((put, record), changes))
        };
        let (put, record) = apply_change(&self.hub, weight, put).await?;
        Ok((put, versioned(&record)?))
    }

    async fn create(&self, path: &str, value: &Value) -> Result<bool, UnicornError> {
        let (path, value) = (Path::new(path)?, tree::encode(value)?);
        let weight = value.len();
        let create =
            move |nodes: &mut TreeTransaction<'_>| Ok((true, tree::create(nodes, &path, value.clone())?));
        Ok(apply_change(&self.hub, weight, create).await?)
    }

    async fn remove(&self, path: &str, version: i64) -> Result<bool, UnicornError> {
        let path = Path::new(path)?;
        if let Some(removed) = self.hub.remove_lock(&path, version) {
            return removed.map(|()| true);
        }
        let remove = move |nodes: &mut TreeTransaction<'_>| Ok((true, tree::remove(nodes, &path, version)?));
        Ok(apply_change(&self.hub, 0, remove).await?)
    }

    async fn increment(&self, path: &str, value: &Value) -> Result<Versioned, UnicornError> {
        let (path, by) = (Path::new(path)?, tree::number(value)?.clone());
        if let Some(record) = self.hub.increment_lock(&path, &by) {
            return versioned(&record?);
        }
        let increment = move |nodes: &mut TreeTransaction<'_>| tree::increment(nodes, &path, &by);
        versioned(&apply_change(&self.hub, 0, increment).await?)
    }

    async fn lock(&self, path: &str, value: &Value) -> Result<Guard, UnicornError> {
        let handle = LockHandle::enqueue(&self.hub, Path::new(path)?, tree::encode(value)?).await?;
        let mut states = handle.states();
        // The handle owns the sender, so waiting fails only if the state is lost.
        let state = states
            .wait_for(|state| *state != LockState::Waiting)
            .await
            .map_or(LockState::Lost, |state| *state);
        if state == LockState::Lost {
            return Err(UnicornError::NodeRemoved);
        }
        let lost = async move {
            let _ = states.wait_for(|state| *state == LockState::Lost).await;
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
    shared: Arc<UnicornShared>,
    caller: Caller,
}

impl UnicornService {
    pub(crate) fn new(shared: Arc<UnicornShared>, caller: &Caller) -> Self {
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
        let (put, record) =
            self.shared.put(path, value, version).await.map_err(UnicornError::into_service_error)?;
        Ok(if put { Ok(record) } else { Err(record) })
    }

    async fn get(&self, path: &str) -> Result<Versioned> {
        self.shared.get(path).map_err(UnicornError::into_service_error)
    }

    async fn create(&self, path: &str, value: &Value) -> Result<bool> {
        self.shared.create(path, value).await.map_err(UnicornError::into_service_error)
    }

    async fn del(&self, path: &str, version: i64) -> Result<bool> {
        self.remove(path, version).await
    }

    async fn remove(&self, path: &str, version: i64) -> Result<bool> {
        self.shared.remove(path, version).await.map_err(UnicornError::into_service_error)
    }

    async fn increment(&self, path: &str, value: &Value) -> Result<Versioned> {
        self.shared.increment(path, value).await.map_err(UnicornError::into_service_error)
    }

    async fn lock(&self, path: &str) -> Result<Guard> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.named_lock(path, &since.into()).await
    }

    async fn named_lock(&self, path: &str, value: &Value) -> Result<Guard> {
        self.shared.lock(path, value).await.map_err(UnicornError::into_service_error)
    }
}
