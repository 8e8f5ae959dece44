//! Reading a configuration file.

use std::{fs, io, path::Path};

use serde::de::DeserializeOwned;

use super::error::ConfigError;

/// Reads a file.
pub(super) fn read_bytes(file: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(file).map_err(|source| ConfigError::Io { file: file.into(), source })
}

/// Returns the text of a file, which is UTF-8.
pub(super) fn to_text(file: &Path, bytes: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let source = io::Error::new(io::ErrorKind::InvalidData, error.utf8_error());
        ConfigError::Io { file: file.into(), source }
    })
}

/// Parses the TOML of a file.
pub(super) fn parse_toml<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Parse {
        file: file.into(),
        line: error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1),
        reason: error.message().to_owned(),
    })
}
