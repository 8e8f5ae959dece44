//! The values of log attributes (`protocol.md` 3.1).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::wire::{bytes::Bytes, value::Value};

/// The value of a log attribute: any value but nil, maps and arrays.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text or bytes.
    Raw(Bytes),
    /// A floating-point number.
    Float(f64),
    /// A negative integer.
    Int(i64),
    /// A non-negative integer.
    UInt(u64),
    /// A boolean.
    Bool(bool),
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::UInt(number) => serializer.serialize_u64(*number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Raw(raw) => Ok(Self::Raw(raw)),
            Value::Float(number) => Ok(Self::Float(number)),
            Value::Int(number) => Ok(Self::Int(number)),
            Value::UInt(number) => Ok(Self::UInt(number)),
            Value::Bool(truth) => Ok(Self::Bool(truth)),
            other => Err(de::Error::custom(format_args!("{other} is not text, a number or a boolean"))),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw(raw) => f.write_str(&String::from_utf8_lossy(raw)),
            Self::Float(number) => number.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::UInt(number) => number.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Raw(text.into())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Raw(text.into())
    }
}

impl From<Bytes> for Scalar {
    fn from(raw: Bytes) -> Self {
        Self::Raw(raw)
    }
}

impl From<bool> for Scalar {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f64> for Scalar {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<i64> for Scalar {
    fn from(number: i64) -> Self {
        u64::try_from(number).map_or(Self::Int(number), Self::UInt)
    }
}

impl From<i32> for Scalar {
    fn from(number: i32) -> Self {
        i64::from(number).into()
    }
}

impl From<u64> for Scalar {
    fn from(number: u64) -> Self {
        Self::UInt(number)
    }
}
