//! Reading the configuration file of a node, which is TOML, or the JSON of an original runtime.

use std::{borrow::Cow, path::Path};

use super::{
    error::ConfigError,
    file::{parse_toml, read_bytes, to_text},
    node::NodeConfig,
    original,
    warning::ConfigWarning,
};

impl NodeConfig {
    /// Reads a file: TOML, or the JSON configuration of an original runtime, which its content shows. What such a
    /// configuration says without effect is listed in `warnings`.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let bytes = read_bytes(file)?;
        let text = String::from_utf8_lossy(&bytes);
        if !original::is_json(&text) {
            return parse_toml(file, &to_text(file, bytes)?);
        }
        let mut config = original::parse(file, &text)?;
        if let Cow::Owned(text) = &text {
            let line =
                text.split(char::REPLACEMENT_CHARACTER).next().unwrap_or_default().matches('\n').count() + 1;
            let message =
                "is not UTF-8: its characters are replaced, so save the file as UTF-8 if they matter";
            let warning = ConfigWarning { path: format!("line {line}"), message: message.into() };
            config.warnings.insert(0, warning);
        }
        Ok(config)
    }
}
