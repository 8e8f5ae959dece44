//! The configuration file, in TOML.
//!
//! ```toml
//! listen = "127.0.0.1:10053"      # the locator; the other services take free ports of the same address
//! data = "/var/lib/cocaine"       # what outlives the node
//! cluster = true                  # false: `connect` is closed at once, as by a runtime without a cluster
//! hostname = "node-1.example"     # what an unspecified address such as 0.0.0.0 is announced as
//! uuid = "…"                      # made anew at each start unless it is set
//! restrict = ["storage"]          # services that other nodes are not told of
//! runlist = "default"             # the stored list of apps that start together with the node
//!
//! [log]
//! level = "info"                  # of the node's own events: off, error, warn, info, debug, trace
//! file = "node.log"               # JSON lines
//! terminal = true                 # readable lines on the standard error stream
//! verbosity = 0                   # what the service `logging` leaves out: all that is less severe
//!
//! [apps]
//! patience = 15                   # seconds that an event waits for an app that does not start
//! idle_timeout = true             # false: workers that have nothing to do stay, whatever their profile says
//!
//! [http]                          # HTTP in front of the apps, if this section is there; see `gateway::HttpConfig`
//! listen = "127.0.0.1:8080"
//!
//! [cache]
//! max_size = 1000000              # blobs that the service `cache` keeps at once
//! max_bytes = 536870912           # bytes of all their keys and blobs together
//!
//! [chrono]
//! timers = 65536                  # that run at once
//! client_timers = 1024            # of one connection
//!
//! [urlfetch]
//! deny = ["10.0.0.0/8", "::1/128"] # networks that are never fetched from, in place of all that are not public
//! allow = ["10.1.0.0/16"]         # networks that are fetched from all the same
//! max_body = 8388608              # bytes of an answer's body
//! max_redirects = 10              # that are followed for one call
//! max_fetches = 64                # calls that fetch at once; further ones wait
//! client_fetches = 16             # calls of one connection among them
//! max_timeout = 300               # seconds that a call may take, whatever it asks for
//!
//! [geobase]
//! database = "cities.mmdb"        # in the format of MaxMind, of cities or countries; a sample is served without
//!
//! [extra_param]                   # told to other nodes together with the services
//! weight = 1
//!
//! [limits]                        # of each connection; sizes in bytes
//! frame = 134217728
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use cocaine::{Bytes, Limits, msgpack};
use serde::{Deserialize, de::DeserializeOwned};

use crate::gateway::HttpConfig;
pub use crate::services::{cache::CacheConfig, chrono::ChronoConfig, urlfetch::UrlfetchConfig};

/// What the file may say; what it leaves out stays as it is by default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// Where the locator listens.
    pub listen: Option<String>,
    /// The data folder.
    pub data: Option<PathBuf>,
    /// Whether `connect` answers in full.
    pub cluster: Option<bool>,
    /// What an unspecified address is announced as.
    pub hostname: Option<String>,
    /// The node's uuid.
    pub uuid: Option<String>,
    /// Services that other nodes are not told of.
    pub restrict: Vec<String>,
    /// The stored list of apps that start together with the node.
    pub runlist: Option<String>,
    /// The apps.
    pub apps: AppsConfig,
    /// The log.
    pub log: LogConfig,
    /// HTTP in front of the apps.
    pub http: Option<HttpConfig>,
    /// The service `cache`.
    pub cache: CacheConfig,
    /// The service `chrono`.
    pub chrono: ChronoConfig,
    /// The service `urlfetch`.
    pub urlfetch: UrlfetchConfig,
    /// The service `geobase`.
    pub geobase: GeobaseConfig,
    /// What other nodes are told together with the services.
    pub extra_param: toml::Table,
    /// The limits of each connection.
    pub limits: LimitsConfig,
}

/// The section `apps`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppsConfig {
    /// Seconds that an event waits for an app that does not start.
    pub patience: Option<f64>,
    /// Whether the `idle-timeout` of profiles is kept.
    pub idle_timeout: Option<bool>,
}

/// The section `geobase`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeobaseConfig {
    /// The database of regions.
    pub database: Option<PathBuf>,
}

