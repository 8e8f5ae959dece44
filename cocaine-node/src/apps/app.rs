//! One app: unpacked, published under its name, stopped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cocaine::{Code, Error, ErrorKind, Result, Value, server::Server};
use cocaine_bindings::ServeApp;
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    errors,
    overseer::{Overseer, environment::AppEnvironment},
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
    overseer: Overseer,
    server: Server,
    publication: Publication,
}

impl App {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::Spooling), transition: tokio::sync::Mutex::default() }
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

    /// Unpacks the app and publishes it. After an error the app is broken.
    pub(super) async fn start(
        &self,
        config: AppConfig,
        environment: &AppEnvironment,
        host: &ServiceHost,
    ) -> Result<()> {
        let started = match spool(&config.app, environment).await {
            Ok(()) => RunningApp::start(config, environment.clone(), host).await,
            Err(error) => Err(error),
        };
        let mut state = self.state();
        match started {
            Ok(running) => *state = State::Running(Box::new(running)),
            Err(error) => {
                let code = error.code().unwrap_or(Code::PUBLISH_ERROR);
                *state = State::Broken { code: code.code, cause: errors::cause_text(code) };
                return Err(error);
            }
        }
        Ok(())
    }

    /// Withdraws the app and ends its workers, those that are left at the deadline by killing them. Returns its server,
    /// whose clients stay connected.
    pub(super) async fn stop(&self, deadline: Option<Instant>) -> Option<Server> {
        let state = std::mem::replace(&mut *self.state(), State::Stopped);
        let State::Running(running) = state else { return None };
        let RunningApp { overseer, server, publication } = *running;
        drop(publication);
        server.stop_accepting();
        overseer.stop(deadline).await;
        Some(server)
    }

    pub(super) fn overseer(&self) -> Option<Overseer> {
        match &*self.state() {
            State::Running(running) => Some(running.overseer.clone()),
            _ => None,
        }
    }

    /// Returns the answer to `info`.
    pub(super) fn info(&self, flags: InfoFlags) -> Value {
        match &*self.state() {
            State::Running(running) => {
                info::running(&running.overseer, flags, Some(running.publication.is_public()))
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

/// Unpacks the stored package of an app, in place of an earlier one.
async fn spool(app: &str, environment: &AppEnvironment) -> Result<()> {
    let (store, folder) = (environment.store.clone(), environment.folders.package(app));
    let app = app.to_owned();
    let unpacked = spawn_blocking(move || {
        let blob = store.read("apps", &app).map_err(StoreError::into_service_error);
        package::unpack(&blob.map_err(|error| spool_error(&error))?, &folder, ArchiveLimits::default())
    });
    unpacked.await.unwrap_or_else(|error| Err(Error::service(Code::SPOOL_ERROR, error.to_string())))
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
    async fn start(config: AppConfig, environment: AppEnvironment, host: &ServiceHost) -> Result<Self> {
        let io_error = |text: String| errno::error(Errno::IO, text);
        let path = environment.folders.socket(&config.app).map_err(|error| io_error(error.to_string()))?;
        let shown = path.display().to_string();
        let endpoint = WorkerEndpoint::listen(path, environment.limits)
            .map_err(|error| io_error(format!("cannot listen on {shown}: {error}")))?;
        let app = config.app.clone();
        let overseer = Overseer::new(config, endpoint, environment);
        let shared = overseer.clone();
        let dispatch = ServeApp::new(move |caller| AppService::new(shared.clone(), caller));
        let bound = host.bind(&app, dispatch).await;
        let (server, resolved) =
            bound.map_err(|error| io_error(format!("the app cannot be served: {error}")))?;
        let publication = Publication::new(&overseer, host.registry.clone(), resolved)?;
        Ok(Self { overseer, server, publication })
    }
}
