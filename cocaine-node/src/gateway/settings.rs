//! The settings of a gateway: the section `http` of the configuration, checked and with its defaults.

use std::{collections::HashMap, net::IpAddr, path::PathBuf, time::Duration};

use http::HeaderName;
use ipnet::IpNet;

use super::{
    access::AccessPolicy,
    http::{forwarded::TrustedProxies, phase::HeadTimeouts},
};
use crate::config::{ConfigError, HttpConfig, Target};

/// The most headers that a request may ever have: the type of their table has room for not many more.
const MAX_HEADERS: usize = 16_384;

/// The settings of a gateway.
#[derive(Debug)]
pub(super) struct GatewaySettings {
    pub(super) listen: String,
    pub(super) admin: Option<String>,
    pub(super) admin_socket: Option<PathBuf>,
    pub(super) client_timeout: Duration,
    pub(super) heads: HeadTimeouts,
    pub(super) max_headers: usize,
    pub(super) connections: u32,
    pub(super) refresh: Duration,
    pub(super) request_body: usize,
    pub(super) buffer: usize,
    pub(super) response_buffer: usize,
    pub(super) clients: usize,
    pub(super) sampling: f64,
    pub(super) json_rpc: bool,
    pub(super) access: AccessPolicy,
    pub(super) proxies: TrustedProxies,
    pub(super) timeouts: Timeouts,
    pub(super) hosts: HashMap<String, Target>,
    pub(super) headers: Vec<(HeaderName, String)>,
}

impl GatewaySettings {
    /// Checks a configuration and fills in the defaults.
    ///
    /// # Errors
    /// A value with which nothing could be served.
    pub(super) fn new(config: &HttpConfig) -> Result<Self, ConfigError> {
        let hosts = config.hosts.iter().map(|(host, target)| (host.to_ascii_lowercase(), target.clone()));
        Ok(Self {
            listen: config.listen.clone().unwrap_or_else(|| HttpConfig::DEFAULT_ADDRESS.into()),
            admin: config.admin.clone(),
            admin_socket: config.admin_socket.clone(),
            client_timeout: seconds("client_timeout", config.client_timeout.unwrap_or(30.0))?,
            heads: HeadTimeouts {
                head: seconds("header_timeout", config.header_timeout.unwrap_or(10.0))?,
                idle: seconds("idle_timeout", config.idle_timeout.unwrap_or(75.0))?,
            },
            max_headers: max_headers(config.max_headers.unwrap_or(256))?,
            connections: connections(config.connections.unwrap_or(1))?,
            refresh: seconds("refresh", config.refresh.unwrap_or(120.0))?,
            request_body: config.request_body.unwrap_or(64 << 20),
            buffer: positive("buffer", config.buffer.unwrap_or(512 << 20))?,
            response_buffer: positive("response_buffer", config.response_buffer.unwrap_or(65 << 20))?,
            clients: positive("clients", config.clients.unwrap_or(10_000))?,
            sampling: fraction("sampling", config.sampling.unwrap_or(0.05))?,
            json_rpc: config.json_rpc.unwrap_or(true),
            access: AccessPolicy::new(config)?,
            proxies: trusted_proxies(config.trusted_proxies.as_deref().unwrap_or_default())?,
            timeouts: Timeouts::new(config)?,
            hosts: hosts.collect(),
            headers: call_headers(config)?,
        })
    }
}

impl GatewaySettings {
    /// Returns these settings with those of `newer` that a running gateway can change.
    pub(super) fn reloaded(&self, newer: Self) -> Self {
        Self {
            listen: self.listen.clone(),
            admin: self.admin.clone(),
            admin_socket: self.admin_socket.clone(),
            client_timeout: self.client_timeout,
            heads: self.heads,
            max_headers: self.max_headers,
            connections: self.connections,
            refresh: self.refresh,
            request_body: self.request_body,
            buffer: self.buffer,
            response_buffer: self.response_buffer,
            clients: self.clients,
            ..newer
        }
    }

