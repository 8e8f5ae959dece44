//! The apps of a node, by their names.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cocaine::{Code, Error, Result, Value, server::Server};
use tokio::{task::JoinSet, time::Instant};

use super::{
    app::App,
    overseer::{Overseer, environment::AppEnvironment},
    profile::{config::AppConfig, stored},
    report::{info::InfoFlags, readings},
    started_apps::StartedApps,
};
use crate::{
    errno::{self, Errno},
    metrics::Reading,
    service_host::ServiceHost,
};

/// The apps of a node; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Apps(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    environment: AppEnvironment,
    host: ServiceHost,
    started: StartedApps,
    apps: Mutex<BTreeMap<String, Arc<App>>>,
    /// The servers of stopped apps, whose clients stay connected.
    retired: Mutex<Vec<Server>>,
}

impl Apps {
    pub(crate) fn new(environment: AppEnvironment, host: ServiceHost) -> Self {
        let (apps, retired) = (Mutex::default(), Mutex::default());
        let started = StartedApps::new(environment.store.clone());
        Self(Arc::new(Shared { environment, host, started, apps, retired }))
    }

    /// Starts an app, and again with the node. It can be resolved when this returns.
    pub(crate) async fn start(&self, name: &str, profile: &str) -> Result<()> {
        let started = self.start_once(name, profile).await;
        match &started {
            Ok(()) => self.0.started.add(name, profile).await,
            Err(error) => tracing::warn!(app = name, profile, %error, "an app cannot be started"),
        }
        started
    }

    /// Starts an app.
    async fn start_once(&self, name: &str, profile: &str) -> Result<()> {
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
        let started = app.start(config, &self.0.environment, &self.0.host).await;
        if !self.is_current(name, &app) {
            self.stop_app(&app).await;
            return Err(errno::error(Errno::CANCELED, format!("app '{name}' was stopped while it started")));
        }
        started.inspect(|()| tracing::info!(app = name, profile, "an app is started"))
    }

    /// Stops an app, which is not started again with the node. Its workers have ended when this returns; its name is taken
    /// until then.
    pub(crate) async fn pause(&self, name: &str) -> Result<()> {
        // Also if it does not run: it may have failed to start with the node.
        self.0.started.remove(name).await;
        let app = self.find(name).ok_or_else(|| not_running(name))?;
        let _transition = app.lock_transition().await;
        if !self.is_current(name, &app) {
            return Err(not_running(name));
        }
        self.stop_app(&app).await;
        self.apps().remove(name);
        tracing::info!(app = name, "an app is stopped");
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
    pub(crate) fn overseer(&self, name: &str) -> Option<Overseer> {
        self.find(name).and_then(|app| app.overseer())
    }

    /// Adds the metrics of the running apps.
    pub(crate) fn read_metrics(&self, readings: &mut Vec<Reading>) {
        let apps: Vec<_> = self.apps().values().cloned().collect();
        for overseer in apps.iter().filter_map(|app| app.overseer()) {
            readings::add_app(&overseer, readings);
        }
    }

    /// Starts the apps that ran when the node ended, but for those that run already.
    pub(crate) async fn restore(&self) {
        match self.0.started.profiles().await {
            Ok(mut apps) => {
                apps.retain(|name, _| self.find(name).is_none());
                let failed = self.start_all(&apps).await;
                if !apps.is_empty() {
                    tracing::info!(apps = apps.len(), failed, "the apps of the last run are started again");
                }
            }
            Err(error) => tracing::warn!(%error, "it is unknown which apps ran last: none is started again"),
        }
    }

    /// Starts apps one by one. Returns the names of those that failed, each of which has its reason in the log.
    async fn start_all(&self, apps: &BTreeMap<String, String>) -> String {
        let mut failed = Vec::new();
        for (name, profile) in apps {
            if let Err(error) = self.start_once(name, profile).await {
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
        let failed = self.start_all(&apps).await;
        tracing::info!(runlist, apps = apps.len(), failed, "a runlist was started");
    }

    /// Starts to terminate the workers of all apps.
    fn start_stopping(&self) {
        self.apps().values().filter_map(|app| app.overseer()).for_each(|overseer| overseer.start_stopping());
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

fn already_started(name: &str, app: &App) -> Error {
    let state = app.state_name();
    let text = format!("app '{name}' is {state}: application has already been started");
    Error::service(Code::ALREADY_STARTED, text)
}

fn not_running(name: &str) -> Error {
    let text = format!("app '{name}' is not running: application is not running");
    Error::service(Code::NOT_RUNNING, text)
}
