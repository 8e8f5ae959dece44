//! A node: its settings, and what runs.

mod start;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use cocaine::{Bytes, Limits, server::Server};
use tokio::task::JoinSet;

use crate::{
    apps::{RunningApps, package::folders::RuntimeError},
    config::{CacheConfig, ChronoConfig, ConfigError, NodeConfig, UrlfetchConfig},
    gateway::{Gateway, GatewayError, HttpConfig},
    helper::Helper,
    log::Log,
    metrics::Ticking,
    registry::{Registration, Registry, Routers},
    services::geobase::GeobaseError,
    store::{OpenError, Store, StoreError},
};

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error("{service} cannot listen on {address}: {source}")]
    Listen {
        /// The service.
        service: &'static str,
        /// The address.
        address: String,
        /// What the operating system reported.
        source: io::Error,
    },
    /// The folders of apps cannot be used.
    #[error("{0}")]
    Runtime(String),
    /// Workers could not be started.
    #[error("the thread that starts workers cannot be started: {0}")]
    Spawner(io::Error),
    /// The log cannot be started.
    #[error("the log cannot be started: {0}")]
    Log(io::Error),
    /// HTTP cannot be spoken.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database of regions cannot be used.
    #[error(transparent)]
    Geobase(#[from] GeobaseError),
}

impl From<RuntimeError> for StartError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error.to_string())
    }
}

/// Settings of a [`Node`].
#[derive(Debug)]
pub struct NodeBuilder {
    listen: String,
    data: Option<PathBuf>,
    cluster: bool,
    uuid: Option<String>,
    hostname: Option<String>,
    restrict: Vec<String>,
    extra: Bytes,
    limits: Limits,
    log: Option<Log>,
    helper: Option<Helper>,
    runlist: Option<String>,
    patience: Duration,
    idle: bool,
    http: Option<HttpConfig>,
    cache: CacheConfig,
    chrono: ChronoConfig,
    urlfetch: UrlfetchConfig,
    geobase: Option<PathBuf>,
}

impl Default for NodeBuilder {
    fn default() -> Self {
        Self {
            listen: Node::DEFAULT_ADDRESS.to_owned(),
            data: None,
            cluster: true,
            uuid: None,
            hostname: None,
            restrict: Vec::new(),
            extra: Bytes::from_static(b"\x80"),
            limits: Limits::default(),
            log: None,
            helper: None,
            runlist: None,
            patience: NodeBuilder::PATIENCE,
            idle: true,
            http: None,
            cache: CacheConfig::default(),
            chrono: ChronoConfig::default(),
            urlfetch: UrlfetchConfig::default(),
            geobase: None,
        }
    }
}

impl NodeBuilder {
    /// How long an event waits for an app that does not start unless [`NodeBuilder::patience`] says otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(15);

    /// Sets where the locator listens, as `address:port`; port 0 picks a free one. The other services take free ports
    /// of the same address.
    #[must_use]
    pub fn listen(self, address: impl Into<String>) -> Self {
        Self { listen: address.into(), ..self }
    }

    /// Keeps the data in this folder, which nobody else can use for as long as the node runs.
    #[must_use]
    pub fn data(self, folder: impl Into<PathBuf>) -> Self {
        Self { data: Some(folder.into()), ..self }
    }

    /// Keeps the data in memory, and loses it at the end; so it is unless [`NodeBuilder::data`] is set.
    #[must_use]
    pub fn in_memory(self) -> Self {
        Self { data: None, ..self }
    }

    /// Sets whether `locator.connect` answers in full. It does unless set; without, it is closed at once, as by an
    /// original runtime without a cluster.
    #[must_use]
    pub fn cluster(self, cluster: bool) -> Self {
        Self { cluster, ..self }
    }

    /// Sets the node's uuid, which is made anew otherwise.
    #[must_use]
    pub fn uuid(self, uuid: impl Into<String>) -> Self {
        Self { uuid: Some(uuid.into()), ..self }
    }

    /// Sets the name whose addresses are announced for an unspecified one; the machine's name otherwise.
    #[must_use]
    pub fn hostname(self, hostname: impl Into<String>) -> Self {
        Self { hostname: Some(hostname.into()), ..self }
    }

