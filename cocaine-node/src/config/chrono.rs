//! The section `chrono`.

use serde::{Deserialize, Serialize};

use super::setting::section;

section! {
    /// The section `chrono` of the configuration: how many timers the service runs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct ChronoConfig {
        /// How many timers run at once.
        #[setting(default = "65536", unit = "timers")]
        pub timers: Option<usize>,
        /// How many timers of one connection run at once.
        #[setting(default = "1024", unit = "timers")]
        pub client_timers: Option<usize>,
    }
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
}
