//! `cache`: blobs in memory (`services.md` 9).

mod config;
mod lru;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cocaine::{Bytes, Result};
use cocaine_bindings::Cache;

use self::lru::LruBlobs;
use crate::{
    config::{CacheConfig, ConfigError},
    errno::{self, Errno},
};

/// The service; clones share the cache.
#[derive(Clone, Debug)]
pub(crate) struct CacheService(Arc<Mutex<LruBlobs>>);

impl CacheService {
    pub(crate) fn new(config: CacheConfig) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Mutex::new(config.build()?))))
    }

    fn blobs(&self) -> MutexGuard<'_, LruBlobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for CacheService {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.blobs().get(key))
    }

    async fn put(&self, key: &str, value: &Bytes) -> Result<()> {
        // A received blob may be a slice of a larger buffer, which the cache must not keep alive.
        let own = Bytes::from(&value[..]);
        let put = self.blobs().put(key, own);
        put.map_err(|large| errno::error(Errno::FBIG, large.to_string()))
    }
}
