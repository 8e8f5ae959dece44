//! Connections that one call uses at a time, so that it shares neither locks nor failures with the calls of others.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cocaine::{Client, Result, Service};
use lru::LruCache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most connections that are used at once; further calls wait.
const MAX_LEASES: usize = 1024;

/// How many services have idle connections.
const MAX_IDLE_SERVICES: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// The most idle connections to one service.
const MAX_IDLE: usize = 8;

/// Connections to services, each of which is used by one call at a time.
#[derive(Debug)]
pub(crate) struct LeasePool {
    client: Client,
    idle: Mutex<LruCache<String, Vec<LeasedService>>>,
    permits: Arc<Semaphore>,
    /// How long a connection is used before the service is resolved again.
    refresh: Duration,
}

#[derive(Debug)]
struct LeasedService {
    service: Service,
    since: Instant,
}

/// A connection that no other call uses. Dropping this closes it, and with it whatever the call has left behind.
#[derive(Debug)]
pub(crate) struct ServiceLease<'a> {
    pool: &'a LeasePool,
    leased: LeasedService,
    _permit: Option<OwnedSemaphorePermit>,
}

impl LeasePool {
    pub(crate) fn new(client: Client, refresh: Duration) -> Self {
        let (idle, permits) =
            (Mutex::new(LruCache::new(MAX_IDLE_SERVICES)), Arc::new(Semaphore::new(MAX_LEASES)));
        Self { client, idle, permits, refresh }
    }

    /// Returns a connection to a service: one that is idle, or else a new one.
    pub(crate) async fn lease(&self, name: &str) -> Result<ServiceLease<'_>> {
        // The semaphore is never closed.
        let permit = self.permits.clone().acquire_owned().await.ok();
        let leased = match self.take_idle(name) {
            Some(idle) => idle,
            None => LeasedService { service: self.client.dynamic(name).await?, since: Instant::now() },
        };
        Ok(ServiceLease { pool: self, leased, _permit: permit })
    }

    /// Closes the idle connections to a service that the locator no longer knows.
    pub(crate) fn remove(&self, name: &str) {
        self.idle().pop(name);
    }

    fn take_idle(&self, name: &str) -> Option<LeasedService> {
        let mut idle = self.idle();
        let services = idle.get_mut(name)?;
        services.retain(|leased| leased.since.elapsed() < self.refresh);
        services.pop()
    }

    fn idle(&self) -> MutexGuard<'_, LruCache<String, Vec<LeasedService>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServiceLease<'_> {
    pub(crate) fn service(&self) -> &Service {
        &self.leased.service
    }

    /// Returns the connection for the next call, since this one has ended and left nothing behind.
    pub(crate) fn release(self) {
        let Self { pool, leased, .. } = self;
        let mut idle = pool.idle();
        let services = idle.get_or_insert_mut(leased.service.name().to_owned(), Vec::new);
        if services.len() < MAX_IDLE {
            services.push(leased);
        }
    }
}
