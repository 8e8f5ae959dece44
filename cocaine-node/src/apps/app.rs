//! One app: unpacked, published under its name, stopped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cocaine::{Code, Error, ErrorKind, Result, Value, server::Server};
use cocaine_bindings::ServeApp;
use futures_util::future::join_all;
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    current_overseer::CurrentOverseer,
    errors,
    local_app::LocalApp,
    overseer::{Overseer, environment::AppEnvironment, handover::stopped_meanwhile},
    package::{self, ArchiveLimits},
    profile::config::AppConfig,
    publication::Publication,
    report::info::{self, InfoFlags},
    service::AppService,
    worker::endpoint::WorkerEndpoint,
};
use crate::{
    errno::{self, Errno},
    service_host::ServiceHost,
    store::StoreError,
};

/// An app that was started, whatever has become of it.
#[derive(Debug)]
pub(super) struct App {
    state: Mutex<State>,
    /// The generations that start or finish beside the one that gets the events.
    others: Mutex<Vec<Overseer>>,
    /// Locked while the app starts or stops: its folder and its socket have the same paths each time.
    transition: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
enum State {
    Spooling,
    Running(Box<RunningApp>),
    Broken { code: i64, cause: String },
    Stopped,
}

#[derive(Debug)]
struct RunningApp {
    overseer: CurrentOverseer,
    server: Server,
    publication: Publication,
    /// The app for callers in the node.
    local: Option<Arc<LocalApp>>,
}

impl App {
    pub(super) fn new() -> Self {
        let (others, transition) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { state: Mutex::new(State::Spooling), others, transition }
    }

    /// Waits until no other task starts or stops the app.
    pub(super) async fn lock_transition(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.transition.lock().await
    }

    /// Returns the name of the state in answers and reports.
    pub(super) fn state_name(&self) -> &'static str {
        match &*self.state() {
            State::Spooling => "spooling",
            State::Running(_) => "running",
            State::Broken { .. } => "broken",
            State::Stopped => "stopped",
        }
    }

