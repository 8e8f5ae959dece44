//! Cores, and whether they were the benchmark's alone.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two cores that are measured on.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Where the client's thread stays.
    pub client: usize,
    /// Where the server's thread stays.
    pub server: usize,
}

impl Cores {
    /// The first two cores that this process may use.
    pub fn pick() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).take(2).collect();
        ensure!(cores.len() == 2, "the benchmark needs two cores: one for the client, one for the server");
        Ok(Self { client: cores[0], server: cores[1] })
    }
}

/// Keeps the calling thread on one core.
pub fn pin(core: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

/// The kernel's number of the calling thread.
pub fn thread_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// What was going on in the machine when a sample began, as far as it can spoil it.
#[derive(Debug)]
pub struct Watch {
    scope: Scope,
    waited: u64,
    stolen: u64,
}

#[derive(Clone, Debug)]
enum Scope {
    /// Pinned threads have their cores for themselves, so the time that one is ready to run and does not is the
    /// time that something else took.
    Threads(Vec<String>),
    /// Threads that share cores wait for each other, so what counts is the time that other processes ran.
    OtherProcesses,
    /// Other processes belong to what is measured, so only what the host took counts.
    Host,
}

impl Watch {
    /// Watches the time that these threads of this process wait for their cores.
    pub fn threads(ids: [i32; 2]) -> Self {
        Self::start(Scope::Threads(ids.map(|id| format!("/proc/self/task/{id}/schedstat")).into()))
    }

    /// Watches the time that all other processes run.
    pub fn other_processes() -> Self {
        Self::start(Scope::OtherProcesses)
    }

    /// Watches the time that the host takes from a virtual machine.
    pub fn host() -> Self {
        Self::start(Scope::Host)
    }

    fn start(scope: Scope) -> Self {
        Self { waited: scope.nanoseconds(), stolen: stolen_ticks(), scope }
    }

    /// The share of the time since then that was taken from the sample, by other processes or by the host of a
    /// virtual machine. Where the kernel does not tell, it is 0.
    #[allow(clippy::cast_precision_loss)]
    pub fn disturbed(&self, elapsed: Duration) -> f64 {
        let waited = self.scope.nanoseconds().saturating_sub(self.waited);
        let stolen = stolen_ticks().saturating_sub(self.stolen) * 10_000_000;
        (waited + stolen) as f64 / elapsed.as_nanos() as f64
    }
}

impl Scope {
    fn nanoseconds(&self) -> u64 {
        match self {
            Self::Host => 0,
            Self::Threads(paths) => paths.iter().map(|path| schedstat(path, 1)).sum(),
            Self::OtherProcesses => {
                let own = std::process::id().to_string();
                let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
                let others = processes.filter(|process| process.file_name() != own.as_str());
                let tasks = others.filter_map(|process| fs::read_dir(process.path().join("task")).ok());
                tasks.flatten().flatten().map(|task| schedstat(task.path().join("schedstat"), 0)).sum()
            }
        }
    }
}

/// A field of a task's statistics: 0 is the time that it ran, 1 the time that it was ready and waited for a core.
fn schedstat(path: impl AsRef<Path>, field: usize) -> u64 {
    let read = || fs::read_to_string(path).ok()?.split_whitespace().nth(field)?.parse().ok();
    read().unwrap_or(0)
}

/// Hundredths of a second that the host took from this machine's cores.
fn stolen_ticks() -> u64 {
    let read =
        || fs::read_to_string("/proc/stat").ok()?.lines().next()?.split_whitespace().nth(8)?.parse().ok();
    read().unwrap_or(0)
}
