//! The severities of an original's logs.

use super::document::{Element, Result};
use crate::config::log::LogLevel;

/// The least severity of the lines of a log. They are numbered from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LeastSeverity {
    Debug,
    #[default]
    Info,
    Warning,
    Error,
}

impl LeastSeverity {
    /// Returns the severity of this name; an unknown name is `info`, as in the versions 2 and 3.
    pub(super) fn parse(name: &str) -> Self {
        Self::from_name(name).unwrap_or_default()
    }

    /// Returns the severity of this name, which version 4 requires to be known.
    pub(super) fn parse_strictly(name: &Element<'_>) -> Result<Self> {
        Self::from_name(name.text()?).ok_or_else(|| name.error("must be debug, info, warning or error"))
    }

    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "debug" => Self::Debug,
            "info" => Self::Info,
            "warning" => Self::Warning,
            "error" => Self::Error,
            _ => return None,
        })
    }

    pub(super) fn level(self) -> LogLevel {
        match self {
            Self::Debug => LogLevel::Debug,
            Self::Info => LogLevel::Info,
            Self::Warning => LogLevel::Warn,
            Self::Error => LogLevel::Error,
        }
    }

    pub(super) fn number(self) -> i32 {
        self as i32
    }
}
