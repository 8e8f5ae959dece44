//! The hosts on which the services of a node listen.

use std::{
    collections::BTreeSet,
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use cocaine::{
    Endpoint,
    server::{ListeningSocket, listen, listen_v6_only},
};
use tokio::net::{TcpListener, lookup_host};

use crate::{config::ListenAddress, private_socket::listen_privately};

/// The hosts on which all services of a node listen, and the sockets of its locator.
#[derive(Clone, Debug)]
pub(crate) struct ListenHosts {
    /// There is at least one.
    hosts: Vec<Host>,
    /// The unix sockets of the locator.
    sockets: Vec<PathBuf>,
    /// A host of IPv4 is among them, so that `[::]` must not serve IPv4 as well.
    has_v4: bool,
}

/// A host, and the port of the locator there.
#[derive(Clone, Debug)]
struct Host {
    name: String,
    /// The addresses of the name, of which the first free one is used.
    addresses: Vec<SocketAddr>,
    locator_port: u16,
}

/// An address on which a service cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub(crate) struct BindError {
    pub(crate) address: String,
    pub(crate) source: io::Error,
}

impl ListenHosts {
    /// Finds the addresses of the hosts. If there are unix sockets alone, the services listen on loopback: the protocol has
    /// no other endpoints than addresses with ports.
    pub(crate) async fn resolve(listen: &[ListenAddress]) -> Result<Self, BindError> {
        let (mut hosts, mut sockets) = (Vec::new(), Vec::new());
        for address in listen {
            match address {
                ListenAddress::Tcp { host, port } => hosts.push(Host::resolve(host, *port).await?),
                ListenAddress::Unix(path) => sockets.push(path.clone()),
            }
        }
        if hosts.is_empty() {
            tracing::info!("the services and the workers' locator listen on free ports of 127.0.0.1");
            hosts.push(Host {
                name: Ipv4Addr::LOCALHOST.to_string(),
                addresses: vec![(Ipv4Addr::LOCALHOST, 0).into()],
                locator_port: 0,
            });
        }
        let has_v4 = hosts.iter().any(|host| host.addresses.iter().any(SocketAddr::is_ipv4));
        Ok(Self { hosts, sockets, has_v4 })
    }

    /// Returns the unix sockets of the locator.
    pub(crate) fn sockets(&self) -> &[PathBuf] {
        &self.sockets
    }

    /// Returns whether the services listen on an unspecified address.
    pub(crate) fn is_unspecified(&self) -> bool {
        let mut addresses = self.hosts.iter().flat_map(|host| &host.addresses);
        addresses.any(|address| address.ip().is_unspecified())
    }

    /// Listens on `port` of each host; each has a port of its own if it is 0.
    pub(crate) async fn bind(&self, port: u16) -> Result<Vec<TcpListener>, BindError> {
        let mut listeners = Vec::with_capacity(self.hosts.len());
        for host in &self.hosts {
            listeners.push(self.bind_host(host, port).await?);
        }
        Ok(listeners)
    }

    /// Listens on the ports of the locator, and on its unix sockets.
    pub(crate) async fn bind_locator(&self) -> Result<Vec<ListeningSocket>, BindError> {
        let mut listening = Vec::with_capacity(self.hosts.len() + self.sockets.len());
        for host in &self.hosts {
            let listener = self.bind_host(host, host.locator_port).await?;
            let failed = |source| BindError { address: host.name.clone(), source };
            listening.push(ListeningSocket::tcp(listener).map_err(failed)?);
        }
        for path in &self.sockets {
            let failed = |source| BindError { address: format!("unix:{}", path.display()), source };
            let (listener, file) = listen_privately(path).await.map_err(failed)?;
            listening.push(ListeningSocket::unix(listener, path).with_guard(file));
        }
        Ok(listening)
    }

    async fn bind_host(&self, host: &Host, port: u16) -> Result<TcpListener, BindError> {
        let mut addresses = host.addresses.clone();
        for address in &mut addresses {
            address.set_port(port);
        }
        let listener =
            if self.has_v4 { listen_v6_only(&*addresses).await } else { listen(&*addresses).await };
        listener.map_err(|source| BindError { address: host.with_port(port).to_string(), source })
    }