/// The section `log`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// The least important of the node's own events that are logged.
    pub level: Option<Level>,
    /// A file of JSON lines.
    pub file: Option<PathBuf>,
    /// Whether lines go to the standard error stream too.
    pub terminal: Option<bool>,
    /// The least severity that the service takes.
    pub verbosity: Option<i32>,
}

/// How important an event of the node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is.
    Off,
    /// What must not happen.
    Error,
    /// What should not happen.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// For whoever looks for a fault.
    Debug,
    /// For whoever cannot find it.
    Trace,
}

/// The section `limits`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of one frame.
    pub frame: Option<usize>,
    /// Unread bytes of one channel.
    pub unread: Option<usize>,
    /// Bytes that wait for the socket.
    pub outgoing: Option<usize>,
    /// Calls that run at once.
    pub invocations: Option<usize>,
    /// Channels that are open at once.
    pub channels: Option<usize>,
    /// Bytes that one connection may make the node keep.
    pub held: Option<usize>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the operating system reported.
        source: io::Error,
    },
    /// What it says cannot be understood.
    #[error("{}:{line}: {reason}", .file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A value that cannot be used.
    #[error("{0}")]
    Value(String),
}

/// A file of a gateway that stands alone.
///
/// ```toml
/// locator = "host:10053"          # several with commas between
///
/// [http]
/// listen = "127.0.0.1:8080"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// The locators of the cloud.
    pub locator: Option<String>,
    /// The gateway.
    pub http: HttpConfig,
    /// The log.
    pub log: LogConfig,
}

impl GatewayConfig {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        read(file)
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T, ConfigError> {
    let text = fs::read_to_string(file).map_err(|source| ConfigError::Io { file: file.into(), source })?;
    toml::from_str(&text).map_err(|error| ConfigError::Invalid {
        file: file.into(),
        line: error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1),
        reason: error.message().to_owned(),
    })
}

