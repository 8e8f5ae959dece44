//! How much a peer may make this side keep.

/// The limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one frame; a longer one ends the connection. 128 MiB.
    pub frame: usize,
    /// Unread bytes of one channel, headers and 64 for each frame included; more of them fail that channel, unless it
    /// is a single frame, and perhaps the one that ends the channel. 8 MiB.
    pub unread: usize,
    /// Bytes that wait for the socket before senders wait, and a server stops reading. 1 MiB.
    pub outgoing: usize,
    /// Invocations that a server runs at once for one connection; further ones wait unread. Streams and sessions do
    /// not count, since what ends them may lie behind what waits. 1,024.
    pub invocations: usize,
    /// Channels that a peer may leave open on a server's connection; one more ends the connection. 65,536.
    pub channels: usize,
    /// Bytes of one connection that a server keeps for its peer: the arguments of what runs, and, apart from them, what
    /// is unread on all channels. Calls above it wait unread; streams, sessions and messages end the connection.
    /// 512 MiB.
    pub held: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 128 << 20,
            unread: 8 << 20,
            outgoing: 1 << 20,
            invocations: 1024,
            channels: 65_536,
            held: 512 << 20,
        }
    }
}
