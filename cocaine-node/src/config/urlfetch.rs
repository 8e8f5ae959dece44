//! The section `urlfetch`.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::setting::section;

section! {
    /// The section `urlfetch` of the configuration: what the service may fetch.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct UrlfetchConfig {
        /// Networks that are never connected to.
        #[setting(
            example = "['10.0.0.0/8', '::1/128']",
            unset = "all that are not public: those of this machine, private, link-local, shared, reserved, multicast, and for documentation"
        )]
        pub deny: Option<Vec<IpNet>>,
        /// Networks that are connected to although they lie within a denied one.
        #[setting(default = "[]")]
        pub allow: Option<Vec<IpNet>>,
        /// How large the body of a response may be; 127 MiB at most.
        #[setting(default = "8388608", unit = "bytes")]
        pub max_body: Option<usize>,
        /// How many redirects are followed for one call.
        #[setting(default = "10", unit = "redirects")]
        pub max_redirects: Option<usize>,
        /// How many calls fetch at once; further ones wait.
        #[setting(default = "64", unit = "calls")]
        pub max_fetches: Option<usize>,
        /// How many calls of one connection fetch at once; further ones wait.
        #[setting(default = "16", unit = "calls")]
        pub client_fetches: Option<usize>,
        /// The longest time-out that a call gets, whatever it asks for.
        #[setting(default = "300.0", unit = "seconds")]
        pub max_timeout: Option<f64>,
    }
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
}
