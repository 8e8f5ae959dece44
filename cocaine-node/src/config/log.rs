//! The section `log`.

use std::path::PathBuf;

use serde::Deserialize;

use super::merge::overwrite;

/// The section `log` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogConfig {
    /// The least important events of the program itself that are logged.
    pub level: Option<LogLevel>,
    /// A file that receives every line as JSON.
    pub file: Option<PathBuf>,
    /// Whether lines also go to the standard error stream. `true`.
    pub terminal: Option<bool>,
    /// The form of the lines there. `text`.
    pub format: Option<LogFormat>,
    /// The lowest severity that the service `logging` accepts. 0.
    pub verbosity: Option<i32>,
}

impl LogConfig {
    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self { level, file, terminal, format, verbosity } = newer;
        overwrite(&mut self.level, level);
        overwrite(&mut self.file, file);
        overwrite(&mut self.terminal, terminal);
        overwrite(&mut self.format, format);
        overwrite(&mut self.verbosity, verbosity);
    }
}

/// The form of the lines on the standard error stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs, as in a file.
    Json,
}

/// Which of the program's own events are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
