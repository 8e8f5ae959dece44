//! The addresses of locators: `host:port`, `host`, `[v6]:port` or `unix:/path`, separated by commas.

use std::{fmt, path::Path, sync::Arc};

use crate::protocol::error::{Error, Result};

/// The port of a locator whose address has none (`protocol.md` 9).
const DEFAULT_PORT: u16 = 10053;

/// The address of a locator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host name or IP address, and a port.
    Tcp { host: String, port: u16 },
    /// The path of a unix socket on this machine.
    Unix(Arc<Path>),
}

impl Address {
    /// Parses a list of addresses; the result is never empty.
    pub(crate) fn parse_list(list: &str) -> Result<Vec<Self>> {
        list.split(',').map(|text| Self::parse(text.trim())).collect()
    }

    fn parse(text: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Error::config(format!(
                "`{text}` is not the address of a locator: {why}; write host:port, [address]:port or \
                 unix:/path"
            ))
        };
        if let Some(path) = text.strip_prefix("unix:").or_else(|| text.starts_with('/').then_some(text)) {
            let path = Path::new(path);
            // Which folder a relative one starts from would depend on who reads the setting.
            return path
                .is_absolute()
                .then(|| Self::Unix(path.into()))
                .ok_or_else(|| invalid("the path of a unix socket is absolute"));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) =
                    rest.split_once(']').ok_or_else(|| invalid("the bracket is not closed"))?;
                match (rest, rest.strip_prefix(':')) {
                    ("", _) => (host, None),
                    (_, Some(port)) => (host, Some(port)),
                    _ => return Err(invalid("the bracket must be followed by a port")),
                }
            }
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(invalid("there is no host"));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) => port.parse().map_err(|_| invalid("the port is not a number up to 65535"))?,
        };
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_brackets_and_paths_are_parsed() {
        let list = "a:1, b ,[::1]:2,[::2],::3,10.0.0.1:4,unix:/run/a b:1, /run/c";
        let list = Address::parse_list(list).unwrap();
        let texts: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(texts[..3], ["a:1", "b:10053", "[::1]:2"]);
        assert_eq!(texts[3..6], ["[::2]:10053", "[::3]:10053", "10.0.0.1:4"]);
        assert_eq!(texts[6..], ["unix:/run/a b:1", "unix:/run/c"]);
    }

    #[test]
    fn invalid_address_is_named_in_the_error() {
        for text in [
            "",
            "a:1,",
            ":1",
            "a:",
            "a:70000",
            "a:b",
            "[::1",
            "[::1]x",
            "a b",
            "http://a:1",
            "unix:",
            "unix:a/b",
        ] {
            let error = Address::parse_list(text).unwrap_err().to_string();
            assert!(error.contains("not the address of a locator"), "{text}: {error}");
        }
    }
}
