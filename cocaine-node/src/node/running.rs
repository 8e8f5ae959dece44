//! A running node, and how it stops.

use std::net::SocketAddr;

use cocaine::server::Server;
use tokio::task::JoinSet;

use crate::{
    apps::AppsGuard,
    gateway::Gateway,
    metrics::RateUpdater,
    registry::{Registration, Registry, Routers},
    store::Store,
};

/// A running node.
///
/// If it is dropped without [`Node::shutdown`], it closes its connections and tells its workers to terminate;
/// acknowledged writes are not lost.
#[derive(Debug)]
pub struct Node {
    pub(super) address: SocketAddr,
    pub(super) services: Vec<RunningService>,
    pub(super) apps: AppsGuard,
    pub(super) registry: Registry,
    pub(super) routers: Routers,
    pub(super) store: Store,
    pub(super) gateway: Option<Gateway>,
    pub(super) _ticking: RateUpdater,
}

/// A service that listens, and its entry in the registry.
#[derive(Debug)]
pub(super) struct RunningService {
    pub(super) server: Server,
    pub(super) _registration: Option<Registration>,
}

impl Node {
    /// The address of the locator unless another is set.
    pub const DEFAULT_ADDRESS: &'static str = "127.0.0.1:10053";

    /// Returns the address of the locator.
    pub fn locator_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address for HTTP clients, if a gateway runs.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(Gateway::local_addr)
    }

    /// Answers the HTTP requests in flight, stops the apps, lets running calls finish, closes all connections and
    /// releases the data folder.
    pub async fn shutdown(self) {
        if let Some(gateway) = self.gateway {
            gateway.shutdown().await;
        }
        // The whole node ends, so that subscribers need not be told of each service that ends.
        self.registry.stop();
        self.routers.stop();
        self.apps.0.shutdown().await;
        let servers = self.services.into_iter().map(|service| service.server.shutdown());
        servers.collect::<JoinSet<()>>().join_all().await;
        self.store.close().await;
    }
}