    /// Unpacks the app and publishes it. After an error the app is broken, as it is if the future is dropped or panics.
    pub(super) async fn start(
        &self,
        config: AppConfig,
        environment: &AppEnvironment,
        host: &ServiceHost,
    ) -> Result<()> {
        let guard = SpoolingGuard(self);
        let started = match start_overseer(config, environment).await {
            Ok(overseer) => RunningApp::start(overseer, host).await,
            Err(error) => Err(error),
        };
        std::mem::forget(guard);
        let mut state = self.state();
        match started {
            Ok(running) => *state = State::Running(Box::new(running)),
            Err(error) => {
                *state = State::broken(error.code().unwrap_or(Code::PUBLISH_ERROR));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Withdraws the app and ends its workers, those that are left at the deadline by killing them. Returns its server,
    /// whose clients stay connected.
    pub(super) async fn stop(&self, deadline: Option<Instant>) -> Option<Server> {
        let state = std::mem::replace(&mut *self.state(), State::Stopped);
        let mut overseers = self.others().clone();
        let server = if let State::Running(running) = state {
            let RunningApp { overseer, server, publication, local: _ } = *running;
            drop(publication);
            server.stop_accepting();
            overseers.push(overseer.load());
            Some(server)
        } else {
            None
        };
        join_all(overseers.iter().map(|overseer| overseer.stop(deadline))).await;
        server
    }

    /// Starts to terminate the workers of all generations.
    pub(super) fn start_stopping(&self) {
        let current = self.overseer().map(|overseer| overseer.load());
        self.others().iter().chain(&current).for_each(Overseer::start_stopping);
    }

    /// Starts another generation beside the one that runs, and gives it the events once its first worker has connected.
    /// The former generation then finishes what it has. After an error it goes on as before.
    pub(super) async fn replace(
        self: &Arc<Self>,
        config: AppConfig,
        environment: &AppEnvironment,
    ) -> Result<()> {
        let newer = start_overseer(config, environment).await?;
        self.others().push(newer.clone());
        let started = newer.start_first_worker().await.and_then(|()| self.switch_to(&newer));
        self.others().retain(|other| !other.is_same(&newer));
        match started {
            Ok(older) => {
                let app = self.clone();
                tokio::spawn(async move {
                    older.finish_draining().await;
                    app.others().retain(|other| !other.is_same(&older));
                    tracing::info!(app = older.config().app, "the former generation of an app has ended");
                });
                Ok(())
            }
            Err(error) => {
                newer.stop(None).await;
                Err(error)
            }
        }
    }

    /// Gives the events to `newer`. Returns the overseer that had them, which is among the others from now on.
    fn switch_to(&self, newer: &Overseer) -> Result<Overseer> {
        let mut state = self.state();
        let State::Running(running) = &mut *state else {
            return Err(stopped_meanwhile(&newer.config().app));
        };
        // First of all, or the app would be withdrawn as the former generation ends.
        running.publication.follow(newer);
        let older = running.overseer.replace(newer.clone());
        self.others().push(older.clone());
        Ok(older)
    }

    fn others(&self) -> MutexGuard<'_, Vec<Overseer>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn overseer(&self) -> Option<CurrentOverseer> {
        match &*self.state() {
            State::Running(running) => Some(running.overseer.clone()),
            _ => None,
        }
    }

    /// Returns the app for callers in the node, if the locator has it.
    pub(super) fn announced(&self) -> Option<Arc<LocalApp>> {
        match &*self.state() {
            State::Running(running) if running.publication.is_public() => running.local.clone(),
            _ => None,
        }
    }

    /// Returns the answer to `info`.
    pub(super) fn info(&self, flags: InfoFlags) -> Value {
        match &*self.state() {
            State::Running(running) => {
                info::running(&running.overseer.load(), flags, Some(running.publication.is_public()))
            }
            State::Spooling => info::idle("spooling", None),
            State::Broken { code, cause } => info::idle("broken", Some((*code, cause))),
            State::Stopped => info::idle("stopped", Some((0, "manually stopped"))),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes an app broken whose start has not come to an end: nobody would end its state otherwise.
struct SpoolingGuard<'a>(&'a App);

impl Drop for SpoolingGuard<'_> {
    fn drop(&mut self) {
        *self.0.state() = State::broken(Code::posix(Errno::CANCELED.raw_os_error().into()));
    }
}

impl State {
    fn broken(code: Code) -> Self {
        Self::Broken { code: code.code, cause: errors::cause_text(code) }
    }
}

/// Unpacks an app, and listens for its workers.
async fn start_overseer(config: AppConfig, environment: &AppEnvironment) -> Result<Overseer> {
    spool(&config, environment).await?;
    let io_error = |text: String| errno::error(Errno::IO, text);
    let path = environment.folders.socket(&config.app, config.generation);
    let path = path.map_err(|error| io_error(error.to_string()))?;
    let shown = path.display().to_string();
    let endpoint = WorkerEndpoint::listen(path, environment.limits, environment.memory.clone())
        .map_err(|error| io_error(format!("cannot listen on {shown}: {error}")))?;
    Ok(Overseer::new(config, endpoint, environment.clone()))
}

/// Unpacks the stored package of an app, in place of an earlier one of the same generation.
async fn spool(config: &AppConfig, environment: &AppEnvironment) -> Result<()> {
    let folder = environment.folders.package(&config.app, config.generation);
    let (store, app) = (environment.store.clone(), config.app.clone());
    let unpacked = spawn_blocking(move || {
        let blob = store.read("apps", &app).map_err(StoreError::into_service_error);
        package::unpack(&blob.map_err(|error| spool_error(&error))?, &folder, ArchiveLimits::default())
    });
    let unpacked =
        unpacked.await.unwrap_or_else(|error| Err(Error::service(Code::SPOOL_ERROR, error.to_string())));
    // An error that says where the package is stored needs no more.
    unpacked.map_err(|error| match error.code() {
        Some(Code::NOT_FOUND) => error,
        _ => errno::append_text(error, &format!("the package is stored as apps/{}", config.app)),
    })
}

/// Returns the error for a package that cannot be read, with the original's text: `[code] text: text of the code`.
fn spool_error(error: &Error) -> Error {
    let code = error.code().unwrap_or(Code::posix(0));
    let text = match error.kind() {
        ErrorKind::Service { message, .. } => message.clone(),
        other => other.to_string(),
    };
    let number = code.code;
    Error::service(code, format!("[{number}] {text}: {}", errors::system_text(number)))
}

impl RunningApp {
    async fn start(overseer: Overseer, host: &ServiceHost) -> Result<Self> {
        let current = CurrentOverseer::new(overseer.clone());
        let shared = current.clone();
        let dispatch = ServeApp::new(move |caller| AppService::new(shared.clone(), caller));
        let bound = host.bind(&overseer.config().app, dispatch).await;
        let (server, resolved) =
            bound.map_err(|error| errno::error(Errno::IO, format!("the app cannot be served: {error}")))?;
        let publication = Publication::new(&overseer, host.registry.clone(), resolved)?;
        let local = LocalApp::new(&overseer.config().app, current.clone(), &host.metrics).map(Arc::new);
        Ok(Self { overseer: current, server, publication, local })
    }
}
