//! The section `limits`.

use std::time::Duration;

use cocaine::{Limits, MemoryBudget};
use serde::Deserialize;

use super::{error::ConfigError, merge::overwrite};

/// The section `limits` of the configuration: those of each connection, as in [`Limits`], and the memory of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Bytes of one frame.
    pub max_frame_bytes: Option<usize>,
    /// Unread bytes of one channel.
    pub max_unread_bytes: Option<usize>,
    /// Bytes queued for the socket.
    pub max_queued_bytes: Option<usize>,
    /// Calls that run at once.
    pub max_invocations: Option<usize>,
    /// Channels that are open at once.
    pub max_channels: Option<usize>,
    /// Bytes that one connection may make the node keep.
    pub max_in_use_bytes: Option<usize>,
    /// Bytes that may be sent on a stream before its reader has read.
    pub stream_window_bytes: Option<usize>,
    /// Seconds for which a channel that keeps its connection from being read may go unread.
    pub stall_timeout: Option<u64>,
    /// Bytes of memory that the arguments of a call may take beyond their encoding. The services of a node take few
    /// lists, so that it is 8 MiB here.
    pub max_decoded_bytes: Option<usize>,
    /// Bytes of memory that all connections of the node use together, as a [`MemoryBudget`](cocaine::MemoryBudget).
    pub max_memory_bytes: Option<usize>,
}

impl LimitsConfig {
    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self {
            max_frame_bytes,
            max_unread_bytes,
            max_queued_bytes,
            max_invocations,
            max_channels,
            max_in_use_bytes,
            stream_window_bytes,
            stall_timeout,
            max_decoded_bytes,
            max_memory_bytes,
        } = newer;
        overwrite(&mut self.max_frame_bytes, max_frame_bytes);
        overwrite(&mut self.max_unread_bytes, max_unread_bytes);
        overwrite(&mut self.max_queued_bytes, max_queued_bytes);
        overwrite(&mut self.max_invocations, max_invocations);
        overwrite(&mut self.max_channels, max_channels);
        overwrite(&mut self.max_in_use_bytes, max_in_use_bytes);
        overwrite(&mut self.stream_window_bytes, stream_window_bytes);
        overwrite(&mut self.stall_timeout, stall_timeout);
        overwrite(&mut self.max_decoded_bytes, max_decoded_bytes);
        overwrite(&mut self.max_memory_bytes, max_memory_bytes);
    }

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
