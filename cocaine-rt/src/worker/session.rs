//! One event: its session.

use std::{sync::Arc, time::Instant};

use super::{
    context::{Context, ContextInner, WorkerShared},
    halves::{SessionReceiver, SessionSender},
};
use crate::{
    connection::{
        channel::{ChannelRef, ErrorContext},
        dyn_receiver::DynReceiver,
        dyn_sender::{DynSender, Side},
        mux::{ChannelKey, PendingInvocation},
    },
    protocol::{
        error::{Error, Result},
        request_timeout::{REQUEST_TIMEOUT, decode_request_timeout},
        spec::OnDrop,
    },
    wire::bytes::Bytes,
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
    /// Creates the session of an event that has arrived.
    pub(super) fn new(shared: &Arc<WorkerShared>, event: Arc<str>, pending: PendingInvocation) -> Self {
        let key = ChannelKey { id: pending.id, own: false };
        let channel = || ChannelRef {
            handle: shared.handle.clone(),
            key,
            context: ErrorContext { method: Some(event.clone()), ..ErrorContext::default() },
        };
        let rx = SessionReceiver::new(DynReceiver::new(channel(), &shared.stream));
        let tx = DynSender::new(channel(), &shared.stream, Side::Client, OnDrop::Terminal, false);
        let tx = SessionSender::new(tx);
        let headers = pending.message.headers;
        let deadline = headers.get(REQUEST_TIMEOUT).and_then(|value| decode_request_timeout(value));
        let deadline = deadline.and_then(|timeout| Instant::now().checked_add(timeout));
        let (trace, shared) = (pending.trace, shared.clone());
        let context = Context::new(ContextInner { event, headers, trace, deadline, key, shared });
        Self { rx, tx, context }
    }

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

    /// Returns the halves and the context.
    pub(super) fn into_parts(self) -> (SessionReceiver, SessionSender, Context) {
        (self.rx, self.tx, self.context)
    }
}
