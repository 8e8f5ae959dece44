//! `cache`: blobs in memory (`services.md` 9).

mod config;
mod recent;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cocaine::{Bytes, Category, Error, Result};
use cocaine_bindings::Cache;

use self::recent::Recent;
use crate::config::{CacheConfig, ConfigError};

/// The number by which POSIX calls what is too large.
const TOO_BIG: i64 = 27;

/// The service; clones share what it keeps.
#[derive(Clone, Debug)]
pub(crate) struct CacheService(Arc<Mutex<Recent>>);

impl CacheService {
    pub(crate) fn new(config: CacheConfig) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Mutex::new(config.empty()?))))
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache for CacheService {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.recent().get(key))
    }

    async fn put(&self, key: &str, value: &Bytes) -> Result<()> {
        // A received blob may be a slice of something larger, which must not be kept with it.
        let own = Bytes::from(&value[..]);
        let put = self.recent().put(key, own);
        put.map_err(|large| Error::service(Category::GENERIC, TOO_BIG, large.to_string()))
    }
}
