//! One event: its session and its context.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Instant,
};

use super::halves::{SessionReceiver, SessionSender};
use crate::{
    client::Client,
    connection::{
        channel::{ChannelRef, ErrorContext},
        dyn_receiver::DynReceiver,
        dyn_sender::{DynSender, Side},
        handle::ConnectionHandle,
        mux::{ChannelKey, PendingInvocation},
    },
    protocol::{
        error::{Error, Result},
        graph::Tree,
        request_timeout::{REQUEST_TIMEOUT, decode_request_timeout},
        spec::OnDrop,
        trace::Trace,
    },
    wire::{bytes::Bytes, headers::Headers},
};

/// One event that a worker handles: a stream of chunks from the client, and one back.
///
/// If a session is dropped before [`Session::finish`] or [`Session::fail`], the worker ends the reply when the handler
/// returns: with a close if the handler succeeds, with an error if it fails or panics.
#[derive(Debug)]
pub struct Session {
    rx: SessionReceiver,
    tx: SessionSender,
    context: Context,
}

impl Session {
    /// Returns the circumstances of the event: its name, headers, trace and deadline.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the name of the event.
    pub fn event(&self) -> &str {
        self.context.event()
    }

    /// Returns the next chunk; `None` once the client has closed its stream. The error of a client that gives up or
    /// disconnects is returned once.
    pub async fn recv(&mut self) -> Option<Result<Bytes>> {
        self.rx.recv().await
    }

    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<()> {
        self.tx.send(chunk).await
    }

    /// Ends the reply. Chunks that the client still sends are discarded.
    pub fn finish(self) -> Result<()> {
        self.tx.finish()
    }

    /// Sends a last chunk and ends the reply. Chunks that the client still sends are discarded.
    pub fn finish_with(self, last: impl Into<Bytes>) -> Result<()> {
        self.tx.finish_with(last)
    }

    /// Ends the reply with an error: a service's own code ([`Error::user`]), or category 42, code 100 with its text.
    pub fn fail(self, error: &Error) -> Result<()> {
        self.tx.fail(error)
    }

    /// Splits the session into its halves, each of which can be used and dropped on its own.
    pub fn split(self) -> (SessionReceiver, SessionSender) {
        (self.rx, self.tx)
    }
}

/// The circumstances of an event: its name, headers, trace, deadline and client. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<ContextInner>);

struct ContextInner {
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

    /// Returns the `authorization` header, with which the client identifies itself (`protocol.md` 8).
    pub fn identity(&self) -> Option<&Bytes> {
        self.0.headers.get("authorization")
    }

    /// Returns the trace of the event, if it has one. The handler runs in the scope of the trace, so its calls carry it.
    pub fn trace(&self) -> Option<Trace> {
        self.0.trace
    }

    /// Returns when the client stops waiting, if it set a timeout. The timeout counts from the arrival of the event here,
    /// because the time at which it was sent is not known (`node.md` 5.1).
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// Returns the cloud that the worker runs in.
    pub fn cloud(&self) -> &Client {
        &self.0.cloud
    }

    /// Waits until the client has ended its stream with an error, or has disconnected before closing it, or until the
    /// event is over. A node does not report a client that disconnects later (`worker.md` 3.4).
    pub async fn cancelled(&self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Polls for the same as [`Context::cancelled`].
    pub fn poll_closed(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.handle.with(|mux| mux.poll_reset(self.0.key, cx.waker()))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("event", &self.0.event).finish_non_exhaustive()
    }
}

/// The state that all sessions of a worker share.
#[derive(Clone, Debug)]
pub(super) struct WorkerShared {
    pub(super) handle: ConnectionHandle,
    pub(super) stream: Tree,
    pub(super) cloud: Client,
}

impl WorkerShared {
    /// Creates the session of an event that has arrived.
    pub(super) fn session(&self, event: Arc<str>, pending: PendingInvocation) -> Session {
        let key = ChannelKey { id: pending.id, own: false };
        let channel = || ChannelRef {
            handle: self.handle.clone(),
            key,
            context: ErrorContext { method: Some(event.clone()), ..ErrorContext::default() },
        };
        let rx = SessionReceiver::new(DynReceiver::new(channel(), &self.stream));
        let tx = DynSender::new(channel(), &self.stream, Side::Client, OnDrop::Terminal, false);
        let tx = SessionSender::new(tx);
        let headers = pending.message.headers;
        let deadline = headers.get(REQUEST_TIMEOUT).and_then(|value| decode_request_timeout(value));
        let deadline = deadline.and_then(|timeout| Instant::now().checked_add(timeout));
        let (handle, cloud, trace) = (self.handle.clone(), self.cloud.clone(), pending.trace);
        let context = Context(Arc::new(ContextInner { event, headers, trace, deadline, cloud, handle, key }));
        Session { rx, tx, context }
    }
}
