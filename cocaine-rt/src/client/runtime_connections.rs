//! The connections of one service, one for each runtime that calls it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;

use crate::{
    client::service_connection::ServiceConnection,
    connection::handle::{SharedConnection, current_runtime},
};

/// One connection for each runtime, since a connection ends with the runtime that drives it, and makes no progress while
/// that runtime is not driven. There is rarely more than one.
#[derive(Debug, Default)]
pub(crate) struct RuntimeConnections {
    latest: ArcSwap<Vec<Arc<ServiceConnection>>>,
    /// Connections that others have replaced, and that may still have output.
    replaced: Mutex<Vec<Weak<SharedConnection>>>,
}

impl RuntimeConnections {
    /// Calls `act` with the connection of the current runtime, if there is one that takes further calls. Outside of a runtime,
    /// any such connection is passed.
    #[inline]
    pub(crate) fn with<R>(&self, act: impl FnOnce(Option<&Arc<ServiceConnection>>) -> R) -> R {
        let connections = self.latest.load();
        let runtime = current_runtime();
        let is_own = |connection: &&Arc<ServiceConnection>| {
            (runtime.is_none() || connection.handle.runtime() == runtime) && connection.handle.accepts_calls()
        };
        act(connections.iter().find(is_own))
    }

    /// Returns the connection of the current runtime, unless it has ended or takes no further calls.
    pub(crate) fn usable(&self) -> Option<Arc<ServiceConnection>> {
        self.with(|connection| connection.filter(|connection| connection.handle.is_usable()).cloned())
    }

    /// Returns the connections of the current runtime, also those that take no further calls.
    pub(crate) fn all(&self) -> Vec<Arc<SharedConnection>> {
        let runtime = current_runtime();
        let latest = self.latest.load();
        let latest = latest.iter().map(|connection| Arc::clone(&connection.handle));
        let replaced: Vec<_> = self.replaced().iter().filter_map(Weak::upgrade).collect();
        latest.chain(replaced).filter(|connection| connection.runtime() == runtime).collect()
    }

    /// Adds a connection, which replaces that of its runtime. Connections that have ended are removed.
    pub(crate) fn insert(&self, added: &Arc<ServiceConnection>) {
        let runtime = added.handle.runtime();
        let former = self.latest.rcu(|connections| {
            let is_kept = |connection: &&Arc<ServiceConnection>| {
                connection.handle.runtime() != runtime && connection.handle.is_usable()
            };
            connections.iter().filter(is_kept).chain([added]).cloned().collect::<Vec<_>>()
        });
        let mut replaced = self.replaced();
        replaced.retain(is_open);
        let former = former.iter().filter(|connection| connection.handle.runtime() == runtime);
        replaced.extend(former.map(|connection| Arc::downgrade(&connection.handle)));
    }

    /// Removes the connection of the current runtime. Calls in flight on it continue.
    pub(crate) fn remove(&self) {
        let runtime = current_runtime();
        self.latest.rcu(|connections| {
            let is_kept = |connection: &&Arc<ServiceConnection>| connection.handle.runtime() != runtime;
            connections.iter().filter(is_kept).cloned().collect::<Vec<_>>()
        });
    }

    fn replaced(&self) -> MutexGuard<'_, Vec<Weak<SharedConnection>>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open(connection: &Weak<SharedConnection>) -> bool {
    connection.upgrade().is_some_and(|connection| !connection.with(|mux| mux.is_closed()))
}
