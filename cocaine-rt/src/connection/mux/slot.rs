//! One open channel: what it may still receive, and what waits to be read.

use std::{collections::VecDeque, sync::Arc, task::Waker};

use crate::{
    protocol::{
        error::{Error, ErrorKind},
        graph::{Tree, TreeNode, TreeShape},
    },
    wire::{encode::Encoded, headers::Headers},
};

/// A received message that nobody has read yet.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: u64,
    /// The argument array, a slice of what was read from the socket.
    pub(crate) args: bytes::Bytes,
    pub(crate) headers: Headers,
}

impl Message {
    /// What a message costs beside its bytes.
    const OVERHEAD: usize = 64;

    /// Returns how much memory the message takes.
    pub(crate) fn weight(&self) -> usize {
        self.args.len() + self.headers.weight() + Self::OVERHEAD
    }
}

/// What may still be received on a channel.
///
/// ```text
///   Primitive ── 0 value, 1 error ──────────────> Ended
///   Streaming ── 0 write ─> Streaming ── 1, 2 ──> Ended
///   State(n) ─── by the edges of n ─────────────> State(m) or Ended
///   Close(n) ─── n ─────────────────────────────> Ended, and gone
/// ```
#[derive(Clone, Debug)]
pub(crate) enum RecvState {
    Primitive,
    Streaming,
    State(Arc<TreeNode>),
    /// The one message by which the peer lets go of the channel: nobody reads it, and nobody listens after it.
    Close(u64),
    Ended,
}

impl RecvState {
    pub(crate) fn of(tree: &Tree) -> Self {
        match tree.shape() {
            TreeShape::End => Self::Ended,
            TreeShape::Primitive => Self::Primitive,
            TreeShape::Streaming => Self::Streaming,
            // A tree that recurs at its root: the methods of the service, which nobody sends on an open channel.
            TreeShape::Other if tree.node().is_end() => Self::Ended,
            TreeShape::Other => Self::State(tree.node()),
        }
    }

    #[inline]
    pub(crate) fn ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Moves on by a message; returns false if it is not allowed now.
    #[inline]
    fn advance(&mut self, kind: u64) -> bool {
        match (&*self, kind) {
            (Self::Primitive, 0 | 1) | (Self::Streaming, 1 | 2) => *self = Self::Ended,
            (Self::Streaming, 0) => {}
            (Self::Close(close), kind) if *close == kind => *self = Self::Ended,
            (Self::State(node), _) => {
                let Some(edge) = node.message(kind) else { return false };
                if let Tree::Node(next) = &edge.next {
                    *self = if next.is_end() { Self::Ended } else { Self::State(next.clone()) };
                }
            }
            _ => return false,
        }
        true
    }
}

/// What became of a message that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It waits to be read, or was not wanted.
    Taken,
    /// The channel does not allow it now.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: u64,
    pub(crate) recv_state: RecvState,
    first: Option<Message>,
    /// A chunk and the close after it often come together.
    second: Option<Message>,
    rest: VecDeque<Message>,
    unread: usize,
    /// Whoever waits for a message.
    pub(crate) reader: Option<Waker>,
    /// Who wants to know that the channel is gone.
    pub(crate) watchers: Vec<Waker>,
    /// The tick at which the channel fails; `u64::MAX` without a deadline.
    pub(crate) expires: u64,
    pub(crate) failure: Option<Error>,
    /// The channel was revoked, or its connection has ended.
    pub(crate) gone: bool,
    /// Handles that have not been dropped: the halves, or the pending reply.
    pub(crate) handles: u8,
    /// A server's handler runs that was called for this channel.
    pub(crate) invoked: bool,
    /// The last frame of the sender, held back until the handler has ended.
    pub(crate) parting: Option<Box<Encoded>>,
    /// Nobody reads any more: what arrives is discarded.
    discarding: bool,
}

impl Slot {
    pub(crate) fn vacant() -> Self {
        Self::new(0, RecvState::Ended)
    }

