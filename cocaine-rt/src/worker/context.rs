//! The circumstances of an event, and what all events of a worker share.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Instant,
};

use super::description::Descriptions;
use crate::{
    client::Client,
    connection::{handle::ConnectionHandle, mux::ChannelKey},
    protocol::{graph::Tree, trace::Trace},
    wire::{bytes::Bytes, headers::Headers},
};

/// The circumstances of an event: its name, headers, trace, deadline and client. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<ContextInner>);

pub(super) struct ContextInner {
    pub(super) event: Arc<str>,
    pub(super) headers: Headers,
    pub(super) trace: Option<Trace>,
    pub(super) deadline: Option<Instant>,
    pub(super) key: ChannelKey,
    pub(super) shared: Arc<WorkerShared>,
}

impl Context {
    pub(super) fn new(inner: ContextInner) -> Self {
        Self(Arc::new(inner))
    }

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
        &self.0.shared.cloud
    }

    /// Waits until the client has ended its stream with an error, or has disconnected before closing it, or until the
    /// event is over. A node does not report a client that disconnects later (`worker.md` 3.4).
    pub async fn cancelled(&self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Polls for the same as [`Context::cancelled`].
    pub fn poll_closed(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.0.shared.handle.with(|mux| mux.poll_reset(self.0.key, cx.waker()))
    }

    /// Returns what is known of the events of the worker.
    pub(super) fn descriptions(&self) -> &Descriptions {
        &self.0.shared.descriptions
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("event", &self.0.event).finish_non_exhaustive()
    }
}

/// The state that all sessions of a worker share.
pub(super) struct WorkerShared {
    pub(super) handle: ConnectionHandle,
    pub(super) stream: Tree,
    pub(super) cloud: Client,
    pub(super) descriptions: Descriptions,
}
