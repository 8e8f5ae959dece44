//! The process between a node and a worker: it ends everything that the worker has started.
//!
//! It is a subreaper: whatever a worker starts stays among its descendants, also what has left the worker's process group and
//! session, or whose parent has ended. If the worker has a control group, that is killed first, and removed at last. The reaper
//! is outside of it. It has one thread, and waits for signals:
//!
//! | signal | what it does |
//! |---|---|
//! | the worker has ended | kills all descendants, and ends as the worker did |
//! | [`KILL`] from the node, or [`NODE_GONE`] from the kernel | kills all descendants, and ends |
//! | others that end programs | passes them on to the worker's process group |
//!
//! If it is killed itself, the worker is killed too. What the worker has started is ended by the node then, if it is in a control
//! group; otherwise it is not.

use std::{fs, path::Path, process};

use nix::{
    sys::signal::{SigSet, Signal, kill, killpg},
    unistd,
};
use rustix::process::{Pid, Resource, Rlimit, WaitOptions, WaitStatus, getrlimit, setrlimit, wait};

use super::cgroup;

/// The signal with which the node has everything killed. Before the reaper is ready, it ends the reaper, which has started
/// nothing then.
pub(super) const KILL: Signal = Signal::SIGIO;

/// The signal that the kernel sends when the node ends.
pub(super) const NODE_GONE: rustix::process::Signal = rustix::process::Signal::POWER;

/// The signals that are passed on.
const FORWARDED: [Signal; 6] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// The signals that the reaper waits for, blocked from now on, so that none is lost.
pub(super) struct BlockedSignals(SigSet);

impl BlockedSignals {
    pub(super) fn new() -> nix::Result<Self> {
        let own = [Signal::SIGCHLD, KILL, Signal::SIGPWR];
        let signals: SigSet = FORWARDED.into_iter().chain(own).collect();
        signals.thread_block()?;
        Ok(Self(signals))
    }
}

/// Unblocks all signals: a process inherits those that its parent has blocked.
pub(super) fn unblock_signals() -> nix::Result<()> {
    SigSet::all().thread_unblock()
}

/// Waits for the worker to end or to be killed, and ends this process as the worker has.
pub(super) fn run(worker: unistd::Pid, group: Option<&Path>, signals: &BlockedSignals) -> ! {
    let mut status = None;
    while status.is_none() {
        match signals.0.wait() {
            Ok(Signal::SIGCHLD) => reap(worker, WaitOptions::NOHANG, &mut status),
            Ok(KILL | Signal::SIGPWR) => break,
            // Fails only if the group has ended.
            Ok(signal) => drop(killpg(worker, signal)),
            Err(_) => {}
        }
    }
    if let Some(group) = group {
        // What has left the group is found below.
        let _ = cgroup::kill(group);
    }
    // Fails only if the group has ended. A descendant may become a child only when its parent has ended.
    let _ = killpg(worker, Signal::SIGKILL);
    while kill_children() > 0 {
        reap(worker, WaitOptions::empty(), &mut status);
    }
    if let Some(group) = group {
        // The node, or the next one, does what fails here.
        let _ = cgroup::end(group);
    }
    end_as(status)
}

/// Waits for the children that have ended, and for one at least unless that would block.
fn reap(worker: unistd::Pid, options: WaitOptions, status: &mut Option<WaitStatus>) {
    let mut options = options;
    while let Ok(Some((pid, ended))) = wait(options) {
        if pid.as_raw_nonzero().get() == worker.as_raw() {
            *status = Some(ended);
        }
        options = WaitOptions::NOHANG;
    }
}

/// Kills all children. Returns how many there are.
fn kill_children() -> usize {
    let children = children();
    for child in &children {
        // Fails only if it has ended.
        let _ = kill(*child, Signal::SIGKILL);
    }
    children.len()
}

/// Returns the children of this process, those included that have ended and were not waited for.
fn children() -> Vec<unistd::Pid> {
    let own = process::id();
    let pid = |text: &str| text.parse().ok().map(unistd::Pid::from_raw);
    if let Ok(children) = fs::read_to_string(format!("/proc/self/task/{own}/children")) {
        return children.split_whitespace().filter_map(pid).collect();
    }
    // The kernel has no such file.
    let own = Pid::from_raw(own.cast_signed());
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| pid(entry.file_name().to_str()?));
    processes.filter(|process| parent_of(*process) == own).collect()
}

fn parent_of(process: unistd::Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program stands in parentheses, and may contain some.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Pid::from_raw(fields.nth(1)?.parse().ok()?)
}

/// Ends this process with the exit code or the signal of the worker.
fn end_as(status: Option<WaitStatus>) -> ! {
    if let Some(code) = status.and_then(WaitStatus::exit_status) {
        process::exit(code);
    }
    let signal = status.and_then(WaitStatus::terminating_signal).unwrap_or(Signal::SIGKILL as i32);
    // The worker has dumped its memory, if anybody wants that.
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
    let _ = unblock_signals();
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = kill(unistd::Pid::this(), signal);
    }
    process::exit(128 + signal)
}
