//! A session: all apps are built, started and followed, until a signal ends it.

mod cloud;
mod stop;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    future::{Future, pending},
    path::{Path, PathBuf},
    pin::{Pin, pin},
    time::{Duration, Instant},
};

use cocaine::{Client, Severity};
use futures_util::future::join_all;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Mutex,
    time::{sleep, timeout},
};

use self::{cloud::Cloud, stop::StopSignals};
use super::{
    build::Builder,
    deployment::{CloudApps, Deployed, Deployment},
    project::{APPS_FILE, Project, ProjectApp},
    screen::Screen,
    stages::{AppStages, Stage},
    watcher::FileWatcher,
};
use crate::{
    environment::Environment,
    error::{Error, ExitStatus, Result},
    log_stream::{LogEvent, LogFilter},
    package::{CargoProfile, Compression},
};

/// How often the node is asked for crashes.
const CRASH_INTERVAL: Duration = Duration::from_secs(1);

/// How long the apps of a node of the session may take to finish their events.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How apps are run.
#[derive(Debug)]
pub(crate) struct RunOptions {
    pub(crate) once: bool,
    pub(crate) cargo_profile: CargoProfile,
    /// The profile of apps that name none.
    pub(crate) profile: String,
    /// The address of the gateway of a node that is started, if it is not the usual one.
    pub(crate) http: Option<String>,
    /// Whether a node is started though a cloud could be reached.
    pub(crate) own_node: bool,
    /// The folder for what apps print.
    pub(crate) logs: Option<PathBuf>,
}

/// Runs the apps of a project until a signal.
pub(crate) async fn run(
    project: &Project,
    options: &RunOptions,
    environment: &Environment,
) -> Result<ExitStatus> {
    let mut signals = StopSignals::new()?;
    let names = project.apps.iter().map(|app| app.name.clone()).collect();
    let screen = Screen::new(names, environment.output, options.logs.as_deref())?;
    let mut cloud = tokio::select! {
        cloud = Cloud::open(project, options, environment, &screen) => cloud?,
        () = signals.recv() => return Ok(ExitStatus::Interrupted),
    };
    let connected = tokio::select! {
        connected = CloudApps::connect(&cloud.client, &cloud.environment) => connected,
        () = signals.recv() => return Ok(ExitStatus::Interrupted),
    };
    let builder = Builder {
        profile: options.cargo_profile,
        // What does not leave this machine need not be small.
        compression: if cloud.node.is_some() { Compression::none() } else { Compression::fast() },
        is_colored: screen.is_colored(),
    };
    let deployment = |app: &ProjectApp| {
        Mutex::new(Deployment::new(&app.name, app.profile.as_ref().unwrap_or(&options.profile)))
    };
    let session = Session {
        project,
        screen: &screen,
        builder,
        cloud_apps: connected?,
        http: cloud.node.as_ref().and_then(|node| node.http.clone()),
        stages: RefCell::new(AppStages::new(project.apps.len())),
        deployments: project.apps.iter().map(deployment).collect(),
        is_deploying: Cell::new(false),
        is_stopping: Cell::new(false),
    };
    session.run(options.once, &mut cloud, &mut signals).await
}

struct Session<'a> {
    project: &'a Project,
    screen: &'a Screen,
    builder: Builder,
    cloud_apps: CloudApps,
    /// The address of the gateway of its own node.
    http: Option<String>,
    stages: RefCell<AppStages>,
    deployments: Vec<Mutex<Deployment>>,
    /// Whether a version is being uploaded or started, which is not to be cancelled.
    is_deploying: Cell<bool>,
    is_stopping: Cell<bool>,
}

