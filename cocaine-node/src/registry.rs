//! What the locator knows: the services of this node, those that others announce through it, and who listens to
//! changes of either.
//!
//! A name is taken by a local service, or else by one that is offered, or else by the oldest of its publications;
//! listeners are told whenever what a name stands for has changed.

mod link;
mod routers;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cocaine::ServiceInfo;

pub use link::Link;
pub use routers::{Delivered, Delivery, Router, Routers};

use link::Outlet;

/// Services by name, as listeners are told of them; one that is gone has no endpoints.
pub type Services = BTreeMap<String, ServiceInfo>;

/// Why there is nothing more to listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// Somebody listens under the same name since.
    #[error("replaced by a newer stream of the same name")]
    Replaced,
    /// The listener took too long, and has missed changes.
    #[error("the listener fell too far behind")]
    Lagged,
    /// The node stops.
    #[error("the node stops")]
    Stopped,
}

/// There is a local service of this name already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a service `{0}` runs on this node already")]
pub struct Taken(pub String);

/// The services that a node knows; clones share them.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    restricted: BTreeSet<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<String, Name>,
    links: BTreeMap<String, Outlet>,
    last: u64,
    stopped: bool,
}

/// What a name stands for.
#[derive(Default)]
struct Name {
    local: Option<(u64, Arc<ServiceInfo>)>,
    offered: Option<(u64, Arc<ServiceInfo>)>,
    published: Vec<(u64, Arc<ServiceInfo>)>,
}

impl Name {
    /// Returns the service of this node.
    fn own(&self) -> Option<&(u64, Arc<ServiceInfo>)> {
        self.local.as_ref().or(self.offered.as_ref())
    }

    fn visible(&self) -> Option<&(u64, Arc<ServiceInfo>)> {
        self.own().or(self.published.first())
    }
}

/// A service that is known for as long as this lives.
#[must_use = "the service is withdrawn when this is dropped"]
pub struct Registration {
    registry: Registry,
    name: String,
    id: u64,
}

impl Registry {
    /// Returns a registry that tells nobody of the `restricted` names, nor of the locator itself.
    pub fn new(restricted: impl IntoIterator<Item = String>) -> Self {
        let restricted = restricted.into_iter().chain(["locator".to_owned()]).collect();
        Self(Arc::new(Shared { restricted, state: Mutex::default() }))
    }

    /// Returns the local service of this name, restricted or not. What is only published is not found: another
    /// node's gateway resolves it.
    pub fn resolve(&self, name: &str) -> Option<Arc<ServiceInfo>> {
        self.state().names.get(name)?.own().map(|(_, service)| service.clone())
    }

    /// Makes a service of this node known.
    pub fn expose(&self, name: &str, service: ServiceInfo) -> Result<Registration, Taken> {
        let state = self.state();
        if state.names.get(name).is_some_and(|known| known.local.is_some()) {
            return Err(Taken(name.to_owned()));
        }
        Ok(self.register(state, name, |known, id| known.local = Some((id, Arc::new(service)))))
    }

    /// Makes a service of this node known that gives way to another of its name, for as long as that is known.
    pub fn offer(&self, name: &str, service: ServiceInfo) -> Registration {
        self.register(self.state(), name, |known, id| known.offered = Some((id, Arc::new(service))))
    }

    /// Makes a service known that runs elsewhere. Any name will do, also one that is known.
    pub fn publish(&self, name: &str, service: ServiceInfo) -> Registration {
        self.register(self.state(), name, |known, id| known.published.push((id, Arc::new(service))))
    }

    /// Returns the stream of changes for `uuid`, which begins with all that is known; an older stream for it ends.
    pub fn link(&self, uuid: &str) -> Link {
        let mut state = self.state();
        let id = state.next();
        let (outlet, link) = link::pair(self.clone(), uuid, id);
        if state.stopped {
            outlet.end(Ended::Stopped);
            return link;
        }
        outlet.send(Arc::new(self.snapshot(&state)));
        if let Some(older) = state.links.insert(uuid.to_owned(), outlet) {
            older.end(Ended::Replaced);
        }
        link
    }

    /// Ends all streams; nobody is told of what is withdrawn from now on.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        for outlet in std::mem::take(&mut state.links).into_values() {
            outlet.end(Ended::Stopped);
        }
    }

    fn register(
        &self,
        mut state: MutexGuard<'_, State>,
        name: &str,
        enter: impl FnOnce(&mut Name, u64),
    ) -> Registration {
        let id = state.next();
        let known = state.names.entry(name.to_owned()).or_default();
        let before = known.visible().cloned();
        enter(known, id);
        let after = known.visible().cloned();
        self.tell(&mut state, name, before, after);
        Registration { registry: self.clone(), name: name.to_owned(), id }
    }

    fn withdraw(&self, name: &str, id: u64) {
        let mut state = self.state();
        let Some(known) = state.names.get_mut(name) else { return };
        let before = known.visible().cloned();
        let taken = [&mut known.local, &mut known.offered].map(|own| own.take_if(|(known, _)| *known == id));
        let own = taken.iter().any(Option::is_some);
        known.published.retain(|(known, _)| *known != id);
        let after = known.visible().cloned();
        if after.is_none() {
            state.names.remove(name);
        }
        // The original names version and graph of what was its own, and nothing of what was another's.
        let gone = before.map(|(id, service)| (id, if own { service } else { Arc::default() }));
        self.tell(&mut state, name, gone, after);
    }

    /// Tells listeners that `name` stands for `after` now, unless it did `before`.
    fn tell(
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
        let update = Arc::new(Services::from([(name.to_owned(), service)]));
        state.links.retain(|_, outlet| outlet.send(update.clone()));
    }

    fn snapshot(&self, state: &State) -> Services {
        let told = state.names.iter().filter(|(name, _)| !self.0.restricted.contains(*name));
        told.filter_map(|(name, known)| Some((name.clone(), ServiceInfo::clone(&known.visible()?.1))))
            .collect()
    }

    /// Forgets the stream `id` for `uuid`, unless a newer one has taken its place.
    fn unlink(&self, uuid: &str, id: u64) {
        let mut state = self.state();
        if state.links.get(uuid).is_some_and(|outlet| outlet.id() == id) {
            state.links.remove(uuid);
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
            .field("links", &state.links.len())
            .finish_non_exhaustive()
    }
}
