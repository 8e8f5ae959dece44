//! How a node starts: its services one after the other, each on a port of its own.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use cocaine::{
    Bytes, ServiceInfo,
    server::{Dispatch, Server},
};
use cocaine_bindings::{
    ServeCache, ServeChrono, ServeEcho, ServeGeobase, ServeLocator, ServeLogging, ServeLoggingStream,
    ServeLoggingV2, ServeMetrics, ServeNode, ServeStorage, ServeUnicorn, ServeUniresis, ServeUrlfetch,
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    error::StartError,
    prometheus::NodeCollector,
    running::{Node, RunningService},
    settings::NodeSettings,
};
use crate::{
    apps::{
        AppEnvironment, AppFolders, Apps, AppsGuard, Crashlogs, EmbeddedWorkers, Housekeeper, Spawner,
        WorkerLauncher, WorkerPermits,
    },
    control::ControlServer,
    gateway::Gateway,
    helper::{Helper, WorkerGroups},
    log::{Log, LogBroadcast},
    metrics::MetricsRegistry,
    registry::{Registry, Routers},
    service_host::{ServiceHost, lookup_hostname},
    services::{
        cache::CacheService,
        chrono::ChronoShared,
        echo::EchoService,
        geobase::GeobaseService,
        locator::{LocatorService, LocatorShared},
        logging::{self, LoggingService},
        logging_stream::{self, LoggingStreamService},
        logging_v2::{LoggingV2Service, LoggingV2Shared},
        metrics::{MetricSources, MetricsService},
        node::NodeService,
        storage::StorageService,
        unicorn::{self, UnicornService},
        uniresis::UniresisService,
        urlfetch::UrlfetchShared,
    },
    store::{Store, StoreError, Upkeep},
};

/// The service for the lines of this node alone, which is not announced to others.
const LOGGING_STREAM: &str = "logging::stream";

/// The header of `connect` that carries `extra_param` to other nodes.
const EXTRA: &str = "x-cocaine-locator-extra";

/// Starts a node.
pub(super) async fn start(settings: NodeSettings) -> Result<Node, StartError> {
    for warning in &settings.config.warnings {
        tracing::warn!("configuration: {warning}");
    }
    let store = open_store(settings.data.clone()).await?;
    let started = settings.start(store.clone()).await;
    if started.is_err() {
        store.close().await;
    }
    started
}

/// What the services share.
struct SharedParts {
    since: Instant,
    uuid: String,
    log: Log,
    broadcast: LogBroadcast,
    store: Store,
    apps: Apps,
}

impl NodeSettings {
    async fn start(self, store: Store) -> Result<Node, StartError> {
        let since = Instant::now();
        let log = match &self.log {
            Some(log) => log.clone(),
            None => Log::builder().start().map_err(StartError::Log)?,
        };
        let restricted = self.restrict.iter().cloned().chain([LOGGING_STREAM.to_owned()]);
        let (registry, routers) = (Registry::new(restricted), Routers::default());
        let uuid = self.uuid.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let locator =
            LocatorShared::new(uuid.clone(), self.cluster, registry.clone(), routers.clone(), store.clone());
        let locator = Arc::new(locator);
        locator.load_groups().await?;
        let host = self.service_host(registry.clone()).await;
        let broadcast = LogBroadcast::default();
        let environment = self.app_environment(store.clone(), broadcast.clone())?;
        let locators = environment.launcher.locators.clone();
        let embedded = environment.launcher.embedded.clone();
        let apps = Apps::new(environment, host.clone());

        let mut starter = ServiceStarter { extra: self.extra_header(), host: &host, services: Vec::new() };
        let shared = SharedParts { since, uuid, log, broadcast, store: store.clone(), apps: apps.clone() };
        shared.start_core_services(&mut starter).await?;
        self.start_plugin_services(&shared, &mut starter).await?;
        let locate = ServeLocator::new(move |caller| LocatorService::new(locator.clone(), caller));
        let address = starter.start("locator", locate, Some(&self.listen)).await?;
        let services = starter.services;
        warn_if_unspecified(address, &host);
        // Set once, here; before it is set, no app runs.
        let _ = locators.set(local_address(address).to_string());
        let (metrics, log) = (host.metrics.clone(), shared.log);
        let collector = NodeCollector { since, metrics, apps: apps.clone(), log, store: store.clone() };
        let gateway = self.start_gateway(address, collector).await?;
        let apps = AppsGuard(apps);
        self.start_apps(&apps.0).await;
        let housekeeper = Housekeeper::start(apps.0.clone());
        let (upkeep, control) = (Upkeep::start(store.clone()), self.start_control(&store));
        let ticking = host.metrics.update_rates();
        Ok(Node {
            address,
            services,
            apps,
            registry,
            routers,
            store,
            gateway,
            embedded,
            broadcast: shared.broadcast,
            config: self.config,
            shutdown_timeout: self.shutdown_timeout,
            housekeeper,
            upkeep,
            control,
            _ticking: ticking,
        })
    }

