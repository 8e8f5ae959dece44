//! The section `cache`.

use serde::{Deserialize, Serialize};

use super::setting::section;

section! {
    /// The section `cache` of the configuration: how much the service keeps.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct CacheConfig {
        /// How many blobs are kept at once. The default is that of the original.
        #[setting(default = "1000000", unit = "blobs")]
        pub max_size: Option<usize>,
        /// How large all keys and blobs may be together.
        #[setting(default = "536870912", unit = "bytes")]
        pub max_bytes: Option<usize>,
    }
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
}
