//! One app: unpacked, published under its name, stopped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cocaine::{
    Bytes, Code, Error, Receiver, ReplySender, Result, Sender, ServiceInfo, Value, bind::Caller,
    server::Server,
};
use cocaine_bindings::{AppServer, ServeApp};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    event::Ask,
    overseer::{Overseer, Setup},
    package::{self, Bounds},
    profile::Profile,
};
use crate::apps::{
    errors,
    profile::manifest::Manifest,
    report::info::{self, Wanted},
    worker::{endpoint::Endpoint, launcher::Workshop},
};
use crate::{
    errno::{self, Errno},
    registry::{Registration, Registry},
    service_host::ServiceHost,
    store::StoreError,
};

/// An app that has been asked to start.
#[derive(Debug)]
pub(super) struct App {
    state: Mutex<State>,
    /// Guard by whoever starts or stops it: its folder and its socket have the same names each time.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
enum State {
    Spooling,
    Running(Box<Running>),
    Broken { code: i64, cause: String },
    Stopped,
}

#[derive(Debug)]
struct Running {
    overseer: Overseer,
    server: Server,
    publication: Publication,
}

/// What an app is started from.
pub(super) struct Plan {
    pub(super) app: String,
    pub(super) profile_name: String,
    pub(super) profile: Profile,
    pub(super) manifest: Manifest,
}

impl Plan {
    /// Reads profile and manifest, in this order (`node.md` 6).
    pub(super) fn read(workshop: &Workshop, app: &str, profile_name: &str) -> Result<Self> {
        let read =
            |collection, key| workshop.store.read(collection, key).map_err(StoreError::into_service_error);
        let profile = Profile::read(&read("profiles", profile_name)?)?;
        let manifest = Manifest::read(&read("manifests", app)?)?;
        profile.isolate.check()?;
        Ok(Self { app: app.to_owned(), profile_name: profile_name.to_owned(), profile, manifest })
    }
}

impl App {
    pub(super) fn spooling() -> Self {
        Self { state: Mutex::new(State::Spooling), changing: tokio::sync::Mutex::default() }
    }

    /// Waits until nobody else starts or stops it.
    pub(super) async fn change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Returns the word that answers and reports have for the state.
    pub(super) fn state_name(&self) -> &'static str {
        match &*self.state() {
            State::Spooling => "spooling",
            State::Running(_) => "running",
            State::Broken { .. } => "broken",
            State::Stopped => "stopped",
        }
    }

    /// Unpacks the app and publishes it; after an error it stays there, broken.
    pub(super) async fn start(&self, plan: Plan, workshop: &Workshop, host: &ServiceHost) -> Result<()> {
        let started = match spool(&plan.app, workshop).await {
            Ok(()) => Running::start(plan, workshop.clone(), host).await,
            Err(error) => Err(error),
        };
        let mut state = self.state();
        match started {
            Ok(running) => *state = State::Running(Box::new(running)),
            Err(error) => {
                let code = error.code().unwrap_or(Code::PUBLISH_ERROR);
                *state = State::Broken { code: code.code, cause: errors::text(code) };
                return Err(error);
            }
        }
        Ok(())
    }

    /// Withdraws the app and ends its workers; returns the server, whose clients stay connected.
    pub(super) async fn stop(&self) -> Option<Server> {
        let state = std::mem::replace(&mut *self.state(), State::Stopped);
        let State::Running(running) = state else { return None };
        let Running { overseer, server, publication } = *running;
        drop(publication);
        server.retire();
        overseer.stop().await;
        Some(server)
    }

    pub(super) fn overseer(&self) -> Option<Overseer> {
        match &*self.state() {
            State::Running(running) => Some(running.overseer.clone()),
            _ => None,
        }
    }