    /// Serves the control socket of the data folder, if there is one.
    fn start_control(&self, store: &Store) -> Option<ControlServer> {
        let started = ControlServer::start(self.data.as_deref()?, store.clone());
        let warn = |error: &_| {
            tracing::warn!(%error, "backups and compaction need the node to stop: its control socket cannot be used");
        };
        started.inspect_err(warn).ok()
    }

    /// Starts the apps of the runlist, and those that ran before.
    async fn start_apps(&self, apps: &Apps) {
        if let Some(runlist) = &self.runlist {
            apps.start_runlist(runlist).await;
        }
        if self.restore_apps {
            apps.restore().await;
        }
    }

    /// Starts the gateway, if there is one, in front of the locator at this address.
    async fn start_gateway(
        &self,
        locator: SocketAddr,
        collector: NodeCollector,
    ) -> Result<Option<Gateway>, StartError> {
        let Some(http) = &self.http else { return Ok(None) };
        let locator = local_address(locator).to_string();
        let memory = self.memory.clone();
        Ok(Some(Gateway::start_with(&locator, http, memory, vec![Box::new(collector)]).await?))
    }

    /// Starts the services of plugins, each of which gives way to an app of its name.
    async fn start_plugin_services(
        &self,
        shared: &SharedParts,
        starter: &mut ServiceStarter<'_>,
    ) -> Result<(), StartError> {
        let cache = CacheService::new(self.cache)?;
        starter.start_plugin("cache", ServeCache::new(move |_| cache.clone())).await?;
        let chrono = ChronoShared::new(self.chrono)?;
        starter.start_plugin("chrono", ServeChrono::new(move |caller| chrono.service(caller))).await?;
        starter.start_plugin("echo", ServeEcho::new(|_| EchoService)).await?;
        let geobase = GeobaseService::start(self.geobase.clone(), shared.store.clone()).await?;
        starter.start_plugin("geobase", ServeGeobase::new(move |caller| geobase.service(caller))).await?;
        let logging = Arc::new(LoggingV2Shared::new(
            shared.log.clone(),
            shared.broadcast.clone(),
            shared.store.clone(),
        ));
        logging.load().await?;
        let lines = LoggingStreamService::new(shared.broadcast.clone());
        let lines = logging_stream::limited(ServeLoggingStream::new(move |_| lines.clone()));
        starter.start_plugin(LOGGING_STREAM, lines).await?;
        let metrics = shared.metrics(&logging, starter.host);
        starter.start_plugin("metrics", ServeMetrics::new(move |_| metrics.clone())).await?;
        let logging_v2 = ServeLoggingV2::new(move |caller| LoggingV2Service::new(logging.clone(), caller));
        starter.start_plugin("logging::v2", logging::limited(logging_v2)).await?;
        let tree =
            Arc::new(unicorn::UnicornShared::new(shared.store.clone(), self.limits, self.memory.clone()));
        let unicorn = ServeUnicorn::new(move |caller| UnicornService::new(tree.clone(), caller));
        starter.start_plugin("unicorn", unicorn::limited(unicorn)).await?;
        let uniresis = UniresisService::new(&shared.uuid);
        starter.start_plugin("uniresis", ServeUniresis::new(move |_| uniresis.clone())).await?;
        let urlfetch = UrlfetchShared::new(&self.urlfetch)?;
        starter.start_plugin("urlfetch", ServeUrlfetch::new(move |caller| urlfetch.service(caller))).await
    }

    async fn service_host(&self, registry: Registry) -> ServiceHost {
        let addresses = match &self.hostname {
            Some(hostname) => lookup_hostname(hostname).await,
            None => Vec::new(),
        };
        let (listen, metrics) = (self.listen.clone(), MetricsRegistry::default());
        let (limits, memory) = (self.limits, self.memory.clone());
        ServiceHost { listen, addresses, limits, memory, registry, metrics }
    }

    fn app_environment(&self, store: Store, broadcast: LogBroadcast) -> Result<AppEnvironment, StartError> {
        let folders = Arc::new(match &self.data {
            Some(data) => AppFolders::open(data)?,
            None => AppFolders::temporary()?,
        });
        let start = |helper: Helper| {
            let groups = helper.is_program().then(|| self.worker_groups()).flatten();
            Spawner::start(helper, groups)
        };
        let spawner = self.helper.clone().map(start).transpose().map_err(StartError::Spawner)?;
        Ok(AppEnvironment {
            launcher: WorkerLauncher {
                spawner,
                folders: folders.clone(),
                locators: Arc::default(),
                stream_window: self.limits.stream_window_bytes,
                embedded: EmbeddedWorkers::default(),
                broadcast,
            },
            folders,
            crashlogs: Crashlogs::new(store.clone(), self.crashlogs),
            permits: WorkerPermits::new(self.max_workers),
            store,
            limits: self.limits,
            memory: self.memory.clone(),
            startup_timeout: self.startup_timeout,
            stop_idle: self.idle_timeout,
        })
    }

