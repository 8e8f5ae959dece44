//! What the apps of a node share.

use std::{sync::Arc, time::Duration};

use cocaine::{Limits, MemoryBudget};

use super::permits::WorkerPermits;
use crate::{
    apps::{
        crashlogs::Crashlogs, package::folders::AppFolders, profile::Profile,
        worker::launcher::WorkerLauncher,
    },
    store::Store,
};

/// The settings and resources that all apps of a node share.
#[derive(Clone, Debug)]
pub(crate) struct AppEnvironment {
    pub(crate) launcher: WorkerLauncher,
    pub(crate) folders: Arc<AppFolders>,
    pub(crate) store: Store,
    pub(crate) crashlogs: Crashlogs,
    /// How many workers all apps may have together.
    pub(crate) permits: WorkerPermits,
    /// The limits of workers' connections.
    pub(crate) limits: Limits,
    /// The memory of all connections.
    pub(crate) memory: MemoryBudget,
    /// How long an event waits for an app that does not start before its client gets an error.
    pub(crate) startup_timeout: Duration,
    /// Whether workers without events end after the `idle-timeout` of their profile.
    pub(crate) stop_idle: bool,
}

impl AppEnvironment {
    /// Returns how long a worker may have no events, if that is limited.
    pub(super) fn idle_timeout(&self, profile: &Profile) -> Option<Duration> {
        (self.stop_idle && !profile.idle_timeout.is_zero()).then_some(profile.idle_timeout)
    }
}
