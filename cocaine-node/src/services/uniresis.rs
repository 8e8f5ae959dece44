//! `uniresis`: the resources that the node's process may use (`services.md` 15).

use std::thread::available_parallelism;

use cocaine::Result;
use cocaine_bindings::Uniresis;
use sysinfo::{
    MemoryRefreshKind, Process, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, get_current_pid,
};

/// The service, which reports the state at the start of the node.
#[derive(Clone, Debug)]
pub(crate) struct UniresisService {
    uuid: String,
    cpus: u32,
    memory: u64,
}

impl UniresisService {
    pub(crate) fn new(uuid: &str) -> Self {
        Self { uuid: uuid.to_owned(), cpus: cpus(), memory: memory() }
    }
}

impl Uniresis for UniresisService {
    async fn cpu_count(&self) -> Result<u32> {
        Ok(self.cpus)
    }

    async fn memory_count(&self) -> Result<u64> {
        Ok(self.memory)
    }

    async fn uuid(&self) -> Result<String> {
        Ok(self.uuid.clone())
    }
}

/// Returns the number of processors that the process may use, limited by its affinity and the quota of its cgroup.
fn cpus() -> u32 {
    available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX))
}

/// Returns the bytes of memory that the process may use: those of the machine, limited by its cgroups. Returns 0 if they
/// cannot be determined.
fn memory() -> u64 {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let found = System::new_with_specifics(ram).and_then(|system| Ok((system, get_current_pid()?)));
    let (mut system, pid) = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "cannot determine the size of the memory");
            return 0;
        }
    };
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().without_tasks(),
    );
    let limits = system.process(pid).and_then(Process::cgroup_limits);
    limits.map_or(u64::MAX, |limits| limits.total_memory).min(system.total_memory())
}
