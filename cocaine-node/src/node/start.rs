//! How a node starts: its services one after the other, each on a port of its own, and the locator last.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Instant};

use cocaine::{
    Bytes, ServiceInfo,
    server::{Dispatch, ListeningSocket, Server, ServerBuilder},
};
use cocaine_bindings::{
    ServeCache, ServeChrono, ServeEcho, ServeGeobase, ServeLocator, ServeLogging, ServeLoggingStream,
    ServeLoggingV2, ServeMetrics, ServeNode, ServeStorage, ServeUnicorn, ServeUniresis, ServeUrlfetch,
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    error::StartError,
    local_apps::AnnouncedApps,
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
    gateway::{Gateway, NodeParts},
    helper::{Helper, WorkerGroups},
    log::{Log, LogBroadcast},
    metrics::{MeteredService, MetricsRegistry},
    registry::{Registry, Routers},
    service_host::{BindError, ListenHosts, ServiceHost, lookup_hostname},
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
        let host = self.service_host(registry.clone()).await?;
        // Before the other services: none of them can get the locator's port. Who connects meanwhile waits for the answer.
        let sockets = host.hosts.bind_locator().await.map_err(|error| listen_error("locator", error))?;
        let broadcast = LogBroadcast::default();
        let environment = self.app_environment(store.clone(), broadcast.clone())?;
        let locators = environment.launcher.locators.clone();
        let embedded = environment.launcher.embedded.clone();
        let apps = Apps::new(environment, host.clone());

        let mut starter = ServiceStarter { extra: self.extra_header(), host: &host, services: Vec::new() };
        let shared = SharedParts { since, uuid, log, broadcast, store: store.clone(), apps: apps.clone() };
        shared.start_core_services(&mut starter).await?;
        self.start_plugin_services(&shared, &mut starter).await?;
        let announced = AnnouncedApps { apps: apps.clone(), locator: locator.clone() };
        let locate = ServeLocator::new(move |caller| LocatorService::new(locator.clone(), caller));
        let addresses = starter.start_locator(locate, sockets)?;
        let services = starter.services;
        let local = local_locators(&host, &addresses);
        // Set once, here; before it is set, no app runs.
        let _ = locators.set(local.clone());
        let (metrics, log) = (host.metrics.clone(), shared.log);
        let collector = NodeCollector { since, metrics, apps: apps.clone(), log, store: store.clone() };
        let gateway = self.start_gateway(&local, announced, collector).await?;
        let apps = AppsGuard(apps);
        self.start_apps(&apps.0).await;
        let housekeeper = Housekeeper::start(apps.0.clone());
        let (upkeep, control) = (Upkeep::start(store.clone()), self.start_control(&store));
        let ticking = host.metrics.update_rates();
        Ok(Node {
            addresses,
            sockets: host.hosts.sockets().to_vec(),
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

    /// Starts the gateway, if there is one, in front of the locator at these addresses.
    async fn start_gateway(
        &self,
        locators: &str,
        apps: AnnouncedApps,
        collector: NodeCollector,
    ) -> Result<Option<Gateway>, StartError> {
        let Some(http) = &self.http else { return Ok(None) };
        let memory = self.memory.clone();
        let node = NodeParts { apps: Some(Arc::new(apps)), collectors: vec![Box::new(collector)] };
        Ok(Some(Gateway::start_with(locators, http, memory, node).await?))
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

    async fn service_host(&self, registry: Registry) -> Result<ServiceHost, StartError> {
        let hosts = ListenHosts::resolve(&self.listen).await;
        let hosts = hosts.map_err(|error| listen_error("locator", error))?;
        let (ports, metrics) = (self.service_ports()?, MetricsRegistry::default());
        let addresses = match &self.hostname {
            Some(hostname) => lookup_hostname(hostname).await,
            None => Vec::new(),
        };
        let (limits, memory) = (self.limits, self.memory.clone());
        Ok(ServiceHost { hosts, ports, addresses, limits, memory, registry, metrics })
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
        starter.start("storage", storage).await?;
        let log = LoggingService::new(self.log.clone(), self.broadcast.clone());
        let logging = logging::limited(ServeLogging::new(move |_| log.clone()));
        starter.start("logging", logging).await?;
        let apps = self.apps.clone();
        let node = ServeNode::new(move |caller| NodeService::new(apps.clone(), caller));
        starter.start("node", node).await?;
        Ok(())
    }

    fn metrics(&self, logging: &LoggingV2Shared, host: &ServiceHost) -> MetricsService {
        let (since, apps, log) = (self.since, self.apps.clone(), self.log.clone());
        let (metrics, memory) = (host.metrics.clone(), host.memory.clone());
        MetricsService::new(MetricSources { since, metrics, memory, apps, filters: logging.filters(), log })
    }
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
    /// Serves a service of the core, and registers it.
    async fn start(&mut self, name: &'static str, dispatch: impl Dispatch) -> Result<(), StartError> {
        let (server, service) = self.bind(name, dispatch).await?;
        self.register(name, server, service);
        Ok(())
    }

    /// Serves a service, and registers it for as long as no app has its name.
    async fn start_plugin(&mut self, name: &'static str, dispatch: impl Dispatch) -> Result<(), StartError> {
        let (server, service) = self.bind(name, dispatch).await?;
        let registration = self.host.registry.register_fallback(name, service);
        self.services.push(RunningService { server, _registration: Some(registration) });
        Ok(())
    }

    /// Serves the locator on its sockets. Returns the addresses of its TCP ports.
    fn start_locator(
        &mut self,
        dispatch: impl Dispatch,
        sockets: Vec<ListeningSocket>,
    ) -> Result<Vec<SocketAddr>, StartError> {
        let spec = dispatch.spec();
        let server = self.server_builder(spec.name, dispatch);
        let failed = |source| listen_error(spec.name, BindError { address: "its sockets".into(), source });
        let (server, service) = self.host.serve(spec, server, sockets).map_err(failed)?;
        let addresses = server.local_addrs().to_vec();
        self.register(spec.name, server, service);
        Ok(addresses)
    }

    fn register(&mut self, name: &str, server: Server, service: ServiceInfo) {
        // Can fail only if a client finds the port of `node` and starts an app of this name before the node has started.
        let registration = self.host.registry.register_local(name, service);
        let registration =
            registration.inspect_err(|error| tracing::error!(%error, "a service cannot be resolved")).ok();
        self.services.push(RunningService { server, _registration: registration });
    }

    async fn bind(
        &self,
        name: &'static str,
        dispatch: impl Dispatch,
    ) -> Result<(Server, ServiceInfo), StartError> {
        let spec = dispatch.spec();
        let server = self.server_builder(name, dispatch);
        self.host.bind_server(name, spec, server).await.map_err(|error| listen_error(name, error))
    }

    fn server_builder<D: Dispatch>(&self, name: &str, dispatch: D) -> ServerBuilder<MeteredService<D>> {
        let server = self.host.server_builder(name, dispatch);
        match &self.extra {
            Some(extra) => server.reply_header("connect", EXTRA, extra.clone()),
            None => server,
        }
    }
}

/// Returns the addresses by which this machine reaches the locator, separated by commas. Warns if the node listens on all
/// addresses and knows none to announce.
fn local_locators(host: &ServiceHost, addresses: &[SocketAddr]) -> String {
    if host.hosts.is_unspecified() && host.addresses.is_empty() {
        tracing::warn!(
            "listening on all addresses: a client is told the one that it has connected to; set `hostname` to \
             announce another"
        );
    }
    let local: Vec<_> = host.hosts.local_addresses(addresses).iter().map(ToString::to_string).collect();
    local.join(",")
}

fn listen_error(service: &'static str, BindError { address, source }: BindError) -> StartError {
    StartError::Listen { service, address, source }
}
