//! The apps of a node, by their names.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cocaine::{Code, Error, Result, Value, server::Server};
use tokio::{task::JoinSet, time::Instant};

use super::{
    app::App,
    current_overseer::CurrentOverseer,
    local_app::LocalApp,
    overseer::{environment::AppEnvironment, handover::stopped_meanwhile},
    package::folder_name,
    profile::{config::AppConfig, stored},
    report::{info::InfoFlags, readings, totals::AppTotals},
    started_apps::{PendingStarts, StartedApps},
};
use crate::{
    errno::{self, Errno},
    metrics::Reading,
    service_host::ServiceHost,
    store::StoreError,
};

/// The apps of a node; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Apps(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    environment: AppEnvironment,
    host: ServiceHost,
    started: StartedApps,
    pending: PendingStarts,
    /// The number of the last generation that was started beside another.
    generation: AtomicU64,
    apps: Mutex<BTreeMap<String, Arc<App>>>,
    /// The servers of stopped apps, whose clients stay connected.
    retired: Mutex<Vec<Server>>,
}

impl Apps {
    pub(crate) fn new(environment: AppEnvironment, host: ServiceHost) -> Self {
        let (apps, retired) = (Mutex::default(), Mutex::default());
        let started = StartedApps::new(environment.store.clone());
        let (pending, generation) = (PendingStarts::default(), AtomicU64::new(0));
        Self(Arc::new(Shared { environment, host, started, pending, generation, apps, retired }))
    }

    /// Starts an app, and again with the node. It can be resolved when this returns. The work is finished even if the caller
    /// leaves.
    pub(crate) async fn start(&self, name: &str, profile: &str) -> Result<()> {
        let (apps, name, profile) = (self.clone(), name.to_owned(), profile.to_owned());
        finish(async move {
            let started = apps.start_once(&name, &profile).await;
            match &started {
                Ok(()) => apps.0.started.add(&name, &profile).await,
                Err(error) => tracing::warn!(app = name, profile, %error, "an app cannot be started"),
            }
            started
        })
        .await
    }

    /// Starts an app in the place of the one of this name, if there is one, and again with the node. When this returns, the
    /// first worker of the new app has connected and gets the events; the former one finishes what it has. After an error
    /// the former one goes on as before. The work is finished even if the caller leaves.
    pub(crate) async fn replace(&self, name: &str, profile: &str) -> Result<()> {
        let (apps, name, profile) = (self.clone(), name.to_owned(), profile.to_owned());
        finish(async move {
            let replaced = apps.replace_once(&name, &profile).await;
            match &replaced {
                Ok(()) => apps.0.started.add(&name, &profile).await,
                Err(error) => tracing::warn!(app = name, profile, %error, "an app cannot be replaced"),
            }
            replaced
        })
        .await
    }

    async fn replace_once(&self, name: &str, profile: &str) -> Result<()> {
        let Some(app) = self.find(name) else { return self.start_with_worker(name, profile).await };
        let transition = app.lock_transition().await;
        if !self.is_current(name, &app) {
            return Err(stopped_meanwhile(name));
        }
        if app.overseer().is_none() {
            // It is broken, since nobody starts or stops it: it has no workers.
            self.apps().remove(name);
            drop(transition);
            return self.start_with_worker(name, profile).await;
        }
        let mut config = AppConfig::load(&self.0.environment.store, name, profile)?;
        config.generation = self.0.generation.fetch_add(1, Ordering::Relaxed) + 1;
        app.replace(config, &self.0.environment).await?;
        tracing::info!(app = name, profile, "an app is replaced");
        Ok(())
    }

    /// Starts an app, and waits until its first worker has connected. After an error the app is stopped.
    async fn start_with_worker(&self, name: &str, profile: &str) -> Result<()> {
        self.start_once(name, profile).await?;
        let Some(overseer) = self.overseer(name) else { return Err(stopped_meanwhile(name)) };
        let started = overseer.load().start_first_worker().await;
        if started.is_err() {
            // Fails only if somebody else has stopped it.
            let _ = self.stop(name).await;
        }
        started
    }

    /// Starts an app.
    async fn start_once(&self, name: &str, profile: &str) -> Result<()> {
        self.start_if(name, profile, || true).await
    }