    /// Returns what `info` says.
    pub(super) fn info(&self, wanted: Wanted) -> Value {
        match &*self.state() {
            State::Running(running) => {
                info::running(&running.overseer, wanted, Some(running.publication.is_public()))
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

/// Unpacks what storage holds of an app, in place of what was there.
async fn spool(app: &str, workshop: &Workshop) -> Result<()> {
    let (store, folder, app) = (workshop.store.clone(), workshop.runtime.app(app), app.to_owned());
    let unpacked = spawn_blocking(move || {
        let blob = store.read("apps", &app).map_err(|error| spool_failed(&error.into_service_error()))?;
        package::unpack(&blob, &folder, Bounds::default())
    });
    unpacked.await.unwrap_or_else(|error| Err(Error::service(Code::SPOOL_ERROR, error.to_string())))
}

/// Returns an error as the original words it when an app cannot be unpacked: `[code] text: words of the code`.
fn spool_failed(error: &Error) -> Error {
    let code = error.code().unwrap_or(Code::posix(0));
    let text = match error.kind() {
        cocaine::ErrorKind::Service { message, .. } => message.clone(),
        other => other.to_string(),
    };
    let number = code.code;
    Error::service(code, format!("[{number}] {text}: {}", errors::system_text(number)))
}

impl Running {
    async fn start(plan: Plan, workshop: Workshop, host: &ServiceHost) -> Result<Self> {
        let io = |text: String| errno::error(Errno::IO, text);
        let path = workshop.runtime.socket(&plan.app).map_err(|error| io(error.to_string()))?;
        let shown = path.display().to_string();
        let endpoint = Endpoint::listen(path, workshop.limits)
            .map_err(|error| io(format!("cannot listen on {shown}: {error}")))?;
        let Plan { app, profile_name, profile, manifest } = plan;
        let name = app.clone();
        let overseer = Overseer::new(Setup { app, profile_name, manifest, profile, endpoint, workshop });
        let serving = overseer.clone();
        let dispatch = ServeApp::new(move |caller| AppService::new(serving.clone(), caller));
        let service = host.bind(&name, dispatch).await;
        let (server, service) = service.map_err(|error| io(format!("the app cannot be served: {error}")))?;
        let publication = Publication::new(&overseer, host.registry.clone(), service)?;
        Ok(Self { overseer, server, publication })
    }
}

/// The app's name in the locator, while as many workers are active as its profile asks for (`node.md` 3).
#[derive(Debug)]
struct Publication {
    known: Arc<Mutex<Option<Registration>>>,
    /// Follows the number of active workers, if that matters.
    following: Option<JoinHandle<()>>,
}

impl Publication {
    fn new(overseer: &Overseer, registry: Registry, service: ServiceInfo) -> Result<Self> {
        let setup = overseer.setup();
        let (app, on, under) = (setup.app.clone(), setup.profile.publish_on, setup.profile.unpublish_under);
        let known = Arc::new(Mutex::new(None));
        let publish = {
            let known = known.clone();
            move |active: usize| {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let active = u32::try_from(active).unwrap_or(u32::MAX);
                if known.is_none() && active >= on {
                    *known = Some(registry.expose(&app, service.clone()).map_err(|_| taken(&app))?);
                } else if active < under {
                    *known = None;
                }
                Ok(())
            }
        };
        publish(0)?;
        let mut active = overseer.active();
        let following = (on > 0).then(|| {
            tokio::spawn(async move {
                while active.changed().await.is_ok() {
                    let now = *active.borrow_and_update();
                    if let Err(error) = publish(now) {
                        tracing::warn!(%error, "an app is not published");
                    }
                }
            })
        });
        Ok(Self { known, following })
    }

    fn is_public(&self) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        if let Some(following) = &self.following {
            following.abort();
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn taken(app: &str) -> Error {
    errno::invalid_argument(&format!("[22] service '{app}' already exists"))
}

/// The service of an app, for one caller.
#[derive(Debug)]
pub(crate) struct AppService {
    overseer: Overseer,
    caller: Caller,
}

impl AppService {
    fn new(overseer: Overseer, caller: &Caller) -> Self {
        Self { overseer, caller: caller.clone() }
    }
}

impl AppServer for AppService {
    fn enqueue(
        &self,
        event: &str,
        _tag: Option<&str>,
        input: Receiver<Bytes>,
        output: Sender<Bytes>,
    ) -> impl Future<Output = Result<()>> + Send {
        // In a box of its own, for the calls of a connection are moved on their way.
        Box::pin(self.overseer.handle(Ask::new(event, &self.caller), input, output))
    }

    async fn info(&self) -> Result<Value> {
        if self.overseer.is_stopped() {
            return Err(errors::stopped());
        }
        Ok(info::running(&self.overseer, Wanted::REPORT, None))
    }

    /// Whoever ends the stream in another way than by revoking it, or leaving, loses the connection (`node.md` 6).
    async fn control(&self, mut input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        let ended = self.overseer.controlled(&mut input).await;
        output.abandon();
        match ended {
            Some(error) if error.code().is_none() => Ok(()),
            Some(error) => Err(error),
            None => Err(Error::service(Code::SLOT_NOT_FOUND, "control has no end of its own")),
        }
    }
}