    /// Sets the services that other nodes are not told of, beside the locator.
    #[must_use]
    pub fn restrict(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { restrict: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the limits of each connection.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the log behind the services `logging` and `logging::v2`, which writes nowhere otherwise.
    #[must_use]
    pub fn log(self, log: Log) -> Self {
        Self { log: Some(log), ..self }
    }

    /// Sets what starts the processes of apps, which cannot be started without.
    #[must_use]
    pub fn helper(self, helper: Helper) -> Self {
        Self { helper: Some(helper), ..self }
    }

    /// Sets the stored runlist whose apps are started together with the node.
    #[must_use]
    pub fn runlist(self, name: impl Into<String>) -> Self {
        Self { runlist: Some(name.into()), ..self }
    }

    /// Sets how long an event waits for an app whose workers do not start before its client is told why.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets whether workers that have nothing to do end after the `idle-timeout` of their profile. They do unless set;
    /// those of an original runtime never end.
    #[must_use]
    pub fn end_idle(self, end: bool) -> Self {
        Self { idle: end, ..self }
    }

    /// Speaks HTTP in front of the apps, as a [`Gateway`] does. Without, nothing does.
    #[must_use]
    pub fn http(self, http: HttpConfig) -> Self {
        Self { http: Some(http), ..self }
    }

    /// Sets how much the service `cache` keeps.
    #[must_use]
    pub fn cache(self, cache: CacheConfig) -> Self {
        Self { cache, ..self }
    }

    /// Sets how many timers the service `chrono` runs.
    #[must_use]
    pub fn chrono(self, chrono: ChronoConfig) -> Self {
        Self { chrono, ..self }
    }

    /// Sets what the service `urlfetch` may fetch: the public internet unless set.
    #[must_use]
    pub fn urlfetch(self, urlfetch: UrlfetchConfig) -> Self {
        Self { urlfetch, ..self }
    }

    /// Sets the database of the service `geobase`: a file in the format of `MaxMind`, of cities or countries. Without, it
    /// serves a sample in which the address ranges of documentation are in some of the world's towns.
    ///
    /// The file is read into memory once, when the node starts.
    #[must_use]
    pub fn geobase(self, database: impl Into<PathBuf>) -> Self {
        Self { geobase: Some(database.into()), ..self }
    }

    /// Takes over what a configuration file says, but for its section `log`, which belongs to whoever makes the log.
    pub fn config(self, config: &NodeConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: config.listen.clone().unwrap_or(self.listen),
            data: config.data.clone().or(self.data),
            cluster: config.cluster.unwrap_or(self.cluster),
            uuid: config.uuid.clone().or(self.uuid),
            hostname: config.hostname.clone().or(self.hostname),
            restrict: config.restrict.clone(),
            extra: config.extra()?,
            limits: config.limits()?,
            log: self.log,
            helper: self.helper,
            runlist: config.runlist.clone().or(self.runlist),
            patience: config.patience()?.unwrap_or(self.patience),
            idle: config.apps.idle_timeout.unwrap_or(self.idle),
            http: config.http.clone().or(self.http),
            cache: config.cache,
            chrono: config.chrono,
            urlfetch: config.urlfetch.clone(),
            geobase: config.geobase.database.clone().or(self.geobase),
        })
    }

    /// Starts the node. Once it is returned, its services can be resolved.
    pub async fn start(self) -> Result<Node, StartError> {
        let store = start::open(self.data.clone()).await?;
        let started = self.serve(store.clone()).await;
        if started.is_err() {
            store.close().await;
        }
        started
    }
}

/// A service that listens and is known to the locator.
#[derive(Debug)]
struct Running {
    server: Server,
    _known: Option<Registration>,
}

/// A running node. Dropped without [`Node::shutdown`], it cuts its connections and tells its workers to end; what was
/// acknowledged is safe.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    running: Vec<Running>,
    apps: RunningApps,
    registry: Registry,
    routers: Routers,
    store: Store,
    gateway: Option<Gateway>,
    _ticking: Ticking,
}

impl Node {
    /// Where the locator listens unless it is told otherwise.
    pub const DEFAULT_ADDRESS: &'static str = "127.0.0.1:10053";

    /// Returns settings for a node that keeps its data in memory.
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// Returns where the locator listens.
    pub fn locator_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns where HTTP is spoken, if it is.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(Gateway::local_addr)
    }

    /// Answers the HTTP requests that run, stops the apps, lets calls that run finish, closes all connections, and lets
    /// go of the data folder.
    pub async fn shutdown(self) {
        if let Some(gateway) = self.gateway {
            gateway.shutdown().await;
        }
        // Nobody is told of the services that end: the whole node does.
        self.registry.stop();
        self.routers.stop();
        self.apps.0.shutdown().await;
        let stopping: JoinSet<()> =
            self.running.into_iter().map(|running| running.server.shutdown()).collect();
        stopping.join_all().await;
        self.store.close().await;
    }
}
