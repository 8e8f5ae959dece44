//! Times in a configuration.

use std::time::Duration;

use super::error::ConfigError;

/// Returns a time in seconds, if it is set. `key` names it in the error.
pub(super) fn seconds(key: &str, value: Option<f64>) -> Result<Option<Duration>, ConfigError> {
    let time = value.map(Duration::try_from_secs_f64).transpose();
    time.map_err(|error| ConfigError::Value(format!("{key}: {error}")))
}
