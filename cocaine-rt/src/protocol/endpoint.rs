//! The endpoints of services, and the reply of a locator to `resolve` (`protocol.md` 3.1).

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    ops::Deref,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::protocol::{graph::Graph, lossy::LossyStr};

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

impl Endpoint {
    /// Parses a literal address; that of IPv6 may have a scope, as in `fe80::1%2`. A scope that names an interface is of
    /// use to nobody but the machine that has it, and is not parsed.
    fn parse(address: &str, port: u16) -> Option<Self> {
        if address.contains('%') {
            return format!("[{address}]:{port}").parse().ok().map(|v6: SocketAddrV6| Self(v6.into()));
        }
        address.parse().ok().map(|address: IpAddr| Self(SocketAddr::new(address, port)))
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let address = match self.0 {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            _ => self.0.ip().to_string(),
        };
        (address, self.0.port()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, port): (Cow<'de, str>, u16) = Deserialize::deserialize(deserializer)?;
        Self::parse(&address, port)
            .ok_or_else(|| de::Error::custom(format_args!("`{address}` is not a literal IP address")))
    }
}

/// The endpoints of a list, without those that cannot be used: another one may be.
struct UsableEndpoints(Vec<Endpoint>);

impl<'de> Deserialize<'de> for UsableEndpoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named: Vec<(LossyStr<'de>, u64)> = Deserialize::deserialize(deserializer)?;
        let (mut endpoints, mut unusable) = (Vec::with_capacity(named.len()), None);
        for (address, port) in named {
            match u16::try_from(port).ok().and_then(|port| Endpoint::parse(&address, port)) {
                Some(endpoint) => endpoints.push(endpoint),
                None => unusable = unusable.or(Some(address)),
            }
        }
        if let Some(address) = unusable {
            tracing::debug!(address = &*address, "endpoints that cannot be used are passed over");
        }
        Ok(Self(endpoints))
    }
}

/// The description of a service by a locator: `endpoints, version, graph`. It is flat as a reply, and an array within
/// other values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(UsableEndpoints, u64, Graph)", into = "(Vec<Endpoint>, u64, Graph)")]
pub struct ServiceInfo {
    /// The endpoints, in the order in which they should be tried. Empty once the service is gone. Addresses that cannot be
    /// parsed are left out.
    pub endpoints: Vec<Endpoint>,
    /// The version of its protocol.
    pub version: u64,
    /// Its methods.
    pub graph: Graph,
}

impl ServiceInfo {
    /// Sets the scope of link-local endpoints to that of `locator`, if it has a link-local address, too: the number by which a
    /// machine knows an interface means nothing to another one.
    pub(crate) fn set_scope(&mut self, locator: SocketAddrV6) {
        if !locator.ip().is_unicast_link_local() {
            return;
        }
        for Endpoint(address) in &mut self.endpoints {
            if let SocketAddr::V6(v6) = address
                && v6.ip().is_unicast_link_local()
            {
                v6.set_scope_id(locator.scope_id());
            }
        }
    }
}

impl From<(UsableEndpoints, u64, Graph)> for ServiceInfo {
    fn from((UsableEndpoints(endpoints), version, graph): (UsableEndpoints, u64, Graph)) -> Self {
        Self { endpoints, version, graph }
    }
}

impl From<ServiceInfo> for (Vec<Endpoint>, u64, Graph) {
    fn from(resolved: ServiceInfo) -> Self {
        (resolved.endpoints, resolved.version, resolved.graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        decode,
        encode::{self, Encoded},
    };

    fn read_info(endpoints: &[(&str, u64)]) -> ServiceInfo {
        let mut args = Encoded::default();
        encode::args(&(endpoints, 1_u64, Graph::default()), &mut args).unwrap();
        decode::args(&args.flatten().into()).unwrap()
    }

    #[test]
    fn unusable_endpoints_are_passed_over() {
        let named = [
            ("fe80::1%eth0", 1),
            ("", 2),
            ("localhost", 3),
            ("10.0.0.256", 4),
            ("::1", 70_000),
            ("::1%", 6),
            ("10.0.0.1", 7),
        ];
        let info = read_info(&named);
        assert_eq!(info.endpoints, [Endpoint("10.0.0.1:7".parse().unwrap())]);
        assert_eq!((info.version, read_info(&named[..6]).endpoints.len()), (1, 0));
    }

    #[test]
    fn link_local_endpoint_has_scope_of_locator() {
        let scoped = |locator: &str| {
            let mut info = read_info(&[("fe80::1%2", 1), ("fe80::2", 2), ("fd00::1", 3), ("10.0.0.1", 4)]);
            info.set_scope(locator.parse().unwrap());
            info.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let expected = ["[fe80::1%7]:1", "[fe80::2%7]:2", "[fd00::1]:3", "10.0.0.1:4"];
        assert_eq!(scoped("[fe80::9%7]:10053"), expected);
        assert_eq!(scoped("[fd00::9]:10053")[0], "[fe80::1%2]:1", "it does not say which interface");
    }

    #[test]
    fn scoped_address_is_read_and_written() {
        let info = read_info(&[("fe80::1%2", 53)]);
        assert_eq!(info.endpoints[0].to_string(), "[fe80::1%2]:53");
        let mut args = Encoded::default();
        encode::args(&(info.clone(),), &mut args).unwrap();
        assert_eq!(decode::args::<(ServiceInfo,)>(&args.flatten().into()).unwrap().0, info);
    }
}
