//! Requests that a browser sends for a web page. A page of any site can make the browsers of its visitors send requests to
//! addresses that only they reach: across sites, which `Origin` shows, or to a name of its own that it lets resolve to
//! such an address (DNS rebinding), which `Host` shows.

use std::{collections::HashSet, net::IpAddr};

use http::{HeaderValue, StatusCode, header, request::Parts};

use crate::{
    config::{ConfigError, HttpConfig},
    gateway::{
        http::error::HttpError,
        routing::route::{host_authority, host_name, without_port},
    },
};

/// Which web pages may send requests that change something.
#[derive(Debug)]
pub(super) struct WebPages {
    /// The names of the gateway itself; a name may stand for all below it, as in `*.example`.
    names: HashSet<String>,
    /// The origins of other pages.
    origins: HashSet<String>,
}

impl WebPages {
    pub(super) fn new(config: &HttpConfig) -> Result<Self, ConfigError> {
        let names = config.names.iter().flatten().chain(config.hosts.keys());
        let origins = config.origins.iter().flatten().map(|origin| parse_origin(origin));
        Ok(Self {
            names: names.map(|name| name.to_ascii_lowercase()).collect(),
            origins: origins.collect::<Result<_, _>>()?,
        })
    }

    /// Checks that a request names this gateway by a name that nobody else can give it: an address, a name of this machine
    /// or of the local network, or one that the configuration lists.
    ///
    /// # Errors
    /// 403 for any other name.
    pub(super) fn check_host(&self, parts: &Parts) -> Result<(), HttpError> {
        // A browser always sends `Host`.
        let Some(host) = host_name(parts) else { return Ok(()) };
        if is_local_name(&host) || self.has_name(&host) {
            return Ok(());
        }
        Err(refuse(format!(
            "the gateway does not know that it is called {host:?}: use its address, or list the name in `http.names`"
        )))
    }

    /// Checks that the page of a request, if there is one, is of this gateway, of this machine, or of an origin that the
    /// configuration lists.
    ///
    /// # Errors
    /// 403 for a page of any other origin.
    pub(super) fn check_origin(&self, parts: &Parts) -> Result<(), HttpError> {
        let mut origins = parts.headers.get_all(header::ORIGIN).iter();
        match origins.find(|origin| !self.allows_origin(parts, origin)) {
            None => Ok(()),
            Some(origin) => Err(refuse(format!(
                "a page of {origin:?} must not send this request: list the origin in `http.origins` if it may"
            ))),
        }
    }

    fn allows_origin(&self, parts: &Parts, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
        if self.origins.contains(&origin) {
            return true;
        }
        let Some((_, authority)) = origin.split_once("://") else { return false };
        let is_own = host_authority(parts).is_some_and(|host| host.eq_ignore_ascii_case(authority));
        (is_own && self.check_host(parts).is_ok()) || is_loopback(without_port(authority))
    }

    fn has_name(&self, host: &str) -> bool {
        let below = || host.split_once('.').map(|(_, domain)| format!("*.{domain}"));
        self.names.contains(host) || below().is_some_and(|pattern| self.names.contains(&pattern))
    }
}

/// Returns whether a host is an address, or a name that no domain on the internet has.
fn is_local_name(host: &str) -> bool {
    is_loopback(host) || parse_address(host).is_some() || !host.contains('.')
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || parse_address(host).is_some_and(|address| address.to_canonical().is_loopback())
}

fn parse_address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// Returns an origin as browsers send it: a scheme and a host, without a path; or `null`.
fn parse_origin(origin: &str) -> Result<String, ConfigError> {
    let host = origin.split_once("://").map(|(_, host)| host);
    if origin == "null" || host.is_some_and(|host| !host.is_empty() && !host.contains('/')) {
        return Ok(origin.to_ascii_lowercase());
    }
    Err(ConfigError::Value(format!(
        "http.origins: {origin:?} is not of the form SCHEME://HOST or SCHEME://HOST:PORT"
    )))
}

fn refuse(text: String) -> HttpError {
    HttpError::new(StatusCode::FORBIDDEN, text)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn pages() -> WebPages {
        let config = HttpConfig::default()
            .names(["node-1.example", "*.inner.example"])
            .origins(["https://Shop.example"]);
        WebPages::new(&config).unwrap()
    }

    fn parts(host: &str, origin: Option<&str>) -> Parts {
        let mut request = Request::post("/").header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn hosts_that_anybody_can_register_are_refused() {
        for host in [
            "127.0.0.1:8080",
            "10.0.0.1",
            "[::1]:8080",
            "[fd00::1]",
            "localhost:8080",
            "a.localhost",
            "gateway:8080",
            "NODE-1.example",
            "node-1.example.",
            "a.inner.example:80",
        ] {
            assert!(pages().check_host(&parts(host, None)).is_ok(), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "inner.example",
            "a.b.inner.example",
            "x.node-1.example",
        ] {
            let error = pages().check_host(&parts(host, None)).unwrap_err();
            assert!(error.status == 403 && error.cause.contains("http.names"), "{host}: {}", error.cause);
        }
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        for (host, origin) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("10.0.0.1:8080", "http://10.0.0.1:8080"),
            ("node-1.example", "https://node-1.example"),
            ("127.0.0.1:8080", "http://localhost:3000"),
            ("127.0.0.1:8080", "https://shop.example"),
        ] {
            assert!(pages().check_origin(&parts(host, Some(origin))).is_ok(), "{host} {origin}");
        }
        for (host, origin) in [
            ("127.0.0.1:8080", "http://evil.example"),
            ("127.0.0.1:8080", "null"),
            ("127.0.0.1:8080", "http://10.0.0.1:8080"),
            ("127.0.0.1:8080", "http://shop.example"),
            ("evil.example:8080", "http://evil.example:8080"),
            ("127.0.0.1:8080", "http://localhost.evil.example"),
        ] {
            let error = pages().check_origin(&parts(host, Some(origin))).unwrap_err();
            assert!(error.status == 403 && error.cause.contains("http.origins"), "{host} {origin}");
        }
    }

    #[test]
    fn configured_origin_needs_scheme_and_host() {
        for origin in ["shop.example", "https://", "https://shop.example/"] {
            let error = WebPages::new(&HttpConfig::default().origins([origin])).unwrap_err().to_string();
            assert!(error.starts_with("http.origins: ") && error.contains(origin), "{error}");
        }
    }
}
