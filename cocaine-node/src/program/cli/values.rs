//! The values of options that are words.

use crate::config::{AccessLogKind, LogFormat, LogLevel};
use clap::ValueEnum;

/// An [`AccessLogKind`] as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum AccessLogArg {
    Off,
    Text,
    Json,
}

impl From<AccessLogArg> for AccessLogKind {
    fn from(kind: AccessLogArg) -> Self {
        match kind {
            AccessLogArg::Off => Self::Off,
            AccessLogArg::Text => Self::Text,
            AccessLogArg::Json => Self::Json,
        }
    }
}

/// A [`LogFormat`] as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatArg {
    Text,
    Json,
}

impl From<FormatArg> for LogFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Text => Self::Text,
            FormatArg::Json => Self::Json,
        }
    }
}

/// A [`LogLevel`] as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LevelArg {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LevelArg> for LogLevel {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Off => Self::Off,
            LevelArg::Error => Self::Error,
            LevelArg::Warn => Self::Warn,
            LevelArg::Info => Self::Info,
            LevelArg::Debug => Self::Debug,
            LevelArg::Trace => Self::Trace,
        }
    }
}
