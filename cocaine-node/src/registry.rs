//! The services that the locator knows: those of this node and those that others publish through it. Subscribers are
//! notified of changes.
//!
//! A name resolves to its local service, or else to its fallback, or else to the oldest of its publications.

mod routers;
pub(crate) mod routing;
#[cfg(test)]
mod tests;
mod updates;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cocaine::ServiceInfo;

pub(crate) use routers::{RouterSubscription, Routers};
pub(crate) use updates::ServiceUpdates;

use updates::UpdateSender;

/// Services by name, as subscribers get them. A service that was withdrawn has no endpoints.
pub(crate) type ServiceMap = BTreeMap<String, ServiceInfo>;

/// The reason for the end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubscriptionError {
    /// A newer subscription uses the same name.
    #[error("replaced by a newer stream of the same name")]
    Replaced,
    /// The subscriber was too slow, and has missed changes.
    #[error("the listener fell too far behind")]
    Lagged,
    /// The node is stopping.
    #[error("the node stops")]
    Stopped,
}

/// A local service of this name exists already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a service `{0}` runs on this node already")]
pub(crate) struct NameTakenError(pub String);

/// The services that a node knows; clones share them.
#[derive(Clone)]
pub(crate) struct Registry(Arc<Shared>);

struct Shared {
    restricted: BTreeSet<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<String, NameEntry>,
    subscribers: BTreeMap<String, UpdateSender>,
    last: u64,
    stopped: bool,
}

/// The services registered under one name, each with the id of its registration.
#[derive(Default)]
struct NameEntry {
    local: Option<(u64, Arc<ServiceInfo>)>,
    fallback: Option<(u64, Arc<ServiceInfo>)>,
    published: Vec<(u64, Arc<ServiceInfo>)>,
}

impl NameEntry {
    /// Returns the service of this node.
    fn own(&self) -> Option<&(u64, Arc<ServiceInfo>)> {
        self.local.as_ref().or(self.fallback.as_ref())
    }

    /// Returns the service that subscribers see.
    fn visible(&self) -> Option<&(u64, Arc<ServiceInfo>)> {
        self.own().or(self.published.first())
    }
}

/// A registered service, which is withdrawn when this is dropped.
#[must_use = "the service is withdrawn when this is dropped"]
pub(crate) struct Registration {
    registry: Registry,
    name: String,
    id: u64,
}

impl Registry {
    /// Returns a registry that hides the `restricted` names and the locator itself from subscribers.
    pub(crate) fn new(restricted: impl IntoIterator<Item = String>) -> Self {
        let restricted = restricted.into_iter().chain(["locator".to_owned()]).collect();
        Self(Arc::new(Shared { restricted, state: Mutex::default() }))
    }

    /// Returns the service of this node with this name, restricted or not. Published services are not found: another
    /// node's gateway resolves them.
    pub(crate) fn resolve(&self, name: &str) -> Option<Arc<ServiceInfo>> {
        self.state().names.get(name)?.own().map(|(_, service)| service.clone())
    }

    /// Registers a service of this node.
    pub(crate) fn register_local(
        &self,
        name: &str,
        service: ServiceInfo,
    ) -> Result<Registration, NameTakenError> {
        let state = self.state();
        if state.names.get(name).is_some_and(|known| known.local.is_some()) {
            return Err(NameTakenError(name.to_owned()));
        }
        Ok(self.register(state, name, |known, id| known.local = Some((id, Arc::new(service)))))
    }

    /// Registers a service of this node that a local one of the same name replaces while it is registered.
    pub(crate) fn register_fallback(&self, name: &str, service: ServiceInfo) -> Registration {
        self.register(self.state(), name, |known, id| known.fallback = Some((id, Arc::new(service))))
    }

    /// Registers a service that runs elsewhere. Its name need not be unique.
    pub(crate) fn publish(&self, name: &str, service: ServiceInfo) -> Registration {
        self.register(self.state(), name, |known, id| known.published.push((id, Arc::new(service))))
    }

    /// Subscribes `uuid` to the services: all of them first, then each change. An older subscription of `uuid` ends.
    pub(crate) fn subscribe(&self, uuid: &str) -> ServiceUpdates {
        let mut state = self.state();
        let id = state.next();
        let (sender, updates) = updates::channel(self.clone(), uuid, id);
        if state.stopped {
            sender.end(SubscriptionError::Stopped);
            return updates;
        }
        sender.send(Arc::new(self.snapshot(&state)));
        if let Some(older) = state.subscribers.insert(uuid.to_owned(), sender) {
            older.end(SubscriptionError::Replaced);
        }
        updates
    }

    /// Ends all subscriptions. Services that are withdrawn later are not announced.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        for sender in std::mem::take(&mut state.subscribers).into_values() {
            sender.end(SubscriptionError::Stopped);
        }
    }

    fn register(
        &self,
        mut state: MutexGuard<'_, State>,
        name: &str,
        enter: impl FnOnce(&mut NameEntry, u64),
    ) -> Registration {
        let id = state.next();
        let known = state.names.entry(name.to_owned()).or_default();
        let before = known.visible().cloned();
        enter(known, id);
        let after = known.visible().cloned();
        self.notify(&mut state, name, before, after);
        Registration { registry: self.clone(), name: name.to_owned(), id }
    }

    fn withdraw(&self, name: &str, id: u64) {
        let mut state = self.state();
        let Some(known) = state.names.get_mut(name) else { return };
        let before = known.visible().cloned();
        let taken = [&mut known.local, &mut known.fallback].map(|own| own.take_if(|(known, _)| *known == id));
        let own = taken.iter().any(Option::is_some);
        known.published.retain(|(known, _)| *known != id);
        let after = known.visible().cloned();
        if after.is_none() {
            state.names.remove(name);
        }
        // The original announces version and graph of its own withdrawn services, and neither for published ones.
        let gone = before.map(|(id, service)| (id, if own { service } else { Arc::default() }));
        self.notify(&mut state, name, gone, after);
    }

    /// Notifies subscribers if `name` resolves to another registration than before.
    fn notify(
        &self,
        state: &mut State,
        name: &str,
        before: Option<(u64, Arc<ServiceInfo>)>,
        after: Option<(u64, Arc<ServiceInfo>)>,
    ) {
        if before.as_ref().map(|(id, _)| id) == after.as_ref().map(|(id, _)| id)
            || self.0.restricted.contains(name)
        {
            return;
        }
        let service = match (after, before) {
            (Some((_, service)), _) => ServiceInfo::clone(&service),
            (None, Some((_, gone))) => ServiceInfo { endpoints: Vec::new(), ..ServiceInfo::clone(&gone) },
            (None, None) => return,
        };
        let update = Arc::new(ServiceMap::from([(name.to_owned(), service)]));
        state.subscribers.retain(|_, sender| sender.send(update.clone()));
    }

    fn snapshot(&self, state: &State) -> ServiceMap {
        let announced = state.names.iter().filter(|(name, _)| !self.0.restricted.contains(*name));
        announced
            .filter_map(|(name, known)| Some((name.clone(), ServiceInfo::clone(&known.visible()?.1))))
            .collect()
    }

    /// Removes the subscription `id` of `uuid`, unless a newer one has replaced it.
    fn unsubscribe(&self, uuid: &str, id: u64) {
        let mut state = self.state();
        if state.subscribers.get(uuid).is_some_and(|sender| sender.id() == id) {
            state.subscribers.remove(uuid);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.withdraw(&self.name, self.id);
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(&self.name).finish()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Registry")
            .field("names", &state.names.keys())
            .field("subscribers", &state.subscribers.len())
            .finish_non_exhaustive()
    }
}
