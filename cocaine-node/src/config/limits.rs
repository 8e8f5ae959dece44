//! The section `limits`.

use std::time::Duration;

use cocaine::{Limits, MemoryBudget};
use serde::{Deserialize, Serialize};

use super::{error::ConfigError, setting::section};

section! {
    /// The section `limits` of the configuration: those of each connection, as in [`Limits`], and the memory of all of them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(default, deny_unknown_fields)]
    #[non_exhaustive]
    pub struct LimitsConfig {
        /// How large one frame may be. The arguments of a longer one are skipped, and its call is answered with an error.
        #[setting(default = "536870912", unit = "bytes")]
        pub max_frame_bytes: Option<usize>,
        /// How much of one channel may be unread before its connection is not read.
        #[setting(default = "8388608", unit = "bytes")]
        pub max_unread_bytes: Option<usize>,
        /// How much may be queued for the socket.
        #[setting(default = "1048576", unit = "bytes")]
        pub max_queued_bytes: Option<usize>,
        /// How many calls run at once.
        #[setting(default = "1024", unit = "calls")]
        pub max_invocations: Option<usize>,
        /// How many channels are open at once.
        #[setting(default = "65536", unit = "channels")]
        pub max_channels: Option<usize>,
        /// How much one connection may make the node keep.
        #[setting(default = "536870912", unit = "bytes")]
        pub max_in_use_bytes: Option<usize>,
        /// How much may be sent on a stream before its reader has read.
        #[setting(default = "524288", unit = "bytes")]
        pub stream_window_bytes: Option<usize>,
        /// How long a channel that keeps its connection from being read may go unread.
        #[setting(default = "30", unit = "seconds")]
        pub stall_timeout: Option<u64>,
        /// How much memory the arguments of a call may take beyond their encoding. It is less than for other servers, since
        /// the services of a node take few lists.
        #[setting(default = "8388608", unit = "bytes")]
        pub max_decoded_bytes: Option<usize>,
        /// How much memory all connections use together, whatever their clients send or do not read.
        #[setting(default = "1073741824", unit = "bytes")]
        pub max_memory_bytes: Option<usize>,
    }
}

impl LimitsConfig {
    /// Returns the memory of all connections, if it is set.
    ///
    /// # Errors
    /// A limit of 0.
    pub(crate) fn memory(&self) -> Result<Option<MemoryBudget>, ConfigError> {
        memory("limits.max_memory_bytes", self.max_memory_bytes)
    }

    /// Returns `limits` with the values of the configuration in place of its own.
    ///
    /// # Errors
    /// A limit of 0, with which nothing could be served.
    pub(crate) fn apply(&self, mut limits: Limits) -> Result<Limits, ConfigError> {
        let settings = [
            ("max_frame_bytes", self.max_frame_bytes, &mut limits.max_frame_bytes),
            ("max_unread_bytes", self.max_unread_bytes, &mut limits.max_unread_bytes),
            ("max_queued_bytes", self.max_queued_bytes, &mut limits.max_queued_bytes),
            ("max_invocations", self.max_invocations, &mut limits.max_invocations),
            ("max_channels", self.max_channels, &mut limits.max_channels),
            ("max_in_use_bytes", self.max_in_use_bytes, &mut limits.max_in_use_bytes),
            ("stream_window_bytes", self.stream_window_bytes, &mut limits.stream_window_bytes),
            ("max_decoded_bytes", self.max_decoded_bytes, &mut limits.max_decoded_bytes),
        ];
        for (name, value, limit) in settings {
            *limit = value.unwrap_or(*limit);
            if *limit == 0 {
                return Err(zero(&format!("limits.{name}")));
            }
        }
        if let Some(seconds) = self.stall_timeout {
            limits.stall_timeout = Duration::from_secs(seconds);
        }
        Ok(limits)
    }
}

/// Returns the budget of this many bytes, if they are set.
pub(super) fn memory(key: &str, bytes: Option<usize>) -> Result<Option<MemoryBudget>, ConfigError> {
    match bytes {
        Some(0) => Err(zero(key)),
        bytes => Ok(bytes.map(MemoryBudget::new)),
    }
}

fn zero(key: &str) -> ConfigError {
    ConfigError::Value(format!("{key} is 0: nothing could be served"))
}
