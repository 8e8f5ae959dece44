//! A running node, and how it stops.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use cocaine::{Result as ServiceResult, Worker, server::Server};
use futures_util::FutureExt;
use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    apps::{AppsGuard, EmbeddedWorkers, Housekeeper},
    config::{ConfigError, NodeConfig},
    control::ControlServer,
    data::{BackupSummary, CompactionSummary, DataError, Replacement},
    gateway::Gateway,
    log::{FollowerLimitError, LogBroadcast, LogFollower, LogSelection},
    metrics::RateUpdater,
    registry::{Registration, Registry, Routers},
    store::{Store, StoreError, Upkeep},
};

/// A running node.
///
/// If it is dropped without [`Node::shutdown`], it closes its connections and tells its workers to terminate;
/// acknowledged writes are not lost.
#[derive(Debug)]
pub struct Node {
    /// The addresses of the locator; there is at least one.
    pub(super) addresses: Vec<SocketAddr>,
    /// The unix sockets of the locator.
    pub(super) sockets: Vec<PathBuf>,
    pub(super) services: Vec<RunningService>,
    pub(super) apps: AppsGuard,
    pub(super) registry: Registry,
    pub(super) routers: Routers,
    pub(super) store: Store,
    pub(super) gateway: Option<Gateway>,
    pub(super) embedded: EmbeddedWorkers,
    pub(super) broadcast: LogBroadcast,
    pub(super) config: NodeConfig,
    pub(super) shutdown_timeout: Duration,
    pub(super) housekeeper: Housekeeper,
    pub(super) upkeep: Upkeep,
    /// Serves the control socket of the data folder.
    pub(super) control: Option<ControlServer>,
    pub(super) _ticking: RateUpdater,
}

/// A service that listens, and its entry in the registry.
#[derive(Debug)]
pub(super) struct RunningService {
    pub(super) server: Server,
    pub(super) _registration: Option<Registration>,
}

impl Node {
    /// The address of the locator unless another is set.
    pub const DEFAULT_ADDRESS: &'static str = "127.0.0.1:10053";
    /// How long [`Node::shutdown`] may take unless another time is set.
    pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

    /// Returns the address of the locator; the first one, if it listens on several.
    pub fn locator_addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Returns all addresses of the locator. One is of loopback if it is to listen on unix sockets alone.
    pub fn locator_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the paths of the unix sockets of the locator.
    pub fn locator_sockets(&self) -> &[PathBuf] {
        &self.sockets
    }

