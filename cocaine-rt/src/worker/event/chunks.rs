//! The chunks that a client sends after the arguments.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use super::chunk;
use crate::{
    protocol::error::{Error, Result},
    worker::session::Incoming,
};

/// An argument of an event: the chunks that follow its values, or all of them if it has none.
///
/// A [`Stream`] that ends after its first error. [`Bytes`](crate::Bytes) are the chunks as they are; anything else is
/// decoded.
pub struct Chunks<T> {
    event: &'static str,
    incoming: Option<Incoming>,
    items: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + 'static> Chunks<T> {
    pub(super) fn new(event: &'static str, incoming: Incoming) -> Self {
        Self { event, incoming: Some(incoming), items: PhantomData }
    }

    /// Returns the next chunk; `None` once the client has closed its stream.
    pub async fn recv(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let item = ready!(incoming.poll_chunk(cx)).map(|chunk| {
            chunk::read(chunk?)
                .map_err(|malformed| Error::handler(format!("{}: a chunk: {malformed}", self.event)))
        });
        if !matches!(item, Some(Ok(_))) {
            self.incoming = None;
        }
        Poll::Ready(item)
    }
}

impl<T: DeserializeOwned + 'static> Stream for Chunks<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<T> fmt::Debug for Chunks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("event", &self.event).finish_non_exhaustive()
    }
}
