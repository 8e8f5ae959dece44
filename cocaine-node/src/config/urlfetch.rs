//! The section `urlfetch`.

use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::merge::overwrite;

/// The section `urlfetch` of the configuration: what the service may fetch.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UrlfetchConfig {
    /// Networks that are never connected to. By default all that are not public: those of this machine, private,
    /// link-local, shared, reserved, multicast, and for documentation.
    pub deny: Option<Vec<IpNet>>,
    /// Networks that are connected to although they lie within a denied one. None.
    pub allow: Option<Vec<IpNet>>,
    /// Bytes of a response's body. 8 MiB.
    pub max_body: Option<usize>,
    /// Redirects that are followed for one call. 10.
    pub max_redirects: Option<usize>,
    /// Calls that fetch at once; further ones wait. 64.
    pub max_fetches: Option<usize>,
    /// Calls of one connection that fetch at once; further ones wait. 16.
    pub client_fetches: Option<usize>,
    /// The longest time-out that a call gets, in seconds, whatever it asks for. 300.
    pub max_timeout: Option<f64>,
}

impl UrlfetchConfig {
    /// Sets the networks that are never connected to.
    #[must_use]
    pub fn deny(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self { deny: Some(networks.into_iter().collect()), ..self }
    }

    /// Sets the networks that are connected to although they lie within a denied one.
    #[must_use]
    pub fn allow(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self { allow: Some(networks.into_iter().collect()), ..self }
    }

    /// Sets how many bytes the body of a response may have.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        Self { max_body: Some(bytes), ..self }
    }

    /// Sets how many redirects are followed for one call.
    #[must_use]
    pub fn max_redirects(self, redirects: usize) -> Self {
        Self { max_redirects: Some(redirects), ..self }
    }

    /// Sets how many calls fetch at once.
    #[must_use]
    pub fn max_fetches(self, calls: usize) -> Self {
        Self { max_fetches: Some(calls), ..self }
    }

    /// Sets how many calls of one connection fetch at once.
    #[must_use]
    pub fn client_fetches(self, calls: usize) -> Self {
        Self { client_fetches: Some(calls), ..self }
    }

    /// Sets the longest time-out that a call gets.
    #[must_use]
    pub fn max_timeout(self, timeout: Duration) -> Self {
        Self { max_timeout: Some(timeout.as_secs_f64()), ..self }
    }

    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self { deny, allow, max_body, max_redirects, max_fetches, client_fetches, max_timeout } = newer;
        overwrite(&mut self.deny, deny);
        overwrite(&mut self.allow, allow);
        overwrite(&mut self.max_body, max_body);
        overwrite(&mut self.max_redirects, max_redirects);
        overwrite(&mut self.max_fetches, max_fetches);
        overwrite(&mut self.client_fetches, client_fetches);
        overwrite(&mut self.max_timeout, max_timeout);
    }
}
