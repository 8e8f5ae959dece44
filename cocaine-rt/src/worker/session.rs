//! One event in hand: what its client sends, what answers it, and who asks.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Instant,
};

use crate::{
    client::Client,
    connection::{
        channel::{ChannelRef, DynReceiver, DynSender, ErrorContext, Side},
        halves::Receiver,
        handle::ConnectionHandle,
        mux::{ChannelKey, PendingInvocation},
    },
    protocol::{
        error::{Error, Result},
        graph::{CLOSE, ERROR, Tree, WRITE},
        request_timeout::{REQUEST_TIMEOUT, decode_request_timeout},
        spec::OnDrop,
        trace::Trace,
    },
    wire::{
        bytes::Bytes,
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
        headers::Headers,
        scratch::Scratch,
    },
};

/// One event that a worker handles: a stream of chunks from the client, and one back.
///
/// A session that is dropped before [`Session::finish`] or [`Session::fail`] is ended by the worker when its handler
/// returns: with a close if the handler succeeds, with an error if it fails or panics.
#[derive(Debug)]
pub struct Session {
    incoming: Incoming,
    outgoing: Outgoing,
    context: Context,
}

impl Session {
    /// Returns who asks, and for what.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the name of the event.
    pub fn event(&self) -> &str {
        self.context.event()
    }

    /// Returns the next chunk; `None` once the client has closed its stream, an error once if it gave up or has left.
    pub async fn recv(&mut self) -> Option<Result<Bytes>> {
        self.incoming.recv().await
    }

    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<()> {
        self.outgoing.send(chunk).await
    }

    /// Sends a last chunk, if there is one, and ends the answer. What the client still sends is discarded.
    pub fn finish(self, last: Option<Bytes>) -> Result<()> {
        self.outgoing.finish(last)
    }

    /// Ends the answer with an error: a service's own code ([`Error::user`]), or category 42, code 100 with its text.
    pub fn fail(self, error: &Error) -> Result<()> {
        self.outgoing.fail(error)
    }

    /// Returns both halves, each of which may live on without the other.
    pub fn split(self) -> (Incoming, Outgoing) {
        (self.incoming, self.outgoing)
    }
}

/// The half of a session that the client sends.
#[derive(Debug)]
pub struct Incoming(Receiver<Bytes>);

impl Incoming {
    /// Returns the next chunk; `None` once the client has closed its stream, an error once if it gave up or has left.
    pub async fn recv(&mut self) -> Option<Result<Bytes>> {
        self.0.recv().await
    }

    /// As [`Incoming::recv`], for whoever polls.
    pub fn poll_chunk(&mut self, cx: &mut TaskContext<'_>) -> Poll<Option<Result<Bytes>>> {
        futures_core::Stream::poll_next(std::pin::Pin::new(&mut self.0), cx)
    }
}

/// The half of a session that answers.
#[derive(Debug)]
pub struct Outgoing(DynSender);

impl Outgoing {
    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<()> {
        self.0.push(WRITE, (chunk.into(),)).await
    }

    /// Sends a last chunk, if there is one, and ends the answer.
    pub fn finish(self, last: Option<Bytes>) -> Result<()> {
        self.finish_with(last)
    }

    /// Sends all these chunks and ends the answer, in one go.
    pub(crate) fn finish_with(mut self, chunks: impl IntoIterator<Item = Bytes>) -> Result<()> {
        let (mut frames, mut args) = (Scratch::take(), Encoded::default());
        for chunk in chunks {
            encode::args(&(chunk,), &mut args).map_err(Error::from_encode)?;
            frame::write(&mut frames, self.0.id(), WRITE, &args, FrameHeaders::None);
            args.clear();
        }
        encode::write_array_len(&mut args.buf, 0);
        frame::write(&mut frames, self.0.id(), CLOSE, &args, FrameHeaders::None);
        self.0.queue_encoded(&frames, true)
    }

    /// Returns once a chunk may be queued.
    #[cfg(feature = "http")]
    pub(crate) fn poll_room(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.poll_room(cx)
    }

    /// Queues a chunk at once.
    #[cfg(feature = "http")]
    pub(crate) fn queue(&mut self, chunk: Bytes) -> Result<()> {
        self.0.queue(WRITE, &(chunk,))
    }

    /// Ends the answer with an error, as [`Session::fail`] does.
    pub fn fail(mut self, error: &Error) -> Result<()> {
        self.0.queue(ERROR, &error.worker_answer())
    }

    /// As [`Context::cancelled`], for whoever polls.
    pub fn poll_closed(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.poll_closed(cx)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !self.0.node().is_end() {
            // Held back until the handler has returned, which knows better how it ended.
            let error = Error::handler("the session was dropped without an answer");
            let _ = self.0.part(ERROR, &error.worker_answer());
        }
    }
}

/// Who asks for an event, and what goes with it. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Asked>);

struct Asked {
    event: Arc<str>,
    headers: Headers,
    trace: Option<Trace>,
    deadline: Option<Instant>,
    cloud: Client,
    handle: ConnectionHandle,
    key: ChannelKey,
}

impl Context {
    /// Returns the name of the event.
    pub fn event(&self) -> &str {
        &self.0.event
    }

    /// Returns the headers of the event.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// Returns the `authorization` header: who the client says to be (`protocol.md` 8).
    pub fn identity(&self) -> Option<&Bytes> {
        self.0.headers.get("authorization")
    }

    /// Returns the trace of the event, if it has one. The handler runs in its scope: the calls that it makes carry it.
    pub fn trace(&self) -> Option<Trace> {
        self.0.trace
    }

    /// Returns when the client stops waiting, if it has said so: the time that the event may take counts from its
    /// arrival here, for when it was sent is not known (`node.md` 5.1).
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// Returns the cloud that the worker runs in.
    pub fn cloud(&self) -> &Client {
        &self.0.cloud
    }

    /// Returns once the client has left before it has closed its stream, or has ended that with an error; also once the
    /// event is over. A node does not tell of a client that leaves later (`worker.md` 3.4).
    pub async fn cancelled(&self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// As [`Context::cancelled`], for whoever polls.
    pub fn poll_closed(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.handle.with(|mux| mux.poll_reset(self.0.key, cx.waker()))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("event", &self.0.event).finish_non_exhaustive()
    }
}

/// What all sessions of a worker share.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) handle: ConnectionHandle,
    pub(super) stream: Tree,
    pub(super) cloud: Client,
}

impl Ground {
    /// Returns the session of an event that has arrived.
    pub(super) fn session(&self, event: Arc<str>, pending: PendingInvocation) -> Session {
        let key = ChannelKey { id: pending.id, own: false };
        let channel = || ChannelRef {
            handle: self.handle.clone(),
            key,
            context: ErrorContext { method: Some(event.clone()), ..ErrorContext::default() },
        };
        let incoming = Incoming(DynReceiver::new(channel(), &self.stream).into());
        let tx = DynSender::new(channel(), &self.stream, Side::Client, OnDrop::Terminal, false);
        let headers = pending.message.headers;
        let deadline = headers.get(REQUEST_TIMEOUT).and_then(|value| decode_request_timeout(value));
        let deadline = deadline.and_then(|timeout| Instant::now().checked_add(timeout));
        let (handle, cloud, trace) = (self.handle.clone(), self.cloud.clone(), pending.trace);
        let context = Context(Arc::new(Asked { event, headers, trace, deadline, cloud, handle, key }));
        Session { incoming, outgoing: Outgoing(tx), context }
    }
}
