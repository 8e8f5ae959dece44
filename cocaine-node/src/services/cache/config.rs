//! The limits of the cache, from its section of the configuration.

use super::lru::LruBlobs;
use crate::config::{CacheConfig, ConfigError};

impl CacheConfig {
    /// Builds an empty cache. A limit of 0 is an error.
    pub(super) fn build(self) -> Result<LruBlobs, ConfigError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::documented_defaults;

    #[test]
    fn documented_defaults_are_those_of_the_service() {
        let limits = |config: CacheConfig| format!("{:?}", config.build().unwrap());
        assert_eq!(limits(documented_defaults()), limits(CacheConfig::default()));
    }
}