    /// Returns the keys of the settings that differ and that a running gateway cannot change.
    pub(super) fn fixed_changes(&self, newer: &Self) -> Vec<&'static str> {
        let keys = [
            ("http.listen", self.listen != newer.listen),
            ("http.admin", self.admin != newer.admin),
            ("http.admin_socket", self.admin_socket != newer.admin_socket),
            ("http.client_timeout", self.client_timeout != newer.client_timeout),
            ("http.header_timeout", self.heads.head != newer.heads.head),
            ("http.idle_timeout", self.heads.idle != newer.heads.idle),
            ("http.max_headers", self.max_headers != newer.max_headers),
            ("http.connections", self.connections != newer.connections),
            ("http.refresh", self.refresh != newer.refresh),
            ("http.request_body", self.request_body != newer.request_body),
            ("http.buffer", self.buffer != newer.buffer),
            ("http.response_buffer", self.response_buffer != newer.response_buffer),
            ("http.clients", self.clients != newer.clients),
        ];
        keys.into_iter().filter_map(|(key, changed)| changed.then_some(key)).collect()
    }
}

/// How long apps may take to answer.
#[derive(Debug)]
pub(super) struct Timeouts {
    default: Duration,
    /// By `service` or `service/event`.
    configured: HashMap<String, Duration>,
}

impl Timeouts {
    fn new(config: &HttpConfig) -> Result<Self, ConfigError> {
        let configured =
            config.timeouts.iter().map(|(name, timeout)| Ok((name.clone(), seconds("timeouts", *timeout)?)));
        Ok(Self {
            default: seconds("timeout", config.timeout.unwrap_or(30.0))?,
            configured: configured.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// Returns how long an event may take.
    pub(super) fn get(&self, service: &str, event: &str) -> Duration {
        self.get_configured(service, event).unwrap_or(self.default)
    }

    /// Returns how long an event may take if the configuration names it or its service.
    pub(super) fn get_configured(&self, service: &str, event: &str) -> Option<Duration> {
        if self.configured.is_empty() {
            return None;
        }
        let by_event = self.configured.get(&format!("{service}/{event}"));
        by_event.or_else(|| self.configured.get(service)).copied()
    }
}

/// Returns the HTTP headers that are passed on, and their names as headers of the call.
fn call_headers(config: &HttpConfig) -> Result<Vec<(HeaderName, String)>, ConfigError> {
    let Some(headers) = &config.headers else {
        return Ok(vec![(http::header::AUTHORIZATION, "authorization".into())]);
    };
    let parse = |(name, call_name): (&String, &String)| match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => Ok((name, call_name.clone())),
        Err(_) => Err(invalid(format!("http.headers: {name:?} is not a name of an HTTP header"))),
    };
    headers.iter().map(parse).collect()
}

/// Parses networks such as `10.0.0.0/8`, and single addresses.
fn trusted_proxies(networks: &[String]) -> Result<TrustedProxies, ConfigError> {
    let parse = |text: &String| {
        let address = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
        text.parse().or_else(|_| address()).map_err(|_| {
            invalid(format!(
                "http.trusted_proxies: {text:?} is neither an address nor a network such as 10.0.0.0/8"
            ))
        })
    };
    Ok(TrustedProxies::new(networks.iter().map(parse).collect::<Result<_, _>>()?))
}

fn max_headers(count: usize) -> Result<usize, ConfigError> {
    if count > MAX_HEADERS {
        return Err(invalid(format!("http.max_headers is {count}: a request has room for {MAX_HEADERS}")));
    }
    positive("max_headers", count)
}

fn connections(connections: u32) -> Result<u32, ConfigError> {
    positive("connections", connections as usize).map(|_| connections)
}

fn positive(name: &str, value: usize) -> Result<usize, ConfigError> {
    if value == 0 { Err(invalid(format!("http.{name} is 0: nothing could be served"))) } else { Ok(value) }
}

fn fraction(name: &str, value: f64) -> Result<f64, ConfigError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(invalid(format!("http.{name} is {value}: it must be a fraction from 0 to 1")))
}

fn seconds(name: &str, seconds: f64) -> Result<Duration, ConfigError> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(invalid(format!("http.{name} is {seconds}: it must be a number of seconds above 0"))),
    }
}

fn invalid(text: String) -> ConfigError {
    ConfigError::Value(text)
}

#[cfg(test)]
mod tests;