    /// Returns the address for HTTP clients, if a gateway runs.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().map(Gateway::local_addr)
    }

    /// Lets the workers of `app` run in this process, as tasks: `worker` takes the place of the program in the app's package, also
    /// when a worker is started in place of one that has ended. The app needs a manifest, a profile and a package like any
    /// other, and the node needs no [`Helper`](crate::helper::Helper) for it.
    ///
    /// A worker that returns an error, or panics, has crashed. One that does not end when it is terminated is dropped.
    pub fn embed_worker<F, R>(&self, app: impl Into<String>, worker: F)
    where
        F: Fn(Worker) -> R + Send + Sync + 'static,
        R: Future<Output = ServiceResult<()>> + Send + 'static,
    {
        let worker = Arc::new(worker);
        let run = move |args: Vec<OsString>| {
            let worker = worker.clone();
            async move { worker(Worker::new(args)?).await }.boxed()
        };
        self.embedded.insert(app.into(), Arc::new(run));
    }

    /// Follows what workers print, and the messages of `logging`, as they come. The last ones come first if the selection
    /// asks for them.
    ///
    /// # Errors
    /// There are as many followers as there may be.
    pub fn follow_log(&self, selection: LogSelection) -> Result<LogFollower, FollowerLimitError> {
        self.broadcast.follow(selection)
    }

    /// Opens the file of the gateway's access log again, which may have been moved away. [`Node::reload`] does so, too.
    pub fn reopen_access_log(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.reopen_access_log();
        }
    }

    /// Changes what a running node can change: `shutdown_timeout`, and of the section `http` what [`Gateway::reload`]
    /// changes. Returns the keys of the other settings that `config` changes, which take effect when the node starts again.
    /// The section `log` is not used.
    ///
    /// # Errors
    /// A value that is out of range. Nothing is changed then.
    pub fn reload(&mut self, config: &NodeConfig) -> Result<Vec<&'static str>, ConfigError> {
        let shutdown_timeout = config.shutdown_timeout()?.unwrap_or(Self::SHUTDOWN_TIMEOUT);
        let mut fixed = self.config.fixed_changes(config);
        match (&self.gateway, &config.http) {
            (Some(gateway), Some(http)) => fixed.extend(gateway.reload(http)?),
            (None, None) => {}
            _ => fixed.push("http"),
        }
        self.shutdown_timeout = shutdown_timeout;
        for warning in config.warnings.iter().filter(|warning| !self.config.warnings.contains(warning)) {
            tracing::warn!("configuration: {warning}");
        }
        Ok(fixed)
    }

    /// Writes a backup of what the node stores, as it is now, to a file. See [`data::backup`](crate::data::backup).
    ///
    /// # Errors
    /// A file that exists, unless it may be replaced; stored data that is damaged.
    pub async fn backup(&self, file: &Path, replace: Replacement) -> Result<BackupSummary, DataError> {
        self.store.write_backup(file, replace).await
    }

    /// Gives the space of what was removed or replaced back to the file system. Writes wait meanwhile, reads do not.
    ///
    /// # Errors
    /// Stored data that is damaged, no room for a second database, or a node in memory. Nothing has changed then.
    pub async fn compact(&self) -> Result<CompactionSummary, StoreError> {
        self.store.compact().await
    }

    /// Terminates the workers, answers the HTTP requests in flight, lets running calls finish, closes all connections and
    /// releases the data folder. Returns within the time that `NodeBuilder::shutdown_timeout` sets; what has not ended
    /// by then is cut off.
    pub async fn shutdown(self) {
        let deadlines = Deadlines::new(Instant::now(), self.shutdown_timeout);
        drop((self.housekeeper, self.upkeep, self.control));
        // The whole node ends, so that subscribers need not be told of each service that ends.
        self.registry.stop();
        self.routers.stop();
        // Workers may need the services until they end, and HTTP requests may need both.
        let requests = async {
            if let Some(gateway) = self.gateway {
                gateway.shutdown_until(deadlines.requests).await;
            }
        };
        let ((), app_servers) = tokio::join!(requests, self.apps.0.stop_workers(deadlines.workers));
        self.broadcast.close();
        let servers = self.services.into_iter().map(|service| service.server).chain(app_servers);
        let closing: JoinSet<()> = servers.map(|server| shut_down(server, deadlines.calls)).collect();
        closing.join_all().await;
        if timeout_at(deadlines.store, self.store.close()).await.is_err() {
            tracing::warn!(
                "the storage did not finish its last transaction in time; no acknowledged write is lost"
            );
        }
    }
}

/// Lets the running calls of a server finish, and closes its connections at the deadline.
async fn shut_down(server: Server, deadline: Instant) {
    let address = server.local_addr();
    // A server that is dropped closes its connections.
    if timeout_at(deadline, server.shutdown()).await.is_err() {
        tracing::warn!(%address, "connections are closed: their calls did not finish in time");
    }
}

/// When each part of a stop is cut off. Each part has some time left after the parts that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Deadlines {
    workers: Instant,
    requests: Instant,
    calls: Instant,
    store: Instant,
}

impl Deadlines {
    /// The time for each part after the workers, unless the whole stop is short.
    const MAX_STEP: Duration = Duration::from_millis(250);
    /// About thirty years, which no clock overflows.
    const MAX_LIMIT: Duration = Duration::from_secs(1 << 30);

    fn new(start: Instant, limit: Duration) -> Self {
        let limit = limit.min(Self::MAX_LIMIT);
        let step = Self::MAX_STEP.min(limit / 16);
        let before_end = |steps: u32| start + limit.saturating_sub(step * steps);
        // The last step is for the log, which the program closes after the node.
        Self { workers: before_end(4), requests: before_end(3), calls: before_end(2), store: before_end(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_in_order_within_the_limit() {
        let start = Instant::now();
        let deadlines = |limit| {
            let Deadlines { workers, requests, calls, store } = Deadlines::new(start, limit);
            [workers, requests, calls, store].map(|deadline| (deadline - start).as_millis())
        };
        assert_eq!(deadlines(Duration::from_secs(8)), [7000, 7250, 7500, 7750]);
        assert_eq!(deadlines(Duration::from_millis(160)), [120, 130, 140, 150]);
        assert_eq!(deadlines(Duration::ZERO), [0; 4]);
        assert!(deadlines(Duration::MAX)[0] > 1 << 39);
    }
}
