//! The severity of a log line (`protocol.md` 3.1).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 0: details for debugging.
    Debug,
    /// 1: normal events.
    Info,
    /// 2: unexpected events.
    Warning,
    /// 3: failures.
    Error,
    /// Any other number, which services accept as it is.
    Other(i32),
}

impl From<i32> for Severity {
    fn from(number: i32) -> Self {
        match number {
            0 => Self::Debug,
            1 => Self::Info,
            2 => Self::Warning,
            3 => Self::Error,
            other => Self::Other(other),
        }
    }
}

impl From<Severity> for i32 {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Debug => 0,
            Severity::Info => 1,
            Severity::Warning => 2,
            Severity::Error => 3,
            Severity::Other(other) => other,
        }
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32((*self).into())
    }
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i32::deserialize(deserializer).map(Into::into)
    }
}
