//! How much memory and work a peer may cost this side.

use std::time::Duration;

use crate::wire::decode::MAX_DECODED_BYTES;

/// The limits of a connection.
///
/// ```
/// let limits = cocaine::Limits::default().max_frame_bytes(1 << 20).max_channels(1000);
/// assert_eq!(limits.max_channels, 1000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one frame. The arguments of a longer one are skipped, and not stored: a call is answered with an error that
    /// names its size and this limit, a reply or a message of a stream fails its channel, and the connection lives on.
    /// 512 MiB. A frame is buffered once, as far as it has arrived.
    pub max_frame_bytes: usize,
    /// Unread bytes of one channel, headers and 64 for each frame included. Above it, unless it is a single frame, the
    /// socket is not read until the channel is. A peer that understands credit stops sending long before. 8 MiB.
    pub max_unread_bytes: usize,
    /// Bytes queued for the socket before senders wait and a server stops reading. 1 MiB.
    pub max_queued_bytes: usize,
    /// Invocations that a server runs at once for one connection; further ones wait unread. Streams and sessions do
    /// not count: the message that ends one may be queued behind a waiting invocation. 1,024.
    pub max_invocations: usize,
    /// Channels that a peer may leave open on a server's connection; one more ends the connection. 65,536.
    pub max_channels: usize,
    /// Bytes that a server keeps for the peer of one connection: the arguments of running invocations and, counted
    /// apart from them, unread messages on all channels. Above it, calls wait unread, streams and sessions end the
    /// connection, and the socket is not read until messages are. 512 MiB.
    pub max_in_use_bytes: usize,
    /// The credit of a stream whose two ends understand it: bytes that may be sent before the other side has read
    /// (`protocol.md` 14). 512 KiB.
    pub stream_window_bytes: usize,
    /// How long a channel that keeps the socket from being read may go unread before it fails, and how long a call may wait
    /// for memory. Half of it is how long a channel may go unread, and a peer may send or read next to nothing, while others
    /// wait for the memory ([`MemoryBudget`](crate::MemoryBudget)). 30 s.
    pub stall_timeout: Duration,
    /// Bytes of memory that the arguments of a call or a reply may take, once decoded, beyond their encoding: a list of
    /// nils takes forty times its encoding as a [`Value`](crate::Value), and a list of short texts ten times. A call
    /// above it fails with an error. 128 MiB, which a list of a million short texts does not reach, and typed numbers
    /// and large texts never do.
    pub max_decoded_bytes: usize,
}

impl Limits {
    /// Sets [`Limits::max_frame_bytes`](field@Limits::max_frame_bytes).
    #[must_use]
    pub const fn max_frame_bytes(self, bytes: usize) -> Self {
        Self { max_frame_bytes: bytes, ..self }
    }

    /// Sets [`Limits::max_unread_bytes`](field@Limits::max_unread_bytes).
    #[must_use]
    pub const fn max_unread_bytes(self, bytes: usize) -> Self {
        Self { max_unread_bytes: bytes, ..self }
    }

    /// Sets [`Limits::max_queued_bytes`](field@Limits::max_queued_bytes).
    #[must_use]
    pub const fn max_queued_bytes(self, bytes: usize) -> Self {
        Self { max_queued_bytes: bytes, ..self }
    }

    /// Sets [`Limits::max_invocations`](field@Limits::max_invocations).
    #[must_use]
    pub const fn max_invocations(self, count: usize) -> Self {
        Self { max_invocations: count, ..self }
    }

    /// Sets [`Limits::max_channels`](field@Limits::max_channels).
    #[must_use]
    pub const fn max_channels(self, count: usize) -> Self {
        Self { max_channels: count, ..self }
    }

    /// Sets [`Limits::max_in_use_bytes`](field@Limits::max_in_use_bytes).
    #[must_use]
    pub const fn max_in_use_bytes(self, bytes: usize) -> Self {
        Self { max_in_use_bytes: bytes, ..self }
    }

    /// Sets [`Limits::stream_window_bytes`](field@Limits::stream_window_bytes).
    #[must_use]
    pub const fn stream_window_bytes(self, bytes: usize) -> Self {
        Self { stream_window_bytes: bytes, ..self }
    }

    /// Sets [`Limits::stall_timeout`](field@Limits::stall_timeout).
    #[must_use]
    pub const fn stall_timeout(self, timeout: Duration) -> Self {
        Self { stall_timeout: timeout, ..self }
    }

    /// Sets [`Limits::max_decoded_bytes`](field@Limits::max_decoded_bytes).
    #[must_use]
    pub const fn max_decoded_bytes(self, bytes: usize) -> Self {
        Self { max_decoded_bytes: bytes, ..self }
    }
}

impl Limits {
    /// Returns how long whatever takes memory may make no progress while others wait for it. Those wait twice as long.
    pub(crate) fn memory_stall_timeout(&self) -> Duration {
        self.stall_timeout / 2
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: 512 << 20,
            max_unread_bytes: 8 << 20,
            max_queued_bytes: 1 << 20,
            max_invocations: 1024,
            max_channels: 65_536,
            max_in_use_bytes: 512 << 20,
            stream_window_bytes: 512 << 10,
            stall_timeout: Duration::from_secs(30),
            max_decoded_bytes: MAX_DECODED_BYTES,
        }
    }
}
