//! The node that is started where no cloud answers. It ends with this process, however that ends.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::process_group::ProcessGroup;
use crate::error::{Error, Result};

/// The first argument of this program as the node of a process, whose id and the options of the node follow.
pub(crate) const OWN_NODE: &str = "--exec-node";
/// How many runs in one folder have nodes at the same time.
const MAX_NODES: usize = 16;
/// How long a node may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a node may take to stop: a little more than what it takes at most by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(12);
/// How many of its last lines are shown when it ends by itself.
const LAST_LINES: usize = 5;
/// What a node says whose data another one uses.
const IN_USE: &str = "is in use by another node";
/// How the line begins that a node prints when it is ready.
const READY: &str = "cocaine-node is listening on ";

/// A node as a child of this process. Dropping this kills it, with its workers.
#[derive(Debug)]
pub(super) struct OwnNode {
    pub(super) locator: String,
    pub(super) http: Option<String>,
    pub(super) data: PathBuf,
    log: PathBuf,
    child: Child,
    group: ProcessGroup,
    /// What it prints goes nowhere, but is not refused.
    _stdout: BufReader<ChildStdout>,
    _lock: File,
}

impl OwnNode {
    /// Starts a node with its data below a folder, which are kept for the next time. A second node gets a folder of its own.
    pub(super) async fn start(folder: &Path, listen: &str, http: &str) -> Result<Self> {
        for number in 1..=MAX_NODES {
            let name = if number == 1 { "node".to_owned() } else { format!("node-{number}") };
            let data = folder.join(name);
            let Some(lock) = lock_folder(&data)? else { continue };
            match Self::start_in(data, lock, (listen, http)).await {
                // The node of a run that was killed is stopping.
                Err(Error::Failed(reason)) if reason.contains(IN_USE) => {}
                started => return started,
            }
        }
        Err(Error::in_file(folder)(format!(
            "{MAX_NODES} nodes run with data in it: end one of their `cocaine run`"
        )))
    }

    async fn start_in(data: PathBuf, lock: File, (listen, http): (&str, &str)) -> Result<Self> {
        let log = data.join("node.log");
        let file = File::create(&log).map_err(Error::in_file(&log))?;
        // Its file may be replaced while it runs.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("cocaine").arg(OWN_NODE).arg(std::process::id().to_string());
        command.args(["--listen", listen, "--http", http, "--data"]).arg(data.join("data"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        // Ctrl-C at the terminal is for this process, which stops the node in time.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            Error::Failed(format!(
                "a node cannot be started here: {error}; name a cloud with `--locator` or a context"
            ))
        })?;
        let group = ProcessGroup::of(&child);
        let mut stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let mut line = String::new();
        let read = timeout(START_TIMEOUT, stdout.read_line(&mut line)).await;
        let Some((locator, http)) = read.is_ok_and(|read| read.is_ok()).then(|| addresses(&line)).flatten()
        else {
            drop((group, child));
            return Err(Error::Failed(format!("the node cannot be started{}", said(&log))));
        };
        Ok(Self { locator, http, data, log, child, group, _stdout: stdout, _lock: lock })
    }

    /// Waits until the node ends by itself, and says why.
    pub(super) async fn ended(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => Error::Failed(format!("the node has ended ({status}){}", said(&self.log))),
            Err(error) => Error::Failed(format!("the node is lost: {error}")),
        }
    }

    /// Stops the node: its workers finish their events.
    pub(super) async fn stop(&mut self) {
        self.group.signal(Signal::TERM);
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            self.kill();
        }
    }

    /// Kills the node, which ends its workers.
    pub(super) fn kill(&self) {
        self.group.signal(Signal::KILL);
    }
}

/// Creates a folder, and returns its lock unless another run has it.
fn lock_folder(folder: &Path) -> Result<Option<File>> {
    fs::create_dir_all(folder).map_err(Error::in_file(folder))?;
    let path = folder.join("lock");
    let lock = File::create(&path).map_err(Error::in_file(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::in_file(&path)(error)),
    }
}

/// Returns the addresses of the locator and of the gateway that a node prints.
fn addresses(line: &str) -> Option<(String, Option<String>)> {
    let rest = line.strip_prefix(READY)?;
    let (locator, rest) = rest.split_once(" (locator)")?;
    let http = rest.split_once(" (HTTP)").and_then(|(before, _)| before.strip_prefix(" and on "));
    Some((locator.to_owned(), http.map(str::to_owned)))
}

/// Returns the last lines of a log, and where it is.
fn said(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].iter().map(|line| format!("\n  {line}"));
    format!("; its log is {}{}", log.display(), last.collect::<String>())
}

/// Asks the system to stop this process, a node, when the process `parent` has ended, however it ends.
///
/// # Errors
/// It has ended already.
#[cfg(target_os = "linux")]
pub(crate) fn stop_with(parent: &str) -> std::io::Result<()> {
    use rustix::process::{getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::TERM))?;
    let is_alive = getppid().is_some_and(|id| id.as_raw_nonzero().to_string() == parent);
    is_alive
        .then_some(())
        .ok_or_else(|| std::io::Error::other("the process that has started the node is gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_a_node_prints() {
        for (line, expected) in [
            ("cocaine-node is listening on 127.0.0.1:5 (locator), data in /d\n", Some(("127.0.0.1:5", None))),
            (
                "cocaine-node is listening on 127.0.0.1:5 (locator) and on 127.0.0.1:6 (HTTP), data in /d\n",
                Some(("127.0.0.1:5", Some("127.0.0.1:6"))),
            ),
            ("", None),
        ] {
            let expected = expected
                .map(|(locator, http): (&str, Option<&str>)| (locator.to_owned(), http.map(str::to_owned)));
            assert_eq!(addresses(line), expected);
        }
    }

    #[test]
    fn folder_has_one_lock() {
        let folder = tempfile::tempdir().unwrap();
        let lock = lock_folder(folder.path()).unwrap().unwrap();
        assert!(lock_folder(folder.path()).unwrap().is_none());
        lock.unlock().unwrap();
        assert!(lock_folder(folder.path()).unwrap().is_some());
    }
}
