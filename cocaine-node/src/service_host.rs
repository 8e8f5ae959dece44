//! How the services of a node listen, and at which addresses they are announced.

mod completion;
mod limited;

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use cocaine::{
    Endpoint, Limits, MemoryBudget, ServiceInfo,
    bind::ServiceSpec,
    server::{Dispatch, Server, ServerBuilder},
};

pub(crate) use self::limited::LimitedService;
use crate::{
    metrics::{MeteredService, MetricsRegistry},
    registry::Registry,
};

/// Binds the servers of a node's services and apps.
#[derive(Clone, Debug)]
pub(crate) struct ServiceHost {
    /// The address of the locator; the other services listen on free ports of the same address.
    pub(crate) listen: String,
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
    /// Serves on a free port. Returns the server and its entry for the locator.
    pub(crate) async fn bind(
        &self,
        name: &str,
        dispatch: impl Dispatch,
    ) -> io::Result<(Server, ServiceInfo)> {
        let spec = dispatch.spec();
        self.bind_at(&self.free_address(), spec, self.server_builder(name, dispatch)).await
    }

    /// Serves `spec` on an address. Returns the server and its entry for the locator.
    pub(crate) async fn bind_at(
        &self,
        address: &str,
        spec: &ServiceSpec,
        server: ServerBuilder<impl Dispatch>,
    ) -> io::Result<(Server, ServiceInfo)> {
        let server = server.bind(address).await?;
        let endpoints = self.announced_endpoints(server.local_addr());
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

    /// Returns the locator's address with port 0, which picks a free port.
    pub(crate) fn free_address(&self) -> String {
        let host = self.listen.rsplit_once(':').map_or(&*self.listen, |(host, _)| host);
        format!("{host}:0")
    }

    /// Returns the endpoints that are announced for an address. One that is unspecified stays so if nothing better is known:
    /// the locator replaces it by the address that its client has connected to (`protocol.md` 7).
    fn announced_endpoints(&self, address: SocketAddr) -> Vec<Endpoint> {
        let is_usable = |known: &&IpAddr| known.is_ipv4() || address.is_ipv6();
        let known = self.addresses.iter().filter(is_usable);
        let known: Vec<_> = known.map(|known| Endpoint(SocketAddr::new(*known, address.port()))).collect();
        if address.ip().is_unspecified() && !known.is_empty() { known } else { vec![Endpoint(address)] }
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
