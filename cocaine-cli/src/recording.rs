//! What has passed between clients and services, in a file that a person can read and change: a line of JSON for each message.

pub(crate) mod comparison;
mod exchanges;
mod file;
mod names;
pub(crate) mod recorder;
pub(crate) mod replay_server;
mod stream;

/// The longest frame that is read, as between peers of the framework.
const MAX_FRAME: usize = 128 << 20;

/// The first of the messages that govern a channel or a connection instead of being part of its tree: `protocol.md` 2.1, and the credit of 14.
const FIRST_CONTROL: u64 = 65_531;
