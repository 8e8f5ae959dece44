//! The section `http.access_log`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::setting::{SettingValue, section};

section! {
    /// The section `http.access_log` of the configuration: a line for each request.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct AccessLogConfig {
        /// What a line is.
        #[setting(default = "'off'", option = "--access-log", reload = "for the next request")]
        pub kind: Option<AccessLogKind>,
        /// A file to which lines are appended. SIGHUP opens it again.
        #[setting(
            example = "'/var/log/cocaine/access.log'",
            unset = "the log of the program, at `info`",
            reload = "for the next request"
        )]
        pub file: Option<PathBuf>,
        /// The fields of a line of text, as `{client} {status}`.
        #[setting(
            example = "'{client} [{time}] \"{method} {uri}\" {status} {bytes} {seconds} {request_id}'",
            unset = "the format `combined` of Apache and nginx, followed by the event, the seconds and the id of the request",
            reload = "for the next request"
        )]
        pub format: Option<String>,
    }
}

/// What a line of the access log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
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

impl SettingValue for AccessLogKind {
    const NAME: &'static str = "`off`, `text` or `json`";
}
