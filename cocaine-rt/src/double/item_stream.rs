//! The stream that a double returns.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::protocol::error::{Error, Result};

/// The stream that a double returns: a list of items, or any other stream.
pub struct ItemStream<T, E = Error> {
    stream: Pin<Box<dyn Stream<Item = Result<T, E>> + Send>>,
    end: StreamEnd<E>,
}

/// The end of the stream, after its last item.
enum StreamEnd<E> {
    Close,
    Error(E),
    Never,
}

/// A stream over an iterator. It never waits.
struct IterStream<I, E>(I, PhantomData<fn() -> E>);

impl<I: Iterator + Unpin, E> Stream for IterStream<I, E> {
    type Item = Result<I::Item, E>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

impl<T, E: 'static> ItemStream<T, E> {
    /// Creates a stream of these items.
    pub fn from_items(items: impl IntoIterator<Item = T, IntoIter: Send + Unpin + 'static>) -> Self {
        Self::new(IterStream(items.into_iter(), PhantomData))
    }

    /// Wraps a stream.
    pub fn new(stream: impl Stream<Item = Result<T, E>> + Send + 'static) -> Self {
        Self { stream: Box::pin(stream), end: StreamEnd::Close }
    }

    /// Ends the stream with an error.
    #[must_use]
    pub fn then_fails(self, error: E) -> Self {
        Self { end: StreamEnd::Error(error), ..self }
    }

    /// Keeps the stream open after its last item.
    #[must_use]
    pub fn then_waits(self) -> Self {
        Self { end: StreamEnd::Never, ..self }
    }
}

impl<T, E: Unpin> Stream for ItemStream<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(item) = ready!(self.stream.as_mut().poll_next(cx)) {
            return Poll::Ready(Some(item));
        }
        match std::mem::replace(&mut self.end, StreamEnd::Close) {
            StreamEnd::Close => Poll::Ready(None),
            StreamEnd::Error(error) => Poll::Ready(Some(Err(error))),
            StreamEnd::Never => {
                self.end = StreamEnd::Never;
                Poll::Pending
            }
        }
    }
}

impl<T, E> fmt::Debug for ItemStream<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ItemStream")
    }
}
