//! The section `apps`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{duration::seconds, error::ConfigError, setting::section};

section! {
    /// The section `apps` of the configuration.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct AppsConfig {
        /// How long an event waits for a worker of an app that fails to start.
        #[setting(default = "15.0", unit = "seconds")]
        pub startup_timeout: Option<f64>,
        /// Whether idle workers stop after the `idle-timeout` of their profile.
        #[setting(default = "true")]
        pub idle_timeout: Option<bool>,
        /// Whether the apps that ran when the node ended start again with it.
        #[setting(default = "true")]
        pub restore: Option<bool>,
        /// How many workers all apps may have together; further ones start as others end.
        #[setting(default = "1024", unit = "workers")]
        pub max_workers: Option<usize>,
        /// Whether each worker runs in a control group of its own (cgroup v2), where the node may create some.
        #[setting(default = "true")]
        pub cgroups: Option<bool>,
        /// How many crashlogs of one app are kept; older ones are removed.
        #[setting(default = "50", unit = "crashlogs")]
        pub crashlogs: Option<usize>,
        /// How large the crashlogs of one app may be together.
        #[setting(default = "16777216", unit = "bytes")]
        pub crashlog_bytes: Option<usize>,
        /// How large the crashlogs of all apps may be together.
        #[setting(default = "268435456", unit = "bytes")]
        pub total_crashlog_bytes: Option<usize>,
        /// How old a crashlog may become.
        #[setting(default = "2592000.0", unit = "seconds")]
        pub crashlog_age: Option<f64>,
    }
}

impl AppsConfig {
    /// Returns how long an event waits for an app that fails to start, if it is set.
    pub(super) fn startup_timeout(&self) -> Result<Option<Duration>, ConfigError> {
        seconds("apps.startup_timeout", self.startup_timeout)
    }

    /// Returns after how long a crashlog is removed, if it is set.
    pub(crate) fn crashlog_age(&self) -> Result<Option<Duration>, ConfigError> {
        seconds("apps.crashlog_age", self.crashlog_age)
    }
}
