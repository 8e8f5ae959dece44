//! How a node starts: its services one after the other, each on a port of its own.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use cocaine::{
    Bytes, Endpoint, Resolved,
    server::{Dispatch, Server},
};
use cocaine_bindings::{
    ServeCache, ServeChrono, ServeEcho, ServeGeobase, ServeLocator, ServeLogging, ServeLoggingV2,
    ServeMetrics, ServeNode, ServeStorage, ServeUnicorn, ServeUniresis, ServeUrlfetch,
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{Node, NodeBuilder, Running, StartError};
use crate::{
    apps::{
        Apps, RunningApps, package::folders::Runtime, process::spawner::Spawner, worker::launcher::Workshop,
    },
    gateway::Gateway,
    log::Log,
    metrics::Board,
    place::Place,
    registry::{Registry, Routers},
    services::{
        cache::CacheService,
        chrono::ChronoShared,
        echo::EchoService,
        geobase::GeobaseService,
        locator::{LocatorService, LocatorShared},
        logging::LoggingService,
        logging_v2::{LoggingV2Service, LoggingV2Shared},
        metrics::{MetricSources, MetricsService},
        node::NodeService,
        storage::StorageService,
        unicorn::{self, UnicornService},
        uniresis::UniresisService,
        urlfetch::UrlfetchShared,
    },
    store::{Store, StoreError},
};

/// The header that tells other nodes more about this one.
const EXTRA: &str = "x-cocaine-locator-extra";

/// What services are made of.
struct Parts {
    since: Instant,
    uuid: String,
    log: Log,
    store: Store,
    apps: Apps,
}

impl NodeBuilder {
    pub(super) async fn serve(self, store: Store) -> Result<Node, StartError> {
        let since = Instant::now();
        let log = match &self.log {
            Some(log) => log.clone(),
            None => Log::builder().start().map_err(StartError::Log)?,
        };
        let (registry, routers) = (Registry::new(self.restrict.clone()), Routers::default());
        let uuid = self.uuid.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let shared =
            LocatorShared::new(uuid.clone(), self.cluster, registry.clone(), routers.clone(), store.clone());
        let locator = Arc::new(shared);
        locator.load_groups().await?;
        let place = self.place(registry.clone());
        let workshop = self.workshop(store.clone())?;
        let locators = workshop.locators.clone();
        let apps = Apps::new(workshop, place.clone());

        let mut services = Services { extra: self.extra(), place: &place, running: Vec::new() };
        let parts = Parts { since, uuid, log, store: store.clone(), apps: apps.clone() };
        parts.core(&mut services).await?;
        self.plugins(&parts, &mut services).await?;
        let locate = ServeLocator::new(move |caller| LocatorService::new(locator.clone(), caller));
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

    /// Starts the services of plugins, which give way to apps of their names.
    async fn plugins(&self, parts: &Parts, services: &mut Services<'_>) -> Result<(), StartError> {
        let cache = CacheService::new(self.cache)?;
        services.offer("cache", ServeCache::new(move |_| cache.clone())).await?;
        let chrono = ChronoShared::new(self.chrono)?;
        services.offer("chrono", ServeChrono::new(move |caller| chrono.service(caller))).await?;
        services.offer("echo", ServeEcho::new(|_| EchoService)).await?;
        let geobase = GeobaseService::start(self.geobase.clone(), parts.store.clone()).await?;
        services.offer("geobase", ServeGeobase::new(move |_| geobase.clone())).await?;
        let logging = Arc::new(LoggingV2Shared::new(parts.log.clone(), parts.store.clone()));
        logging.load().await?;
        let metrics = parts.metrics(&logging, services.place.board.clone());
        services.offer("metrics", ServeMetrics::new(move |_| metrics.clone())).await?;
        let logging = ServeLoggingV2::new(move |caller| LoggingV2Service::new(logging.clone(), caller));
        services.offer("logging::v2", logging).await?;
        let tree = Arc::new(unicorn::UnicornShared::new(parts.store.clone(), self.limits));
        let unicorn = ServeUnicorn::new(move |caller| UnicornService::new(tree.clone(), caller));
        services.offer("unicorn", unicorn).await?;
        let uniresis = UniresisService::new(&parts.uuid);
        services.offer("uniresis", ServeUniresis::new(move |_| uniresis.clone())).await?;
        let urlfetch = UrlfetchShared::new(&self.urlfetch)?;
        services.offer("urlfetch", ServeUrlfetch::new(move |caller| urlfetch.service(caller))).await
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

impl Parts {
    /// Starts the services that every node has.
    async fn core(&self, services: &mut Services<'_>) -> Result<(), StartError> {
        let storage = StorageService::new(self.store.clone());
        services.start("storage", ServeStorage::new(move |_| storage.clone()), None).await?;
        let logging = LoggingService::new(self.log.clone());
        services.start("logging", ServeLogging::new(move |_| logging.clone()), None).await?;
        let apps = self.apps.clone();
        let node = ServeNode::new(move |caller| NodeService::new(apps.clone(), caller));
        services.start("node", node, None).await?;
        Ok(())
    }

    fn metrics(&self, logging: &LoggingV2Shared, board: Board) -> MetricsService {
        let (since, apps, log) = (self.since, self.apps.clone(), self.log.clone());
        MetricsService::new(MetricSources { since, board, apps, filters: logging.filters(), log })
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

/// Opens the store that keeps the data in this folder, or in memory.
pub(super) async fn open(data: Option<PathBuf>) -> Result<Store, StartError> {
    let opened = spawn_blocking(move || match data {
        Some(folder) => Store::open(&folder),
        None => Store::in_memory(),
    });
    match opened.await {
        Ok(opened) => Ok(opened?),
        Err(error) => Err(StoreError::Panicked(error.to_string()).into()),
    }
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
        let (server, service) = self.serve(name, dispatch, listen).await?;
        let known = self.place.registry.register_local(name, service).ok();
        let address = server.local_addr();
        self.running.push(Running { server, _known: known });
        Ok(address)
    }

    /// Serves on a free port, and makes the service known for as long as no app has its name.
    async fn offer(&mut self, name: &'static str, dispatch: impl Dispatch) -> Result<(), StartError> {
        let (server, service) = self.serve(name, dispatch, None).await?;
        let known = self.place.registry.register_fallback(name, service);
        self.running.push(Running { server, _known: Some(known) });
        Ok(())
    }

    async fn serve(
        &self,
        name: &'static str,
        dispatch: impl Dispatch,
        listen: Option<&str>,
    ) -> Result<(Server, Resolved), StartError> {
        let spec = dispatch.spec();
        let mut server = self.place.builder(name, dispatch);
        if let Some(extra) = &self.extra {
            server = server.reply_header("connect", EXTRA, extra.clone());
        }
        let address = listen.map_or_else(|| self.place.beside(), str::to_owned);
        let failed = |source| StartError::Listen { service: name, address: address.clone(), source };
        self.place.serve_on(&address, spec, server).await.map_err(failed)
    }
}
