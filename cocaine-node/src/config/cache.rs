//! The section `cache`.

use serde::Deserialize;

use super::merge::overwrite;

/// The section `cache` of the configuration: how much the service keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheConfig {
    /// Blobs that are kept at once. 1,000,000, as in the original.
    pub max_size: Option<usize>,
    /// Bytes of all keys and blobs together. 512 MiB.
    pub max_bytes: Option<usize>,
}

impl CacheConfig {
    /// Sets how many blobs are kept at once.
    #[must_use]
    pub fn max_size(self, blobs: usize) -> Self {
        Self { max_size: Some(blobs), ..self }
    }

    /// Sets how many bytes all keys and blobs may have together.
    #[must_use]
    pub fn max_bytes(self, bytes: usize) -> Self {
        Self { max_bytes: Some(bytes), ..self }
    }

    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self { max_size, max_bytes } = newer;
        overwrite(&mut self.max_size, max_size);
        overwrite(&mut self.max_bytes, max_bytes);
    }
}
