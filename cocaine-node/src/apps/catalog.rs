//! The apps of a node, by their names.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cocaine::{Code, Error, Result, Value, server::Server};
use tokio::task::JoinSet;

use super::{
    app::{App, Plan},
    overseer::Overseer,
};
use crate::apps::{
    report::{info::Wanted, readings},
    worker::launcher::Workshop,
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
    workshop: Workshop,
    host: ServiceHost,
    apps: Mutex<BTreeMap<String, Arc<App>>>,
    /// Servers of apps that have been stopped: who is connected to them stays.
    retired: Mutex<Vec<Server>>,
}

impl Apps {
    pub(crate) fn new(workshop: Workshop, host: ServiceHost) -> Self {
        let (apps, retired) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { workshop, host, apps, retired }))
    }

    /// Starts an app; it can be resolved when this returns.
    pub(crate) async fn start(&self, name: &str, profile: &str) -> Result<()> {
        if let Some(app) = self.find(name) {
            return Err(already_started(name, &app));
        }
        let plan = Plan::read(&self.0.workshop, name, profile)?;
        let app = Arc::new(App::spooling());
        let _changing = app.change().await;
        match self.apps().entry(name.to_owned()) {
            std::collections::btree_map::Entry::Occupied(other) => {
                return Err(already_started(name, other.get()));
            }
            std::collections::btree_map::Entry::Vacant(vacant) => vacant.insert(app.clone()),
        };
        let started = app.start(plan, &self.0.workshop, &self.0.host).await;
        if !self.has(name, &app) {
            self.end(&app).await;
            return Err(errno::error(Errno::CANCELED, format!("app '{name}' was stopped while it started")));
        }
        match &started {
            Ok(()) => tracing::info!(app = name, profile, "an app is started"),
            Err(error) => tracing::warn!(app = name, profile, %error, "an app cannot be started"),
        }
        started
    }

    /// Stops an app; its workers have ended when this returns. Until then its name is taken.
    pub(crate) async fn pause(&self, name: &str) -> Result<()> {
        let app = self.find(name).ok_or_else(|| not_running(name))?;
        let _changing = app.change().await;
        if !self.has(name, &app) {
            return Err(not_running(name));
        }
        self.end(&app).await;
        self.apps().remove(name);
        tracing::info!(app = name, "an app is stopped");
        Ok(())
    }

    async fn end(&self, app: &App) {
        let server = app.stop().await;
        let mut retired = self.0.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.retain(|server| !server.is_finished());
        retired.extend(server);
    }

    /// Returns the names of all apps, whatever their states.
    pub(crate) fn list(&self) -> Vec<String> {
        self.apps().keys().cloned().collect()
    }

    pub(crate) fn info(&self, name: &str, flags: u32) -> Result<Value> {
        let app = self
            .find(name)
            .ok_or_else(|| errno::invalid_argument(&format!("app '{name}' is not running")))?;
        Ok(app.info(Wanted(flags)))
    }

    /// Returns what gives events to an app that runs.
    pub(crate) fn overseer(&self, name: &str) -> Option<Overseer> {
        self.find(name).and_then(|app| app.overseer())
    }

    /// Adds what there is to say of the apps that run.
    pub(crate) fn measure(&self, readings: &mut Vec<Reading>) {
        let apps: Vec<_> = self.apps().values().cloned().collect();
        for overseer in apps.iter().filter_map(|app| app.overseer()) {
            readings::app(&overseer, readings);
        }
    }

    /// Starts the apps of a stored runlist, one after the other (`node.md` 6.2).
    pub(crate) async fn run(&self, runlist: &str) {
        let stored = self.0.workshop.store.read("runlists", runlist).map_err(StoreError::into_service_error);
        let read = stored.and_then(|blob| {
            cocaine::msgpack::from_slice::<BTreeMap<String, String>>(&blob)
                .map_err(|error| errno::error(Errno::INVAL, format!("the runlist is unreadable: {error}")))
        });
        let apps = match read {
            Ok(apps) => apps,
            Err(error) => return tracing::warn!(runlist, %error, "a runlist cannot be used"),
        };
        let mut failed = Vec::new();
        for (name, profile) in &apps {
            if self.start(name, profile).await.is_err() {
                failed.push(name.as_str());
            }
        }
        let failed = failed.join(", ");
        tracing::info!(runlist, apps = apps.len(), failed, "a runlist was started");
    }

    /// Tells the workers of all apps to end.
    fn begin_shutdown(&self) {
        self.apps().values().filter_map(|app| app.overseer()).for_each(|overseer| overseer.begin_stop());
    }

    /// Stops all apps, and closes the connections of their clients.
    pub(crate) async fn shutdown(&self) {
        let apps = std::mem::take(&mut *self.apps());
        let stopping: JoinSet<Option<Server>> =
            apps.into_values().map(|app| async move { app.stop().await }).collect();
        let servers = stopping.join_all().await.into_iter().flatten();
        let retired = std::mem::take(&mut *self.0.retired.lock().unwrap_or_else(PoisonError::into_inner));
        let closing: JoinSet<()> = servers.chain(retired).map(Server::shutdown).collect();
        closing.join_all().await;
    }

    /// Returns whether the app of this name is this one.
    fn has(&self, name: &str, app: &Arc<App>) -> bool {
        self.find(name).is_some_and(|known| Arc::ptr_eq(&known, app))
    }

    fn find(&self, name: &str) -> Option<Arc<App>> {
        self.apps().get(name).cloned()
    }

    fn apps(&self) -> MutexGuard<'_, BTreeMap<String, Arc<App>>> {
        self.0.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The apps of a running node: they end with it, whether it is shut down or only dropped.
#[derive(Debug)]
pub(crate) struct RunningApps(pub(crate) Apps);

impl Drop for RunningApps {
    fn drop(&mut self) {
        self.0.begin_shutdown();
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