    /// Starts an app, if `is_wanted` returns true once its name is taken: whoever stops it finds it from then on.
    async fn start_if(&self, name: &str, profile: &str, is_wanted: impl FnOnce() -> bool) -> Result<()> {
        if let Some(app) = self.find(name) {
            return Err(already_started(name, &app));
        }
        let config = AppConfig::load(&self.0.environment.store, name, profile)?;
        let app = Arc::new(App::new());
        let _transition = app.lock_transition().await;
        match self.apps().entry(name.to_owned()) {
            std::collections::btree_map::Entry::Occupied(other) => {
                return Err(already_started(name, other.get()));
            }
            std::collections::btree_map::Entry::Vacant(vacant) => vacant.insert(app.clone()),
        };
        if !is_wanted() {
            self.apps().remove(name);
            return Err(stopped_meanwhile(name));
        }
        let started = app.start(config, &self.0.environment, &self.0.host).await;
        if !self.is_current(name, &app) {
            self.stop_app(&app).await;
            return Err(stopped_meanwhile(name));
        }
        started.inspect(|()| tracing::info!(app = name, profile, "an app is started"))
    }

    /// Stops an app, which is not started again with the node. Its workers have ended when this returns; its name is taken
    /// until then. The work is finished even if the caller leaves.
    pub(crate) async fn pause(&self, name: &str) -> Result<()> {
        let (apps, name) = (self.clone(), name.to_owned());
        finish(async move {
            // Also if it does not run: it may have failed to start with the node, or be still to start.
            apps.0.started.remove(&name).await;
            let was_pending = apps.0.pending.remove(&name);
            let stopped = apps.stop(&name).await;
            if was_pending { Ok(()) } else { stopped }
        })
        .await
    }

    /// Stops an app.
    async fn stop(&self, name: &str) -> Result<()> {
        let app = self.find(name).ok_or_else(|| not_running(name))?;
        let _transition = app.lock_transition().await;
        if !self.is_current(name, &app) {
            return Err(not_running(name));
        }
        self.stop_app(&app).await;
        self.apps().remove(name);
        tracing::info!(app = name, "an app is stopped");
        self.remove_package_if_unused(name).await;
        Ok(())
    }