impl Session<'_> {
    async fn run(&self, is_once: bool, cloud: &mut Cloud, signals: &mut StopSignals) -> Result<ExitStatus> {
        let mut watcher = if is_once { None } else { Some(self.watch()?) };
        let client = cloud.client.clone();
        let mut follow = pin!(self.follow(&client, cloud.node.is_some()));
        let mut crashes = pin!(self.report_crashes());
        let mut resized = signal(SignalKind::window_change())?;
        let mut work: Option<Pin<Box<dyn Future<Output = ()> + '_>>> = None;
        self.screen.update(&self.stages.borrow());
        let ended = loop {
            if work.is_none() {
                let next = self.stages.borrow_mut().begin_build();
                match next {
                    Some((app, change)) => work = Some(Box::pin(self.renew(app, change))),
                    None if is_once && self.has_failed() => {
                        break Err(Error::Failed("not all apps serve, for the reasons above".to_owned()));
                    }
                    None => {}
                }
            }
            tokio::select! {
                () = signals.recv() => break Ok(ExitStatus::Interrupted),
                error = cloud.node_ended() => break Err(error),
                Err(error) = &mut follow => break Err(error),
                never = &mut crashes => match never {},
                changed = changed_files(&mut watcher) => match changed {
                    Ok(files) => self.note_changes(&files),
                    Err(error) => break Err(error),
                },
                () = unless_none(&mut work) => work = None,
                _ = resized.recv() => self.screen.resize(),
            }
        };
        if !self.is_deploying.get() {
            work = None;
        }
        self.is_stopping.set(true);
        let stopped = tokio::select! {
            () = self.stop(work, cloud) => true,
            () = signals.recv() => false,
            // What workers print at their end is shown.
            () = async { let _ = follow.await; pending().await } => false,
        };
        if !stopped {
            cloud.kill();
            self.screen.note(None, "killed: what was not stopped by then is as it was");
        }
        ended
    }

    fn watch(&self) -> Result<FileWatcher> {
        let apps = &self.project.apps;
        let roots: BTreeSet<_> = apps.iter().flat_map(|app| app.inputs.iter().cloned()).collect();
        let left_out = apps.iter().filter_map(|app| app.product.clone());
        FileWatcher::new(roots, left_out.chain([self.project.state_folder.clone()]).collect())
    }

    fn has_failed(&self) -> bool {
        self.stages.borrow().apps().iter().any(|app| matches!(app.stage, Stage::Failed(_)))
    }

    /// Notes which apps are to be built for these files.
    fn note_changes(&self, files: &[PathBuf]) {
        let (lists, files): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.ends_with(APPS_FILE));
        if let Some(list) = lists.first() {
            self.screen
                .note(None, &format!("{} has changed: it is read when `cocaine run` starts", list.display()));
        }
        for (index, app) in self.project.apps.iter().enumerate() {
            let own = files.iter().find(|file| app.inputs.iter().any(|input| file.starts_with(input)));
            if let Some(file) = own {
                self.stages.borrow_mut().change(index, &short_path(file, &app.folder));
            }
        }
    }

    /// Builds an app, and puts it in the place of what serves.
    async fn renew(&self, app: usize, change: Option<String>) {
        let change =
            change.map_or_else(|| "building".to_owned(), |file| format!("{file} has changed: building"));
        self.screen.note(Some(app), &change);
        self.screen.update(&self.stages.borrow());
        let start = Instant::now();
        let built =
            self.builder.build(&self.project.apps[app], |line| self.screen.print_build(app, line)).await;
        let build_time = start.elapsed();
        let mut deployment = self.deployments[app].lock().await;
        let deployed = match built {
            Ok(package) => {
                self.stages.borrow_mut().begin_start(app);
                self.screen.update(&self.stages.borrow());
                self.is_deploying.set(true);
                let note = |text: String| self.screen.note(Some(app), &text);
                let deployed = self.cloud_apps.deploy(&mut deployment, package, &note).await;
                self.is_deploying.set(false);
                deployed
            }
            Err(error) => Err(error),
        };
        match deployed {
            Ok(Deployed::Started) => self.report_start(app, &deployment, build_time, start.elapsed()),
            Ok(Deployed::Unchanged) => {
                let version = self.stages.borrow_mut().serve_on(app);
                let text = format!("the build is what it was: version {version} goes on serving");
                self.screen.note(Some(app), &text);
            }
            Err(error) => self.report_failure(app, &deployment, &error),
        }
        self.screen.update(&self.stages.borrow());
    }

    fn report_start(&self, app: usize, deployment: &Deployment, build: Duration, whole: Duration) {
        let version = self.stages.borrow_mut().serve_new(app);
        let (build, whole) = (build.as_secs_f64(), whole.as_secs_f64());
        self.screen
            .succeed(app, &format!("version {version} serves, after {whole:.2} s ({build:.2} s build)"));
        if let Some(http) = self.http.as_ref().filter(|_| version == 1) {
            for event in deployment.http_events() {
                self.screen.note(Some(app), &format!("http://{http}/{}/{event}", deployment.app));
            }
        }
    }

    fn report_failure(&self, app: usize, deployment: &Deployment, error: &Error) {
        let is_served = deployment.served_profile().is_some();
        let goes_on = match self.stages.borrow_mut().fail(app, error.to_string(), is_served) {
            Some(version) => format!("version {version} goes on serving"),
            None if is_served => "what ran before goes on serving".to_owned(),
            None => "nothing serves".to_owned(),
        };
        self.screen.fail(Some(app), &error.to_string());
        if let Some(hint) = error.hint() {
            self.screen.note(Some(app), &format!("hint: {hint}"));
        }
        self.screen.note(Some(app), &format!("{goes_on}; the next change is built again"));
    }

    /// Shows what workers print, until the output cannot be written. A cloud that does not tell is no error.
    async fn follow(&self, client: &Client, is_own: bool) -> Result<()> {
        let sources = self.project.apps.iter().map(|app| format!("app/{}", app.name)).collect();
        let filter = LogFilter { sources, severity: Severity::Debug };
        // A node of its own has no lines but those of the session.
        let history = if is_own { u64::MAX } else { 0 };
        let followed = filter.follow(client, history, |event| match event {
            LogEvent::Line(line) => self.screen.print(line),
            LogEvent::Lost(_) if self.is_stopping.get() => Ok(()),
            other => {
                self.screen.note(None, &other.to_string());
                Ok(())
            }
        });
        match followed.await {
            Err(Error::Output(error)) => return Err(Error::Output(error)),
            Err(error) => self.screen.note(None, &format!("what apps print is not shown: {error}")),
            Ok(()) => {}
        }
        pending().await
    }

    /// Says when workers of the versions that serve crash.
    async fn report_crashes(&self) -> std::convert::Infallible {
        let mut known = vec![(0, 0); self.project.apps.len()];
        loop {
            sleep(CRASH_INTERVAL).await;
            for (index, app) in self.project.apps.iter().enumerate() {
                let version = self.stages.borrow().apps()[index].version;
                if version == 0 {
                    continue;
                }
                let crashed = self.cloud_apps.crashed_workers(&app.name).await.unwrap_or_default();
                let (former_version, former) = known[index];
                if crashed > if version == former_version { former } else { 0 } {
                    let text =
                        format!("crashed workers: {crashed}; `cocaine app show {}` says more", app.name);
                    self.screen.fail(Some(index), &text);
                }
                known[index] = (version, crashed);
            }
        }
    }

    /// Waits for a version that is being started, leaves the cloud as it was found, and stops the node of the session.
    async fn stop(&self, work: Option<Pin<Box<dyn Future<Output = ()> + '_>>>, cloud: &mut Cloud) {
        if let Some(work) = work {
            work.await;
        }
        if cloud.has_node_ended() {
            return;
        }
        self.screen.note(None, "stopping: once more ends it at once");
        if cloud.node.is_some() {
            // Its apps are stopped, so that its next start begins without them. What hangs ends with the node.
            let stops = self.project.apps.iter().map(|app| self.cloud_apps.stop(&app.name));
            let _ = timeout(STOP_TIMEOUT, join_all(stops)).await;
        } else {
            self.restore().await;
        }
        cloud.stop().await;
    }

    /// Leaves a cloud as it was found.
    async fn restore(&self) {
        for (index, deployment) in self.deployments.iter().enumerate() {
            let mut deployment = deployment.lock().await;
            if let Err(error) = self.cloud_apps.restore(&mut deployment).await {
                self.screen.fail(Some(index), &format!("it is not as it was found: {error}"));
            }
        }
    }
}

async fn changed_files(watcher: &mut Option<FileWatcher>) -> Result<Vec<PathBuf>> {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => pending().await,
    }
}

async fn unless_none(work: &mut Option<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    match work {
        Some(work) => work.await,
        None => pending().await,
    }
}

/// Returns a path as seen from the folder of an app.
fn short_path(file: &Path, folder: &Path) -> String {
    let name = || file.file_name().map(Path::new);
    file.strip_prefix(folder).ok().or_else(name).unwrap_or(file).display().to_string()
}
