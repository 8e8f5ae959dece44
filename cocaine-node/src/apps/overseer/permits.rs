//! How many workers all apps of a node have together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The limit of the node; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct WorkerPermits {
    limit: usize,
    semaphore: Arc<Semaphore>,
}

/// Lets one worker run. Dropping this lets another one start.
#[derive(Debug)]
pub(super) struct WorkerPermit(#[expect(dead_code, reason = "its drop releases it")] OwnedSemaphorePermit);

impl WorkerPermits {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { limit, semaphore: Arc::new(Semaphore::new(limit)) }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn try_acquire(&self) -> Option<WorkerPermit> {
        self.semaphore.clone().try_acquire_owned().ok().map(WorkerPermit)
    }

    /// Waits for a permit, behind all that have waited before. There is none only if the node has ended.
    pub(super) async fn acquire(&self) -> Option<WorkerPermit> {
        self.semaphore.clone().acquire_owned().await.ok().map(WorkerPermit)
    }
}
