//! What a gateway is told: the section `http` of the configuration, of a node or of a gateway that stands alone.
//!
//! ```toml
//! [http]
//! listen = "127.0.0.1:8080"       # where HTTP is spoken
//! timeout = 30                    # seconds that an app may take to answer, and then between two pieces of its body
//! client_timeout = 30             # seconds for a client to send the head of a request, or to take what is sent to it
//! connections = 1                 # to each service
//! refresh = 120                   # seconds after which a service is resolved again, for the sake of balance
//! request_body = 67108864         # bytes of one request's body
//! buffer = 536870912              # bytes of all requests' bodies together
//! response_buffer = 68157440      # bytes of one answer that a slow client has not taken yet
//! clients = 10000                 # connections at once; further ones wait
//! sampling = 0.05                 # which part of the requests is traced
//! json_rpc = true                 # whether the header X-Cocaine-JSON-RPC makes a call of a request
//! admin = "127.0.0.1:8081"        # `/metrics` is here and nowhere else
//!
//! [http.timeouts]                 # seconds, by service, or by service and event; told to the app as well
//! reports = 120
//! "reports/yearly" = 600
//!
//! [http.hosts]                    # who answers for a name, whatever the path
//! "shop.example" = { service = "shop", event = "http" }
//! "*.shop.example" = { service = "shop", event = "http" }
//!
//! [http.headers]                  # HTTP headers that go along as headers of the call, and under which names
//! authorization = "authorization"
//! ```

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use cocaine::Limits;
use http::HeaderName;
use serde::Deserialize;

use crate::config::ConfigError;

/// The section `http`; what it leaves out stays as it is by default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where HTTP is spoken.
    pub listen: Option<String>,
    /// Seconds that an app may take to answer, and then between two pieces of its body.
    pub timeout: Option<f64>,
    /// Seconds that a client may take to send the head of a request, and to take what is sent to it.
    pub client_timeout: Option<f64>,
    /// Connections to each service.
    pub connections: Option<u32>,
    /// Seconds after which a service is resolved again.
    pub refresh: Option<f64>,
    /// Bytes of one request's body.
    pub request_body: Option<usize>,
    /// Bytes of all requests' bodies together.
    pub buffer: Option<usize>,
    /// Bytes of one answer that wait for the client.
    pub response_buffer: Option<usize>,
    /// Connections of clients at once.
    pub clients: Option<usize>,
    /// Which part of the requests is traced.
    pub sampling: Option<f64>,
    /// Whether JSON-RPC is spoken.
    pub json_rpc: Option<bool>,
    /// Where `/metrics` is, unless it is beside the apps.
    pub admin: Option<String>,
    /// Seconds, by service, or by service and event.
    pub timeouts: BTreeMap<String, f64>,
    /// Who answers for a name.
    pub hosts: BTreeMap<String, Target>,
    /// HTTP headers that go along as headers of the call, and under which names.
    pub headers: Option<BTreeMap<String, String>>,
}

/// An event of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The name of the service.
    pub service: String,
    /// The name of the event.
    pub event: String,
}

/// A configuration that was found to be sound.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: String,
    pub(crate) admin: Option<String>,
    pub(crate) client_timeout: Duration,
    pub(crate) connections: u32,
    pub(crate) refresh: Duration,
    pub(crate) request_body: usize,
    pub(crate) buffer: usize,
    pub(crate) response_buffer: usize,
    pub(crate) clients: usize,
    pub(crate) sampling: f64,
    pub(crate) json_rpc: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) hosts: HashMap<String, Target>,
    pub(crate) headers: Vec<(HeaderName, String)>,
}

/// How long apps may take.
#[derive(Debug)]
pub(crate) struct Timeouts {
    default: Duration,
    special: HashMap<String, Duration>,
}

impl Timeouts {
    /// Returns how long an event may take.
    pub(crate) fn of(&self, service: &str, event: &str) -> Duration {
        self.special(service, event).unwrap_or(self.default)
    }

    /// Returns how long an event may take if the configuration names it or its service.
    pub(crate) fn special(&self, service: &str, event: &str) -> Option<Duration> {
        if self.special.is_empty() {
            return None;
        }
        let both = self.special.get(&format!("{service}/{event}"));
        both.or_else(|| self.special.get(service)).copied()
    }
}

impl HttpConfig {
    /// Where HTTP is spoken unless it is said.
    pub const DEFAULT_ADDRESS: &'static str = "127.0.0.1:8080";

    /// Returns the settings, every one of which can be used.
    pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
        let sampling = self.sampling.unwrap_or(0.05);
        if !(0.0..=1.0).contains(&sampling) {
            return Err(value(format!("http.sampling is {sampling}: it is a part, from 0 to 1")));
        }
        let some = |name, set: Option<usize>, default| match set {
            Some(0) => Err(value(format!("http.{name} is 0: nothing could be served"))),
            set => Ok(set.unwrap_or(default)),
        };
        let connections = self.connections.unwrap_or(1);
        some("connections", Some(connections as usize), 1)?;
        let request_body = self.request_body.unwrap_or(64 << 20);
        let frame = Limits::default().frame - HEAD;
        if request_body > frame {
            let text = format!(
                "http.request_body is {request_body}: a request is one frame, of which {frame} bytes are left"
            );
            return Err(value(text));
        }
        Ok(Settings {
            listen: self.listen.clone().unwrap_or_else(|| Self::DEFAULT_ADDRESS.into()),
            admin: self.admin.clone(),
            client_timeout: seconds("client_timeout", self.client_timeout.unwrap_or(30.0))?,
            connections,
            refresh: seconds("refresh", self.refresh.unwrap_or(120.0))?,
            request_body,
            buffer: some("buffer", self.buffer, 512 << 20)?,
            response_buffer: some("response_buffer", self.response_buffer, 65 << 20)?,
            clients: some("clients", self.clients, 10_000)?,
            sampling,
            json_rpc: self.json_rpc.unwrap_or(true),
            timeouts: self.timeouts()?,
            hosts: self
                .hosts
                .iter()
                .map(|(host, target)| (host.to_ascii_lowercase(), target.clone()))
                .collect(),
            headers: self.headers()?,
        })
    }

    fn timeouts(&self) -> Result<Timeouts, ConfigError> {
        let special = self.timeouts.iter().map(|(name, of)| Ok((name.clone(), seconds("timeouts", *of)?)));
        Ok(Timeouts {
            default: seconds("timeout", self.timeout.unwrap_or(30.0))?,
            special: special.collect::<Result<_, ConfigError>>()?,
        })
    }

    fn headers(&self) -> Result<Vec<(HeaderName, String)>, ConfigError> {
        let Some(headers) = &self.headers else {
            return Ok(vec![(http::header::AUTHORIZATION, "authorization".into())]);
        };
        let header = |(name, call): (&String, &String)| match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Ok((name, call.clone())),
            Err(_) => Err(value(format!("http.headers: {name:?} is no name of an HTTP header"))),
        };
        headers.iter().map(header).collect()
    }
}

/// What the head of a request may take of its frame.
const HEAD: usize = 1 << 20;

fn seconds(name: &str, seconds: f64) -> Result<Duration, ConfigError> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(value(format!("http.{name} is {seconds}: it is seconds, more than 0"))),
    }
}

fn value(text: String) -> ConfigError {
    ConfigError::Value(text)
}

#[cfg(test)]
mod tests;
