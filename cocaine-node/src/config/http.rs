//! The section `http`: of a node, or of a gateway that runs without one.
//!
//! ```toml
//! [http]
//! listen = "127.0.0.1:8080"       # the address for HTTP clients
//! timeout = 30                    # seconds until an app answers, and between two chunks it reads or sends
//! client_timeout = 30             # seconds for a client to send a head or a piece of a body, or to read
//! connections = 1                 # to each service
//! refresh = 120                   # seconds after which a service is resolved again, to balance the load
//! request_body = 67108864         # bytes of one request's body; above 127 MiB only for apps that read it in pieces
//! buffer = 536870912              # bytes of all requests' bodies together, and of the values made of JSON
//! response_buffer = 68157440      # bytes of one result of JSON-RPC; other responses are streamed, of any length
//! clients = 10000                 # connections at once; further ones wait
//! sampling = 0.05                 # the fraction of requests that are traced
//! json_rpc = true                 # whether requests with the header X-Cocaine-JSON-RPC are calls of JSON-RPC
//! admin = "127.0.0.1:8081"        # moves `/metrics` to this address
//!
//! [http.timeouts]                 # seconds, by service, or by service and event; sent to the app as well, but
//!                                 # for bodies in pieces
//! reports = 120
//! "reports/yearly" = 600
//!
//! [http.hosts]                    # the event that handles a host name, whatever the path
//! "shop.example" = { service = "shop", event = "http" }
//! "*.shop.example" = { service = "shop", event = "http" }
//!
//! [http.headers]                  # HTTP headers that are passed on as headers of the call, and their names there
//! authorization = "authorization"
//! ```

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::merge::overwrite;

/// The section `http` of the configuration: how a gateway serves HTTP.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpConfig {
    /// The address for HTTP clients. [`HttpConfig::DEFAULT_ADDRESS`].
    pub listen: Option<String>,
    /// Seconds until an app answers, and between two chunks that it reads or sends. 30.
    pub timeout: Option<f64>,
    /// Seconds for a client to send the head of a request or a piece of its body, and to read what is sent to it. 30.
    pub client_timeout: Option<f64>,
    /// Connections to each service. 1.
    pub connections: Option<u32>,
    /// Seconds after which a service is resolved again. 120.
    pub refresh: Option<f64>,
    /// Bytes of one request's body. 64 MiB. A body above 127 MiB is taken by apps only that read it in pieces
    /// (`protocol.md` 14.3).
    pub request_body: Option<usize>,
    /// Bytes of all requests' bodies together. 512 MiB.
    pub buffer: Option<usize>,
    /// Bytes of one result of JSON-RPC. 65 MiB. Other responses are streamed, and may be of any length.
    pub response_buffer: Option<usize>,
    /// Connections of clients at once. 10,000.
    pub clients: Option<usize>,
    /// The fraction of requests that are traced. 0.05.
    pub sampling: Option<f64>,
    /// Whether requests may be calls of JSON-RPC. `true`.
    pub json_rpc: Option<bool>,
    /// The address of `/metrics`, if it is not that of the apps.
    pub admin: Option<String>,
    /// Time-outs in seconds, by `service` or `service/event`.
    pub timeouts: BTreeMap<String, f64>,
    /// The event that handles a host name, or a pattern such as `*.example`.
    pub hosts: BTreeMap<String, Target>,
    /// HTTP headers that are passed on as headers of the call, and their names there. `Authorization`.
    pub headers: Option<BTreeMap<String, String>>,
}

/// An event of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Target {
    /// The name of the service.
    pub service: String,
    /// The name of the event.
    pub event: String,
}

impl Target {
    /// Returns an event of a service.
    pub fn new(service: impl Into<String>, event: impl Into<String>) -> Self {
        Self { service: service.into(), event: event.into() }
    }
}

impl HttpConfig {
    /// The address for HTTP clients unless another is set.
    pub const DEFAULT_ADDRESS: &'static str = "127.0.0.1:8080";

    /// Sets the address for HTTP clients, as `address:port`; port 0 picks a free one.
    #[must_use]
    pub fn listen(self, address: impl Into<String>) -> Self {
        Self { listen: Some(address.into()), ..self }
    }

