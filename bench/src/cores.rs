//! The cores that are measured on, and how much of their time other work took.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two cores that are measured on.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The core of the client's thread.
    pub client: usize,
    /// The core of the server's thread.
    pub server: usize,
}

impl Cores {
    /// Returns the first two cores that this process may use.
    pub fn pick() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).take(2).collect();
        ensure!(cores.len() == 2, "the benchmark needs two cores: one for the client, one for the server");
        Ok(Self { client: cores[0], server: cores[1] })
    }
}

/// Pins the calling thread to one core.
pub fn pin(core: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

/// Returns the kernel's id of the calling thread.
pub fn thread_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// The counters of time taken by other work, as they stood when a sample began.
#[derive(Debug)]
pub struct Interference {
    scope: Scope,
    waited: u64,
    stolen: u64,
}

#[derive(Clone, Debug)]
enum Scope {
    /// Each pinned thread should have its core to itself: the time that it is ready to run and does not run went to
    /// something else.
    Threads(Vec<String>),
    /// Threads that share cores wait for each other, so only the time that other processes ran counts.
    OtherProcesses,
    /// Other processes are part of the benchmark, so only the time that the host took counts.
    Host,
}

impl Interference {
    /// Starts to count the time that these threads of this process wait for their cores.
    pub fn threads(ids: [i32; 2]) -> Self {
        Self::start(Scope::Threads(ids.map(|id| format!("/proc/self/task/{id}/schedstat")).into()))
    }

    /// Starts to count the time that all other processes run.
    pub fn other_processes() -> Self {
        Self::start(Scope::OtherProcesses)
    }

    /// Starts to count the time that the host takes from a virtual machine.
    pub fn host() -> Self {
        Self::start(Scope::Host)
    }

    fn start(scope: Scope) -> Self {
        Self { waited: scope.nanoseconds(), stolen: stolen_ticks(), scope }
    }

    /// Returns the share of `elapsed` that other processes, or the host of a virtual machine, took from the sample.
    /// Returns 0 where the kernel has no such counters.
    #[allow(clippy::cast_precision_loss)]
    pub fn share(&self, elapsed: Duration) -> f64 {
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

/// Returns a field of a task's statistics: 0 is the time that it ran, 1 the time that it was ready and waited for a core.
fn schedstat(path: impl AsRef<Path>, field: usize) -> u64 {
    let read = || fs::read_to_string(path).ok()?.split_whitespace().nth(field)?.parse().ok();
    read().unwrap_or(0)
}

/// Returns how many hundredths of a second the host took from this machine's cores.
fn stolen_ticks() -> u64 {
    let read =
        || fs::read_to_string("/proc/stat").ok()?.lines().next()?.split_whitespace().nth(8)?.parse().ok();
    read().unwrap_or(0)
}
