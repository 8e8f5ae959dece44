//! How the services of a node listen, and at which addresses they are announced.

mod completion;
mod limited;
mod listen_hosts;
mod ports;

use std::{io, net::IpAddr, sync::Arc};

use cocaine::{
    Limits, MemoryBudget, ServiceInfo,
    bind::ServiceSpec,
    server::{Dispatch, ListeningSocket, Server, ServerBuilder},
};

pub(crate) use self::{
    limited::LimitedService,
    listen_hosts::{BindError, ListenHosts},
    ports::ServicePorts,
};
use crate::{
    metrics::{MeteredService, MetricsRegistry},
    registry::Registry,
};

/// Binds the servers of a node's services and apps.
#[derive(Clone, Debug)]
pub(crate) struct ServiceHost {
    /// Where all services listen.
    pub(crate) hosts: ListenHosts,
    pub(crate) ports: ServicePorts,
    /// What is announced in place of an unspecified address, if anything is known.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) limits: Limits,
    /// The memory of all connections.
    pub(crate) memory: MemoryBudget,
    pub(crate) registry: Registry,
    /// Counts the connections and calls of the services.
    pub(crate) metrics: MetricsRegistry,
}

impl ServiceHost {
    /// Serves on the port of `name` at each host. Returns the server and its entry for the locator.
    pub(crate) async fn bind(
        &self,
        name: &str,
        dispatch: impl Dispatch,
    ) -> Result<(Server, ServiceInfo), BindError> {
        let spec = dispatch.spec();
        self.bind_server(name, spec, self.server_builder(name, dispatch)).await
    }

    /// Serves `spec` on the port of `name` at each host. Returns the server and its entry for the locator.
    pub(crate) async fn bind_server(
        &self,
        name: &str,
        spec: &ServiceSpec,
        server: ServerBuilder<impl Dispatch>,
    ) -> Result<(Server, ServiceInfo), BindError> {
        let (listeners, lease) = self.ports.bind(name, |port| self.hosts.bind(port)).await?;
        let lease = lease.map(Arc::new);
        let sockets = listeners.into_iter().map(|listener| {
            let socket = ListeningSocket::tcp(listener)?;
            // The port is free once the last socket is closed.
            Ok(match &lease {
                Some(lease) => socket.with_guard(lease.clone()),
                None => socket,
            })
        });
        let failed = |source| BindError { address: name.to_owned(), source };
        let sockets = sockets.collect::<io::Result<_>>().map_err(failed)?;
        self.serve(spec, server, sockets).map_err(failed)
    }

    /// Serves `spec` on these sockets. Returns the server and its entry for the locator.
    pub(crate) fn serve(
        &self,
        spec: &ServiceSpec,
        server: ServerBuilder<impl Dispatch>,
        sockets: Vec<ListeningSocket>,
    ) -> io::Result<(Server, ServiceInfo)> {
        let server = server.serve(sockets)?;
        let endpoints = self.hosts.announced_endpoints(server.local_addrs(), &self.addresses);
        Ok((server, ServiceInfo { endpoints, version: spec.version, graph: spec.graph() }))
    }

    /// Returns a builder of a server whose connections and calls are counted under `name`. Calls that change something run to
    /// their ends; others are cancelled when their callers leave.
    pub(crate) fn server_builder<D: Dispatch>(
        &self,
        name: &str,
        dispatch: D,
    ) -> ServerBuilder<MeteredService<D>> {
        let completed = completion::methods_to_complete(dispatch.spec().name);
        let metered = self.metrics.meter(name, dispatch);
        let accept_counters = metered.accept_counters();
        let server = Server::builder(metered).limits(self.limits).memory(self.memory.clone());
        server.accept_counters(accept_counters).run_to_completion(completed)
    }
}

/// Returns the addresses of a host name that others can use. If there are none, the reason is logged.
pub(crate) async fn lookup_hostname(hostname: &str) -> Vec<IpAddr> {
    let reason = match tokio::net::lookup_host((hostname, 0)).await {
        Ok(found) => {
            let mut found: Vec<_> = found.map(|found| found.ip()).filter(|ip| !ip.is_loopback()).collect();
            found.dedup();
            if !found.is_empty() {
                return found;
            }
            "it has no address but loopback".to_owned()
        }
        Err(error) => error.to_string(),
    };
    tracing::warn!(hostname, reason, "`hostname` cannot be announced");
    Vec::new()
}
