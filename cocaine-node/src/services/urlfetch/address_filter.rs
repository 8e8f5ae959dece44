//! Decides which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The networks that are denied by default: all that are not part of the public internet, such as loopback, private
/// networks, and the metadata services of clouds.
///
/// They are those of IANA's registries of special-purpose addresses that are not globally reachable, those that are
/// deprecated, and multicast. Addresses that embed one of IPv4 are checked as that, too.
const DEFAULT_DENIED: [IpNet; 29] = [
    // This machine.
    v4([0, 0, 0, 0], 8),
    v4([127, 0, 0, 0], 8),
    v6([0; 8], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    // Private networks, and the shared ones of providers.
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    // Link-local addresses, with the metadata services of clouds (169.254.169.254).
    v4([169, 254, 0, 0], 16),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    // Protocol assignments, documentation, and benchmarking.
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    // Translation between IPv4 and IPv6 within a network, and the relays of 6to4.
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    v4([192, 88, 99, 0], 24),
    // Discard-only, dummy prefixes, and identifiers of segment routing.
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16),
    // Multicast, and reserved networks.
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

const fn v4(octets: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), prefix))
}

const fn v6(segments: [u16; 8], prefix: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), prefix))
}

/// The denied and allowed networks of the configuration.
#[derive(Debug)]
pub(super) struct AddressFilter {
    deny: Vec<IpNet>,
    allow: Vec<IpNet>,
}

/// An address is denied by a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is denied by {rule} of `urlfetch.deny`")]
pub(super) struct DeniedError {
    address: IpAddr,
    rule: IpNet,
}

impl AddressFilter {
    /// Denies the networks in `deny`, by default all that are not public, except those in `allow`.
    pub(super) fn new(deny: Option<Vec<IpNet>>, allow: Vec<IpNet>) -> Self {
        Self { deny: deny.unwrap_or_else(|| DEFAULT_DENIED.to_vec()), allow }
    }

    /// Checks an address, and the IPv4 address that it may embed.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), DeniedError> {
        let address = address.to_canonical();
        for checked in [Some(address), embedded_ipv4(address)].into_iter().flatten() {
            let holds = |networks: &[IpNet]| networks.iter().copied().find(|rule| rule.contains(&checked));
            if let (Some(rule), None) = (holds(&self.deny), holds(&self.allow)) {
                return Err(DeniedError { address, rule });
            }
        }
        Ok(())
    }

    /// Returns the permitted addresses, or an error if all of them are denied.
    pub(super) fn permitted<T>(
        &self,
        found: impl Iterator<Item = T>,
        address: impl Fn(&T) -> IpAddr,
    ) -> Result<Vec<T>, DeniedError> {
        let (mut permitted, mut refused) = (Vec::new(), Ok(()));
        for found in found {
            match self.check(address(&found)) {
                Ok(()) => permitted.push(found),
                Err(denied) => refused = refused.and(Err(denied)),
            }
        }
        if permitted.is_empty() { refused.map(|()| permitted) } else { Ok(permitted) }
    }
}

