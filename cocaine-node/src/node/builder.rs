//! How a node is set up.

use std::{path::PathBuf, time::Duration};

use cocaine::{Limits, MemoryBudget};

use super::{
    error::StartError,
    running::Node,
    settings::{NodeSettings, SERVICES},
    start,
};
use crate::{
    apps::CrashlogLimits,
    config::{
        AppsConfig, CacheConfig, ChronoConfig, ConfigError, HttpConfig, LimitsConfig, ListenAddresses,
        NetworkConfig, NodeConfig, UrlfetchConfig,
    },
    helper::Helper,
    log::Log,
};

/// How many workers all apps of a node may have together unless another number is set.
const MAX_WORKERS: usize = 1024;

/// Builds a [`Node`].
///
/// Later calls win: a setter replaces what an earlier one, or an earlier [`NodeBuilder::config`], has set, and `config`
/// replaces only what the configuration sets itself. Values are checked by [`NodeBuilder::start`].
#[derive(Clone, Debug, Default)]
pub struct NodeBuilder {
    config: NodeConfig,
    limits: Option<Limits>,
    memory: Option<MemoryBudget>,
    startup_timeout: Option<Duration>,
    shutdown_timeout: Option<Duration>,
    log: Option<Log>,
    helper: Option<Helper>,
}

impl Node {
    /// Returns a builder of a node that keeps its data in memory.
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }
}

impl NodeBuilder {
    /// How many bytes of memory the arguments of a call may take beyond their encoding, unless another limit is set. The
    /// services of a node take few lists.
    pub const MAX_DECODED_BYTES: usize = 8 << 20;

    /// How many bytes of memory all connections use together unless another limit is set: what their clients have sent in part,
    /// what is not read, and the arguments of running calls.
    pub const MAX_MEMORY_BYTES: usize = 1 << 30;

    /// The default of [`NodeBuilder::startup_timeout`].
    pub const STARTUP_TIMEOUT: Duration = Duration::from_secs(15);

    /// Sets the address of the locator, as `address:port`; port 0 picks a free one. The other services listen on ports of the
    /// same address ([`NodeBuilder::network`]). There may be several, separated by commas or collected from an iterator;
    /// `unix:/path` is a unix socket of the locator.
    #[must_use]
    pub fn listen(mut self, addresses: impl Into<ListenAddresses>) -> Self {
        self.config.set_listen(addresses.into());
        self
    }

    /// Sets the ports of the services and apps. By default each gets a free one.
    #[must_use]
    pub fn network(mut self, network: NetworkConfig) -> Self {
        self.config.network = network;
        self
    }

