//! The connections of one service, one for each runtime that calls it.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::{client::service_connection::ServiceConnection, connection::handle::current_runtime};

/// One connection for each runtime, since a connection ends with the runtime that drives it, and makes no progress while
/// that runtime is not driven. There is rarely more than one.
#[derive(Debug, Default)]
pub(crate) struct RuntimeConnections(ArcSwap<Vec<Arc<ServiceConnection>>>);

impl RuntimeConnections {
    /// Calls `act` with the connection of the current runtime, if there is one that takes further calls. Outside of a runtime,
    /// any such connection is passed.
    #[inline]
    pub(crate) fn with<R>(&self, act: impl FnOnce(Option<&Arc<ServiceConnection>>) -> R) -> R {
        let connections = self.0.load();
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

    /// Adds a connection, which replaces that of its runtime. Connections that have ended are removed.
    pub(crate) fn insert(&self, added: &Arc<ServiceConnection>) {
        self.0.rcu(|connections| {
            let is_kept = |connection: &&Arc<ServiceConnection>| {
                connection.handle.runtime() != added.handle.runtime() && connection.handle.is_usable()
            };
            connections.iter().filter(is_kept).chain([added]).cloned().collect::<Vec<_>>()
        });
    }

    /// Removes the connection of the current runtime. Calls in flight on it continue.
    pub(crate) fn remove(&self) {
        let runtime = current_runtime();
        self.0.rcu(|connections| {
            let is_kept = |connection: &&Arc<ServiceConnection>| connection.handle.runtime() != runtime;
            connections.iter().filter(is_kept).cloned().collect::<Vec<_>>()
        });
    }
}
