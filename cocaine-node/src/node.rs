//! A node: its services, and what they share.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use cocaine::{
    Bytes, Endpoint, Limits,
    server::{Dispatch, Server},
};
use cocaine_bindings::{
    ServeCache, ServeChrono, ServeEcho, ServeGeobase, ServeLocator, ServeLogging, ServeLoggingV2,
    ServeMetrics, ServeNode, ServeStorage, ServeUnicorn, ServeUniresis, ServeUrlfetch,
};
use tokio::task::{JoinSet, spawn_blocking};
use uuid::Uuid;

use crate::{
    apps::{
        Apps, RunningApps,
        runtime::{Runtime, RuntimeError},
        spawn::Spawner,
        workshop::Workshop,
    },
    config::{CacheConfig, ChronoConfig, ConfigError, NodeConfig, UrlfetchConfig},
    gateway::{Gateway, GatewayError, HttpConfig},
    helper::Helper,
    log::Log,
    metrics::{Board, Ticking},
    place::Place,
    registry::{Registration, Registry, Routers},
    services::{
        cache::CacheService,
        chrono::Clockwork,
        echo::EchoService,
        geobase::{GeobaseError, GeobaseService},
        locator::{Locator, LocatorService},
        logging::LoggingService,
        logging_v2::{LoggingV2, LoggingV2Service},
        metrics::{MetricsService, Sources},
        node::NodeService,
        storage::StorageService,
        unicorn::{self, UnicornService},
        uniresis::UniresisService,
        urlfetch::Fetching,
    },
    store::{OpenError, Store, StoreError},
};

/// The header that tells other nodes more about this one.
const EXTRA: &str = "x-cocaine-locator-extra";

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
        let store = open(self.data.clone()).await?;
        let started = self.serve(store.clone()).await;
        if started.is_err() {
            store.close().await;
        }
        started
    }

    async fn serve(self, store: Store) -> Result<Node, StartError> {
        let since = Instant::now();
        let log = match &self.log {
            Some(log) => log.clone(),
            None => Log::builder().start().map_err(StartError::Log)?,
        };
        let (registry, routers) = (Registry::new(self.restrict.clone()), Routers::default());
        let uuid = self.uuid.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let shared =
            Locator::new(uuid.clone(), self.cluster, registry.clone(), routers.clone(), store.clone());
        let locator = Arc::new(shared);
        locator.load_groups().await?;
        let place = self.place(registry.clone());
        let geobase = GeobaseService::start(self.geobase.clone(), store.clone()).await?;
        let workshop = self.workshop(store.clone())?;
        let locators = workshop.locators.clone();
        let apps = Apps::new(workshop, place.clone());

        let mut services = Services { extra: self.extra(), place: &place, running: Vec::new() };
        let filtered = Arc::new(LoggingV2::new(log.clone(), store.clone()));
        filtered.load().await?;
        let (filters, board) = (filtered.filters(), place.board.clone());
        let metrics =
            MetricsService::new(Sources { since, board, apps: apps.clone(), filters, log: log.clone() });
        let (storage, logging) = (StorageService::new(store.clone()), LoggingService::new(log));
        let storage = ServeStorage::new(move |_| storage.clone());
        let logging = ServeLogging::new(move |_| logging.clone());
        let filtered = ServeLoggingV2::new(move |caller| LoggingV2Service::new(filtered.clone(), caller));
        let metrics = ServeMetrics::new(move |_| metrics.clone());
        let geobase = ServeGeobase::new(move |_| geobase.clone());
        let tree = Arc::new(unicorn::Shared::new(store.clone(), self.limits));
        let unicorn = ServeUnicorn::new(move |caller| UnicornService::new(tree.clone(), caller));
        let running = apps.clone();
        let node = ServeNode::new(move |caller| NodeService::new(running.clone(), caller));
        let locate = ServeLocator::new(move |caller| LocatorService::new(locator.clone(), caller));
        services.start("storage", storage, None).await?;
        services.start("logging", logging, None).await?;
        services.start("logging::v2", filtered, None).await?;
        services.start("metrics", metrics, None).await?;
        services.start("node", node, None).await?;
        self.start_plugins(&mut services, &uuid).await?;
        services.start("geobase", geobase, None).await?;
        services.start("unicorn", unicorn, None).await?;
        let address = services.start("locator", locate, Some(&self.listen)).await?;
        let running = services.running;
        // Nobody else sets it.
        let _ = locators.set(told(&place.announced(address).await));
        let gateway = match &self.http {
            Some(http) => Some(Gateway::start(&reachable(address).to_string(), http).await?),
            None => None,
        };
        if let Some(runlist) = &self.runlist {
            apps.run(runlist).await;
        }
        let apps = RunningApps(apps);
        let ticking = place.board.keep_ticking();
        Ok(Node { address, running, apps, registry, routers, store, gateway, _ticking: ticking })
    }

    /// Starts the services that need nothing of the others.
    async fn start_plugins(&self, services: &mut Services<'_>, uuid: &str) -> Result<(), StartError> {
        let cache = CacheService::new(self.cache)?;
        services.start("cache", ServeCache::new(move |_| cache.clone()), None).await?;
        let clockwork = Clockwork::new(self.chrono)?;
        services.start("chrono", ServeChrono::new(move |caller| clockwork.service(caller)), None).await?;
        services.start("echo", ServeEcho::new(|_| EchoService), None).await?;
        let uniresis = UniresisService::new(uuid);
        services.start("uniresis", ServeUniresis::new(move |_| uniresis.clone()), None).await?;
        let fetching = Fetching::new(&self.urlfetch)?;
        services.start("urlfetch", ServeUrlfetch::new(move |caller| fetching.service(caller)), None).await?;
        Ok(())
    }

    fn place(&self, registry: Registry) -> Place {
        let (listen, hostname) = (self.listen.clone(), self.hostname.clone());
        Place { listen, hostname, limits: self.limits, registry, board: Board::default() }
    }

    fn workshop(&self, store: Store) -> Result<Workshop, StartError> {
        let runtime = match &self.data {
            Some(data) => Runtime::open(data)?,
            None => Runtime::temporary()?,
        };
        let spawner = self.helper.clone().map(Spawner::start).transpose().map_err(StartError::Spawner)?;
        let (patience, idle, limits) = (self.patience, self.idle, self.limits);
        let (runtime, locators) = (Arc::new(runtime), Arc::default());
        Ok(Workshop { spawner, runtime, store, locators, limits, patience, idle })
    }

    /// Returns what other nodes are told beside the services, if there are other nodes.
    fn extra(&self) -> Option<Bytes> {
        self.cluster.then(|| self.extra.clone())
    }
}

