//! The configuration file of a gateway that runs without a node.

use std::{path::Path, time::Duration};

use cocaine::MemoryBudget;
use serde::{Deserialize, Serialize};

use super::{
    duration::seconds,
    error::ConfigError,
    file::{parse_toml, read_bytes, to_text},
    http::HttpConfig,
    limits::memory,
    log::LogConfig,
    original,
    setting::section,
};

section! {
    /// The configuration of a gateway that runs without a node.
    ///
    /// ```toml
    /// locator = "host:10053"
    ///
    /// [http]
    /// listen = "127.0.0.1:8080"
    /// ```
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct GatewayConfig {
        /// The locators of the cloud, separated by commas.
        #[setting(default = "'localhost'", option = "--locator", variable = "COCAINE_LOCATOR")]
        pub locator: Option<String>,
        /// How long a stop may take as a whole; what has not ended by then is cut off.
        #[setting(default = "8.0", unit = "seconds", option = "--shutdown-timeout", reload = "at once")]
        pub shutdown_timeout: Option<f64>,
        /// How much memory all connections and responses use together.
        #[setting(default = "1073741824", unit = "bytes")]
        pub max_memory_bytes: Option<usize>,
        /// The gateway.
        pub http: HttpConfig,
        /// The log.
        pub log: LogConfig,
    }
}

impl GatewayConfig {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = to_text(file, read_bytes(file)?)?;
        if original::is_json(&text) {
            let reason = "this is JSON: the configuration of a gateway is TOML, and an original runtime's is for a node";
            return Err(ConfigError::Parse { file: file.into(), line: 1, reason: reason.into() });
        }
        parse_toml(file, &text)
    }

    /// Returns the memory of all connections and responses, if it is set.
    ///
    /// # Errors
    /// A limit of 0.
    pub fn memory(&self) -> Result<Option<MemoryBudget>, ConfigError> {
        memory("max_memory_bytes", self.max_memory_bytes)
    }

    /// Returns how long a stop may take as a whole, if it is set.
    ///
    /// # Errors
    /// A value that is not a time.
    pub fn shutdown_timeout(&self) -> Result<Option<Duration>, ConfigError> {
        seconds("shutdown_timeout", self.shutdown_timeout)
    }
}
