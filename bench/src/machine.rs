//! The machine that is measured on.

use std::fs;

/// Returns processor, cores, kernel and compiler in one line.
pub fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = model.unwrap_or("an unknown processor");
    format!("machine: {model}, {cores} cores, Linux {}, {}", kernel.trim(), env!("RUSTC_VERSION"))
}
