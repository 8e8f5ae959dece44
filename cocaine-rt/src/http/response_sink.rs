//! Where a byte stream sends the chunks of its response.

use std::{
    io,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use crate::{
    protocol::error::{Error, Result},
    wire::bytes::Bytes,
    worker::SessionSender,
};

/// The response half of an event that a byte stream serves. The event's handler returns when the sink is dropped.
#[derive(Debug)]
pub(super) struct ResponseSink {
    outgoing: SessionSender,
    /// Never sent to: the handler waits for it to be dropped.
    _handler: oneshot::Sender<()>,
}

impl ResponseSink {
    pub(super) fn new(outgoing: SessionSender, handler: oneshot::Sender<()>) -> Self {
        Self { outgoing, _handler: handler }
    }

    /// Waits until the connection accepts another chunk.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.outgoing.poll_room(cx)
    }

    pub(super) fn queue(&mut self, chunk: Bytes) -> Result<()> {
        self.outgoing.queue(chunk)
    }

    /// Sends the last chunks and closes the response.
    pub(super) fn finish(self, chunks: impl IntoIterator<Item = Bytes>) -> Result<()> {
        self.outgoing.finish_with_chunks(chunks)
    }

    /// Ends the event with an error.
    pub(super) fn fail(self, error: &Error) -> Result<()> {
        self.outgoing.fail(error)
    }
}

/// Converts the error of a client or node that has disconnected.
pub(super) fn connection_reset(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}