/// Returns the IPv4 address that an IPv6 address embeds: IPv4-compatible (deprecated), NAT64 or 6to4.
fn embedded_ipv4(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d).into())
    };
    match address.segments() {
        // `::` and `::1` embed nothing.
        [0, 0, 0, 0, 0, 0, 0, _] => None,
        [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            of(high, low)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn check(filter: &AddressFilter, address: &str) -> Result<(), String> {
        filter.check(address.parse().unwrap()).map_err(|denied| denied.to_string())
    }

    #[test]
    fn non_public_addresses_are_denied_by_default() {
        let filter = AddressFilter::new(None, Vec::new());
        let denied = [
            ("127.0.0.1", "127.0.0.0/8"),
            ("127.255.255.254", "127.0.0.0/8"),
            ("0.0.0.0", "0.0.0.0/8"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("100.100.100.200", "100.64.0.0/10"),
            ("172.16.0.1", "172.16.0.0/12"),
            ("172.31.255.255", "172.16.0.0/12"),
            ("192.168.1.1", "192.168.0.0/16"),
            ("169.254.169.254", "169.254.0.0/16"),
            ("192.0.0.192", "192.0.0.0/24"),
            ("224.0.0.1", "224.0.0.0/4"),
            ("255.255.255.255", "240.0.0.0/4"),
            ("::", "::/128"),
            ("::1", "::1/128"),
            ("fd00:ec2::254", "fc00::/7"),
            ("fe80::1", "fe80::/10"),
            ("ff02::1", "ff00::/8"),
            ("2001::1", "2001::/23"),
        ];
        for (address, rule) in denied {
            let expected = format!("{address} is denied by {rule} of `urlfetch.deny`");
            assert_eq!(check(&filter, address), Err(expected));
        }
        for address in
            ["1.1.1.1", "172.15.0.1", "172.32.0.1", "193.0.0.1", "2606:4700::1111", "64:ff9b::101:101"]
        {
            assert_eq!(check(&filter, address), Ok(()));
        }
    }

    /// The entries of <https://www.iana.org/assignments/iana-ipv4-special-registry> and of its counterpart for IPv6, with
    /// whether they are globally reachable. Exceptions within a denied block are left out: they are denied, too.
    const IANA: [(&str, bool); 41] = [
        ("0.0.0.0/8", false),
        ("0.0.0.0/32", false),
        ("10.0.0.0/8", false),
        ("100.64.0.0/10", false),
        ("127.0.0.0/8", false),
        ("169.254.0.0/16", false),
        ("172.16.0.0/12", false),
        ("192.0.0.0/24", false),
        ("192.0.0.0/29", false),
        ("192.0.0.8/32", false),
        ("192.0.0.170/32", false),
        ("192.0.0.171/32", false),
        ("192.0.2.0/24", false),
        ("192.31.196.0/24", true),
        ("192.52.193.0/24", true),
        ("192.88.99.0/24", false),
        ("192.88.99.2/32", false),
        ("192.168.0.0/16", false),
        ("192.175.48.0/24", true),
        ("198.18.0.0/15", false),
        ("198.51.100.0/24", false),
        ("203.0.113.0/24", false),
        ("240.0.0.0/4", false),
        ("255.255.255.255/32", false),
        ("::1/128", false),
        ("::/128", false),
        ("::ffff:0:0:0/96", false),
        ("64:ff9b:1::/48", false),
        ("100::/64", false),
        ("100:0:0:1::/64", false),
        ("2001::/23", false),
        ("2001::/32", false),
        ("2001:2::/48", false),
        ("2001:10::/28", false),
        ("2001:db8::/32", false),
        ("2620:4f:8000::/48", true),
        ("3fff::/20", false),
        ("5f00::/16", false),
        ("fc00::/7", false),
        ("fe80::/10", false),
        ("ff00::/8", false),
    ];

    #[test]
    fn special_purpose_addresses_are_denied_by_default() {
        let filter = AddressFilter::new(None, Vec::new());
        for (network, is_global) in IANA {
            let network: IpNet = network.parse().unwrap();
            for address in [network.network(), network.broadcast()] {
                assert_eq!(filter.check(address).is_ok(), is_global, "{address} of {network}");
            }
        }
        for network in ["::ffff:0:0/96", "64:ff9b::/96", "2002::/16"] {
            let network: IpNet = network.parse().unwrap();
            for address in [network.network(), network.broadcast()] {
                assert!(filter.check(address).is_err(), "{address} embeds a special one");
            }
        }
    }

    #[test]
    fn embedded_ipv4_addresses_are_checked() {
        let filter = AddressFilter::new(None, Vec::new());
        let expected = Err("127.0.0.1 is denied by 127.0.0.0/8 of `urlfetch.deny`".to_owned());
        assert_eq!(check(&filter, "::ffff:127.0.0.1"), expected);
        for address in
            ["64:ff9b::7f00:1", "2002:7f00:1::", "2002:7f00:1:2:3:4:5:6", "::7f00:1", "64:ff9b::a9fe:a9fe"]
        {
            assert!(check(&filter, address).is_err(), "{address}");
        }
    }

    #[test]
    fn allowed_networks_are_exempt() {
        let filter =
            AddressFilter::new(None, networks(&["127.0.0.1/32", "::1/128", "10.0.0.0/8", "fd00::/8"]));
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.1.1", "fd00::1", "64:ff9b::a01:101"] {
            assert_eq!(check(&filter, address), Ok(()));
        }
        for address in ["127.0.0.2", "192.168.0.1", "fc00::1", "64:ff9b::c0a8:1"] {
            assert!(check(&filter, address).is_err(), "{address}");
        }
    }

    #[test]
    fn configured_deny_list_replaces_default() {
        let filter = AddressFilter::new(Some(networks(&["8.8.8.0/24", "::/0"])), Vec::new());
        assert_eq!(check(&filter, "127.0.0.1"), Ok(()));
        assert_eq!(
            check(&filter, "8.8.8.8").unwrap_err(),
            "8.8.8.8 is denied by 8.8.8.0/24 of `urlfetch.deny`"
        );
        assert!(check(&filter, "::1").is_err());
        let open = AddressFilter::new(Some(Vec::new()), Vec::new());
        assert_eq!(check(&open, "::1"), Ok(()));
    }

    #[test]
    fn only_permitted_addresses_are_kept() {
        let filter = AddressFilter::new(None, Vec::new());
        let addresses =
            |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let permitted = |texts: &[&str]| filter.permitted(addresses(texts).into_iter(), |address| *address);
        assert_eq!(
            permitted(&["10.0.0.1", "1.1.1.1", "::1", "9.9.9.9"]),
            Ok(addresses(&["1.1.1.1", "9.9.9.9"]))
        );
        assert_eq!(
            permitted(&["10.0.0.1", "::1"]).unwrap_err().to_string(),
            "10.0.0.1 is denied by 10.0.0.0/8 of `urlfetch.deny`"
        );
        assert_eq!(permitted(&[]), Ok(Vec::new()));
    }
}
