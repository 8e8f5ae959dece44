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
}

impl AppsConfig {
    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: &Self) {
        let Self { startup_timeout, idle_timeout, restore } = *newer;
        overwrite(&mut self.startup_timeout, startup_timeout);
        overwrite(&mut self.idle_timeout, idle_timeout);
        overwrite(&mut self.restore, restore);
    }

    /// Returns how long an event waits for an app that fails to start, if it is set.
    pub(super) fn startup_timeout(&self) -> Result<Option<Duration>, ConfigError> {
        seconds("apps.startup_timeout", self.startup_timeout)
    }
}
