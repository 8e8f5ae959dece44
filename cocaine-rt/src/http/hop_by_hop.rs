//! Hop-by-hop headers, which an intermediary does not forward (RFC 9110, 7.6.1).

use http::{HeaderMap, HeaderName, header};

const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];

/// Removes the hop-by-hop headers: `Connection` and the headers that it names, `Keep-Alive`, `Proxy-*`, `TE`, `Trailer`,
/// `Transfer-Encoding` and `Upgrade`.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> =
            headers.get_all(header::CONNECTION).iter().flat_map(named_headers).collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(header::TRANSFER_ENCODING);
}

/// Returns the headers that a `Connection` header names, except for those that may not be removed.
fn named_headers(list: &http::HeaderValue) -> impl Iterator<Item = HeaderName> {
    list.as_bytes().split(|byte| *byte == b',').filter_map(|name| {
        let name = HeaderName::from_bytes(name.trim_ascii()).ok()?;
        // Without these a request would change its target or its length.
        let required = [header::HOST, header::CONTENT_LENGTH].contains(&name);
        (!required).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_are_removed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("connection", "keep-alive,content-length, host"),
            ("keep-alive", "timeout=5"),
            ("x-private", "a"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "b"),
            ("content-length", "5"),
            ("host", "h"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "set-cookie", "set-cookie"]);
    }
}
