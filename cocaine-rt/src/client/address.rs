//! The addresses of locators: `host:port`, `host` or `[v6]:port`, separated by commas.

use std::fmt;

use crate::protocol::error::{Error, Result};

/// The port of a locator whose address has none (`protocol.md` 9).
const DEFAULT_PORT: u16 = 10053;

/// A host name or IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Parses a list of addresses; the result is never empty.
    pub(crate) fn parse_list(list: &str) -> Result<Vec<Self>> {
        list.split(',').map(|text| Self::parse(text.trim())).collect()
    }

    fn parse(text: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Error::config(format!(
                "`{text}` is not the address of a locator: {why}; write host:port or [address]:port"
            ))
        };
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
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{open}{}{close}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_brackets_are_parsed() {
        let list = Address::parse_list("a:1, b ,[::1]:2,[::2],::3,10.0.0.1:4").unwrap();
        let texts: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["a:1", "b:10053", "[::1]:2", "[::2]:10053", "[::3]:10053", "10.0.0.1:4"]);
    }

    #[test]
    fn invalid_address_is_named_in_the_error() {
        for text in ["", "a:1,", ":1", "a:", "a:70000", "a:b", "[::1", "[::1]x", "a b", "http://a:1"] {
            let error = Address::parse_list(text).unwrap_err().to_string();
            assert!(error.contains("not the address of a locator"), "{text}: {error}");
        }
    }
}
