//! The configuration file of a node.

use std::{path::PathBuf, time::Duration};

use cocaine::{Bytes, msgpack};
use serde::Deserialize;

use super::{
    apps::AppsConfig, cache::CacheConfig, chrono::ChronoConfig, duration::seconds, error::ConfigError,
    geobase::GeobaseConfig, http::HttpConfig, limits::LimitsConfig, log::LogConfig, merge::overwrite,
    urlfetch::UrlfetchConfig, warning::ConfigWarning,
};

/// The configuration of a node. What it leaves out has its default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NodeConfig {
    /// The address of the locator.
    pub listen: Option<String>,
    /// The data folder.
    pub data: Option<PathBuf>,
    /// Whether `locator.connect` streams the services to other nodes. `true`.
    pub cluster: Option<bool>,
    /// The name whose addresses are announced in place of an unspecified one. Without it, or if it has none but loopback,
    /// each client is told the address that it has connected to.
    pub hostname: Option<String>,
    /// The node's uuid.
    pub uuid: Option<String>,
    /// Services that are not announced to other nodes.
    pub restrict: Option<Vec<String>>,
    /// The stored list of apps that start together with the node.
    pub runlist: Option<String>,
    /// Seconds that a stop may take as a whole. 8.
    pub shutdown_timeout: Option<f64>,
    /// The apps.
    pub apps: AppsConfig,
    /// The log.
    pub log: LogConfig,
    /// The HTTP gateway; none runs without this section.
    pub http: Option<HttpConfig>,
    /// The service `cache`.
    pub cache: CacheConfig,
    /// The service `chrono`.
    pub chrono: ChronoConfig,
    /// The service `urlfetch`.
    pub urlfetch: UrlfetchConfig,
    /// The service `geobase`.
    pub geobase: GeobaseConfig,
    /// Properties of this node that are announced to other nodes together with the services.
    pub extra_param: toml::Table,
    /// The limits of each connection.
    pub limits: LimitsConfig,
    /// What the file says without effect on a node, since it is the configuration of an original runtime. A node logs it when it
    /// starts.
    #[serde(skip)]
    pub warnings: Vec<ConfigWarning>,
}

impl NodeConfig {
    /// Overwrites every value that `newer` sets; tables are merged by their keys.
    pub(crate) fn merge(&mut self, newer: Self) {
        overwrite(&mut self.listen, newer.listen);
        overwrite(&mut self.data, newer.data);
        overwrite(&mut self.cluster, newer.cluster);
        overwrite(&mut self.hostname, newer.hostname);
        overwrite(&mut self.uuid, newer.uuid);
        overwrite(&mut self.restrict, newer.restrict);
        overwrite(&mut self.runlist, newer.runlist);
        overwrite(&mut self.shutdown_timeout, newer.shutdown_timeout);
        self.apps.merge(&newer.apps);
        self.log.merge(newer.log);
        match (&mut self.http, newer.http) {
            (Some(http), Some(newer)) => http.merge(newer),
            (http, newer) => overwrite(http, newer),
        }
        self.cache.merge(newer.cache);
        self.chrono.merge(newer.chrono);
        self.urlfetch.merge(newer.urlfetch);
        self.geobase.merge(newer.geobase);
        self.extra_param.extend(newer.extra_param);
        self.limits.merge(newer.limits);
        self.warnings.extend(newer.warnings);
    }

    /// Returns the keys and sections that differ and that a running node cannot change. The sections `log` and `http` are
    /// not compared.
    pub(crate) fn fixed_changes(&self, newer: &Self) -> Vec<&'static str> {
        let keys = [
            ("listen", self.listen != newer.listen),
            ("data", self.data != newer.data),
            ("cluster", self.cluster != newer.cluster),
            ("hostname", self.hostname != newer.hostname),
            ("uuid", self.uuid != newer.uuid),
            ("restrict", self.restrict != newer.restrict),
            ("runlist", self.runlist != newer.runlist),
            ("apps", self.apps != newer.apps),
            ("cache", self.cache != newer.cache),
            ("chrono", self.chrono != newer.chrono),
            ("urlfetch", self.urlfetch != newer.urlfetch),
            ("geobase", self.geobase != newer.geobase),
            ("extra_param", self.extra_param != newer.extra_param),
            ("limits", self.limits != newer.limits),
        ];
        keys.into_iter().filter_map(|(key, changed)| changed.then_some(key)).collect()
    }

    /// Returns how long an event waits for an app that fails to start, if it is set.
    pub(crate) fn startup_timeout(&self) -> Result<Option<Duration>, ConfigError> {
        self.apps.startup_timeout()
    }

    /// Returns how long a stop may take as a whole, if it is set.
    ///
    /// # Errors
    /// A value that is not a time.
    pub fn shutdown_timeout(&self) -> Result<Option<Duration>, ConfigError> {
        seconds("shutdown_timeout", self.shutdown_timeout)
    }

    /// Returns `extra_param` in the form that other nodes read: a map in `MessagePack`.
    pub(crate) fn encode_extra_param(&self) -> Result<Bytes, ConfigError> {
        if self.extra_param.values().any(has_date) {
            return Err(ConfigError::Value(
                "extra_param contains a date, which MessagePack cannot express".into(),
            ));
        }
        let encoded = msgpack::to_vec(&self.extra_param);
        encoded.map(Bytes::from).map_err(|error| ConfigError::Value(format!("extra_param: {error}")))
    }
}

fn has_date(value: &toml::Value) -> bool {
    match value {
        toml::Value::Datetime(_) => true,
        toml::Value::Array(values) => values.iter().any(has_date),
        toml::Value::Table(table) => table.values().any(has_date),
        _ => false,
    }
}
