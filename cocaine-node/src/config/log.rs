//! The section `log`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::setting::{SettingValue, section};

section! {
    /// The section `log` of the configuration.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct LogConfig {
        /// The least important events of the program itself that are logged.
        #[setting(default = "'info'", option = "--log-level", reload = "at once")]
        pub level: Option<LogLevel>,
        /// A file that receives every line as JSON. SIGHUP opens it again.
        #[setting(
            example = "'/var/log/cocaine/node.log'",
            unset = "none",
            option = "--log-file",
            reload = "at once"
        )]
        pub file: Option<PathBuf>,
        /// Whether lines also go to the standard error stream.
        #[setting(default = "true")]
        pub terminal: Option<bool>,
        /// The form of the lines there.
        #[setting(default = "'text'", option = "--log-format")]
        pub format: Option<LogFormat>,
        /// The lowest severity that the service `logging` accepts: 0 debug, 1 info, 2 warning, 3 error.
        #[setting(default = "0", option = "--verbosity", reload = "at once")]
        pub verbosity: Option<i32>,
    }
}

/// The form of the lines on the standard error stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, as in a file.
    Json,
}

/// Which of the program's own events are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// None.
    Off,
    /// Errors.
    Error,
    /// Errors and warnings.
    Warn,
    /// The above, and what happens in normal operation.
    #[default]
    Info,
    /// The above, and what helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

impl SettingValue for LogFormat {
    const NAME: &'static str = "`text` or `json`";
}

impl SettingValue for LogLevel {
    const NAME: &'static str = "`off`, `error`, `warn`, `info`, `debug` or `trace`";
}
