//! Reading a configuration file.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;

use super::error::ConfigError;

/// Reads a TOML file.
pub(super) fn read_toml<T: DeserializeOwned>(file: &Path) -> Result<T, ConfigError> {
    let text = fs::read_to_string(file).map_err(|source| ConfigError::Io { file: file.into(), source })?;
    toml::from_str(&text).map_err(|error| ConfigError::Parse {
        file: file.into(),
        line: error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1),
        reason: error.message().to_owned(),
    })
}
