//! The endpoints of services, and the reply of a locator to `resolve` (`protocol.md` 3.1).

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
    ops::Deref,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::protocol::graph::Graph;

/// The address that a service listens on: `[address, port]` with a literal IP address.
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

/// The description of a service by a locator: `endpoints, version, graph`. It is flat as a reply, and an array within
/// other values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Vec<Endpoint>, u64, Graph)", into = "(Vec<Endpoint>, u64, Graph)")]
pub struct ServiceInfo {
    /// The endpoints, in the order in which they should be tried. Empty once the service is gone.
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
