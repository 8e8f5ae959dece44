//! Values with a meaning of their own on the wire (`protocol.md` 3.1).

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
    ops::Deref,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    protocol::{
        error::{Error, Result},
        graph::Graph,
    },
    wire::{
        bytes::Bytes,
        decode,
        encode::{self, Encoded},
        value::Value,
    },
};

/// Where a service listens: `[address, port]` with a literal address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(pub SocketAddr);

impl Deref for Endpoint {
    type Target = SocketAddr;

    fn deref(&self) -> &SocketAddr {
        &self.0
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self(address)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.ip().to_string(), self.0.port()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, port): (Cow<'de, str>, u16) = Deserialize::deserialize(deserializer)?;
        let address: IpAddr = address
            .parse()
            .map_err(|_| de::Error::custom(format_args!("`{address}` is not a literal IP address")))?;
        Ok(Self(SocketAddr::new(address, port)))
    }
}

/// What a locator knows of a service: `endpoints, version, graph`, flat as a reply and an array within others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Vec<Endpoint>, u64, Graph)", into = "(Vec<Endpoint>, u64, Graph)")]
pub struct ServiceInfo {
    /// Where it listens, in the order in which they should be tried; empty when it has gone.
    pub endpoints: Vec<Endpoint>,
    /// The version of its protocol.
    pub version: u64,
    /// Its methods.
    pub graph: Graph,
}

impl From<(Vec<Endpoint>, u64, Graph)> for ServiceInfo {
    fn from((endpoints, version, graph): (Vec<Endpoint>, u64, Graph)) -> Self {
        Self { endpoints, version, graph }
    }
}

impl From<ServiceInfo> for (Vec<Endpoint>, u64, Graph) {
    fn from(resolved: ServiceInfo) -> Self {
        (resolved.endpoints, resolved.version, resolved.graph)
    }
}

/// The value of a log attribute: everything but nil, maps and arrays.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text or bytes.
    Raw(Bytes),
    /// A floating-point number.
    Float(f64),
    /// A negative integer.
    Int(i64),
    /// An integer from zero up.
    UInt(u64),
    /// A truth value.
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
            other => Err(de::Error::custom(format_args!("{other} is no text, number or truth value"))),
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

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 0: for whoever looks for a fault.
    Debug,
    /// 1: what happens.
    Info,
    /// 2: what should not happen.
    Warning,
    /// 3: what must not happen.
    Error,
    /// Any other number, which services take as it is.
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

/// Text that may hold bytes of another encoding: each is read as U+FFFD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lossy<'a>(Cow<'a, str>);

impl Lossy<'_> {
    /// Returns the text.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for Lossy<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Lossy<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de [u8]>::deserialize(deserializer).map(|raw| Self(String::from_utf8_lossy(raw)))
    }
}

/// A whole list of arguments, for a method that nobody has described.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(pub Vec<Value>);

impl Args {
    /// Returns the list that `args` is written as: a tuple gives its elements, anything else one.
    pub fn of<T: Serialize + ?Sized>(args: &T) -> Result<Self> {
        let mut encoded = Encoded::default();
        encode::args(args, &mut encoded)?;
        decode::value(&bytes::Bytes::from(encoded.flatten()))
            .map(Self)
            .map_err(|malformed| Error::encode(malformed.to_string()))
    }
}

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_tuple(self.0.len())?;
        for value in &self.0 {
            serde::ser::SerializeTuple::serialize_element(&mut list, value)?;
        }
        serde::ser::SerializeTuple::end(list)
    }
}

impl<'de> Deserialize<'de> for Args {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> de::Visitor<'de> for List {
            type Value = Args;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of arguments")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Args, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Args(values))
            }
        }
        deserializer.deserialize_tuple(usize::MAX, List)
    }
}
