//! Workers' processes.
//!
//! A worker is killed when the thread that started it ends. So a thread does nothing but start them, and stays for as
//! long as one of them is held.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::mpsc,
    thread,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    net::unix::pipe::Receiver,
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

use crate::helper::Helper;

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    /// What the program is told that it is called.
    pub(crate) arg0: OsString,
    pub(crate) args: Vec<OsString>,
    /// What its environment has beside the node's, or instead.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) folder: PathBuf,
}

/// A process, and what it and those that it started write.
type Started = io::Result<(Process, Receiver)>;

struct Request {
    launch: Launch,
    runtime: Handle,
    spawner: Spawner,
    reply: oneshot::Sender<Started>,
}

/// A handle of the thread that starts workers.
#[derive(Clone, Debug)]
pub(crate) struct Spawner(mpsc::Sender<Request>);

impl Spawner {
    /// Starts the thread.
    pub(crate) fn start(helper: Helper) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel::<Request>();
        thread::Builder::new().name("cocaine-spawner".into()).spawn(move || {
            for Request { launch, runtime, spawner, reply } in queue {
                let _context = runtime.enter();
                // Whoever is not waiting any more wants no process either.
                drop(reply.send(spawn(&helper, &launch, spawner)));
            }
        })?;
        Ok(Self(requests))
    }

    /// Starts a process, and returns it with what it writes.
    pub(crate) async fn spawn(&self, launch: Launch) -> Started {
        let (reply, started) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts workers is gone");
        let request = Request { launch, runtime: Handle::current(), spawner: self.clone(), reply };
        self.0.send(request).map_err(|_| gone())?;
        started.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn spawn(helper: &Helper, launch: &Launch, spawner: Spawner) -> Started {
    let (output, input) = io::pipe()?;
    let mut command = helper.command(&launch.arg0, &launch.program, &launch.args);
    command.envs(&launch.environment).current_dir(&launch.folder);
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let child = Command::from(command).spawn().map_err(|error| {
        let folder = launch.folder.display();
        io::Error::new(
            error.kind(),
            format!("cannot start a process in {folder} through {helper:?}: {error}"),
        )
    })?;
    let group = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let process = Process { pid: child.id().unwrap_or_default(), child, group, _thread: spawner };
    Ok((process, Receiver::from_owned_fd(output.into())?))
}

/// A process that leads a group of its own. When this is dropped, the whole group is killed.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    child: Child,
    /// The group, until its leader has ended.
    group: Option<Pid>,
    _thread: Spawner,
}

impl Process {
    /// Waits for the process to end, and kills what it leaves behind.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.end();
        Ok(status)
    }

    /// Asks the whole group to end.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills the whole group.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // An error means that nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Ends the group. A later one may get the same number.
    fn end(&mut self) {
        self.kill();
        self.group = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
