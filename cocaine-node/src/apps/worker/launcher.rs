//! What workers are made with, shared by all apps of a node, and their processes.

use std::{
    ffi::OsString,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cocaine::{Bytes, Limits, msgpack};
use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver, task::JoinHandle, time::timeout};

use crate::apps::{
    overseer::Setup,
    package::folders::Runtime,
    process::{
        output::Output,
        spawner::{Launch, Process, Spawner},
    },
    profile::Profile,
};
use crate::{log::day, store::Store};

/// What workers are made with.
#[derive(Clone, Debug)]
pub(crate) struct Workshop {
    /// Without it no worker can be started.
    pub(crate) spawner: Option<Spawner>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) store: Store,
    /// What workers are told of the locator: `address:port`, several of them with commas between.
    pub(crate) locators: Arc<OnceLock<String>>,
    pub(crate) limits: Limits,
    /// How long an event waits for an app that does not start before its client is told why.
    pub(crate) patience: Duration,
    /// Whether workers that have nothing to do end after their profile's `idle-timeout`.
    pub(crate) idle: bool,
}

impl Workshop {
    /// Starts the process of a worker.
    pub(crate) async fn begin(&self, setup: &Setup, uuid: &str) -> io::Result<Shift> {
        let folder = self.runtime.app(&setup.app);
        let slave = &setup.manifest.slave;
        let launch = Launch {
            program: folder.join(slave),
            arg0: slave.into(),
            args: self.args(setup, uuid),
            environment: setup.manifest.environment.clone(),
            folder,
        };
        let spawner = self.spawner.as_ref().ok_or_else(|| {
            io::Error::other("this node was given nothing that starts processes (`NodeBuilder::helper`)")
        })?;
        let (process, pipe) = spawner.spawn(launch).await?;
        tracing::info!(app = setup.app, uuid, pid = process.pid, "a worker is started");
        let output = Arc::new(Mutex::new(Output::new(setup.profile.crashlog_limit)));
        let lines =
            Lines { output: output.clone(), log: setup.profile.log_output.then(|| setup.app.clone()) };
        let reading = tokio::spawn(lines.read(pipe));
        let kill_timeout = setup.profile.isolate.kill_timeout;
        Ok(Shift { process, output, reading, kill_timeout, store: self.store.clone() })
    }

    /// Returns the arguments of a worker, by the order of their names (`worker.md` 1.1).
    fn args(&self, setup: &Setup, uuid: &str) -> Vec<OsString> {
        let endpoint: &Path = setup.endpoint.path();
        let locators = self.locators.get().cloned().unwrap_or_default();
        vec![
            "--app".into(),
            setup.app.clone().into(),
            "--endpoint".into(),
            endpoint.into(),
            "--locator".into(),
            locators.into(),
            "--protocol".into(),
            "1".into(),
            "--uuid".into(),
            uuid.into(),
        ]
    }

    /// Returns how long a worker may have nothing to do, if that is limited.
    pub(crate) fn idle_timeout(&self, profile: &Profile) -> Option<Duration> {
        (self.idle && !profile.idle_timeout.is_zero()).then_some(profile.idle_timeout)
    }
}

/// The process of a worker, and what it prints.
#[derive(Debug)]
pub(crate) struct Shift {
    pub(crate) process: Process,
    output: Arc<Mutex<Output>>,
    reading: JoinHandle<()>,
    kill_timeout: Duration,
    store: Store,
}

impl Shift {
    /// How long a worker may take to exit that has said that it will.
    const EXIT: Duration = Duration::from_secs(1);
    /// How long what a process has printed may take to arrive after its end.
    const REMAINS: Duration = Duration::from_millis(200);

    /// Lets the process exit, and ends it if it does not.
    pub(crate) async fn leave(mut self) -> Remains {
        if timeout(Self::EXIT, self.process.wait()).await.is_err() {
            return self.stop().await;
        }
        self.collect().await
    }

    /// Ends the process: it is asked to first.
    pub(crate) async fn stop(mut self) -> Remains {
        self.process.terminate();
        if timeout(self.kill_timeout, self.process.wait()).await.is_err() {
            self.process.kill();
            // Nothing survives that.
            let _ = self.process.wait().await;
        }
        self.collect().await
    }

    async fn collect(self) -> Remains {
        let Self { output, mut reading, store, .. } = self;
        if timeout(Self::REMAINS, &mut reading).await.is_err() {
            reading.abort();
        }
        Remains { output, store }
    }
}

/// What is left of a worker whose process has ended.
#[derive(Debug)]
pub(crate) struct Remains {
    output: Arc<Mutex<Output>>,
    store: Store,
}

impl Remains {
    /// How many lines of its output are told to whoever asks why it has ended.
    const TOLD: usize = 20;

    /// Returns the last lines that the process has printed.
    pub(crate) fn tail(&self) -> String {
        lock(&self.output).tail(Self::TOLD)
    }

    /// Stores what the process has printed (`node.md` 1, 5.4).
    pub(crate) async fn keep_crashlog(&self, app: &str, uuid: &str) {
        let lines: Vec<Bytes> = lock(&self.output).lines();
        if lines.is_empty() {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let key = format!("{}:{uuid}", now.as_micros());
        let today = format!("cocaine-{}", day(now.as_secs()));
        let stored = match msgpack::to_vec(&lines) {
            Ok(blob) => self.store.write("crashlogs", &key, blob.into(), &[app, &today]).await,
            Err(error) => return tracing::warn!(app, %error, "a crashlog cannot be written"),
        };
        if let Err(error) = stored {
            tracing::warn!(app, %error, "a crashlog cannot be stored");
        }
    }
}

/// Collects what a process prints.
struct Lines {
    output: Arc<Mutex<Output>>,
    /// The name of the app, if its lines go to the log too.
    log: Option<String>,
}

impl Lines {
    async fn read(self, mut pipe: Receiver) {
        let mut buffer = vec![0; 8 << 10];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            lock(&self.output).push(&buffer[..read], |line| {
                if let Some(app) = &self.log {
                    tracing::debug!(app, line = %String::from_utf8_lossy(line), "a worker prints");
                }
            });
        }
    }
}

fn lock(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}
