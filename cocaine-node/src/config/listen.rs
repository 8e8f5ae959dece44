//! The addresses that a node listens on.

use std::{fmt, net::Ipv6Addr, path::PathBuf};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use super::{error::ConfigError, setting::SettingValue};

/// The addresses that a node listens on, as they are written: `ADDRESS:PORT`, `[ADDRESS]:PORT`, or `unix:/PATH`.
///
/// One text may have several, separated by commas; in a file, they may also be a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddresses(Vec<String>);

/// One address that a node listens on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ListenAddress {
    /// A host name or a literal IP address, and a port; port 0 is any free one.
    Tcp { host: String, port: u16 },
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl From<&str> for ListenAddresses {
    fn from(texts: &str) -> Self {
        texts.split(',').map(str::trim).collect()
    }
}

impl From<String> for ListenAddresses {
    fn from(texts: String) -> Self {
        Self::from(texts.as_str())
    }
}

impl From<&String> for ListenAddresses {
    fn from(texts: &String) -> Self {
        Self::from(texts.as_str())
    }
}

/// Each item is one address.
impl<T: Into<String>> FromIterator<T> for ListenAddresses {
    fn from_iter<I: IntoIterator<Item = T>>(addresses: I) -> Self {
        Self(addresses.into_iter().map(Into::into).collect())
    }
}

/// The addresses separated by commas.
impl fmt::Display for ListenAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// One address is a text, and several are a list.
impl Serialize for ListenAddresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [address] if !address.contains(',') => address.serialize(serializer),
            addresses => addresses.serialize(serializer),
        }
    }
}

impl SettingValue for ListenAddresses {
    const NAME: &'static str = "text, or list of texts";
}

impl<'de> Deserialize<'de> for ListenAddresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AddressesVisitor)
    }
}

struct AddressesVisitor;

impl<'de> Visitor<'de> for AddressesVisitor {
    type Value = ListenAddresses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address or a list of addresses")
    }

    fn visit_str<E>(self, texts: &str) -> Result<ListenAddresses, E> {
        Ok(texts.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ListenAddresses, A::Error> {
        let mut addresses = Vec::new();
        while let Some(address) = list.next_element()? {
            addresses.push(address);
        }
        Ok(ListenAddresses(addresses))
    }
}

impl ListenAddresses {
    /// Returns whether one of the addresses says its port.
    pub(crate) fn has_port(&self) -> bool {
        self.0.iter().any(|text| matches!(split(text), Ok(Parts::Tcp { port: Some(_), .. })))
    }

    /// Returns the addresses. Those that have no port get `default_port`.
    pub(crate) fn parse(&self, default_port: u16) -> Result<Vec<ListenAddress>, ConfigError> {
        if self.0.is_empty() {
            return Err(ConfigError::Value("listen is an empty list: leave it out for the default".into()));
        }
        let mut addresses = Vec::with_capacity(self.0.len());
        for text in &self.0 {
            let invalid = |reason| {
                let form = "write ADDRESS:PORT, [ADDRESS]:PORT for IPv6, or unix:/PATH";
                ConfigError::Value(format!("cannot listen on `{text}`: {reason}; {form}"))
            };
            let address = match split(text).map_err(invalid)? {
                Parts::Tcp { host, port } => {
                    ListenAddress::Tcp { host: host.to_owned(), port: port.unwrap_or(default_port) }
                }
                Parts::Unix(path) => ListenAddress::Unix(path.into()),
            };
            if addresses.contains(&address) {
                return Err(ConfigError::Value(format!("listen has the address `{text}` twice")));
            }
            addresses.push(address);
        }
        Ok(addresses)
    }
}

/// The parts of an address.
enum Parts<'a> {
    Tcp { host: &'a str, port: Option<u16> },
    Unix(&'a str),
}

/// Splits an address into its parts, or says why it is none.
fn split(text: &str) -> Result<Parts<'_>, &'static str> {
    if let Some(path) = text.strip_prefix("unix:").or_else(|| text.starts_with('/').then_some(text)) {
        return if path.starts_with('/') {
            Ok(Parts::Unix(path))
        } else {
            Err("the path of a unix socket is absolute")
        };
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
            let port = rest.strip_prefix(':');
            if port.is_none() && !rest.is_empty() {
                return Err("the bracket must be followed by a port");
            }
            (host, port)
        }
        None if text.parse::<Ipv6Addr>().is_ok() || text.matches(':').count() > 1 => {
            return Err("an IPv6 address is in brackets");
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err("there is no host");
    }
    let port = port.map(|port| port.parse().map_err(|_| "the port is not a number up to 65535"));
    Ok(Parts::Tcp { host, port: port.transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> ListenAddress {
        ListenAddress::Tcp { host: host.into(), port }
    }

    #[test]
    fn hosts_ports_and_paths_are_parsed() {
        let texts = "127.0.0.1:0, localhost:1,[::]:2,[fe80::1%eth0]:3,0.0.0.0,[::1],unix:/a:b,/c";
        let addresses = ListenAddresses::from(texts).parse(9).unwrap();
        let expected = [
            tcp("127.0.0.1", 0),
            tcp("localhost", 1),
            tcp("::", 2),
            tcp("fe80::1%eth0", 3),
            tcp("0.0.0.0", 9),
            tcp("::1", 9),
            ListenAddress::Unix("/a:b".into()),
            ListenAddress::Unix("/c".into()),
        ];
        assert_eq!(addresses, expected);
        let listed: ListenAddresses = ["/with,comma"].into_iter().collect();
        assert_eq!(listed.parse(9).unwrap(), [ListenAddress::Unix("/with,comma".into())]);
        assert!(listed.to_string() == "/with,comma" && !listed.has_port());
    }

    #[test]
    fn invalid_address_is_named_with_reason() {
        for (text, reason) in [
            ("", "there is no host"),
            (":1", "there is no host"),
            ("a b:1", "there is no host"),
            ("http://a:1", "an IPv6 address is in brackets"),
            ("a:65536", "the port is not a number"),
            ("a:", "the port is not a number"),
            ("[::1", "the bracket is not closed"),
            ("[::1]1", "the bracket must be followed by a port"),
            ("::1:10053", "an IPv6 address is in brackets"),
            ("::", "an IPv6 address is in brackets"),
            ("unix:run/a", "the path of a unix socket is absolute"),
            ("a:1,a:1", "`a:1` twice"),
        ] {
            let error = ListenAddresses::from(text).parse(9).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(ListenAddresses(Vec::new()).parse(9).unwrap_err().to_string().contains("empty list"));
    }
}
