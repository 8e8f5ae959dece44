//! An open channel: the half that reads, and the half that sends. Ownership forbids a message after one's own
//! terminal one, which would cost the whole connection (`protocol.md` 2).

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    connection::{
        handle::ConnectionHandle,
        mux::{ChannelKey, Mux, NewChannel, message::Message, recv_state::RecvState},
    },
    protocol::{
        code::Code,
        error::{Error, ErrorKind, Result},
        graph::{REVOKE, Tree, TreeNode},
        lossy::Lossy,
        spec::OnDrop,
        trace::Trace,
    },
    wire::{
        bytes::Bytes,
        decode,
        encode::{self, Encoded},
        frame::FrameHeaders,
        headers::Headers,
        hpack,
        scratch::Scratch,
    },
};

/// The arguments of a received message.
#[derive(Debug)]
pub struct Payload {
    args: bytes::Bytes,
    headers: Headers,
}

impl Payload {
    pub(crate) fn new(message: Message) -> Self {
        Self { args: message.args, headers: message.headers }
    }

    /// Returns the arguments as `T`: a tuple takes them all, anything else takes the first.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        decode::args(&self.args).map_err(Error::from_decode)
    }

    /// Returns the headers that came with the message.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

/// What names a channel in errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorContext {
    pub(crate) service: Option<Arc<str>>,
    pub(crate) method: Option<Arc<str>>,
    /// The deadline of the channel, if it has one.
    pub(crate) deadline: Duration,
}

/// A channel of a connection.
#[derive(Clone, Debug)]
pub(crate) struct ChannelRef {
    pub(crate) handle: ConnectionHandle,
    pub(crate) key: ChannelKey,
    pub(crate) context: ErrorContext,
}

impl ChannelRef {
    fn add_context(&self, error: Error) -> Error {
        let error = deadline(error, self.context.deadline);
        error.at(self.context.service.as_ref(), self.context.method.as_deref(), Some(self.handle.peer()))
    }
}

/// The half of a channel that receives messages by their names, checked against the graph as they come.
#[derive(Debug)]
pub struct DynReceiver {
    channel: ChannelRef,
    node: Arc<TreeNode>,
    ended: bool,
}

impl DynReceiver {
    pub(crate) fn new(channel: ChannelRef, tree: &Tree) -> Self {
        channel.handle.with(|mux| mux.add_handle(channel.key));
        Self::held(channel, tree)
    }

    /// Returns the half of a channel that counts it already.
    pub(crate) fn held(channel: ChannelRef, tree: &Tree) -> Self {
        Self { channel, node: tree.node(), ended: false }
    }