    async fn stop_app(&self, app: &App) {
        let server = app.stop(None).await;
        let mut retired = self.0.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|server| !server.is_finished());
        retired.extend(server);
    }

    /// Returns the names of all apps, whatever their states.
    pub(crate) fn list(&self) -> Vec<String> {
        self.apps().keys().cloned().collect()
    }

    /// Returns the answer to `info`.
    pub(crate) fn info(&self, name: &str, flags: u32) -> Result<Value> {
        let app = self
            .find(name)
            .ok_or_else(|| errno::invalid_argument(&format!("app '{name}' is not running")))?;
        Ok(app.info(InfoFlags(flags)))
    }

    /// Returns the overseer of a running app.
    pub(crate) fn overseer(&self, name: &str) -> Option<CurrentOverseer> {
        self.find(name).and_then(|app| app.overseer())
    }

    /// Returns a running app for callers in the node, if the locator has it.
    pub(crate) fn announced(&self, name: &str) -> Option<Arc<LocalApp>> {
        self.find(name).and_then(|app| app.announced())
    }

    /// Adds the metrics of the running apps.
    pub(crate) fn read_metrics(&self, readings: &mut Vec<Reading>) {
        let apps: Vec<_> = self.apps().values().cloned().collect();
        for overseer in apps.iter().filter_map(|app| app.overseer()) {
            readings::add_app(&overseer.load(), readings);
        }
    }

    /// Returns the counts of the running apps.
    pub(crate) fn totals(&self) -> Vec<AppTotals> {
        let apps: Vec<_> = self.apps().values().cloned().collect();
        apps.iter()
            .filter_map(|app| app.overseer())
            .map(|overseer| AppTotals::read(&overseer.load()))
            .collect()
    }

    /// Starts the apps that ran when the node ended, but for those that run already.
    pub(crate) async fn restore(&self) {
        match self.await_restored().await {
            Ok(mut apps) => {
                apps.retain(|name, _| self.find(name).is_none());
                let failed = self.start_pending(&apps).await;
                if !apps.is_empty() {
                    tracing::info!(apps = apps.len(), failed, "the apps of the last run are started again");
                }
            }
            Err(error) => tracing::warn!(%error, "it is unknown which apps ran last: none is started again"),
        }
    }

    /// Returns the apps that ran when the node ended, with their profiles. They are pending from now on.
    async fn await_restored(&self) -> Result<BTreeMap<String, String>, StoreError> {
        self.0.pending.add(self.0.started.profiles().await?.keys());
        // One that was stopped before it was pending is gone now.
        self.0.started.profiles().await
    }

    /// Starts pending apps one by one, but for those that are stopped meanwhile. Returns the names of those that were not
    /// started, each of which has its reason in the log.
    async fn start_pending(&self, apps: &BTreeMap<String, String>) -> String {
        let mut failed = Vec::new();
        for (name, profile) in apps {
            if let Err(error) = self.start_if(name, profile, || self.0.pending.remove(name)).await {
                self.0.pending.remove(name);
                tracing::warn!(app = name, profile, %error, "an app cannot be started");
                failed.push(name.as_str());
            }
        }
        failed.join(", ")
    }

    /// Starts the apps of a stored runlist one by one (`node.md` 6.2).
    pub(crate) async fn start_runlist(&self, runlist: &str) {
        let read = stored::load(&self.0.environment.store, "runlists", runlist).and_then(|blob| {
            cocaine::msgpack::from_slice::<BTreeMap<String, String>>(&blob)
                .map_err(|error| errno::error(Errno::INVAL, format!("the runlist is unreadable: {error}")))
        });
        let apps = match read {
            Ok(apps) => apps,
            Err(error) => return tracing::warn!(runlist, %error, "a runlist cannot be used"),
        };
        self.0.pending.add(apps.keys());
        let failed = self.start_pending(&apps).await;
        tracing::info!(runlist, apps = apps.len(), failed, "a runlist was started");
    }

    /// Starts to terminate the workers of all apps.
    fn start_stopping(&self) {
        self.apps().values().for_each(|app| app.start_stopping());
    }

    /// Stops all apps, and kills the workers that have not ended at the deadline. Returns the servers of all apps, whose
    /// clients stay connected.
    pub(crate) async fn stop_workers(&self, deadline: Instant) -> Vec<Server> {
        // All workers learn of it before any is waited for.
        self.start_stopping();
        let apps = std::mem::take(&mut *self.apps());
        let stopping: JoinSet<Option<Server>> =
            apps.into_values().map(|app| async move { app.stop(Some(deadline)).await }).collect();
        let servers = stopping.join_all().await.into_iter().flatten();
        let retired = std::mem::take(&mut *self.0.retired.lock().unwrap_or_else(PoisonError::into_inner));
        servers.chain(retired).collect()
    }

    pub(super) fn environment(&self) -> &AppEnvironment {
        &self.0.environment
    }

    /// Renames the folder of an unpacked package so that no app finds it, unless an app of that folder is started. Returns
    /// the new path.
    pub(super) fn detach_package(&self, folder: &OsStr) -> Option<PathBuf> {
        // An app is in the map before its package is unpacked.
        let apps = self.apps();
        if apps.keys().any(|app| OsStr::new(&folder_name(app)) == folder) {
            return None;
        }
        self.0.environment.folders.detach_package(folder)
    }

    /// Returns whether the app is still the one of this name.
    fn is_current(&self, name: &str, app: &Arc<App>) -> bool {
        self.find(name).is_some_and(|known| Arc::ptr_eq(&known, app))
    }

    fn find(&self, name: &str) -> Option<Arc<App>> {
        self.apps().get(name).cloned()
    }

    fn apps(&self) -> MutexGuard<'_, BTreeMap<String, Arc<App>>> {
        self.0.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the apps together with their node, even if it is dropped without a shutdown.
#[derive(Debug)]
pub(crate) struct AppsGuard(pub(crate) Apps);

impl Drop for AppsGuard {
    fn drop(&mut self) {
        self.0.start_stopping();
    }
}

/// Runs `operation` to its end, also if the caller stops waiting: one that ended halfway would leave an app that can neither
/// be started nor stopped.
async fn finish(operation: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let finished = tokio::spawn(operation).await;
    finished.unwrap_or_else(|error| Err(Error::service(Code::PUBLISH_ERROR, error.to_string())))
}

