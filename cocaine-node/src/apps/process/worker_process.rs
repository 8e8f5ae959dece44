//! What runs a worker: a process, or a task of the node.

use std::{io, process::ExitStatus};

use super::{embedded::EmbeddedTask, spawner::Process};

/// A worker that was started. Dropping this kills it.
#[derive(Debug)]
pub(crate) enum WorkerProcess {
    Spawned(Box<Process>),
    Embedded(EmbeddedTask),
}

impl WorkerProcess {
    /// Waits until the worker has ended.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        match self {
            Self::Spawned(process) => process.wait().await,
            Self::Embedded(task) => Ok(task.wait().await),
        }
    }

    /// Terminates the worker. A task cannot be asked to end but through its connection, so it is killed.
    pub(crate) fn terminate(&self) {
        match self {
            Self::Spawned(process) => process.terminate(),
            Self::Embedded(task) => task.kill(),
        }
    }

    pub(crate) fn kill(&self) {
        match self {
            Self::Spawned(process) => process.kill(),
            Self::Embedded(task) => task.kill(),
        }
    }

    /// Returns the id of its process.
    pub(crate) fn pid(&self) -> u32 {
        match self {
            Self::Spawned(process) => process.pid,
            Self::Embedded(_) => std::process::id(),
        }
    }
}