    /// Returns the next message; `None` once the other side has ended the channel.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = ready!(self.channel.handle.with(|mux| mux.poll_message(self.channel.key, cx.waker())));
        self.ended = !matches!(polled, Some(Ok(_)));
        Poll::Ready(polled.map(|result| result.map_err(|error| self.channel.add_context(error))))
    }

    /// Hands all messages that have come to `take`, under the lock of the connection, and waits while there are none;
    /// with none it has ended.
    pub(crate) fn poll_each(&mut self, cx: &mut Context<'_>, take: impl FnMut(&Message)) -> Poll<Result<()>> {
        let polled =
            ready!(self.channel.handle.with(|mux| mux.poll_each(self.channel.key, cx.waker(), take)));
        Poll::Ready(polled.map_err(|error| self.channel.add_context(error)))
    }

    /// Accepts no further message: the peer breaks the protocol by sending one.
    #[doc(hidden)]
    pub fn reject_messages(self) {
        self.channel.handle.with(|mux| mux.finish_receiving(self.channel.key));
    }

    /// Waits for the next message: its id, its arguments, and what can be read after it.
    ///
    /// An `error` message that ends the channel is returned as the error that it stands for.
    #[doc(hidden)]
    pub async fn recv_message(mut self) -> Result<(u64, Payload, Self)> {
        let next = self.next_message().await;
        let (kind, payload) =
            next.unwrap_or_else(|| Err(self.add_context(Error::protocol("the channel has ended"))))?;
        Ok((kind, payload, self))
    }

    /// Waits for the next message, as [`DynReceiver::recv_message`] does; `None` once the other side has ended the
    /// channel. Dropping the future loses nothing.
    #[doc(hidden)]
    pub async fn next_message(&mut self) -> Option<Result<(u64, Payload)>> {
        let message = poll_fn(|cx| self.poll_message(cx)).await?;
        Some(message.and_then(|message| self.follow(message)))
    }

    fn follow(&mut self, message: Message) -> Result<(u64, Payload)> {
        let kind = message.kind;
        if let Some(edge) = self.node.message(kind) {
            if edge.is_terminal() && &*edge.name == "error" {
                return Err(self.answered(&message));
            }
            if let Tree::Node(next) = &edge.next {
                self.node = next.clone();
            }
        }
        Ok((kind, Payload::new(message)))
    }

    /// Names a message by the graph, and moves on to the state that follows it.
    pub(crate) fn name_message(&mut self, message: Message) -> Result<(String, Payload)> {
        let Some(edge) = self.node.message(message.kind).cloned() else {
            return Err(self.add_context(Error::protocol(format!("message {} has no name", message.kind))));
        };
        if edge.is_terminal() && &*edge.name == "error" {
            self.decode_error(&message);
        }
        if let Tree::Node(next) = &edge.next {
            self.node = next.clone();
        }
        Ok((edge.name.to_string(), Payload::new(message)))
    }

    /// Returns the error of a message that the bindings do not know.
    #[doc(hidden)]
    pub fn unexpected(self, kind: u64) -> Error {
        self.add_context(Error::protocol(format!("message {kind} is not known to the bindings")))
    }

    pub(crate) fn add_context(&self, error: Error) -> Error {
        self.channel.add_context(error)
    }

    /// Returns the error that an `error` message stands for.
    pub(crate) fn answered(&self, message: &Message) -> Error {
        self.add_context(self.decode_error(message))
    }

    /// Returns the error that an `error` message stands for, without its place; one that says that the app is stopped
    /// makes the next call connect again.
    pub(crate) fn decode_error(&self, message: &Message) -> Error {
        let error = answered(message);
        self.channel.handle.check_app_stopped(&error);
        error
    }
}

impl Drop for DynReceiver {
    fn drop(&mut self) {
        self.channel.handle.with(|mux| mux.release_receiver(self.channel.key));
    }
}

/// Returns the error that an `error` message stands for: `[[category, code], text?]` (`protocol.md` 4.3).
pub(crate) fn answered(message: &Message) -> Error {
    match decode::args::<(Code, Option<Lossy<'_>>)>(&message.args) {
        Ok((code, text)) => Error::service(code, text.map_or_else(String::new, Lossy::into_string)),
        Err(malformed) => Error::decode(format!("the service's error: {malformed}")),
    }
}

/// Headers that a server adds to its frames.
pub(crate) type ExtraHeaders = Arc<[(Bytes, Bytes)]>;

/// Whose frames a half sends.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    /// A client's: three elements, for headers of later frames are dropped (`protocol.md` 5.3).
    Client,
    /// A server's: always with the trace of the request.
    Server(Option<Trace>, Option<ExtraHeaders>),
}

