//! The chunks that a handler sends by itself.

use std::{
    fmt,
    marker::PhantomData,
    task::{Context, Poll},
};

use serde::Serialize;

use super::chunk;
use crate::{
    protocol::error::{Error, Result},
    worker::session::Outgoing,
};

/// An argument of an event: the half that sends chunks.
///
/// [`Bytes`](crate::Bytes) are sent as they are, anything else encoded. The stream ends when the handler returns, with
/// the error that it returns, or with [`Output::close`] before.
pub struct Output<T> {
    outgoing: Outgoing,
    items: PhantomData<fn(T)>,
}

impl<T: Serialize + 'static> Output<T> {
    pub(super) fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, items: PhantomData }
    }

    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<T>) -> Result<()> {
        let chunk = chunk::write(item.into())?;
        self.outgoing.send(chunk).await
    }

    /// Ends the stream.
    pub fn close(self) -> Result<()> {
        self.outgoing.finish(None)
    }

    /// Ends the stream with an error.
    pub fn fail(self, error: &Error) -> Result<()> {
        self.outgoing.fail(error)
    }

    /// Returns once the client has left, so that nobody receives the stream.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.outgoing.poll_closed(cx)
    }
}

impl<T> fmt::Debug for Output<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Output").field(&self.outgoing).finish()
    }
}
