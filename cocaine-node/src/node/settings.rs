//! The settings of a node, checked and with their defaults.

use std::{path::PathBuf, time::Duration};

use cocaine::{Bytes, Limits};

use crate::{
    apps::CrashlogLimits,
    config::{CacheConfig, ChronoConfig, HttpConfig, NodeConfig, UrlfetchConfig},
    helper::Helper,
    log::Log,
};

/// The settings of a node.
#[derive(Debug)]
pub(super) struct NodeSettings {
    /// The configuration that the settings come from.
    pub(super) config: NodeConfig,
    pub(super) listen: String,
    /// The data folder; in memory if `None`.
    pub(super) data: Option<PathBuf>,
    pub(super) cluster: bool,
    pub(super) uuid: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) restrict: Vec<String>,
    /// A map in `MessagePack`.
    pub(super) extra_param: Bytes,
    pub(super) limits: Limits,
    pub(super) log: Option<Log>,
    pub(super) helper: Option<Helper>,
    pub(super) runlist: Option<String>,
    pub(super) startup_timeout: Duration,
    pub(super) idle_timeout: bool,
    pub(super) restore_apps: bool,
    pub(super) crashlogs: CrashlogLimits,
    pub(super) max_workers: usize,
    pub(super) shutdown_timeout: Duration,
    pub(super) http: Option<HttpConfig>,
    pub(super) cache: CacheConfig,
    pub(super) chrono: ChronoConfig,
    pub(super) urlfetch: UrlfetchConfig,
    pub(super) geobase: Option<PathBuf>,
}