    /// Returns the endpoints that are announced for the addresses of a server. One that is unspecified stays so unless one of
    /// `known` can replace it: the locator replaces it by the address that its client has connected to (`protocol.md` 7).
    pub(crate) fn announced_endpoints(&self, addresses: &[SocketAddr], known: &[IpAddr]) -> Vec<Endpoint> {
        let mut endpoints = Vec::with_capacity(addresses.len());
        for address in addresses.iter().flat_map(|address| self.served_addresses(*address)) {
            let replaces =
                |known: &&IpAddr| address.ip().is_unspecified() && known.is_ipv4() == address.is_ipv4();
            let before = endpoints.len();
            endpoints.extend(
                known.iter().filter(replaces).map(|ip| Endpoint(SocketAddr::new(*ip, address.port()))),
            );
            if endpoints.len() == before {
                endpoints.push(Endpoint(address));
            }
        }
        endpoints
    }

    /// Returns the addresses at which this machine reaches a server of its own, those that every program can use first.
    pub(crate) fn local_addresses(&self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut local: Vec<_> =
            addresses.iter().flat_map(|address| self.served_addresses(*address)).map(to_local).collect();
        local.sort_by_key(|address| match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => 2,
            address => u8::from(!address.ip().is_loopback()),
        });
        let mut known = BTreeSet::new();
        local.retain(|address| known.insert(*address));
        local
    }

    /// Returns the addresses that a socket serves: two, if it serves both versions of IP.
    fn served_addresses(&self, address: SocketAddr) -> impl Iterator<Item = SocketAddr> + use<> {
        let serves_v4 = address.ip() == Ipv6Addr::UNSPECIFIED && !self.has_v4;
        let v4 = serves_v4.then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into());
        [address].into_iter().chain(v4)
    }
}

impl Host {
    async fn resolve(name: &str, locator_port: u16) -> Result<Self, BindError> {
        let failed = |source| BindError { address: name.to_owned(), source };
        let found = lookup_host((name, 0)).await.map_err(failed)?;
        let to_canonical = |found: SocketAddr| match found.ip().to_canonical() {
            IpAddr::V4(v4) => (v4, 0).into(),
            IpAddr::V6(_) => found,
        };
        let addresses: Vec<_> = found.map(to_canonical).collect();
        if addresses.is_empty() {
            return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
        }
        Ok(Self { name: name.to_owned(), addresses, locator_port })
    }

    fn with_port(&self, port: u16) -> impl fmt::Display {
        let (open, close) = if self.name.contains(':') { ("[", "]") } else { ("", "") };
        format!("{open}{}{close}:{port}", self.name)
    }
}

/// Returns the address at which this machine reaches a server that listens on `address`.
fn to_local(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn hosts(listen: &str) -> ListenHosts {
        let addresses = crate::config::ListenAddresses::from(listen).parse(1).unwrap();
        ListenHosts::resolve(&addresses).await.unwrap()
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn texts(addresses: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
        addresses.into_iter().map(|address| address.to_string()).collect()
    }

    #[tokio::test]
    async fn dual_stack_is_announced_for_both_versions() {
        let hosts = hosts("[::]:1").await;
        let announced = |known: &[&str]| {
            let known: Vec<_> = known.iter().map(|ip| ip.parse().unwrap()).collect();
            texts(hosts.announced_endpoints(&addresses(&["[::]:7"]), &known))
        };
        assert_eq!(announced(&[]), ["[::]:7", "0.0.0.0:7"]);
        assert_eq!(announced(&["10.0.0.1", "10.0.0.2"]), ["[::]:7", "10.0.0.1:7", "10.0.0.2:7"]);
        assert_eq!(announced(&["fd00::1", "10.0.0.1"]), ["[fd00::1]:7", "10.0.0.1:7"]);
        assert_eq!(texts(hosts.local_addresses(&addresses(&["[::]:7"]))), ["[::1]:7", "127.0.0.1:7"]);
    }

    #[tokio::test]
    async fn v6_serves_itself_alone_beside_v4() {
        let hosts = hosts("127.0.0.1:1,[::]:1").await;
        let bound = addresses(&["127.0.0.1:7", "[::]:8"]);
        let known = ["10.0.0.1".parse().unwrap()];
        assert_eq!(texts(hosts.announced_endpoints(&bound, &known)), ["127.0.0.1:7", "[::]:8"]);
        assert_eq!(texts(hosts.local_addresses(&bound)), ["127.0.0.1:7", "[::1]:8"]);
    }

    #[tokio::test]
    async fn workers_get_the_most_usable_address_first() {
        let hosts = hosts("[fe80::1%2]:1,10.0.0.1:1,127.0.0.1:1").await;
        let bound = addresses(&["[fe80::1%2]:1", "10.0.0.1:2", "127.0.0.1:3", "0.0.0.0:3"]);
        assert_eq!(texts(hosts.local_addresses(&bound)), ["127.0.0.1:3", "10.0.0.1:2", "[fe80::1%2]:1"]);
    }
}
