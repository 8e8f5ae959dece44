//! The configuration files, in TOML: plain data, below everything that is configured.
//!
//! A part of the node reads its own section and checks the values when it starts. The sections are defined together with
//! their documentation, from which `docs/configuration.md` of the repository is rendered, and what `cocaine-node --print-config`
//! prints. [`NodeConfig::read`] also takes the JSON of an original runtime, and lists in [`NodeConfig::warnings`] what of it has
//! no counterpart.
//!
//! ```toml
//! listen = "127.0.0.1:10053"      # the locator
//! data = "/var/lib/cocaine"       # the folder of everything that is kept between runs
//!
//! [network]
//! shared = [45000, 46000]         # the ports of the services, for a firewall
//!
//! [http]                          # an HTTP gateway in front of the apps, if this section is there
//! listen = "127.0.0.1:8080"
//! ```

mod access_log;
mod apps;
mod cache;
mod chrono;
mod duration;
mod error;
mod file;
mod gateway;
mod geobase;
mod http;
mod limits;
mod listen;
mod log;
mod network;
mod node;
mod original;
mod read;
mod reference;
mod setting;
#[cfg(test)]
mod tests;
mod urlfetch;
mod warning;

pub use self::{
    access_log::{AccessLogConfig, AccessLogKind},
    apps::AppsConfig,
    cache::CacheConfig,
    chrono::ChronoConfig,
    error::ConfigError,
    gateway::GatewayConfig,
    geobase::GeobaseConfig,
    http::{HttpConfig, Target},
    limits::LimitsConfig,
    listen::ListenAddresses,
    log::{LogConfig, LogFormat, LogLevel},
    network::NetworkConfig,
    node::NodeConfig,
    urlfetch::UrlfetchConfig,
    warning::ConfigWarning,
};
pub(crate) use self::{listen::ListenAddress, network::locator_ports};
#[cfg(test)]
pub(crate) use self::{reference::documented_defaults, setting::Setting};