/// Returns an address as this machine reaches it.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Returns what workers are told of the locator.
fn told(endpoints: &[Endpoint]) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(|endpoint| endpoint.0.to_string()).collect();
    endpoints.join(",")
}

async fn open(data: Option<PathBuf>) -> Result<Store, StartError> {
    let opened = spawn_blocking(move || match data {
        Some(folder) => Store::open(&folder),
        None => Store::in_memory(),
    });
    match opened.await {
        Ok(opened) => Ok(opened?),
        Err(error) => Err(StoreError::Panicked(error.to_string()).into()),
    }
}

/// A service that listens and is known to the locator.
#[derive(Debug)]
struct Running {
    server: Server,
    _known: Option<Registration>,
}

/// The services of a node that starts.
struct Services<'a> {
    extra: Option<Bytes>,
    place: &'a Place,
    running: Vec<Running>,
}

impl Services<'_> {
    /// Serves on `listen`, or on a free port of the locator's address, and makes the service known.
    async fn start(
        &mut self,
        name: &'static str,
        dispatch: impl Dispatch,
        listen: Option<&str>,
    ) -> Result<SocketAddr, StartError> {
        let spec = dispatch.spec();
        let mut server = self.place.builder(name, dispatch);
        if let Some(extra) = &self.extra {
            server = server.reply_header("connect", EXTRA, extra.clone());
        }
        let address = listen.map_or_else(|| self.place.beside(), str::to_owned);
        let failed = |source| StartError::Listen { service: name, address: address.clone(), source };
        let (server, service) = self.place.serve_on(&address, spec, server).await.map_err(failed)?;
        let known = self.place.registry.expose(name, service).ok();
        let address = server.local_addr();
        self.running.push(Running { server, _known: known });
        Ok(address)
    }
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

    /// Answers the HTTP requests that run, stops the apps, lets calls that run finish, closes all connections, and lets go of the data folder.
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
