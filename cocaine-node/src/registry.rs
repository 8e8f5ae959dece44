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

pub(crate) use routers::{PendingDeliveries, RouterSubscription, Routers};
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
    #[error("the subscriber fell too far behind")]
    Lagged,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
}

/// A local service of this name exists already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a service `{0}` runs on this node already")]
pub(crate) struct NameTakenError(pub String);

/// The services that a node knows; clones share them.
#[derive(Clone)]
pub(crate) struct Registry(Arc<RegistryShared>);

struct RegistryShared {
    restricted: BTreeSet<String>,
    state: Mutex<RegistryState>,
}

#[derive(Default)]
struct RegistryState {
    names: BTreeMap<String, NameEntry>,
    subscribers: BTreeMap<String, UpdateSender>,
    last_id: u64,
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
    fn of_this_node(&self) -> Option<&(u64, Arc<ServiceInfo>)> {
        self.local.as_ref().or(self.fallback.as_ref())
    }

    /// Returns the service that subscribers see.
    fn visible(&self) -> Option<&(u64, Arc<ServiceInfo>)> {
        self.of_this_node().or(self.published.first())
    }

    /// Returns what subscribers see when that service is withdrawn, with the id of its registration: no endpoints. The
    /// original sends version and graph of its own services, and neither of published ones.
    fn withdrawn(&self) -> Option<(u64, ServiceInfo)> {
        let (id, visible) = self.visible()?;
        let service =
            if self.of_this_node().is_some() { ServiceInfo::clone(visible) } else { ServiceInfo::default() };
        Some((*id, ServiceInfo { endpoints: Vec::new(), ..service }))
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
        Self(Arc::new(RegistryShared { restricted, state: Mutex::default() }))
    }

    /// Returns the service of this node with this name, restricted or not. Published services are not found: another
    /// node's gateway resolves them.
    pub(crate) fn resolve(&self, name: &str) -> Option<Arc<ServiceInfo>> {
        self.state().names.get(name)?.of_this_node().map(|(_, service)| service.clone())
    }

    /// Registers a service of this node.
    pub(crate) fn register_local(
        &self,
        name: &str,
        service: ServiceInfo,
    ) -> Result<Registration, NameTakenError> {
        let state = self.state();
        if state.names.get(name).is_some_and(|entry| entry.local.is_some()) {
            return Err(NameTakenError(name.to_owned()));
        }
        Ok(self.register(state, name, |entry, id| entry.local = Some((id, Arc::new(service)))))
    }

    /// Registers a service of this node that a local one of the same name replaces while it is registered.
    pub(crate) fn register_fallback(&self, name: &str, service: ServiceInfo) -> Registration {
        self.register(self.state(), name, |entry, id| entry.fallback = Some((id, Arc::new(service))))
    }

    /// Registers a service that runs elsewhere. Its name need not be unique.
    pub(crate) fn publish(&self, name: &str, service: ServiceInfo) -> Registration {
        self.register(self.state(), name, |entry, id| entry.published.push((id, Arc::new(service))))
    }

    /// Subscribes `uuid` to the services: all of them first, then each change. An older subscription of `uuid` ends.
    pub(crate) fn subscribe(&self, uuid: &str) -> ServiceUpdates {
        let mut state = self.state();
        let id = state.next_id();
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
        mut state: MutexGuard<'_, RegistryState>,
        name: &str,
        add: impl FnOnce(&mut NameEntry, u64),
    ) -> Registration {
        let id = state.next_id();
        let entry = state.names.entry(name.to_owned()).or_default();
        let withdrawn = entry.withdrawn();
        add(entry, id);
        let after = entry.visible().cloned();
        self.notify(&mut state, name, withdrawn, after);
        Registration { registry: self.clone(), name: name.to_owned(), id }
    }

    fn withdraw(&self, name: &str, id: u64) {
        let mut state = self.state();
        let Some(entry) = state.names.get_mut(name) else { return };
        let withdrawn = entry.withdrawn();
        for slot in [&mut entry.local, &mut entry.fallback] {
            slot.take_if(|(registered, _)| *registered == id);
        }
        entry.published.retain(|(registered, _)| *registered != id);
        let after = entry.visible().cloned();
        if after.is_none() {
            state.names.remove(name);
        }
        self.notify(&mut state, name, withdrawn, after);
    }

    /// Notifies subscribers if `name` resolves to another registration than the withdrawn one.
    fn notify(
        &self,
        state: &mut RegistryState,
        name: &str,
        withdrawn: Option<(u64, ServiceInfo)>,
        after: Option<(u64, Arc<ServiceInfo>)>,
    ) {
        if withdrawn.as_ref().map(|(id, _)| id) == after.as_ref().map(|(id, _)| id)
            || self.0.restricted.contains(name)
        {
            return;
        }
        // The original ends its link to a node that announces a known name again before it has withdrawn it.
        let withdrawn = withdrawn.map(|(_, service)| service);
        let added = after.map(|(_, service)| ServiceInfo::clone(&service));
        for service in [withdrawn, added].into_iter().flatten() {
            let update = Arc::new(ServiceMap::from([(name.to_owned(), service)]));
            state.subscribers.retain(|_, sender| sender.send(update.clone()));
        }
    }

    fn snapshot(&self, state: &RegistryState) -> ServiceMap {
        let announced = state.names.iter().filter(|(name, _)| !self.0.restricted.contains(*name));
        announced
            .filter_map(|(name, entry)| Some((name.clone(), ServiceInfo::clone(&entry.visible()?.1))))
            .collect()
    }

    /// Removes the subscription `id` of `uuid`, unless a newer one has replaced it.
    fn unsubscribe(&self, uuid: &str, id: u64) {
        let mut state = self.state();
        if state.subscribers.get(uuid).is_some_and(|sender| sender.id() == id) {
            state.subscribers.remove(uuid);
        }
    }

    fn state(&self) -> MutexGuard<'_, RegistryState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegistryState {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
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
