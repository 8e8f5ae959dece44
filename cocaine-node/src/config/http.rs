//! The section `http`: of a node, or of a gateway that runs without one.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    access_log::{AccessLogConfig, AccessLogKind},
    setting::{Setting, SettingKind, SettingValue, section},
};

section! {
    /// The section `http` of the configuration: how a gateway serves HTTP.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct HttpConfig {
        /// The address for HTTP clients. Port 0 is a free one.
        #[setting(default = "'127.0.0.1:8080'", option = "--http")]
        pub listen: Option<String>,
        /// How long an app may take to answer, and between two chunks that it reads or sends.
        #[setting(default = "30.0", unit = "seconds", reload = "for the next request")]
        pub timeout: Option<f64>,
        /// How long a client may take to begin the body of a request, to go on with one that is sent on in pieces, and to read
        /// what is sent to it.
        #[setting(default = "30.0", unit = "seconds")]
        pub client_timeout: Option<f64>,
        /// How long a client may take to send the head of a request, from its first byte.
        #[setting(default = "10.0", unit = "seconds")]
        pub header_timeout: Option<f64>,
        /// How long a connection may be idle between requests.
        #[setting(default = "75.0", unit = "seconds")]
        pub idle_timeout: Option<f64>,
        /// How many headers a request may have; 16,384 at most.
        #[setting(default = "256", unit = "headers")]
        pub max_headers: Option<usize>,
        /// How many connections there are to each service. Events of apps on the gateway's own node need none.
        #[setting(default = "1", unit = "connections")]
        pub connections: Option<u32>,
        /// After how long a service is resolved again, to balance the load.
        #[setting(default = "120.0", unit = "seconds")]
        pub refresh: Option<f64>,
        /// How large the body of one request may be. Above 127 MiB it is taken only by apps that read it in pieces
        /// (`protocol.md` 14.3).
        #[setting(default = "67108864", unit = "bytes")]
        pub request_body: Option<usize>,
        /// How large the bodies of all requests may be together, and the values made of JSON.
        #[setting(default = "536870912", unit = "bytes")]
        pub buffer: Option<usize>,
        /// How large one result of JSON-RPC may be. Other responses are streamed, and may be of any length.
        #[setting(default = "68157440", unit = "bytes")]
        pub response_buffer: Option<usize>,
        /// How many clients are connected at once; further ones wait.
        #[setting(default = "10000", unit = "connections")]
        pub clients: Option<usize>,
        /// The fraction of requests that are traced, from 0 to 1.
        #[setting(default = "0.05", reload = "for the next request")]
        pub sampling: Option<f64>,
        /// Whether requests with the header `X-Cocaine-JSON-RPC` are calls of JSON-RPC.
        #[setting(default = "true", reload = "for the next request")]
        pub json_rpc: Option<bool>,
        /// The services that everybody may call through JSON-RPC, beside apps. `storage`, `node` and `unicorn` let their
        /// callers run programs.
        #[setting(default = "[]", option = "--json-rpc", reload = "for the next request")]
        pub json_rpc_services: Option<Vec<String>>,
        /// Names by which calls of JSON-RPC name the gateway in `Host`, beside addresses, names without a dot, and those of
        /// `hosts`; `*.example` stands for all below it.
        #[setting(default = "[]", reload = "for the next request")]
        pub names: Option<Vec<String>>,
        /// The origins of web pages that may call JSON-RPC, and change something in the apps of a gateway on loopback, as
        /// `https://shop.example`. Pages of the gateway itself and of this machine may do so anyway.
        #[setting(default = "[]", reload = "for the next request")]
        pub origins: Option<Vec<String>>,
        /// The addresses or networks of proxies whose `X-Forwarded-For` and the like are believed, as `10.0.0.0/8`.
        #[setting(default = "[]", reload = "for the next request")]
        pub trusted_proxies: Option<Vec<String>>,
        /// The access log.
        pub access_log: AccessLogConfig,
        /// The address of `/metrics`.
        #[setting(example = "'127.0.0.1:8081'", unset = "that of the apps")]
        pub admin: Option<String>,
        /// The path of a unix socket, of the mode 0600, through which JSON-RPC reaches every service.
        #[setting(example = "'/run/cocaine/admin'", unset = "none", option = "--admin-socket")]
        pub admin_socket: Option<PathBuf>,
        /// Where the token is that lets JSON-RPC reach every service, as `Authorization: Bearer TOKEN`: `file:PATH` or
        /// `env:NAME`. It has at least 16 bytes.
        #[setting(example = "'file:/etc/cocaine/token'", unset = "none", reload = "for the next request")]
        pub admin_token: Option<String>,
        /// In place of `timeout`, by `service` or `service/event`.
        #[setting(
            example = "reports = 120.0\n'reports/yearly' = 600.0",
            unset = "none",
            unit = "seconds",
            reload = "for the next request"
        )]
        pub timeouts: BTreeMap<String, f64>,
        /// The event that handles a host name, or a pattern such as `*.example`, whatever the path is.
        #[setting(
            example = "'*.shop.example' = { service = 'shop', event = 'http' }",
            unset = "none",
            reload = "for the next request"
        )]
        pub hosts: BTreeMap<String, Target>,
        /// HTTP headers that are passed on as headers of the call, and their names there.
        #[setting(default = "authorization = 'authorization'", reload = "for the next request")]
        pub headers: Option<BTreeMap<String, String>>,
    }
}

