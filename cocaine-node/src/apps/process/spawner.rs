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
    sync::mpsc,
    thread,
};

use tokio::{
    net::unix::pipe::Receiver,
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

use crate::helper::Helper;

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
pub(crate) struct Spawner(mpsc::Sender<SpawnRequest>);

impl Spawner {
    /// Starts the thread.
    pub(crate) fn start(helper: Helper) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel::<SpawnRequest>();
        thread::Builder::new().name("cocaine-spawner".into()).spawn(move || {
            for SpawnRequest { spec, runtime, spawner, reply } in queue {
                let _context = runtime.enter();
                // If nobody waits for the process any more, this drops and thereby kills it.
                drop(reply.send(spawn(&helper, &spec, spawner)));
            }
        })?;
        Ok(Self(requests))
    }

    /// Starts a process, and returns it with its output.
    pub(crate) async fn spawn(&self, spec: ProcessSpec) -> SpawnResult {
        let (reply, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts workers is gone");
        let request = SpawnRequest { spec, runtime: Handle::current(), spawner: self.clone(), reply };
        self.0.send(request).map_err(|_| gone())?;
        started.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn spawn(helper: &Helper, spec: &ProcessSpec, spawner: Spawner) -> SpawnResult {
    let (output, input) = io::pipe()?;
    let mut command = helper.command(&spec.arg0, &spec.program, &spec.args);
    command.envs(&spec.environment).current_dir(&spec.folder);
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let child = Command::from(command).spawn().map_err(|error| {
        io::Error::new(error.kind(), helper.describe_failure(&spec.program, &spec.folder, &error))
    })?;
    let pid = child.id().ok_or_else(|| io::Error::other("the process has no id"))?;
    helper.watch(pid);
    let process = Process { pid, child, has_ended: false, helper: helper.clone(), _thread: spawner };
    Ok((process, Receiver::from_owned_fd(output.into())?))
}

/// A worker's process. Dropping this kills it with everything that it has started.
#[derive(Debug)]
pub(crate) struct Process {
    /// The process that the worker is a child of (`helper`), or the worker itself without a helper program.
    pub(crate) pid: u32,
    child: Child,
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
