//! Limits on the number of timers, from the section `chrono` of the configuration.

use crate::config::{ChronoConfig, ConfigError};

/// The largest numbers of timers.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimerLimits {
    pub(super) timers: usize,
    pub(super) client_timers: usize,
}

impl ChronoConfig {
    /// Returns the limits. A limit of 0 is an error.
    pub(super) fn limits(self) -> Result<TimerLimits, ConfigError> {
        let some = |name, set: Option<usize>, default| match set {
            Some(0) => Err(ConfigError::Value(format!("chrono.{name} is 0: no timer could run"))),
            set => Ok(set.unwrap_or(default)),
        };
        Ok(TimerLimits {
            timers: some("timers", self.timers, 65_536)?,
            client_timers: some("client_timers", self.client_timers, 1024)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::documented_defaults;

    #[test]
    fn documented_defaults_are_those_of_the_service() {
        let limits = |config: ChronoConfig| format!("{:?}", config.limits().unwrap());
        assert_eq!(limits(documented_defaults()), limits(ChronoConfig::default()));
    }
}
