//! Starts the processes of workers.

use std::{
    ffi::OsString,
    io,
    path::Path,
    sync::{Arc, OnceLock},
};

use cocaine::server::CREDIT_VARIABLE;
use tokio::net::unix::pipe::Receiver;

use crate::apps::{
    package::folders::AppFolders,
    process::{
        embedded::{EmbeddedTask, EmbeddedWorkers},
        output::OutputBuffer,
        running::{OutputSink, RunningProcess},
        spawner::{ProcessSpec, Spawner},
        worker_process::WorkerProcess,
    },
    profile::config::AppConfig,
};
use crate::log::LogBroadcast;

/// Starts the workers of all apps of a node; clones share the settings.
#[derive(Clone, Debug)]
pub(crate) struct WorkerLauncher {
    /// Without a spawner no worker can be started.
    pub(crate) spawner: Option<Spawner>,
    pub(crate) folders: Arc<AppFolders>,
    /// The addresses of the locator, separated by commas. They are known once the node listens.
    pub(crate) locators: Arc<OnceLock<String>>,
    /// The credit that workers are offered for each channel, in bytes.
    pub(crate) stream_window: usize,
    /// The apps whose workers are tasks of this process.
    pub(crate) embedded: EmbeddedWorkers,
    /// Where the lines that workers print go.
    pub(crate) broadcast: LogBroadcast,
}

impl WorkerLauncher {
    /// Starts a worker that is to connect to the socket at `endpoint`.
    pub(super) async fn launch(
        &self,
        config: &AppConfig,
        endpoint: &Path,
        uuid: &str,
    ) -> io::Result<RunningProcess> {
        let profile = &config.profile;
        let (process, pipe) = match self.embedded.find(&config.app) {
            Some(worker) => {
                let mut args = self.args(&config.app, endpoint, uuid);
                // There is no environment of its own.
                args.extend(["--credit".into(), self.stream_window.to_string().into()]);
                let (task, pipe) = EmbeddedTask::start(&worker, args)?;
                (WorkerProcess::Embedded(task), pipe)
            }
            None => self.spawn_process(config, endpoint, uuid).await?,
        };
        tracing::info!(app = config.app, uuid, pid = process.pid(), "a worker is started");
        let output = OutputBuffer::new(profile.crashlog_limit);
        let sink = OutputSink {
            app: config.app.clone(),
            uuid: uuid.to_owned(),
            is_logged: profile.log_output,
            broadcast: self.broadcast.clone(),
        };
        Ok(RunningProcess::new(process, pipe, output, sink, profile.isolate.kill_timeout))
    }

    /// Starts the process of a worker, and returns it with its output.
    async fn spawn_process(
        &self,
        config: &AppConfig,
        endpoint: &Path,
        uuid: &str,
    ) -> io::Result<(WorkerProcess, Receiver)> {
        let manifest = &config.manifest;
        let folder = self.folders.package(&config.app, config.generation);
        let mut environment = manifest.environment.clone();
        environment.insert(CREDIT_VARIABLE.to_owned(), self.stream_window.to_string());
        let spec = ProcessSpec {
            program: folder.join(&manifest.slave),
            arg0: manifest.slave.clone().into(),
            args: self.args(&config.app, endpoint, uuid),
            environment,
            folder,
        };
        let spawner = self.spawner.as_ref().ok_or_else(|| {
            io::Error::other("this node was given nothing that starts processes (`NodeBuilder::helper`)")
        })?;
        let (process, pipe) = spawner.spawn(spec).await?;
        Ok((WorkerProcess::Spawned(Box::new(process)), pipe))
    }

    /// Returns the arguments of a worker, sorted by name (`worker.md` 1.1).
    fn args(&self, app: &str, endpoint: &Path, uuid: &str) -> Vec<OsString> {
        let locators = self.locators.get().cloned().unwrap_or_default();
        vec![
            "--app".into(),
            app.into(),
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
}