    pub(crate) fn new(id: u64, recv_state: RecvState) -> Self {
        Self {
            id,
            recv_state,
            first: None,
            second: None,
            rest: VecDeque::new(),
            unread: 0,
            reader: None,
            watchers: Vec::new(),
            expires: u64::MAX,
            failure: None,
            gone: false,
            handles: 1,
            invoked: false,
            parting: None,
            discarding: false,
        }
    }

    /// Makes this the slot of another channel, whatever it was before.
    #[inline]
    pub(crate) fn renew(&mut self, id: u64, recv_state: RecvState) {
        self.id = id;
        self.recv_state = recv_state;
        (self.first, self.second) = (None, None);
        if self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
        (self.unread, self.expires, self.handles) = (0, u64::MAX, 1);
        (self.reader, self.failure) = (None, None);
        self.watchers.clear();
        (self.gone, self.discarding) = (false, false);
    }

    /// Takes a message in, or says that the channel does not allow it. The one that ends the channel is never too much:
    /// the end of a large message must not be its loss.
    #[inline]
    pub(crate) fn deliver(&mut self, mut message: Message, limit: usize) -> Delivery {
        let single = matches!(self.recv_state, RecvState::Primitive);
        let closes = matches!(self.recv_state, RecvState::Close(_));
        if !self.recv_state.advance(message.kind) {
            return Delivery::Refused;
        }
        self.gone |= closes;
        if closes || self.discarding || self.failure.is_some() {
            return Delivery::Taken;
        }
        let full = self.first.is_some() && self.unread + message.weight() > limit;
        if full && !self.recv_state.ended() {
            let text = format!("more than {limit} bytes unread on channel {}", self.id);
            self.fail(Error::new(ErrorKind::LimitExceeded(text)));
            return Delivery::Taken;
        }
        if !single {
            message.args = unpinned(message.args);
        }
        self.unread += message.weight();
        match (&self.first, &self.second) {
            (None, _) => self.first = Some(message),
            (_, None) => self.second = Some(message),
            _ => self.rest.push_back(message),
        }
        Delivery::Taken
    }

    /// Returns how much memory the unread messages take.
    pub(crate) fn held(&self) -> usize {
        self.unread
    }

    /// Takes the oldest unread message.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Message> {
        let message = self.first.take()?;
        self.first = self.second.take();
        if self.first.is_some() {
            self.second = self.rest.pop_front();
        }
        self.unread -= message.weight();
        Some(message)
    }

    /// Ends the channel with an error, read after what has arrived; what a reader did not take by then is lost
    /// only when it was too much.
    pub(crate) fn fail(&mut self, error: Error) {
        if matches!(error.kind(), ErrorKind::LimitExceeded(_)) {
            (self.first, self.second) = (None, None);
            self.rest = VecDeque::new();
            self.unread = 0;
        }
        self.failure.get_or_insert(error);
    }

    /// Drops what has been received, and what still will be.
    pub(crate) fn discard(&mut self) {
        self.discarding = true;
        while self.take().is_some() {}
    }

    /// Ends the channel from outside: revoked, or with its connection.
    pub(crate) fn end(&mut self, error: Error, due: &mut Vec<Waker>) {
        self.gone = true;
        if !self.recv_state.ended() {
            self.fail(error);
        }
        due.extend(self.reader.take());
        due.append(&mut self.watchers);
    }
}

/// The size up to which a message of a stream is copied, so that it does not keep a large read buffer
/// alive.
const COPIED: usize = 4096;

/// An empty list.
const NONE: &[u8] = &[0x90];

/// Returns the arguments of a message, without the buffer that they were read into if they are small.
pub(crate) fn unpinned(args: bytes::Bytes) -> bytes::Bytes {
    if args == NONE {
        return bytes::Bytes::from_static(NONE);
    }
    if args.len() < COPIED { bytes::Bytes::copy_from_slice(&args) } else { args }
}
