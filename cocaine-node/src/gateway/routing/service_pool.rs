//! The services that requests have asked for, kept connected.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cocaine::{
    Client, Code, Result, Service, Value,
    server::{BODY_HEADER, BODY_IN_PIECES, BODY_KEY},
};
use quick_cache::{Equivalent, sync::Cache};

use super::local_apps::{AppHandle, LocalApps};

/// The most connections that are kept.
const MAX_CONNECTIONS: usize = 4096;

/// How long a node may take to say whether it understands offers of requests in pieces.
const INFO_DEADLINE: Duration = Duration::from_secs(10);

/// Connected services by name, with several connections each.
#[derive(Debug)]
pub(crate) struct ServicePool {
    client: Client,
    /// The apps that need no connection.
    local: Option<Arc<dyn LocalApps>>,
    services: Cache<PoolKey, PooledService>,
    /// Connections to each service.
    connections: u32,
    /// How long a connection is used before the service is resolved again.
    refresh: Duration,
    next: AtomicU32,
    /// By name, whether the nodes of a service understand offers of requests in pieces, and since when that is known.
    offers: Cache<String, (bool, Instant)>,
}

#[derive(Clone, Debug)]
struct PooledService {
    service: Service,
    since: Instant,
}

/// The name of a service, and the number of one of its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PoolKey(String, u32);

/// A [`PoolKey`] with a borrowed name.
#[derive(Hash)]
struct PoolKeyRef<'a>(&'a str, u32);

impl Equivalent<PoolKey> for PoolKeyRef<'_> {
    fn equivalent(&self, key: &PoolKey) -> bool {
        (self.0, self.1) == (key.0.as_str(), key.1)
    }
}

impl ServicePool {
    pub(crate) fn new(
        client: Client,
        local: Option<Arc<dyn LocalApps>>,
        connections: u32,
        refresh: Duration,
    ) -> Self {
        let (services, next) = (Cache::new(MAX_CONNECTIONS), AtomicU32::new(0));
        let offers = Cache::new(MAX_CONNECTIONS);
        Self { client, local, services, connections, refresh, next, offers }
    }

    /// Returns the app of this name that needs no connection.
    pub(crate) fn local(&self, name: &str) -> Option<Arc<dyn AppHandle>> {
        self.local.as_ref()?.find(name)
    }

    /// Returns a connected service, using its connections in turn. The first caller makes a connection, and makes it
    /// anew when it is too old; calls that run on the old one go on.
    pub(crate) async fn get(&self, name: &str) -> Result<Service> {
        let key = PoolKeyRef(name, self.next.fetch_add(1, Ordering::Relaxed) % self.connections);
        if let Some(pooled) = self.services.get(&key) {
            if pooled.since.elapsed() < self.refresh {
                return Ok(pooled.service);
            }
            self.services.remove_if(&key, |stale: &PooledService| stale.since == pooled.since);
        }
        // Boxed because it is large and rarely needed.
        Box::pin(self.connect(PoolKey(name.to_owned(), key.1))).await
    }

    async fn connect(&self, key: PoolKey) -> Result<Service> {
        let connected = self.services.get_or_insert_async(&key, async {
            Ok(PooledService { service: self.client.dynamic(&key.0).await?, since: Instant::now() })
        });
        Ok(connected.await?.service)
    }

    /// Returns whether a service is an app of a node that understands offers of requests in pieces. It is asked from time to
    /// time, and only when there is something to offer: an original would call a worker at once.
    pub(crate) async fn accepts_offers(&self, name: &str) -> bool {
        if let Some((accepts, since)) = self.offers.get(name)
            && since.elapsed() < self.refresh
        {
            return accepts;
        }
        // An app that cannot be asked now may be asked again at once.
        self.ask_about_offers(name).await.unwrap_or(false)
    }

    /// Asks a service whether it is an app of a node that understands offers of requests in pieces.
    pub(crate) async fn ask_about_offers(&self, name: &str) -> Result<bool> {
        let service = self.get(name).await?.with_deadline(INFO_DEADLINE);
        let answer = service.with_header(BODY_HEADER, BODY_IN_PIECES).call("info", ()).await;
        let accepts = answer.map(|info: Value| info.get(BODY_KEY).is_some()).or_else(|error| {
            // Any other error of the service means that it is not such an app.
            let is_absent = error.code().is_none_or(|code| code == Code::SERVICE_NOT_AVAILABLE);
            if is_absent || error.is_app_stopped() { Err(error) } else { Ok(false) }
        })?;
        self.offers.insert(name.to_owned(), (accepts, Instant::now()));
        Ok(accepts)
    }

    /// Returns whether a service is known to exist: it needs no connection, or there is one.
    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.local(name).is_some()
            || (0..self.connections).any(|index| self.services.contains_key(&PoolKeyRef(name, index)))
    }

    /// Removes a service that the locator no longer knows.
    pub(crate) fn remove(&self, name: &str) {
        for index in 0..self.connections {
            self.services.remove(&PoolKeyRef(name, index));
        }
    }

    /// Checks that a locator answers.
    pub(crate) async fn ping_locator(&self) -> Result<()> {
        self.client.resolve("locator", None).await.map(drop)
    }
}
