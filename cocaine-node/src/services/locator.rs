//! `locator`: resolves names, and publishes services and routing tables (`protocol.md` 7).

mod reachable;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use arc_swap::ArcSwap;
use cocaine::{
    Code, Endpoint, Error, ReplySender, Result, Sender, ServiceInfo, Stream, bind::Caller, graph::Graph,
};
use cocaine_bindings::{
    LocatorServer,
    locator::{PublishReceiver, RoutingReceiver},
};

use self::reachable::reachable_endpoints;
use crate::{
    errno::{self, Errno},
    registry::{
        PendingDeliveries, Registry, RouterSubscription, Routers, ServiceMap, ServiceUpdates,
        SubscriptionError,
        routing::{GROUP_COLLECTION, GROUP_TAGS, GroupError, RoutingGroups, RoutingTable},
    },
    store::{Store, StoreError},
};

/// The state that all calls of the service share.
#[derive(Debug)]
pub(crate) struct LocatorShared {
    pub(crate) uuid: String,
    /// Whether `connect` answers in full.
    pub(crate) cluster: bool,
    pub(crate) registry: Registry,
    pub(crate) routers: Routers,
    pub(crate) store: Store,
    groups: ArcSwap<RoutingGroups>,
    /// Held while a refresh loads and publishes groups.
    refreshing: Mutex<()>,
}

impl LocatorShared {
    pub(crate) fn new(
        uuid: String,
        cluster: bool,
        registry: Registry,
        routers: Routers,
        store: Store,
    ) -> Self {
        let (groups, refreshing) = (ArcSwap::default(), Mutex::default());
        Self { uuid, cluster, registry, routers, store, groups, refreshing }
    }

    /// Returns whether a name stands for a group of services.
    pub(crate) fn is_group(&self, name: &str) -> bool {
        self.groups.load().contains(name)
    }

    /// Loads all stored groups. One that cannot be used is skipped with a warning.
    pub(crate) async fn load_groups(&self) -> Result<(), StoreError> {
        let mut groups = RoutingGroups::default();
        for name in self.store.find(GROUP_COLLECTION, GROUP_TAGS).await? {
            let loaded = self.store.read(GROUP_COLLECTION, &name).map_err(|error| error.to_string());
            let loaded =
                loaded.and_then(|blob| groups.insert(&name, &blob).map_err(|error| error.to_string()));
            if let Err(error) = loaded {
                tracing::warn!(group = name, error, "a routing group cannot be used");
            }
        }
        let deliveries = self.routers.publish(groups.table(), "");
        self.groups.store(Arc::new(groups));
        deliveries.wait().await;
        Ok(())
    }

    /// Loads the groups again that have these names. They are known before this waits for anything, so that whatever the
    /// client sends next finds them.
    async fn refresh(&self, names: &[&str], peer: &str) -> Result<()> {
        self.reload(names, peer)?.wait().await;
        Ok(())
    }

    fn reload(&self, names: &[&str], peer: &str) -> Result<PendingDeliveries> {
        let _running = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.store.snapshot().map_err(|error| unavailable(&error))?;
        let active = snapshot.find_at_once(GROUP_COLLECTION, GROUP_TAGS);
        let active = active.map_err(|error| unavailable(&error))?;
        let load = |name: &str| {
            if active.iter().all(|active| active != name) {
                return Ok(None);
            }
            match snapshot.read(GROUP_COLLECTION, name) {
                Ok(blob) => Ok(Some(blob)),
                Err(error) => {
                    tracing::warn!(group = name, %error, "a routing group cannot be read");
                    Err(GroupError::Unavailable)
                }
            }
        };
        let groups = self.groups.load().reload(names, load).map_err(to_service_error)?;
        let deliveries = self.routers.publish(groups.table(), peer);
        self.groups.store(Arc::new(groups));
        Ok(deliveries)
    }
}

fn unavailable(error: &StoreError) -> Error {
    tracing::warn!(%error, "routing groups cannot be found");
    to_service_error(GroupError::Unavailable)
}

/// Returns the error that callers get, as the original chooses it (`protocol.md` 7).
fn to_service_error(error: GroupError) -> Error {
    match error {
        GroupError::Unavailable => Error::service(Code::ROUTING_STORAGE_ERROR, error.to_string()),
        _ => Error::service(Code::UNCAUGHT_ERROR, error.to_string()),
    }
}

/// The service, as one caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct LocatorService {
    locator: Arc<LocatorShared>,
    caller: Caller,
}

impl LocatorService {
    pub(crate) fn new(locator: Arc<LocatorShared>, caller: &Caller) -> Self {
        Self { locator, caller: caller.clone() }
    }
}

