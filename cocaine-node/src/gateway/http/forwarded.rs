//! What an app learns about the client of a request, by the headers that proxies add: `X-Forwarded-For`, `-Proto`, `-Host`
//! and `-Prefix`, and `X-Real-IP`. Anybody can send them, so only those of trusted proxies count.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use ipnet::IpNet;

use super::port::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// What only a trusted proxy may say, with what says the same in other words.
const FORWARDED_HEADERS: [HeaderName; 7] = [
    FORWARDED_FOR,
    FORWARDED_PROTO,
    FORWARDED_HOST,
    FORWARDED_PREFIX,
    REAL_IP,
    HeaderName::from_static("x-forwarded-port"),
    http::header::FORWARDED,
];

/// The networks of proxies whose headers are believed.
#[derive(Debug, PartialEq)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Returns whether a peer is a proxy whose headers are believed. A process of the gateway's own user is one.
    pub(crate) fn trusts(&self, peer: Peer) -> bool {
        match peer {
            Peer::Ip(address) => self.contains(address),
            Peer::SameUser => true,
        }
    }

    /// Returns the address of the client: that of the peer, or behind trusted proxies the last one in `X-Forwarded-For`
    /// that is not itself a trusted proxy, or the one in `X-Real-IP`.
    pub(crate) fn client_address(&self, peer: Peer, headers: &HeaderMap) -> Option<IpAddr> {
        let mut client = match peer {
            Peer::Ip(address) => Some(address),
            Peer::SameUser => None,
        };
        if !self.trusts(peer) {
            return client;
        }
        let values: Vec<_> =
            headers.get_all(&FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        if values.is_empty() {
            return headers.get(&REAL_IP).and_then(|value| parse_address(value.to_str().ok()?)).or(client);
        }
        for address in values.iter().flat_map(|value| value.split(',')).rev() {
            // Whoever has written something else cannot be asked for more.
            let Some(address) = parse_address(address) else { break };
            client = Some(address);
            if !self.contains(address) {
                break;
            }
        }
        client
    }

    /// Replaces what an untrusted client says by what the gateway knows, and completes what a trusted proxy says.
    /// `prefix` is what routing has removed from the path; `host` is the host that the request names.
    pub(crate) fn add_headers(
        &self,
        parts: &mut Parts,
        peer: Peer,
        host: Option<&str>,
        prefix: Option<&str>,
    ) {
        let headers = &mut parts.headers;
        if !self.trusts(peer) && headers.keys().any(|name| FORWARDED_HEADERS.contains(name)) {
            for name in &FORWARDED_HEADERS {
                headers.remove(name);
            }
        }
        let client = self.client_address(peer, headers);
        if let Peer::Ip(address) = peer {
            append_to_list(headers, FORWARDED_FOR, ", ", &address.to_string());
        }
        if let Some(client) = client {
            insert_if_absent(headers, REAL_IP, &client.to_string());
        }
        insert_if_absent(headers, FORWARDED_PROTO, "http");
        if let Some(host) = host {
            insert_if_absent(headers, FORWARDED_HOST, host);
        }
        if let Some(prefix) = prefix {
            append_to_list(headers, FORWARDED_PREFIX, "", prefix);
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Parses an address, which may have a port and brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

/// Appends to the values of a header, which become one.
fn append_to_list(headers: &mut HeaderMap, name: HeaderName, separator: &str, value: &str) {
    let known: Vec<_> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    let mut list = known.join(", ".as_bytes());
    if separator.is_empty() {
        list.truncate(list.trim_ascii_end().len());
        while list.last() == Some(&b'/') {
            list.pop();
        }
    } else if !list.is_empty() {
        list.extend_from_slice(separator.as_bytes());
    }
    list.extend_from_slice(value.as_bytes());
    if let Ok(value) = HeaderValue::from_bytes(&list) {
        headers.insert(name, value);
    }
}

fn insert_if_absent(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.entry(name).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const PROXY: Peer = Peer::Ip(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn client_is_last_untrusted_address() {
        for (pairs, client) in [
            (&[][..], "10.0.0.1"),
            (&[("x-real-ip", "192.0.2.1")], "192.0.2.1"),
            (&[("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
            (&[("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.9.9.9")], "192.0.2.1"),
            (
                &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1:80 ,[fd00::1]:80")],
                "192.0.2.1",
            ),
            (&[("x-forwarded-for", "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
            (&[("x-forwarded-for", "192.0.2.1, unknown, 10.0.0.2")], "10.0.0.2"),
            (&[("x-forwarded-for", "::ffff:192.0.2.1")], "192.0.2.1"),
            (&[("x-forwarded-for", "nonsense"), ("x-real-ip", "192.0.2.1")], "10.0.0.1"),
        ] {
            let found = proxies().client_address(PROXY, &headers(pairs));
            assert_eq!(found, Some(client.parse().unwrap()), "{pairs:?}");
        }
        let stranger = Peer::Ip("192.0.2.7".parse().unwrap());
        let lie = headers(&[("x-forwarded-for", "10.0.0.1"), ("x-real-ip", "10.0.0.1")]);
        assert_eq!(proxies().client_address(stranger, &lie), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(proxies().client_address(Peer::SameUser, &headers(&[])), None);
    }

    #[test]
    fn trusted_headers_are_completed_and_others_replaced() {
        let said = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
            ("x-forwarded-prefix", "/outer/"),
            ("forwarded", "for=192.0.2.1"),
        ];
        let added = |peer| {
            let mut parts = Request::get("/").body(()).unwrap().into_parts().0;
            parts.headers = headers(&said);
            proxies().add_headers(&mut parts, peer, Some("inner:80"), Some("/shop/web"));
            FORWARDED_HEADERS
                .map(|name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned()))
        };
        let texts = |texts: [&str; 7]| texts.map(|text| (!text.is_empty()).then(|| text.to_owned()));
        let completed = [
            "192.0.2.1, 10.0.0.1",
            "https",
            "shop.example",
            "/outer/shop/web",
            "192.0.2.1",
            "",
            "for=192.0.2.1",
        ];
        assert_eq!(added(PROXY), texts(completed));
        let replaced = ["192.0.2.7", "http", "inner:80", "/shop/web", "192.0.2.7", "", ""];
        assert_eq!(added(Peer::Ip("192.0.2.7".parse().unwrap())), texts(replaced));
    }
}