    /// Returns the control groups of the workers, or `None` if they are not wanted or not possible.
    fn worker_groups(&self) -> Option<WorkerGroups> {
        let groups = self.cgroups.then(WorkerGroups::new)?;
        let reason = "workers get no control groups of their own, and are ended by process ids alone";
        groups.inspect_err(|error| tracing::info!(%error, "{reason}")).ok()
    }

    /// Returns the value of the header [`EXTRA`], which only nodes of a cluster send.
    fn extra_header(&self) -> Option<Bytes> {
        self.cluster.then(|| self.extra_param.clone())
    }
}

impl SharedParts {
    /// Starts the services of the core, which no app can replace.
    async fn start_core_services(&self, starter: &mut ServiceStarter<'_>) -> Result<(), StartError> {
        let store = self.store.clone();
        let storage = ServeStorage::new(move |caller| StorageService::new(&store, caller));
        starter.start("storage", storage, None).await?;
        let log = LoggingService::new(self.log.clone(), self.broadcast.clone());
        let logging = logging::limited(ServeLogging::new(move |_| log.clone()));
        starter.start("logging", logging, None).await?;
        let apps = self.apps.clone();
        let node = ServeNode::new(move |caller| NodeService::new(apps.clone(), caller));
        starter.start("node", node, None).await?;
        Ok(())
    }

    fn metrics(&self, logging: &LoggingV2Shared, host: &ServiceHost) -> MetricsService {
        let (since, apps, log) = (self.since, self.apps.clone(), self.log.clone());
        let (metrics, memory) = (host.metrics.clone(), host.memory.clone());
        MetricsService::new(MetricSources { since, metrics, memory, apps, filters: logging.filters(), log })
    }
}

fn warn_if_unspecified(address: SocketAddr, host: &ServiceHost) {
    if address.ip().is_unspecified() && host.addresses.is_empty() {
        tracing::warn!(
            "listening on all addresses: a client is told the one that it has connected to; set `hostname` to announce \
             another"
        );
    }
}

/// Returns the address at which this machine reaches a server of its own.
fn local_address(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Opens the store in a folder, or in memory.
async fn open_store(data: Option<PathBuf>) -> Result<Store, StartError> {
    let opened = spawn_blocking(move || match data {
        Some(folder) => Store::open(&folder),
        None => Store::in_memory(),
    });
    match opened.await {
        Ok(opened) => Ok(opened?),
        Err(error) => Err(StoreError::Panicked(error.to_string()).into()),
    }
}

/// Starts services, and collects those that run.
struct ServiceStarter<'a> {
    extra: Option<Bytes>,
    host: &'a ServiceHost,
    services: Vec<RunningService>,
}

impl ServiceStarter<'_> {
    /// Serves on `listen`, or on a free port of the locator's address, and registers the service.
    async fn start(
        &mut self,
        name: &'static str,
        dispatch: impl Dispatch,
        listen: Option<&str>,
    ) -> Result<SocketAddr, StartError> {
        let (server, service) = self.bind(name, dispatch, listen).await?;
        // Can fail only if a client finds the port of `node` and starts an app of this name before the node has started.
        let registration = self.host.registry.register_local(name, service);
        let registration =
            registration.inspect_err(|error| tracing::error!(%error, "a service cannot be resolved")).ok();
        let address = server.local_addr();
        self.services.push(RunningService { server, _registration: registration });
        Ok(address)
    }

    /// Serves on a free port, and registers the service for as long as no app has its name.
    async fn start_plugin(&mut self, name: &'static str, dispatch: impl Dispatch) -> Result<(), StartError> {
        let (server, service) = self.bind(name, dispatch, None).await?;
        let registration = self.host.registry.register_fallback(name, service);
        self.services.push(RunningService { server, _registration: Some(registration) });
        Ok(())
    }

    async fn bind(
        &self,
        name: &'static str,
        dispatch: impl Dispatch,
        listen: Option<&str>,
    ) -> Result<(Server, ServiceInfo), StartError> {
        let spec = dispatch.spec();
        let mut server = self.host.server_builder(name, dispatch);
        if let Some(extra) = &self.extra {
            server = server.reply_header("connect", EXTRA, extra.clone());
        }
        let address = listen.map_or_else(|| self.host.free_address(), str::to_owned);
        let to_error = |source| StartError::Listen { service: name, address: address.clone(), source };
        self.host.bind_at(&address, spec, server).await.map_err(to_error)
    }
}
