//! How the services of a node listen, and at which addresses they are announced.

mod completion;
mod limited;

use std::{io, net::SocketAddr};

use cocaine::{
    Endpoint, Limits, ServiceInfo,
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
    /// The name whose addresses are announced in place of an unspecified one; the machine's name if `None`.
    pub(crate) hostname: Option<String>,
    pub(crate) limits: Limits,
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
        let endpoints = self.announced_endpoints(server.local_addr()).await;
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
        let server = Server::builder(metered).limits(self.limits).accept_counters(accept_counters);
        server.run_to_completion(completed)
    }

    /// Returns the locator's address with port 0, which picks a free port.
    pub(crate) fn free_address(&self) -> String {
        let host = self.listen.rsplit_once(':').map_or(&*self.listen, |(host, _)| host);
        format!("{host}:0")
    }

    /// Returns the endpoints that are announced for an address: the address itself, or those of the host name if it is
    /// unspecified (`protocol.md` 7).
    pub(crate) async fn announced_endpoints(&self, address: SocketAddr) -> Vec<Endpoint> {
        if !address.ip().is_unspecified() {
            return vec![Endpoint(address)];
        }
        let hostname = self.hostname.clone().unwrap_or_else(machine_name);
        let found = tokio::net::lookup_host((hostname.as_str(), address.port())).await;
        let is_reachable = |found: &SocketAddr| found.is_ipv4() || address.is_ipv6();
        let mut endpoints: Vec<_> = match found {
            Ok(found) => found.filter(is_reachable).map(Endpoint).collect(),
            Err(error) => {
                tracing::warn!(
                    hostname,
                    %error,
                    "no addresses to announce: set `hostname`, or listen on a specific address"
                );
                Vec::new()
            }
        };
        endpoints.dedup();
        endpoints
    }
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
