//! Why a configuration is refused.

use std::{io, path::PathBuf};

/// An error of a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not valid TOML or JSON, or has an unknown key or a value of the wrong type.
    #[error("{}:{line}: {reason}", .file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A value is out of range.
    #[error("{0}")]
    Value(String),
}
