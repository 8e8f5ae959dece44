//! The settings of a node, checked and with their defaults.

use std::{path::PathBuf, time::Duration};

use cocaine::{Bytes, Limits, MemoryBudget};

use crate::{
    apps::CrashlogLimits,
    config::{
        CacheConfig, ChronoConfig, ConfigError, HttpConfig, ListenAddress, NodeConfig, UrlfetchConfig,
        locator_ports,
    },
    gateway::Gateway,
    helper::Helper,
    log::Log,
    service_host::ServicePorts,
    services::{cache::CacheService, chrono::ChronoShared, urlfetch::UrlfetchShared},
};

/// The services that a node runs, other than the locator.
pub(super) const SERVICES: [&str; 13] = [
    "storage",
    "logging",
    "node",
    "cache",
    "chrono",
    "echo",
    "geobase",
    "logging::stream",
    "metrics",
    "logging::v2",
    "unicorn",
    "uniresis",
    "urlfetch",
];

/// The settings of a node.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the configuration")]
pub(super) struct NodeSettings {
    /// The configuration that the settings come from.
    pub(super) config: NodeConfig,
    /// The addresses of the locator.
    pub(super) listen: Vec<ListenAddress>,
    /// The data folder; in memory if `None`.
    pub(super) data: Option<PathBuf>,
    pub(super) cluster: bool,
    pub(super) uuid: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) restrict: Vec<String>,
    /// A map in `MessagePack`.
    pub(super) extra_param: Bytes,
    pub(super) limits: Limits,
    pub(super) memory: MemoryBudget,
    pub(super) log: Option<Log>,
    pub(super) helper: Option<Helper>,
    pub(super) runlist: Option<String>,
    pub(super) startup_timeout: Duration,
    pub(super) idle_timeout: bool,
    pub(super) restore_apps: bool,
    pub(super) crashlogs: CrashlogLimits,
    pub(super) max_workers: usize,
    pub(super) cgroups: bool,
    pub(super) shutdown_timeout: Duration,
    pub(super) http: Option<HttpConfig>,
    pub(super) cache: CacheConfig,
    pub(super) chrono: ChronoConfig,
    pub(super) urlfetch: UrlfetchConfig,
    pub(super) geobase: Option<PathBuf>,
}

impl NodeSettings {
    /// Checks the sections of the services and of the gateway, which read them when they start.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        CacheService::new(self.cache)?;
        ChronoShared::new(self.chrono)?;
        UrlfetchShared::new(&self.urlfetch)?;
        self.http.as_ref().map_or(Ok(()), Gateway::check)
    }

    /// Returns the ports that the services may have.
    pub(super) fn service_ports(&self) -> Result<ServicePorts, ConfigError> {
        let network = &self.config.network;
        let mut reserved = locator_ports(&self.listen);
        // They start after the services.
        let gateway = self.http.iter().flat_map(|http| [&http.listen, &http.admin]).flatten();
        reserved.extend(gateway.filter_map(|address| address.rsplit_once(':')?.1.parse::<u16>().ok()));
        Ok(ServicePorts::new(network.pinned.clone(), network.shared_range()?, &reserved))
    }
}
