//! Where the services of a node listen, and what others are told of that.

use std::{io, net::SocketAddr};

use cocaine::{
    Endpoint, Limits, Resolved,
    bind::ServiceSpec,
    server::{Dispatch, Server, ServerBuilder},
};

use crate::{
    metrics::{Board, Metered},
    registry::Registry,
};

/// The address of a node.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The locator's address; the other services take free ports of the same.
    pub(crate) listen: String,
    /// The name whose addresses are announced for an unspecified one; the machine's name otherwise.
    pub(crate) hostname: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) registry: Registry,
    /// What counts the connections and calls of the services.
    pub(crate) board: Board,
}

impl Place {
    /// Serves on a free port, and returns what the locator is to answer.
    pub(crate) async fn serve(&self, name: &str, dispatch: impl Dispatch) -> io::Result<(Server, Resolved)> {
        let spec = dispatch.spec();
        self.serve_on(&self.beside(), spec, self.builder(name, dispatch)).await
    }

    /// Serves `spec` on an address, and returns what the locator is to answer.
    pub(crate) async fn serve_on(
        &self,
        address: &str,
        spec: &ServiceSpec,
        server: ServerBuilder<impl Dispatch>,
    ) -> io::Result<(Server, Resolved)> {
        let server = server.bind(address).await?;
        let endpoints = self.announced(server.local_addr()).await;
        Ok((server, Resolved { endpoints, version: spec.version, graph: spec.graph() }))
    }

    /// Returns settings for a server whose connections and calls are counted under `name`.
    pub(crate) fn builder<D: Dispatch>(&self, name: &str, dispatch: D) -> ServerBuilder<Metered<D>> {
        let metered = self.board.meter(name, dispatch);
        let admissions = metered.admissions();
        Server::builder(metered).limits(self.limits).admissions(admissions)
    }

    /// Returns the locator's address with a free port.
    pub(crate) fn beside(&self) -> String {
        let host = self.listen.rsplit_once(':').map_or(&*self.listen, |(host, _)| host);
        format!("{host}:0")
    }

    /// Returns what others are told of an address: itself, or those of this machine's name if it is unspecified
    /// (`protocol.md` 7).
    pub(crate) async fn announced(&self, address: SocketAddr) -> Vec<Endpoint> {
        if !address.ip().is_unspecified() {
            return vec![Endpoint(address)];
        }
        let hostname = self.hostname.clone().unwrap_or_else(machine);
        let found = tokio::net::lookup_host((hostname.as_str(), address.port())).await;
        let reachable = |found: &SocketAddr| found.is_ipv4() || address.is_ipv6();
        let mut endpoints: Vec<_> = match found {
            Ok(found) => found.filter(reachable).map(Endpoint).collect(),
            Err(error) => {
                tracing::warn!(hostname, %error, "no addresses to announce; set `hostname`, or listen on one");
                Vec::new()
            }
        };
        endpoints.dedup();
        endpoints
    }
}

/// Returns the name of this machine.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