    /// Keeps the data in a folder, which no other node can use while this one runs.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.config.data = Some(folder.into());
        self
    }

    /// Keeps the data in memory, where it is lost when the node stops. This is the default.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.config.data = None;
        self
    }

    /// Sets whether `locator.connect` streams the services to other nodes. It does by default; otherwise it is closed at
    /// once, as by an original runtime without a cluster.
    #[must_use]
    pub fn cluster(mut self, cluster: bool) -> Self {
        self.config.cluster = Some(cluster);
        self
    }

    /// Sets the node's uuid. By default it is a new one at each start.
    #[must_use]
    pub fn uuid(mut self, uuid: impl Into<String>) -> Self {
        self.config.uuid = Some(uuid.into());
        self
    }

    /// Sets the name whose addresses are announced in place of an unspecified one. Without it, or if it has none but loopback,
    /// each client is told the address that it has connected to.
    #[must_use]
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.config.hostname = Some(hostname.into());
        self
    }

    /// Sets the services that are not announced to other nodes, in addition to the locator.
    #[must_use]
    pub fn restrict(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.config.restrict = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets all limits of each connection.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        let max_memory_bytes = self.config.limits.max_memory_bytes;
        self.config.limits = LimitsConfig { max_memory_bytes, ..LimitsConfig::default() };
        self
    }

    /// Sets the memory that all connections use together, in place of [`NodeBuilder::MAX_MEMORY_BYTES`]. Several nodes of a
    /// process may share it.
    #[must_use]
    pub fn memory(mut self, memory: MemoryBudget) -> Self {
        self.memory = Some(memory);
        self.config.limits.max_memory_bytes = None;
        self
    }

    /// Sets the log behind the services `logging` and `logging::v2`. By default their records are dropped.
    #[must_use]
    pub fn log(self, log: Log) -> Self {
        Self { log: Some(log), ..self }
    }

    /// Sets the program that starts the workers of apps. Without it, apps cannot be started.
    #[must_use]
    pub fn helper(self, helper: Helper) -> Self {
        Self { helper: Some(helper), ..self }
    }

    /// Sets whether the apps that ran when the node ended start again with it: those that `start_app` has started and
    /// `pause_app` has not stopped. They do by default; those of an original runtime have to be in a runlist.
    #[must_use]
    pub fn restore_apps(mut self, enabled: bool) -> Self {
        self.config.apps.restore = Some(enabled);
        self
    }

    /// Sets the stored runlist whose apps start together with the node.
    #[must_use]
    pub fn runlist(mut self, name: impl Into<String>) -> Self {
        self.config.runlist = Some(name.into());
        self
    }

    /// Sets how long an event waits for a worker of an app that fails to start, before its client gets the reason.
    #[must_use]
    pub fn startup_timeout(self, timeout: Duration) -> Self {
        Self { startup_timeout: Some(timeout), ..self }
    }

    /// Sets how long [`Node::shutdown`] may take as a whole, in place of [`Node::SHUTDOWN_TIMEOUT`]. Workers, requests and calls that have not ended by then are
    /// cut off.
    #[must_use]
    pub fn shutdown_timeout(self, timeout: Duration) -> Self {
        Self { shutdown_timeout: Some(timeout), ..self }
    }

    /// Sets whether idle workers stop after the `idle-timeout` of their profile. They do by default; those of an original
    /// runtime never stop.
    #[must_use]
    pub fn idle_timeout(mut self, enabled: bool) -> Self {
        self.config.apps.idle_timeout = Some(enabled);
        self
    }

    /// Runs an HTTP [`Gateway`](crate::gateway::Gateway) in front of the apps. By default none runs.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.config.http = Some(http);
        self
    }

    /// Sets how much the service `cache` keeps.
    #[must_use]
    pub fn cache(mut self, cache: CacheConfig) -> Self {
        self.config.cache = cache;
        self
    }

    /// Sets how many timers the service `chrono` runs.
    #[must_use]
    pub fn chrono(mut self, chrono: ChronoConfig) -> Self {
        self.config.chrono = chrono;
        self
    }

    /// Sets what the service `urlfetch` may fetch. By default it is the public internet.
    #[must_use]
    pub fn urlfetch(mut self, urlfetch: UrlfetchConfig) -> Self {
        self.config.urlfetch = urlfetch;
        self
    }

    /// Sets the database of the service `geobase`: a file in the format of `MaxMind`, of cities or countries. By default
    /// the service has a sample that places the address ranges for documentation in some of the world's towns.
    ///
    /// The file is read into memory once, when the node starts.
    #[must_use]
    pub fn geobase(mut self, database: impl Into<PathBuf>) -> Self {
        self.config.geobase.database = Some(database.into());
        self
    }

    /// Merges a configuration: the values that it sets replace earlier ones, and what it leaves out stays as it is.
    /// Tables (`extra_param`, and the time-outs and hosts of `http`) are merged by their keys. The section `log` is not
    /// used: [`NodeBuilder::log`] takes a log that is already running.
    #[must_use]
    pub fn config(mut self, config: &NodeConfig) -> Self {
        if config.apps.startup_timeout.is_some() {
            self.startup_timeout = None;
        }
        if config.shutdown_timeout.is_some() {
            self.shutdown_timeout = None;
        }
        self.config.merge(config.clone());
        self
    }

    /// Checks the settings without starting anything. Files and addresses that they name are not looked at.
    ///
    /// # Errors
    /// A value with which the node could not start.
    pub fn check(self) -> Result<(), ConfigError> {
        self.settings()?.check()
    }

    /// Starts the node. Its services can be resolved when this returns.
    pub async fn start(self) -> Result<Node, StartError> {
        // Boxed because the future is large.
        Box::pin(start::start(self.settings()?)).await
    }

    fn settings(self) -> Result<NodeSettings, ConfigError> {
        let Self { config, limits, memory, startup_timeout, shutdown_timeout, log, helper } = self;
        let listen = config.network.locator_addresses(config.listen.as_ref())?;
        config.network.check(&listen, &SERVICES)?;
        let configured_startup = config.startup_timeout()?;
        let configured_shutdown = config.shutdown_timeout()?;
        Ok(NodeSettings {
            config: config.clone(),
            extra_param: config.encode_extra_param()?,
            limits: config.limits.apply(
                limits.unwrap_or_else(|| Limits::default().max_decoded_bytes(Self::MAX_DECODED_BYTES)),
            )?,
            memory: (config.limits.memory()?.or(memory))
                .unwrap_or_else(|| MemoryBudget::new(Self::MAX_MEMORY_BYTES)),
            listen,
            data: config.data,
            cluster: config.cluster.unwrap_or(true),
            uuid: config.uuid,
            hostname: config.hostname,
            restrict: config.restrict.unwrap_or_default(),
            log,
            helper,
            runlist: config.runlist,
            startup_timeout: startup_timeout.or(configured_startup).unwrap_or(Self::STARTUP_TIMEOUT),
            shutdown_timeout: shutdown_timeout.or(configured_shutdown).unwrap_or(Node::SHUTDOWN_TIMEOUT),
            idle_timeout: config.apps.idle_timeout.unwrap_or(true),
            restore_apps: config.apps.restore.unwrap_or(true),
            crashlogs: crashlog_limits(&config.apps)?,
            max_workers: config.apps.max_workers.unwrap_or(MAX_WORKERS),
            cgroups: config.apps.cgroups.unwrap_or(true),
            http: config.http,
            cache: config.cache,
            chrono: config.chrono,
            urlfetch: config.urlfetch,
            geobase: config.geobase.database,
        })
    }
}

/// Returns how many crashlogs are kept.
fn crashlog_limits(config: &AppsConfig) -> Result<CrashlogLimits, ConfigError> {
    let default = CrashlogLimits::default();
    Ok(CrashlogLimits {
        app_count: config.crashlogs.unwrap_or(default.app_count),
        app_bytes: config.crashlog_bytes.unwrap_or(default.app_bytes),
        total_bytes: config.total_crashlog_bytes.unwrap_or(default.total_bytes),
        age: config.crashlog_age()?.unwrap_or(default.age),
    })
}

#[cfg(test)]
mod tests;
