//! Starts processes that do not outlive the node.
//!
//! The kernel kills a worker when the thread that started it ends. Therefore one thread does nothing but start
//! processes, and it lives as long as any [`Process`].

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io, mem,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, mpsc},
    thread,
};

use tokio::{
    net::unix::pipe::Receiver,
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
    task::spawn_blocking,
};

use crate::helper::{Helper, WorkerGroup, WorkerGroups};

/// The program to run, and how.
#[derive(Clone, Debug)]
pub(crate) struct ProcessSpec {
    pub(crate) program: PathBuf,
    /// The name that the program sees as its own.
    pub(crate) arg0: OsString,
    pub(crate) args: Vec<OsString>,
    /// Variables that are added to the node's own, or replace them.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) folder: PathBuf,
}

/// A process, and the output of everything that it starts.
type SpawnResult = io::Result<(Process, Receiver)>;

struct SpawnRequest {
    spec: ProcessSpec,
    runtime: Handle,
    spawner: Spawner,
    reply: oneshot::Sender<SpawnResult>,
}

/// A handle of the thread that starts processes.
#[derive(Clone, Debug)]
pub(crate) struct Spawner {
    requests: mpsc::Sender<SpawnRequest>,
    /// The control groups of the processes, which the last handle removes.
    groups: Option<Arc<WorkerGroups>>,
}

impl Spawner {
    /// Starts the thread. Each process has a control group of its own if there are `groups`.
    pub(crate) fn start(helper: Helper, groups: Option<WorkerGroups>) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel::<SpawnRequest>();
        thread::Builder::new().name("cocaine-spawner".into()).spawn(move || {
            for SpawnRequest { spec, runtime, spawner, reply } in queue {
                let _context = runtime.enter();
                // If nobody waits for the process any more, this drops and thereby kills it.
                drop(reply.send(spawn(&helper, &spec, spawner)));
            }
        })?;
        Ok(Self { requests, groups: groups.map(Arc::new) })
    }

    /// Starts a process, and returns it with its output.
    pub(crate) async fn spawn(&self, spec: ProcessSpec) -> SpawnResult {
        let (reply, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts workers is gone");
        let request = SpawnRequest { spec, runtime: Handle::current(), spawner: self.clone(), reply };
        self.requests.send(request).map_err(|_| gone())?;
        started.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn spawn(helper: &Helper, spec: &ProcessSpec, spawner: Spawner) -> SpawnResult {
    let (output, input) = io::pipe()?;
    let group = spawner.groups.as_deref().and_then(create_group);
    let mut command = helper.command(group.as_ref(), &spec.arg0, &spec.program, &spec.args);
    command.envs(&spec.environment).current_dir(&spec.folder);
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let child = Command::from(command).spawn().map_err(|error| {
        end_group(group.as_ref());
        io::Error::new(error.kind(), helper.describe_failure(&spec.program, &spec.folder, &error))
    })?;
    let pid = child.id().ok_or_else(|| io::Error::other("the process has no id"))?;
    helper.watch(pid);
    let process = Process { pid, child, group, has_ended: false, helper: helper.clone(), _thread: spawner };
    Ok((process, Receiver::from_owned_fd(output.into())?))
}

/// Creates a group for a worker, which runs outside of one if that fails.
fn create_group(groups: &WorkerGroups) -> Option<WorkerGroup> {
    let created = groups.create();
    created.inspect_err(|error| tracing::warn!(%error, "a worker gets no control group of its own")).ok()
}

/// Ends what is left in a group.
fn end_group(group: Option<&WorkerGroup>) {
    if let Some(group) = group
        && let Err(error) = group.end()
    {
        let folder = group.path().display();
        tracing::warn!(%folder, %error, "the control group of a worker cannot be removed");
    }
}

/// A worker's process. Dropping this kills it with everything that it has started.
#[derive(Debug)]
pub(crate) struct Process {
    /// The process that the worker is a child of (`helper`), or the worker itself without a helper program.
    pub(crate) pid: u32,
    child: Child,
    /// The control group, until it is known to be removed.
    group: Option<WorkerGroup>,
    has_ended: bool,
    helper: Helper,
    _thread: Spawner,
}

impl Process {
    /// Waits until the worker, and everything that it has started, has ended.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        if !mem::replace(&mut self.has_ended, true) {
            self.helper.unwatch(self.pid);
        }
        // The helper has removed the group, unless it was killed itself.
        if let Some(group) = self.group.take_if(|group| group.path().exists()) {
            // Fails only if the runtime ends.
            let _ = spawn_blocking(move || end_group(Some(&group))).await;
        }
        Ok(status)
    }

    /// Sends SIGTERM to the worker's process group.
    pub(crate) fn terminate(&self) {
        // A later process may get the same number.
        if !self.has_ended {
            self.helper.terminate(self.pid);
        }
    }

    /// Kills the worker and everything that it has started.
    pub(crate) fn kill(&self) {
        if !self.has_ended {
            self.helper.kill(self.pid);
            // The helper may have been killed.
            self.group.as_ref().inspect(|group| group.kill());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended {
            self.kill();
            self.helper.unwatch(self.pid);
        }
    }
}
