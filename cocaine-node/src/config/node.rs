//! The configuration file of a node.

use std::{path::PathBuf, time::Duration};

use cocaine::{Bytes, msgpack};
use serde::{Deserialize, Serialize};

use super::{
    apps::AppsConfig,
    cache::CacheConfig,
    chrono::ChronoConfig,
    duration::seconds,
    error::ConfigError,
    geobase::GeobaseConfig,
    http::HttpConfig,
    limits::LimitsConfig,
    listen::ListenAddresses,
    log::LogConfig,
    network::{LOCATOR, NetworkConfig},
    setting::{Setting, section},
    urlfetch::UrlfetchConfig,
    warning::ConfigWarning,
};

section! {
    /// The configuration of a node. What it leaves out has its default.
    #[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct NodeConfig {
        /// The address of the locator, or several of them: `ADDRESS:PORT`, `[ADDRESS]:PORT`, or `unix:/PATH`. The other services
        /// listen on ports of the same addresses. Port 0 is a free one.
        #[setting(default = "'127.0.0.1:10053'", option = "--listen")]
        pub listen: Option<ListenAddresses>,
        /// The folder of everything that is kept between runs.
        #[setting(
            example = "'/var/lib/cocaine'",
            unset = "`cocaine` in `$XDG_STATE_HOME` or `~/.local/state`",
            option = "--data"
        )]
        pub data: Option<PathBuf>,
        /// Whether `locator.connect` streams the services to other nodes. Otherwise it is closed at once, as by a runtime
        /// without a cluster.
        #[setting(default = "true", option = "--no-cluster")]
        pub cluster: Option<bool>,
        /// The name whose addresses are announced in place of an unspecified one such as 0.0.0.0.
        #[setting(
            example = "'node-1.example'",
            unset = "the address that each client has connected to; likewise if the name has only loopback addresses",
            option = "--hostname"
        )]
        pub hostname: Option<String>,
        /// The node's uuid.
        #[setting(
            example = "'5a2d2f5e-3a3b-4b0e-9d0f-3c1f2a7d8e90'",
            unset = "a new one at each start",
            option = "--uuid"
        )]
        pub uuid: Option<String>,
        /// Services that are not announced to other nodes, beside the locator.
        #[setting(default = "[]")]
        pub restrict: Option<Vec<String>>,
        /// The stored list of apps that start together with the node.
        #[setting(example = "'default'", unset = "none", option = "--runlist")]
        pub runlist: Option<String>,
        /// How long a stop may take as a whole; what has not ended by then is cut off.
        #[setting(default = "8.0", unit = "seconds", option = "--shutdown-timeout", reload = "at once")]
        pub shutdown_timeout: Option<f64>,
        /// The ports of the services and apps. By default each gets a free one.
        pub network: NetworkConfig,
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
        #[setting(example = "weight = 1", unset = "none")]
        pub extra_param: toml::Table,
        /// The limits of each connection, and the memory of all of them.
        pub limits: LimitsConfig,

        skipped {
            /// What the file says without effect on a node, since it is the configuration of an original runtime. A node logs
            /// it when it starts.
            pub warnings: Vec<ConfigWarning>,
        }
    }
}

impl NodeConfig {
    /// Overwrites every value that `newer` sets; tables are merged by their keys.
    pub(crate) fn merge(&mut self, newer: Self) {
        if newer.listen.as_ref().is_some_and(ListenAddresses::has_port) {
            self.network.pinned.remove(LOCATOR);
        }
        Setting::merge(self, newer);
    }

    /// Sets the addresses of the locator. If they say a port, one that was pinned to the locator before is not used any more.
    pub fn set_listen(&mut self, listen: ListenAddresses) {
        if listen.has_port() {
            self.network.pinned.remove(LOCATOR);
        }
        self.listen = Some(listen);
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
            ("network", self.network != newer.network),
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
