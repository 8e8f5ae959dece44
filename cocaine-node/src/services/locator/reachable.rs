//! Which endpoints of a service a client is told: those that it can use, since it has reached this node.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use cocaine::Endpoint;

/// Returns the endpoints for a client that has connected to `local`, or to a unix socket, best first:
///
/// - An unspecified address becomes the one that the client has connected to, which reaches this machine whatever names and
///   addresses it has; loopback, for a client on a unix socket. If that is of the other version of IP, the endpoint is left out.
/// - Loopback is left out for clients that have not used it: to them it would be their own machine.
/// - The address that the client has connected to comes first.
///
/// A rule that leaves nothing is not applied.
pub(super) fn reachable_endpoints(endpoints: &[Endpoint], local: Option<SocketAddr>) -> Vec<Endpoint> {
    let is_usable = |endpoint: &&Endpoint| {
        !endpoint.ip().is_unspecified() || local.is_none_or(|local| local.is_ipv4() == endpoint.is_ipv4())
    };
    let specified: Vec<_> =
        endpoints.iter().filter(is_usable).map(|endpoint| specify(*endpoint, local)).collect();
    let mut reachable = if specified.is_empty() {
        endpoints.iter().map(|endpoint| specify(*endpoint, local)).collect()
    } else {
        specified
    };
    if local.is_some_and(|local| !local.ip().is_loopback())
        && reachable.iter().any(|endpoint| !endpoint.ip().is_loopback())
    {
        reachable.retain(|endpoint| !endpoint.ip().is_loopback());
    }
    reachable.sort_by_key(|endpoint| match local {
        Some(local) => endpoint.ip() != local.ip(),
        None => !endpoint.ip().is_loopback(),
    });
    reachable
}

/// Returns the endpoint with `local`, or loopback, in place of an unspecified address. A link-local address keeps its scope.
fn specify(endpoint: Endpoint, local: Option<SocketAddr>) -> Endpoint {
    if !endpoint.ip().is_unspecified() {
        return endpoint;
    }
    let mut address = local.unwrap_or_else(|| match *endpoint {
        SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, 0).into(),
    });
    address.set_port(endpoint.port());
    Endpoint(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(endpoints: &[&str], local: Option<&str>) -> Vec<String> {
        let endpoints: Vec<_> = endpoints.iter().map(|text| Endpoint(text.parse().unwrap())).collect();
        let local = local.map(|local| local.parse().unwrap());
        reachable_endpoints(&endpoints, local).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unspecified_address_becomes_the_connected_one() {
        let dual = ["[::]:7", "0.0.0.0:7"];
        for (local, expected) in [
            ("10.0.0.5:1", "10.0.0.5:7"),
            ("127.0.0.2:1", "127.0.0.2:7"),
            ("[::1]:1", "[::1]:7"),
            ("[fd00::5]:1", "[fd00::5]:7"),
            ("[fe80::5%3]:1", "[fe80::5%3]:7"),
        ] {
            assert_eq!(announced(&dual, Some(local)), [expected]);
        }
        assert_eq!(announced(&dual, None), ["[::1]:7", "127.0.0.1:7"], "a client on a unix socket");
        assert_eq!(announced(&["0.0.0.0:7"], Some("[fd00::5]:1")), ["[fd00::5]:7"], "rather than nothing");
    }

    #[test]
    fn loopback_is_for_local_clients_alone() {
        let several = ["127.0.0.1:7", "10.0.0.5:8", "[fd00::5]:9"];
        assert_eq!(announced(&several, Some("10.0.0.5:1")), ["10.0.0.5:8", "[fd00::5]:9"]);
        assert_eq!(announced(&several, Some("[fd00::5]:1")), ["[fd00::5]:9", "10.0.0.5:8"]);
        assert_eq!(announced(&several, Some("127.0.0.1:1")), several);
        assert_eq!(announced(&["10.0.0.5:8", "127.0.0.1:7"], None), ["127.0.0.1:7", "10.0.0.5:8"]);
        assert_eq!(announced(&["127.0.0.1:7"], Some("10.0.0.5:1")), ["127.0.0.1:7"], "published so");
        assert_eq!(announced(&[], Some("10.0.0.5:1")), [""; 0]);
    }
}
