//! What the cache is told: the section `cache` of the configuration.

use serde::Deserialize;

use super::lru::LruBlobs;
use crate::config::ConfigError;

/// The section `cache`; what it leaves out stays as it is by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Blobs that are kept at once. 1,000,000, as in the original.
    pub max_size: Option<usize>,
    /// Bytes of all keys and blobs together. 512 MiB.
    pub max_bytes: Option<usize>,
}

impl CacheConfig {
    /// Returns an empty cache with these limits, each of which must leave something.
    pub(super) fn empty(self) -> Result<LruBlobs, ConfigError> {
        let some = |name, set: Option<usize>, default| match set {
            Some(0) => Err(ConfigError::Value(format!("cache.{name} is 0: nothing could be kept"))),
            set => Ok(set.unwrap_or(default)),
        };
        Ok(LruBlobs::new(
            some("max_size", self.max_size, 1_000_000)?,
            some("max_bytes", self.max_bytes, 512 << 20)?,
        ))
    }
}
