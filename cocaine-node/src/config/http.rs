//! The section `http`: of a node, or of a gateway that runs without one.
//!
//! ```toml
//! [http]
//! listen = "127.0.0.1:8080"       # the address for HTTP clients
//! timeout = 30                    # seconds until an app answers, and between two chunks it reads or sends
//! client_timeout = 30             # seconds for a client to begin a body, to go on with a streamed one, or to read
//! header_timeout = 10             # seconds for a client to send a request's head
//! idle_timeout = 75               # seconds for which a connection may be idle between requests
//! max_headers = 256               # headers of one request
//! connections = 1                 # to each service
//! refresh = 120                   # seconds after which a service is resolved again, to balance the load
//! request_body = 67108864         # bytes of one request's body; above 127 MiB only for apps that read it in pieces
//! buffer = 536870912              # bytes of all requests' bodies together, and of the values made of JSON
//! response_buffer = 68157440      # bytes of one result of JSON-RPC; other responses are streamed, of any length
//! clients = 10000                 # connections at once; further ones wait
//! sampling = 0.05                 # the fraction of requests that are traced
//! json_rpc = true                 # whether requests with the header X-Cocaine-JSON-RPC are calls of JSON-RPC
//! json_rpc_services = ["geobase"] # that everybody may call through JSON-RPC, beside apps; none
//! names = ["node-1.example"]      # names of this gateway in calls of JSON-RPC, beside addresses and those of `hosts`
//! origins = ["https://a.example"] # web pages that may call JSON-RPC, and post to apps of a gateway on loopback
//! trusted_proxies = ["10.0.0.1"]  # addresses or networks of proxies whose X-Forwarded-For and the like are believed
//! admin = "127.0.0.1:8081"        # moves `/metrics` to this address
//! admin_socket = "/run/cocaine/admin"     # a unix socket through which this user reaches every service
//! admin_token = "file:/etc/cocaine/token" # as `Authorization: Bearer TOKEN`, it opens every service; or "env:NAME"
//!
//! [http.timeouts]                 # in place of `timeout`, by service, or by service and event
//! reports = 120
//! "reports/yearly" = 600
//!
//! [http.access_log]               # a line for each request
//! kind = "text"                   # off, text, or json
//! file = "access.log"             # opened again at SIGHUP; without it, lines go to the log at info
//! format = '{client} [{time}] "{method} {uri}" {status} {bytes} {seconds} {request_id}'
//!
//! [http.hosts]                    # the event that handles a host name, whatever the path
//! "shop.example" = { service = "shop", event = "http" }
//! "*.shop.example" = { service = "shop", event = "http" }
//!
//! [http.headers]                  # HTTP headers that are passed on as headers of the call, and their names there
//! authorization = "authorization"
//! ```

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{
    access_log::{AccessLogConfig, AccessLogKind},
    merge::overwrite,
};

/// The section `http` of the configuration: how a gateway serves HTTP.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpConfig {
    /// The address for HTTP clients. [`HttpConfig::DEFAULT_ADDRESS`].
    pub listen: Option<String>,
    /// Seconds until an app answers, and between two chunks that it reads or sends. 30.
    pub timeout: Option<f64>,
    /// Seconds for a client to begin the body of a request, to go on with one that is sent on in pieces, and to read what is
    /// sent to it. 30.
    pub client_timeout: Option<f64>,
    /// Seconds for a client to send the head of a request, from its first byte. 10.
    pub header_timeout: Option<f64>,
    /// Seconds for which a connection may be idle between requests. 75.
    pub idle_timeout: Option<f64>,
    /// Headers of one request. 256.
    pub max_headers: Option<usize>,
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
    /// The services that everybody may call through JSON-RPC, beside apps. None. `storage`, `node` and `unicorn` let their
    /// callers run programs.
    pub json_rpc_services: Option<Vec<String>>,
    /// Names by which calls of JSON-RPC name the gateway in `Host`, beside addresses, names without a dot, and those of
    /// `hosts`; `*.example` stands for all below it. None.
    pub names: Option<Vec<String>>,
    /// The origins of web pages that may call JSON-RPC, and change something in the apps of a gateway on loopback, as
    /// `https://shop.example`. Pages of the gateway itself and of this machine may do so anyway. None.
    pub origins: Option<Vec<String>>,
    /// The addresses or networks of proxies whose `X-Forwarded-For` and the like are believed, as `10.0.0.0/8`. None.
    pub trusted_proxies: Option<Vec<String>>,
    /// The access log.
    pub access_log: AccessLogConfig,
    /// The address of `/metrics`, if it is not that of the apps.
    pub admin: Option<String>,
    /// The path of a unix socket, of the mode 0600, through which JSON-RPC reaches every service. None.
    pub admin_socket: Option<PathBuf>,
    /// Where the token is that lets JSON-RPC reach every service, as `Authorization: Bearer TOKEN`: `file:PATH` or
    /// `env:NAME`. It has at least 16 bytes. None.
    pub admin_token: Option<String>,
    /// Seconds until an event is answered, and between two chunks of its response, by `service` or `service/event`.
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

    /// Overwrites every value that `newer` sets; the tables of time-outs and hosts are merged by their keys.
    pub(super) fn merge(&mut self, newer: Self) {
        overwrite(&mut self.listen, newer.listen);
        overwrite(&mut self.timeout, newer.timeout);
        overwrite(&mut self.client_timeout, newer.client_timeout);
        overwrite(&mut self.header_timeout, newer.header_timeout);
        overwrite(&mut self.idle_timeout, newer.idle_timeout);
        overwrite(&mut self.max_headers, newer.max_headers);
        overwrite(&mut self.connections, newer.connections);
        overwrite(&mut self.refresh, newer.refresh);
        overwrite(&mut self.request_body, newer.request_body);
        overwrite(&mut self.buffer, newer.buffer);
        overwrite(&mut self.response_buffer, newer.response_buffer);
        overwrite(&mut self.clients, newer.clients);
        overwrite(&mut self.sampling, newer.sampling);
        overwrite(&mut self.json_rpc, newer.json_rpc);
        overwrite(&mut self.json_rpc_services, newer.json_rpc_services);
        overwrite(&mut self.names, newer.names);
        overwrite(&mut self.origins, newer.origins);
        overwrite(&mut self.trusted_proxies, newer.trusted_proxies);
        self.access_log.merge(newer.access_log);
        overwrite(&mut self.admin, newer.admin);
        overwrite(&mut self.admin_socket, newer.admin_socket);
        overwrite(&mut self.admin_token, newer.admin_token);
        self.timeouts.extend(newer.timeouts);
        self.hosts.extend(newer.hosts);
        overwrite(&mut self.headers, newer.headers);
    }
}
