//! The section `chrono`.

use serde::Deserialize;

use super::merge::overwrite;

/// The section `chrono` of the configuration: how many timers the service runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ChronoConfig {
    /// Timers that run at once. 65,536.
    pub timers: Option<usize>,
    /// Timers of one connection that run at once. 1,024.
    pub client_timers: Option<usize>,
}

impl ChronoConfig {
    /// Sets how many timers run at once.
    #[must_use]
    pub fn timers(self, timers: usize) -> Self {
        Self { timers: Some(timers), ..self }
    }

    /// Sets how many timers of one connection run at once.
    #[must_use]
    pub fn client_timers(self, timers: usize) -> Self {
        Self { client_timers: Some(timers), ..self }
    }

    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self { timers, client_timers } = newer;
        overwrite(&mut self.timers, timers);
        overwrite(&mut self.client_timers, client_timers);
    }
}
