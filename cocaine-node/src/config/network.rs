//! The section `[network]` of the configuration: the ports of the services.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use serde::{Deserialize, Serialize};

use super::{
    error::ConfigError,
    listen::{ListenAddress, ListenAddresses},
    setting::section,
};

section! {
    /// The section `network` of the configuration.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct NetworkConfig {
        /// The first and the last port of the range from which all other services and apps get theirs.
        #[setting(example = "[45000, 46000]", unset = "any free ones", option = "--ports")]
        pub shared: Option<(u16, u16)>,
        /// The ports of services and apps, by their names. That of the locator may be in `listen` instead.
        #[setting(example = "storage = 10060", unset = "none", option = "--pin")]
        pub pinned: BTreeMap<String, u16>,
    }
}

/// The name under which the port of the locator is pinned.
pub(super) const LOCATOR: &str = "locator";
/// The port of the locator unless it is set.
const LOCATOR_PORT: u16 = 10053;
/// The address of the locator unless it is set.
const LOCATOR_HOST: &str = "127.0.0.1";

impl NetworkConfig {
    /// Returns the addresses of the locator.
    pub(crate) fn locator_addresses(
        &self,
        listen: Option<&ListenAddresses>,
    ) -> Result<Vec<ListenAddress>, ConfigError> {
        let pinned = self.pinned.get(LOCATOR).copied();
        let default_port = pinned.unwrap_or(LOCATOR_PORT);
        let addresses = match listen {
            Some(listen) => listen.parse(default_port)?,
            None => vec![ListenAddress::Tcp { host: LOCATOR_HOST.to_owned(), port: default_port }],
        };
        for address in &addresses {
            if let ListenAddress::Tcp { host, port } = address
                && let Some(pinned) = pinned.filter(|pinned| pinned != port)
            {
                let text = format!(
                    "network.pinned.locator is {pinned}, and listen has the port {port} of {host}: leave one of them out"
                );
                return Err(ConfigError::Value(text));
            }
        }
        Ok(addresses)
    }

    /// Checks the ports. `locator` has the addresses of the locator, and `services` the names of the other services that a node
    /// runs by itself.
    pub(crate) fn check(&self, locator: &[ListenAddress], services: &[&str]) -> Result<(), ConfigError> {
        let mut taken = locator_ports(locator);
        let mut names = BTreeMap::new();
        for (name, port) in self.pinned.iter().filter(|(name, _)| *name != LOCATOR) {
            let refused =
                |reason: &str| Err(ConfigError::Value(format!("network.pinned.{name} is {port}: {reason}")));
            if *port == 0 {
                return refused("leave it out for a free port");
            }
            if taken.contains(port) {
                return refused("that is the port of the locator");
            }
            if let Some(other) = names.insert(*port, name) {
                return refused(&format!("network.pinned.{other} has the same port"));
            }
        }
        taken.extend(names.into_keys());
        let Some(shared) = self.shared_range()? else { return Ok(()) };
        let ports = shared.clone().filter(|port| !taken.contains(port)).count();
        let needed = services.iter().filter(|name| !self.pinned.contains_key(**name)).count();
        if ports < needed {
            let (first, last) = shared.into_inner();
            let text = format!(
                "network.shared is [{first}, {last}]: {ports} of these ports are for no one else, and the services of the \
                 node need {needed}, and each app one more"
            );
            return Err(ConfigError::Value(text));
        }
        Ok(())
    }

    /// Returns the ports of the range, if there is one.
    pub(crate) fn shared_range(&self) -> Result<Option<RangeInclusive<u16>>, ConfigError> {
        match self.shared {
            Some((first, last)) if first == 0 || first > last => Err(ConfigError::Value(format!(
                "network.shared is [{first}, {last}]: write the first port, from 1 on, and the last one"
            ))),
            shared => Ok(shared.map(|(first, last)| first..=last)),
        }
    }
}

/// Returns the ports of these addresses.
pub(crate) fn locator_ports(addresses: &[ListenAddress]) -> BTreeSet<u16> {
    let ports = addresses.iter().filter_map(|address| match address {
        ListenAddress::Tcp { port, .. } => Some(*port),
        ListenAddress::Unix(_) => None,
    });
    ports.filter(|port| *port != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        let config: NetworkConfig = toml::from_str(text).unwrap();
        let checked = config.locator_addresses(None).and_then(|locator| config.check(&locator, &["a", "b"]));
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn ports_that_cannot_work_are_refused() {
        check("").unwrap();
        check("pinned = { a = 10060, locator = 10053, app = 2 }\nshared = [10060, 10061]").unwrap();
        for (text, reason) in [
            ("pinned = { a = 0 }", "network.pinned.a is 0: leave it out"),
            ("pinned = { a = 7, b = 7 }", "network.pinned.b is 7: network.pinned.a has the same port"),
            ("pinned = { a = 10053 }", "network.pinned.a is 10053: that is the port of the locator"),
            ("pinned = { locator = 7, a = 7 }", "network.pinned.a is 7: that is the port of the locator"),
            ("shared = [7, 6]", "network.shared is [7, 6]: write the first port"),
            ("shared = [0, 6]", "network.shared is [0, 6]: write the first port"),
            ("shared = [6, 6]", "network.shared is [6, 6]: 1 of these ports are for no one else, and the"),
            ("pinned = { app = 6 }\nshared = [6, 7]", "need 2, and each app one more"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn pinned_port_of_locator_completes_listen() {
        let config: NetworkConfig = toml::from_str("pinned = { locator = 7 }").unwrap();
        let listen = |text: &str| config.locator_addresses(Some(&text.into()));
        let tcp = |host: &str, port| vec![ListenAddress::Tcp { host: host.into(), port }];
        assert_eq!(listen("[::]").unwrap(), tcp("::", 7));
        assert_eq!(listen("[::]:7").unwrap(), tcp("::", 7));
        assert_eq!(config.locator_addresses(None).unwrap(), tcp("127.0.0.1", 7));
        let none = NetworkConfig::default();
        assert_eq!(none.locator_addresses(None).unwrap(), tcp("127.0.0.1", 10053));
        let error = listen("a:7,b:8").unwrap_err().to_string();
        assert!(error.contains("network.pinned.locator is 7, and listen has the port 8 of b"), "{error}");
    }
}