impl NodeConfig {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        read(file)
    }

    /// Returns the limits, all of which must leave something.
    pub fn limits(&self) -> Result<Limits, ConfigError> {
        let mut limits = Limits::default();
        let known = [
            ("frame", self.limits.frame, &mut limits.frame),
            ("unread", self.limits.unread, &mut limits.unread),
            ("outgoing", self.limits.outgoing, &mut limits.outgoing),
            ("invocations", self.limits.invocations, &mut limits.invocations),
            ("channels", self.limits.channels, &mut limits.channels),
            ("held", self.limits.held, &mut limits.held),
        ];
        for (name, set, limit) in known {
            *limit = set.unwrap_or(*limit);
            if *limit == 0 {
                return Err(ConfigError::Value(format!("limits.{name} is 0: nothing could be served")));
            }
        }
        Ok(limits)
    }

    /// Returns how long an event waits for an app that does not start, if that is set.
    pub fn patience(&self) -> Result<Option<Duration>, ConfigError> {
        let patience = self.apps.patience.map(Duration::try_from_secs_f64).transpose();
        patience.map_err(|error| ConfigError::Value(format!("apps.patience: {error}")))
    }

    /// Returns `extra_param` as other nodes read it: a map in `MessagePack`.
    pub fn extra(&self) -> Result<Bytes, ConfigError> {
        if self.extra_param.values().any(has_date) {
            return Err(ConfigError::Value(
                "extra_param holds a date, which has no place in MessagePack".into(),
            ));
        }
        let extra = msgpack::to_vec(&self.extra_param);
        extra.map(Bytes::from).map_err(|error| ConfigError::Value(format!("extra_param: {error}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NodeConfig, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.toml");
        fs::write(&file, text).unwrap();
        NodeConfig::read(&file).map_err(|error| match error {
            ConfigError::Invalid { line, reason, .. } => {
                ConfigError::Invalid { file: "node.toml".into(), line, reason }
            }
            other => other,
        })
    }

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    /// The example of the module's docs.
    fn example() -> String {
        let docs = include_str!("config.rs").lines().map_while(|line| line.strip_prefix("//!"));
        let docs = docs.map(|line| line.strip_prefix(' ').unwrap_or(line));
        docs.skip_while(|line| *line != "```toml")
            .skip(1)
            .take_while(|line| *line != "```")
            .fold(String::new(), |text, line| text + line + "\n")
    }

    #[test]
    fn the_documented_example_sets_every_key() {
        let config = read(&example()).unwrap();
        assert_eq!(config.listen.as_deref(), Some("127.0.0.1:10053"));
        assert_eq!(config.data.as_deref(), Some(Path::new("/var/lib/cocaine")));
        assert_eq!(config.cluster, Some(true));
        assert_eq!(config.hostname.as_deref(), Some("node-1.example"));
        assert_eq!(config.uuid.as_deref(), Some("…"));
        assert_eq!(config.restrict, ["storage"]);
        assert_eq!(config.runlist.as_deref(), Some("default"));
        assert_eq!(config.apps, AppsConfig { patience: Some(15.0), idle_timeout: Some(true) });
        assert_eq!(config.patience().unwrap(), Some(Duration::from_secs(15)));
        assert_eq!(config.geobase.database.as_deref(), Some(Path::new("cities.mmdb")));
        let log = LogConfig {
            level: Some(Level::Info),
            file: Some("node.log".into()),
            terminal: Some(true),
            verbosity: Some(0),
        };
        assert_eq!(config.log, log);
        assert_eq!(config.cache, CacheConfig { max_size: Some(1_000_000), max_bytes: Some(512 << 20) });
        assert_eq!(config.chrono, ChronoConfig { timers: Some(65_536), client_timers: Some(1024) });
        let urlfetch = UrlfetchConfig {
            deny: Some(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]),
            allow: vec!["10.1.0.0/16".parse().unwrap()],
            max_body: Some(8 << 20),
            max_redirects: Some(10),
            max_fetches: Some(64),
            client_fetches: Some(16),
            max_timeout: Some(300.0),
        };
        assert_eq!(config.urlfetch, urlfetch);
        assert_eq!(config.limits().unwrap(), Limits::default());
        assert_eq!(config.extra().unwrap(), Bytes::from(&b"\x81\xa6weight\x01"[..]));
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        let config = read("").unwrap();
        assert_eq!(config, NodeConfig::default());
        assert_eq!(config.limits().unwrap(), Limits::default());
        assert_eq!(config.extra().unwrap(), Bytes::from(&b"\x80"[..]));
    }

    #[test]
    fn what_cannot_be_understood_is_reported_with_file_and_line() {
        let unknown = refusal("listen = \"x\"\n\nlistne = \"y\"\n");
        assert!(unknown.starts_with("node.toml:3: unknown field `listne`, expected one of"), "{unknown}");
        let unknown = refusal("[log]\nlevel = \"info\"\ncolour = true\n");
        assert!(unknown.starts_with("node.toml:3: unknown field `colour`"), "{unknown}");
        let unknown = refusal("# a\n[limits]\nframes = 1\n");
        assert!(unknown.starts_with("node.toml:3: unknown field `frames`"), "{unknown}");
        let level = refusal("\n[log]\nlevel = \"loud\"\n");
        assert!(level.starts_with("node.toml:3: unknown variant `loud`"), "{level}");
        let syntax = refusal("listen = \"x\"\nüü\n");
        assert!(syntax.starts_with("node.toml:2: "), "{syntax}");
        let kind = refusal("cluster = \"yes\"\n");
        assert!(kind.starts_with("node.toml:1: invalid type: string"), "{kind}");
        let missing = NodeConfig::read(Path::new("/does/not/exist.toml")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read /does/not/exist.toml: "), "{missing}");
    }

    #[test]
    fn limits_are_taken_over_and_never_zero() {
        let config = read("[limits]\nframe = 1024\ninvocations = 7\n").unwrap();
        assert_eq!(config.limits().unwrap(), Limits { frame: 1024, invocations: 7, ..Limits::default() });
        let zero = read("[limits]\nchannels = 0\n").unwrap().limits().unwrap_err().to_string();
        assert_eq!(zero, "limits.channels is 0: nothing could be served");
    }

    #[test]
    fn extra_parameters_equal_the_recorded_header() {
        let config = read("[extra_param]\nx-cocaine-cluster = \"test\"\nweight = 1\n").unwrap();
        let recorded = b"\x82\xa6weight\x01\xb1x-cocaine-cluster\xa4test";
        assert_eq!(config.extra().unwrap(), Bytes::from(&recorded[..]));
        let date = read("[extra_param]\na = { b = [1979-05-27] }\n").unwrap().extra().unwrap_err();
        assert!(date.to_string().contains("a date"), "{date}");
    }
}