/// An event of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Target {
    /// The name of the service.
    pub service: String,
    /// The name of the event.
    pub event: String,
}

impl SettingValue for Target {
    const NAME: &'static str = "table of `service` and `event`";
}

impl Setting for Option<HttpConfig> {
    const KIND: SettingKind = match HttpConfig::KIND {
        SettingKind::Section(keys) => SettingKind::OptionalSection(keys),
        kind => kind,
    };

    fn merge(&mut self, newer: Self) {
        match (self, newer) {
            (Some(http), Some(newer)) => http.merge(newer),
            (http, Some(newer)) => *http = Some(newer),
            (_, None) => {}
        }
    }
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

    /// Sets how long a client may take to begin the body of a request, to go on with one that is sent on in pieces, and to
    /// read what is sent to it.
    #[must_use]
    pub fn client_timeout(self, timeout: Duration) -> Self {
        Self { client_timeout: Some(timeout.as_secs_f64()), ..self }
    }

    /// Sets how long a client may take to send the head of a request.
    #[must_use]
    pub fn header_timeout(self, timeout: Duration) -> Self {
        Self { header_timeout: Some(timeout.as_secs_f64()), ..self }
    }

    /// Sets how long a connection may be idle between requests.
    #[must_use]
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        Self { idle_timeout: Some(timeout.as_secs_f64()), ..self }
    }

    /// Sets how many headers a request may have.
    #[must_use]
    pub fn max_headers(self, count: usize) -> Self {
        Self { max_headers: Some(count), ..self }
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

    /// Sets the services that everybody may call through JSON-RPC, beside apps.
    #[must_use]
    pub fn json_rpc_services<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { json_rpc_services: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// Sets names of the gateway, which calls of JSON-RPC may have in `Host`.
    #[must_use]
    pub fn names<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { names: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// Sets the origins of web pages that may send requests which change something.
    #[must_use]
    pub fn origins<S: Into<String>>(self, origins: impl IntoIterator<Item = S>) -> Self {
        Self { origins: Some(origins.into_iter().map(Into::into).collect()), ..self }
    }

    /// Sets the path of a unix socket through which JSON-RPC reaches every service.
    #[must_use]
    pub fn admin_socket(self, path: impl Into<PathBuf>) -> Self {
        Self { admin_socket: Some(path.into()), ..self }
    }

    /// Sets where the token of administrators is: `file:PATH` or `env:NAME`.
    #[must_use]
    pub fn admin_token(self, source: impl Into<String>) -> Self {
        Self { admin_token: Some(source.into()), ..self }
    }

    /// Sets the addresses or networks of proxies whose `X-Forwarded-For` and the like are believed.
    #[must_use]
    pub fn trusted_proxies<S: Into<String>>(self, networks: impl IntoIterator<Item = S>) -> Self {
        Self { trusted_proxies: Some(networks.into_iter().map(Into::into).collect()), ..self }
    }

    /// Sets what a line of the access log is.
    #[must_use]
    pub fn access_log(mut self, kind: AccessLogKind) -> Self {
        self.access_log.kind = Some(kind);
        self
    }

    /// Sets the file of the access log.
    #[must_use]
    pub fn access_log_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.access_log.file = Some(file.into());
        self
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
}
