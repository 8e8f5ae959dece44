//! The section `apps`.

use std::time::Duration;

use serde::Deserialize;

use super::{duration::seconds, error::ConfigError, merge::overwrite};

/// The section `apps` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AppsConfig {
    /// Seconds that an event waits for a worker of an app that fails to start. 15.
    pub startup_timeout: Option<f64>,
    /// Whether idle workers stop after the `idle-timeout` of their profile. `true`.
    pub idle_timeout: Option<bool>,
    /// Whether the apps that ran when the node ended start again with it. `true`.
    pub restore: Option<bool>,
    /// Workers that all apps may have together. 1,024.
    pub max_workers: Option<usize>,
    /// Whether each worker runs in a control group of its own (cgroup v2), where the node may create some. `true`.
    pub cgroups: Option<bool>,
    /// Crashlogs that are kept of one app. 50.
    pub crashlogs: Option<usize>,
    /// Bytes of the crashlogs of one app. 16 MiB.
    pub crashlog_bytes: Option<usize>,
    /// Bytes of the crashlogs of all apps. 256 MiB.
    pub total_crashlog_bytes: Option<usize>,
    /// Seconds after which a crashlog is removed. 30 days.
    pub crashlog_age: Option<f64>,
}

impl AppsConfig {
    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: &Self) {
        let Self {
            startup_timeout,
            idle_timeout,
            restore,
            max_workers,
            cgroups,
            crashlogs,
            crashlog_bytes,
            total_crashlog_bytes,
            crashlog_age,
        } = *newer;
        overwrite(&mut self.startup_timeout, startup_timeout);
        overwrite(&mut self.idle_timeout, idle_timeout);
        overwrite(&mut self.restore, restore);
        overwrite(&mut self.max_workers, max_workers);
        overwrite(&mut self.cgroups, cgroups);
        overwrite(&mut self.crashlogs, crashlogs);
        overwrite(&mut self.crashlog_bytes, crashlog_bytes);
        overwrite(&mut self.total_crashlog_bytes, total_crashlog_bytes);
        overwrite(&mut self.crashlog_age, crashlog_age);
    }

    /// Returns how long an event waits for an app that fails to start, if it is set.
    pub(super) fn startup_timeout(&self) -> Result<Option<Duration>, ConfigError> {
        seconds("apps.startup_timeout", self.startup_timeout)
    }

    /// Returns after how long a crashlog is removed, if it is set.
    pub(crate) fn crashlog_age(&self) -> Result<Option<Duration>, ConfigError> {
        seconds("apps.crashlog_age", self.crashlog_age)
    }
}
