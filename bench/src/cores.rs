//! Cores, and whether they were ours alone.

use std::fs;
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

/// Looks for the time that other processes took from a sample.
#[derive(Debug)]
pub struct Watch(i32, Vec<(i32, Usage)>);

#[derive(Debug, Clone, Copy)]
struct Usage { run: u64, wait: u64, invol: u64 }

fn usage(t: i32) -> Usage {
    let s = fs::read_to_string(format!("/proc/self/task/{t}/schedstat")).unwrap();
    let v: Vec<u64> = s.split_whitespace().map(|x| x.parse().unwrap()).collect();
    let s = fs::read_to_string(format!("/proc/self/task/{t}/status")).unwrap();
    let invol = s.lines().find_map(|l| l.strip_prefix("nonvoluntary_ctxt_switches:")).unwrap().trim().parse().unwrap();
    Usage { run: v[0], wait: v[1], invol }
}

impl Watch {
    pub fn threads(t: [i32; 2]) -> Self { Self(0, t.iter().map(|&t| (t, usage(t))).collect()) }
    pub fn machine() -> Self { Self(1, vec![]) }
    pub fn disturbed(&self, e: Duration) -> f64 {
        let mut worst = 0.0f64;
        for (t, b) in &self.1 {
            let a = usage(*t);
            let w = (a.wait - b.wait) as f64 / e.as_nanos() as f64;
            eprint!("   wait {:.2}% run {:.1}% invol {}/s", w * 100., (a.run - b.run) as f64 / e.as_nanos() as f64*100., (a.invol - b.invol) as f64 / e.as_secs_f64());
            worst = worst.max(w);
        }
        worst
    }
}
