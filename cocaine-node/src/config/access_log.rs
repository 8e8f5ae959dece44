//! The section `http.access_log`.

use std::path::PathBuf;

use serde::Deserialize;

use super::merge::overwrite;

/// The section `http.access_log` of the configuration: a line for each request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AccessLogConfig {
    /// What a line is. `off`.
    pub kind: Option<AccessLogKind>,
    /// A file to which lines are appended. Without it they go to the log of the program, at `info`.
    pub file: Option<PathBuf>,
    /// The fields of a line of text, as `{client} {status}`. The default is the format `combined` of Apache and nginx,
    /// followed by the event, the seconds and the id of the request.
    pub format: Option<String>,
}

/// What a line of the access log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLogKind {
    /// There are none.
    #[default]
    Off,
    /// Text in the format of the configuration.
    Text,
    /// A JSON object with all fields.
    Json,
}

impl AccessLogConfig {
    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self { kind, file, format } = newer;
        overwrite(&mut self.kind, kind);
        overwrite(&mut self.file, file);
        overwrite(&mut self.format, format);
    }
}