/// How a frame is queued.
type SendFn = fn(&mut Mux, u64, u64, &Encoded, FrameHeaders<'_>) -> Result<()>;

/// The half of a channel that sends messages by their names, checked against the graph as they go.
///
/// Dropped before its side has ended, it ends it: with the terminal message that its state allows, or by revoking the
/// channel.
#[derive(Debug)]
pub struct DynSender {
    channel: ChannelRef,
    node: Arc<TreeNode>,
    side: Side,
    on_drop: OnDrop,
    /// Whether the other side understands `revoke`.
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

    /// Returns the half of a host's channel, which counts it already.
    pub(crate) fn held(channel: ChannelRef, tree: &Tree, side: Side) -> Self {
        Self { channel, node: tree.node(), side, on_drop: OnDrop::Terminal, revocable: false }
    }

    /// Sends a message after which the channel goes on; returns what can be sent then.
    #[doc(hidden)]
    pub async fn send_message<A: Serialize + Send>(mut self, kind: u64, args: A) -> Result<Self> {
        self.push(kind, args).await?;
        Ok(self)
    }

    /// Sends the message that ends this side of the channel.
    #[doc(hidden)]
    pub async fn send_last_message<A: Serialize + Send>(mut self, kind: u64, args: A) -> Result<()> {
        self.push(kind, args).await
    }

    /// Queues the message that ends this side of the channel, however much is queued already.
    #[doc(hidden)]
    pub fn queue_last_message<A: Serialize>(mut self, kind: u64, args: A) -> Result<()> {
        self.queue(kind, &args)
    }

    /// Sends a message; waits while too much is queued already.
    pub(crate) async fn push<A: Serialize + Send>(&mut self, kind: u64, args: A) -> Result<()> {
        poll_fn(|cx| self.poll_room(cx)).await;
        self.queue(kind, &args)
    }

    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.handle.with(|mux| mux.poll_room(cx.waker()))
    }

    /// Returns once nobody can receive what this half sends.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.handle.with(|mux| mux.poll_reset(self.channel.key, cx.waker()))
    }

    /// Queues a message at once, however much is queued.
    pub(crate) fn queue<A: Serialize + ?Sized>(&mut self, kind: u64, args: &A) -> Result<()> {
        self.put(kind, args, Mux::send)
    }

    /// Queues a message without arguments before all that waits: a sign of life, which nothing may delay.
    #[doc(hidden)]
    pub fn queue_urgent(&mut self, kind: u64) -> Result<()> {
        self.put(kind, &(), Mux::send_urgent)
    }

    /// Queues a terminal message that is held back until the invocation of the channel has ended.
    pub(crate) fn part<A: Serialize + ?Sized>(&mut self, kind: u64, args: &A) -> Result<()> {
        self.put(kind, args, Mux::finish)
    }

    /// Queues messages of a stream that are encoded already, with the one that ends it if it has `ended`.
    pub(crate) fn queue_encoded(&mut self, frames: &Encoded, ended: bool) -> Result<()> {
        if ended {
            self.node = Tree::end().node();
        }
        self.channel.handle.with(|mux| mux.send_encoded(frames))
    }

    /// Returns the id of the channel.
    pub(crate) fn id(&self) -> u64 {
        self.channel.key.id
    }

    fn put<A: Serialize + ?Sized>(&mut self, kind: u64, args: &A, act: SendFn) -> Result<()> {
        let next = match self.node.message(kind) {
            Some(edge) => edge.next.clone(),
            None => return Err(self.channel.add_context(self.out_of_turn(kind))),
        };
        let mut scratch = Scratch::take();
        encode::args(args, &mut scratch)
            .map_err(|error| self.channel.add_context(Error::from_encode(error)))?;
        let mut buf = Vec::new();
        let headers = self.frame_headers(&mut buf);
        let sent = self.channel.handle.with(|mux| act(mux, self.channel.key.id, kind, &scratch, headers));
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

    fn out_of_turn(&self, kind: u64) -> Error {
        Error::protocol(format!("message {kind} cannot be sent now; what can: {}", self.node))
    }

    /// Returns what may be sent next.
    pub(crate) fn node(&self) -> &Arc<TreeNode> {
        &self.node
    }

    /// Drops this half without ending its side: nobody listens any more.
    #[doc(hidden)]
    pub fn abandon(mut self) {
        self.node = Tree::end().node();
    }

    /// Ends this side as its graph allows: by a terminal message, else by revoking the channel, else by closing the
    /// connection. Nothing may follow a terminal message.
    fn end_on_drop(&mut self) {
        let terminal = self.node.messages().filter(|edge| edge.is_terminal());
        let error = self.node.messages().find(|edge| edge.is_terminal() && &*edge.name == "error");
        let kind = error.or_else(|| terminal.min_by_key(|edge| edge.id)).map(|edge| edge.id);
        let act = if self.channel.key.own { Mux::send } else { Mux::finish };
        match (self.on_drop, kind) {
            (OnDrop::Terminal, Some(kind)) if error.is_some() => {
                let _ = self.put(kind, &(Code::SENDER_DROPPED, "the sender was dropped"), act);
            }
            (OnDrop::Terminal, Some(kind)) => {
                let _ = self.put(kind, &(), act);
            }
            _ => self.revoke(),
        }
    }

    fn revoke(&self) {
        if matches!(self.side, Side::Server(..)) {
            return;
        }
        if !self.revocable {
            return self.channel.handle.close(&Error::disconnected("a channel could not be ended otherwise"));
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

/// Returns the error with the deadline that was set, which the connection does not know.
pub(crate) fn deadline(error: Error, deadline: Duration) -> Error {
    match error.kind() {
        ErrorKind::Deadline(_) => {
            let endpoint = error.endpoint().map(Arc::from);
            Error::new(ErrorKind::Deadline(deadline)).at(None, None, endpoint.as_ref())
        }
        _ => error,
    }
}