impl LocatorServer for LocatorService {
    async fn resolve(&self, name: &str, seed: Option<&str>) -> Result<ServiceInfo> {
        let groups = self.locator.groups.load();
        let found = self.locator.registry.resolve(groups.resolve(name, seed));
        let found =
            found.ok_or_else(|| Error::service(Code::SERVICE_NOT_AVAILABLE, "service is not available"))?;
        Ok(with_reachable_endpoints(&found, self.caller.local_addr()))
    }

    #[allow(refining_impl_trait)]
    fn connect(&self, uuid: &str) -> ServiceUpdateStream {
        let updates = self.locator.cluster.then(|| self.locator.registry.subscribe(uuid));
        let (uuid, local) = (self.locator.uuid.clone(), self.caller.local_addr());
        ServiceUpdateStream { updates, uuid, local, ended: false }
    }

    async fn refresh(&self, groups: &[&str]) -> Result<()> {
        self.locator.refresh(groups, self.caller.peer()).await
    }

    async fn cluster(&self) -> Result<BTreeMap<String, Endpoint>> {
        Ok(BTreeMap::new())
    }

    async fn publish(
        &self,
        name: &str,
        endpoints: &[Endpoint],
        metadata: Option<(u64, Graph)>,
        input: PublishReceiver,
        output: ReplySender<()>,
    ) -> Result<()> {
        let (version, graph) = metadata.unwrap_or_default();
        if version == 0 && !graph.entries().is_empty() {
            return Err(Error::service(Code::MISSING_VERSION, "missing protocol version"));
        }
        let service = ServiceInfo { endpoints: endpoints.to_vec(), version, graph };
        let published = self.locator.registry.publish(name, service);
        output.send(())?;
        // The publication ends with the channel: closed by the caller, revoked, or lost with the connection.
        drop(input.recv().await);
        drop(published);
        Ok(())
    }

    async fn routing(
        &self,
        router: &str,
        input: RoutingReceiver,
        mut output: Sender<RoutingTable>,
    ) -> Result<()> {
        let mut router = self.locator.routers.subscribe(router, self.caller.peer());
        tokio::select! {
            biased;
            // The end of the channel, as for `publish`. A router that closes it gets no answer.
            _ = input.recv() => {}
            () = send_tables(&mut router, &mut output) => {}
        }
        output.abandon();
        Ok(())
    }

    async fn uuid(&self) -> Result<String> {
        Ok(self.locator.uuid.clone())
    }
}

/// Returns the service with the endpoints that a client can use which has connected to `local`.
fn with_reachable_endpoints(service: &ServiceInfo, local: Option<SocketAddr>) -> ServiceInfo {
    let endpoints = reachable_endpoints(&service.endpoints, local);
    ServiceInfo { endpoints, version: service.version, graph: service.graph.clone() }
}

/// Sends tables to a router for as long as it is subscribed.
async fn send_tables(router: &mut RouterSubscription, output: &mut Sender<RoutingTable>) {
    while let Ok(delivery) = router.next().await {
        if output.send(RoutingTable::clone(&delivery.table)).await.is_err() {
            return;
        }
    }
    // Replaced, or the node stops: as with the original the channel stays open, and nothing more is sent.
    std::future::pending::<()>().await;
}

/// The stream that `connect` returns.
#[derive(Debug)]
pub(crate) struct ServiceUpdateStream {
    /// `None` without a cluster: then the stream is closed at once.
    updates: Option<ServiceUpdates>,
    uuid: String,
    /// The address that the subscriber has connected to; `None` if it has by a unix socket.
    local: Option<SocketAddr>,
    ended: bool,
}

impl Stream for ServiceUpdateStream {
    type Item = Result<(String, ServiceMap)>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Pending;
        }
        let Some(updates) = &mut self.updates else { return Poll::Ready(None) };
        match ready!(updates.poll_next(cx)) {
            Ok(update) => {
                let services = update.iter();
                let services = services
                    .map(|(name, service)| (name.clone(), with_reachable_endpoints(service, self.local)));
                Poll::Ready(Some(Ok((self.uuid.clone(), services.collect()))))
            }
            Err(lagged @ SubscriptionError::Lagged) => {
                let error = errno::error(Errno::NOBUFS, lagged.to_string());
                Poll::Ready(Some(Err(error)))
            }
            // The original sends nothing to a subscriber that is replaced, nor when it stops.
            Err(SubscriptionError::Replaced | SubscriptionError::Stopped) => {
                self.ended = true;
                Poll::Pending
            }
        }
    }
}