    /// Sets how long an app may take to answer, and between two chunks that it reads or sends.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout.as_secs_f64()), ..self }
    }

    /// Sets how long a client may take to send the head of a request or a piece of its body, and to read what is sent to
    /// it.
    #[must_use]
    pub fn client_timeout(self, timeout: Duration) -> Self {
        Self { client_timeout: Some(timeout.as_secs_f64()), ..self }
    }

    /// Sets how many connections there are to each service.
    #[must_use]
    pub fn connections(self, connections: u32) -> Self {
        Self { connections: Some(connections), ..self }
    }

    /// Sets how long a service is used before it is resolved again.
    #[must_use]
    pub fn refresh(self, interval: Duration) -> Self {
        Self { refresh: Some(interval.as_secs_f64()), ..self }
    }

    /// Sets how many bytes the body of one request may have; apps that do not read it in pieces take 127 MiB at most.
    #[must_use]
    pub fn request_body(self, bytes: usize) -> Self {
        Self { request_body: Some(bytes), ..self }
    }

    /// Sets how many bytes the bodies of all requests may have together.
    #[must_use]
    pub fn buffer(self, bytes: usize) -> Self {
        Self { buffer: Some(bytes), ..self }
    }

    /// Sets how many bytes one result of JSON-RPC may have.
    #[must_use]
    pub fn response_buffer(self, bytes: usize) -> Self {
        Self { response_buffer: Some(bytes), ..self }
    }

    /// Sets how many clients may be connected at once.
    #[must_use]
    pub fn clients(self, connections: usize) -> Self {
        Self { clients: Some(connections), ..self }
    }

    /// Sets the fraction of requests that are traced, from 0 to 1.
    #[must_use]
    pub fn sampling(self, fraction: f64) -> Self {
        Self { sampling: Some(fraction), ..self }
    }

    /// Sets whether requests may be calls of JSON-RPC.
    #[must_use]
    pub fn json_rpc(self, enabled: bool) -> Self {
        Self { json_rpc: Some(enabled), ..self }
    }

    /// Moves `/metrics` to an address of its own.
    #[must_use]
    pub fn admin(self, address: impl Into<String>) -> Self {
        Self { admin: Some(address.into()), ..self }
    }

    /// Sets the time-out of `service`, or of `service/event`.
    #[must_use]
    pub fn timeout_for(mut self, name: impl Into<String>, timeout: Duration) -> Self {
        self.timeouts.insert(name.into(), timeout.as_secs_f64());
        self
    }

    /// Sets the event that handles a host name, or a pattern such as `*.example`.
    #[must_use]
    pub fn host(mut self, name: impl Into<String>, target: Target) -> Self {
        self.hosts.insert(name.into(), target);
        self
    }

    /// Sets which HTTP headers are passed on as headers of the call, and their names there.
    #[must_use]
    pub fn headers<H: Into<String>, C: Into<String>>(self, names: impl IntoIterator<Item = (H, C)>) -> Self {
        let names = names.into_iter().map(|(http, call)| (http.into(), call.into()));
        Self { headers: Some(names.collect()), ..self }
    }

    /// Overwrites every value that `newer` sets; the tables of time-outs and hosts are merged by their keys.
    pub(super) fn merge(&mut self, newer: Self) {
        overwrite(&mut self.listen, newer.listen);
        overwrite(&mut self.timeout, newer.timeout);
        overwrite(&mut self.client_timeout, newer.client_timeout);
        overwrite(&mut self.connections, newer.connections);
        overwrite(&mut self.refresh, newer.refresh);
        overwrite(&mut self.request_body, newer.request_body);
        overwrite(&mut self.buffer, newer.buffer);
        overwrite(&mut self.response_buffer, newer.response_buffer);
        overwrite(&mut self.clients, newer.clients);
        overwrite(&mut self.sampling, newer.sampling);
        overwrite(&mut self.json_rpc, newer.json_rpc);
        overwrite(&mut self.admin, newer.admin);
        self.timeouts.extend(newer.timeouts);
        self.hosts.extend(newer.hosts);
        overwrite(&mut self.headers, newer.headers);
    }
}
