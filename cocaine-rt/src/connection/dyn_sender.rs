//! The untyped half of a channel that sends. Ownership rules out a message after one's own terminal message, which would
//! cost the whole connection (`protocol.md` 2).

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use serde::Serialize;

use crate::{
    connection::{
        channel::ChannelRef,
        mux::{ChannelKey, Mux, NewChannel, recv_state::RecvState},
    },
    protocol::{
        code::Code,
        error::{Error, ErrorKind, Result},
        graph::{REVOKE, Tree, TreeNode},
        spec::OnDrop,
        trace::Trace,
    },
    wire::{
        bytes::Bytes,
        encode::{self, Encoded},
        frame::FrameHeaders,
        hpack,
        scratch::Scratch,
    },
};

/// Headers that a server adds to its frames.
pub(crate) type ExtraHeaders = Arc<[(Bytes, Bytes)]>;

/// The side that a half sends for.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    /// A client's frames have three elements: peers drop the headers of frames after the first (`protocol.md` 5.3).
    Client,
    /// A server's frames always carry the trace of the request.
    Server(Option<Trace>, Option<ExtraHeaders>),
}

/// A method of [`Mux`] that queues a frame.
type QueueFn = fn(&mut Mux, ChannelKey, u64, &Encoded, FrameHeaders<'_>) -> Result<()>;

/// The half of a channel that sends messages by name. Each message is checked against the graph.
///
/// If it is dropped before its side has ended, it sends the terminal message that its state allows, or revokes the
/// channel.
#[derive(Debug)]
pub struct DynSender {
    channel: ChannelRef,
    node: Arc<TreeNode>,
    side: Side,
    on_drop: OnDrop,
    /// Whether the peer understands `revoke`.
    revocable: bool,
}

impl DynSender {
    pub(crate) fn new(
        channel: ChannelRef,
        tree: &Tree,
        side: Side,
        on_drop: OnDrop,
        revocable: bool,
    ) -> Self {
        channel.handle.with(|mux| mux.add_handle(channel.key));
        Self { channel, node: tree.node(), side, on_drop, revocable }
    }

    /// Returns the half of a host's channel, which has already counted this handle.
    pub(crate) fn from_counted(channel: ChannelRef, tree: &Tree, side: Side) -> Self {
        Self { channel, node: tree.node(), side, on_drop: OnDrop::Terminal, revocable: false }
    }

    /// Returns the names of the messages that may be sent now; none once this side has ended.
    pub fn allowed(&self) -> Vec<String> {
        self.node.messages().map(|edge| edge.name.to_string()).collect()
    }

    /// Sends a message; waits while too much is queued. Fails and sends nothing if the graph does not allow the
    /// message now.
    pub async fn send<A: Serialize + Send>(&mut self, name: &str, args: A) -> Result<()> {
        let edge = self.node.messages().find(|edge| &*edge.name == name).map(|edge| edge.id);
        let Some(kind) = edge else {
            let found = format!("only {}", self.allowed().join(", "));
            let expected = format!("a message `{name}` in this state");
            return Err(Error::new(ErrorKind::SchemaMismatch { expected, found }));
        };
        self.push(kind, args).await
    }

    /// Sends a message that does not end this side; returns the half in the state that follows it.
    #[doc(hidden)]
    pub async fn send_message<A: Serialize + Send>(mut self, kind: u64, args: A) -> Result<Self> {
        self.push(kind, args).await?;
        Ok(self)
    }

    /// Sends the message that ends this side.
    #[doc(hidden)]
    pub async fn send_last_message<A: Serialize + Send>(mut self, kind: u64, args: A) -> Result<()> {
        self.push(kind, args).await
    }

    /// Queues the message that ends this side without waiting for room.
    #[doc(hidden)]
    pub fn queue_last_message<A: Serialize>(mut self, kind: u64, args: A) -> Result<()> {
        self.queue(kind, &args)
    }

    /// Sends a message; waits while too much is queued.
    pub(crate) async fn push<A: Serialize + Send>(&mut self, kind: u64, args: A) -> Result<()> {
        poll_fn(|cx| self.poll_room(cx)).await;
        self.queue(kind, &args)
    }

    /// Waits until a message may be queued; returns how many bytes there is room for.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<u64> {
        self.channel.handle.with(|mux| mux.poll_send(self.channel.key, cx.waker()))
    }

    /// Waits until nobody can receive what this half sends.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.handle.with(|mux| mux.poll_reset(self.channel.key, cx.waker()))
    }

    /// Waits until the connection has ended.
    pub(crate) fn poll_disconnected(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.handle.with(|mux| mux.poll_closed(cx.waker())).map(drop)
    }

    /// Queues a message without waiting for room.
    pub(crate) fn queue<A: Serialize + ?Sized>(&mut self, kind: u64, args: &A) -> Result<()> {
        self.queue_with(kind, args, Mux::send_message)
    }

    /// Queues a message without arguments ahead of all other output. Heartbeats use this, which nothing may delay.
    #[doc(hidden)]
    pub fn queue_urgent(&mut self, kind: u64) -> Result<()> {
        self.queue_with(kind, &(), Mux::send_urgent)
    }

    /// Queues a terminal message that is sent when the invocation of the channel has ended.
    pub(crate) fn finish<A: Serialize + ?Sized>(&mut self, kind: u64, args: &A) -> Result<()> {
        self.queue_with(kind, args, Mux::finish)
    }

    /// Queues encoded messages of a stream, which take `cost` of its credit; `ended` says that they include the terminal
    /// one.
    pub(crate) fn queue_encoded(&mut self, frames: &Encoded, cost: u64, ended: bool) -> Result<()> {
        if ended {
            self.node = Tree::end().node();
        }
        self.channel.handle.with(|mux| mux.send_encoded(self.channel.key, frames, cost))
    }

    /// Adds the context of the channel to an error.
    pub(crate) fn add_context(&self, error: Error) -> Error {
        self.channel.add_context(error)
    }

    /// Returns the id of the channel.
    pub(crate) fn id(&self) -> u64 {
        self.channel.key.id
    }

    /// Encodes a message, queues it with `queue`, and moves to the state that follows it.
    fn queue_with<A: Serialize + ?Sized>(&mut self, kind: u64, args: &A, queue: QueueFn) -> Result<()> {
        let next = match self.node.message(kind) {
            Some(edge) => edge.next.clone(),
            None => return Err(self.channel.add_context(self.not_allowed_error(kind))),
        };
        let mut scratch = Scratch::take();
        encode::args(args, &mut scratch)
            .map_err(|error| self.channel.add_context(Error::from_encode(error)))?;
        let mut buf = Vec::new();
        let headers = self.frame_headers(&mut buf);
        let sent = self.channel.handle.with(|mux| queue(mux, self.channel.key, kind, &scratch, headers));
        if let Tree::Node(next) = next {
            self.node = next;
        }
        sent.map_err(|error| self.channel.add_context(error))
    }

    pub(crate) fn frame_headers<'a>(&self, buf: &'a mut Vec<u8>) -> FrameHeaders<'a> {
        match &self.side {
            Side::Client => FrameHeaders::None,
            Side::Server(trace, extra) => FrameHeaders::Encoded(hpack::write_reply(
                buf,
                trace.map(Trace::ids),
                extra.as_deref().unwrap_or_default(),
            )),
        }
    }

    fn not_allowed_error(&self, kind: u64) -> Error {
        Error::protocol(format!("message {kind} cannot be sent now; allowed: {}", self.node))
    }

    /// Returns whether this side has ended.
    pub(crate) fn is_ended(&self) -> bool {
        self.node.is_end()
    }

    /// Drops this half without ending its side, once nobody receives any more.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.node = Tree::end().node();
    }

    /// Ends this side as its graph allows: with a terminal message, else by revoking the channel, else by closing the
    /// connection. Nothing may follow a terminal message.
    fn end_on_drop(&mut self) {
        let terminal = self.node.messages().filter(|edge| edge.is_terminal());
        let error = self.node.messages().find(|edge| edge.is_terminal() && &*edge.name == "error");
        let kind = error.or_else(|| terminal.min_by_key(|edge| edge.id)).map(|edge| edge.id);
        let queue = if self.channel.key.own { Mux::send_message } else { Mux::finish };
        match (self.on_drop, kind) {
            (OnDrop::Terminal, Some(kind)) if error.is_some() => {
                let _ = self.queue_with(kind, &(Code::SENDER_DROPPED, "the sender was dropped"), queue);
            }
            (OnDrop::Terminal, Some(kind)) => {
                let _ = self.queue_with(kind, &(), queue);
            }
            _ => self.revoke(),
        }
    }

    fn revoke(&self) {
        if matches!(self.side, Side::Server(..)) {
            return;
        }
        if !self.revocable {
            return self
                .channel
                .handle
                .close(&Error::disconnected("a channel could only be ended by closing the connection"));
        }
        let mut scratch = Scratch::take();
        let args = (self.channel.key.id, Code::SENDER_DROPPED);
        if encode::args(&args, &mut scratch).is_ok() {
            let recv_state = RecvState::Ended;
            let open = NewChannel {
                method: REVOKE,
                args: &scratch,
                headers: FrameHeaders::None,
                recv_state,
                ticks: u64::MAX,
                reader: None,
                offers_credit: false,
            };
            let _ = self.channel.handle.with(|mux| mux.open(open));
        }
    }
}

impl Drop for DynSender {
    fn drop(&mut self) {
        if !self.node.is_end() {
            self.end_on_drop();
        }
        self.channel.handle.with(|mux| mux.release(self.channel.key));
    }
}
