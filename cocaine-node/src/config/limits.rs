//! The section `limits`.

use cocaine::Limits;
use serde::Deserialize;

use super::{error::ConfigError, merge::overwrite};

/// The section `limits` of the configuration: those of each connection, as in [`Limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Bytes of one frame.
    pub frame: Option<usize>,
    /// Unread bytes of one channel.
    pub unread: Option<usize>,
    /// Bytes queued for the socket.
    pub outgoing: Option<usize>,
    /// Calls that run at once.
    pub invocations: Option<usize>,
    /// Channels that are open at once.
    pub channels: Option<usize>,
    /// Bytes that one connection may make the node keep.
    pub held: Option<usize>,
}

impl LimitsConfig {
    /// Overwrites every value that `newer` sets.
    pub(super) fn merge(&mut self, newer: Self) {
        let Self { frame, unread, outgoing, invocations, channels, held } = newer;
        overwrite(&mut self.frame, frame);
        overwrite(&mut self.unread, unread);
        overwrite(&mut self.outgoing, outgoing);
        overwrite(&mut self.invocations, invocations);
        overwrite(&mut self.channels, channels);
        overwrite(&mut self.held, held);
    }

    /// Returns `limits` with the values of the configuration in place of its own.
    ///
    /// # Errors
    /// A limit of 0, with which nothing could be served.
    pub(crate) fn apply(&self, mut limits: Limits) -> Result<Limits, ConfigError> {
        let settings = [
            ("frame", self.frame, &mut limits.frame),
            ("unread", self.unread, &mut limits.unread),
            ("outgoing", self.outgoing, &mut limits.outgoing),
            ("invocations", self.invocations, &mut limits.invocations),
            ("channels", self.channels, &mut limits.channels),
            ("held", self.held, &mut limits.held),
        ];
        for (name, value, limit) in settings {
            *limit = value.unwrap_or(*limit);
            if *limit == 0 {
                return Err(ConfigError::Value(format!("limits.{name} is 0: nothing could be served")));
            }
        }
        Ok(limits)
    }
}