fn already_started(name: &str, app: &App) -> Error {
    let state = app.state_name();
    let text = format!("app '{name}' is {state}: application has already been started");
    Error::service(Code::ALREADY_STARTED, text)
}

fn not_running(name: &str) -> Error {
    let text = format!("app '{name}' is not running: application is not running");
    Error::service(Code::NOT_RUNNING, text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cocaine::{Bytes, Limits, MemoryBudget, msgpack};

    use super::*;
    use crate::{
        apps::{AppFolders, CrashlogLimits, Crashlogs, EmbeddedWorkers, WorkerLauncher, WorkerPermits},
        config::ListenAddress,
        log::LogBroadcast,
        metrics::MetricsRegistry,
        registry::Registry,
        service_host::{ListenHosts, ServicePorts},
        store::Store,
    };

    /// Returns the apps of a node whose store has the package `name`, and no way to start workers.
    async fn apps_with(names: &[&str]) -> Apps {
        let store = Store::in_memory().unwrap();
        let archive =
            msgpack::to_vec(&Bytes::from(tar::Builder::new(Vec::new()).into_inner().unwrap())).unwrap();
        let manifest = msgpack::to_vec(&BTreeMap::from([("slave", "run.sh")])).unwrap();
        let profile = msgpack::to_vec(&BTreeMap::<String, String>::new()).unwrap();
        for name in names {
            for (collection, blob) in [("apps", &archive), ("manifests", &manifest), ("profiles", &profile)] {
                store.write(collection, name, blob.clone().into(), &[]).await.unwrap();
            }
        }
        let folders = Arc::new(AppFolders::temporary().unwrap());
        let launcher = WorkerLauncher {
            spawner: None,
            folders: folders.clone(),
            locators: Arc::default(),
            stream_window: 0,
            embedded: EmbeddedWorkers::default(),
            broadcast: LogBroadcast::default(),
        };
        let (limits, memory) = (Limits::default(), MemoryBudget::unlimited());
        let environment = AppEnvironment {
            launcher,
            folders,
            crashlogs: Crashlogs::new(store.clone(), CrashlogLimits::default()),
            permits: WorkerPermits::new(1),
            store,
            limits,
            memory: memory.clone(),
            startup_timeout: Duration::from_secs(1),
            stop_idle: false,
        };
        let loopback = ListenAddress::Tcp { host: "127.0.0.1".into(), port: 0 };
        let hosts = ListenHosts::resolve(&[loopback]).await.unwrap();
        let host = ServiceHost {
            hosts,
            ports: ServicePorts::default(),
            addresses: Vec::new(),
            limits,
            memory,
            registry: Registry::new(Vec::new()),
            metrics: MetricsRegistry::default(),
        };
        Apps::new(environment, host)
    }

    #[tokio::test]
    async fn app_paused_before_its_turn_stays_stopped() {
        let apps = apps_with(&["a", "b", "c"]).await;
        for name in ["a", "b", "c"] {
            apps.0.started.add(name, name).await;
        }
        let pending = apps.await_restored().await.unwrap();
        assert_eq!(pending.len(), 3);
        apps.pause("b").await.expect("it would have been started");
        apps.pause("b").await.unwrap_err();
        assert_eq!(apps.start_pending(&pending).await, "b");
        assert_eq!(apps.list(), ["a", "c"]);
        assert_eq!(apps.0.started.profiles().await.unwrap().len(), 2);
        apps.start("b", "b").await.unwrap();
    }

    #[tokio::test]
    async fn app_whose_start_is_dropped_is_broken() {
        let apps = apps_with(&["a"]).await;
        let mut starting = Box::pin(apps.start_once("a", "a"));
        let spooling = std::future::poll_fn(|cx| {
            assert!(starting.as_mut().poll(cx).is_pending(), "another thread unpacks the package");
            std::task::Poll::Ready(())
        });
        spooling.await;
        assert!(apps.info("a", 0).unwrap().to_string().contains("spooling"));
        drop(starting);
        assert!(apps.info("a", 0).unwrap().to_string().contains("broken"));
        apps.pause("a").await.unwrap();
        apps.start("a", "a").await.unwrap();
    }
}
