//! A stream that a double answers with.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::protocol::error::{Error, Result};

/// A stream that a double answers with: what [`Items::of`] lists, or any other stream.
pub struct Items<T> {
    stream: Pin<Box<dyn Stream<Item = Result<T>> + Send>>,
    end: End,
}

/// What comes after the last item.
enum End {
    Nothing,
    Error(Error),
    Never,
}

/// Items that are there already.
struct Listed<I>(I);

impl<I: Iterator + Unpin> Stream for Listed<I> {
    type Item = Result<I::Item>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

impl<T> Items<T> {
    /// Returns a stream of these items.
    pub fn of(items: impl IntoIterator<Item = T, IntoIter: Send + Unpin + 'static>) -> Self {
        Self::new(Listed(items.into_iter()))
    }

    /// Returns what answers as `stream` does.
    pub fn new(stream: impl Stream<Item = Result<T>> + Send + 'static) -> Self {
        Self { stream: Box::pin(stream), end: End::Nothing }
    }

    /// Ends with an error instead.
    #[must_use]
    pub fn then_fails(self, error: Error) -> Self {
        Self { end: End::Error(error), ..self }
    }

    /// Does not end.
    #[must_use]
    pub fn then_waits(self) -> Self {
        Self { end: End::Never, ..self }
    }
}

impl<T> Stream for Items<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(item) = ready!(self.stream.as_mut().poll_next(cx)) {
            return Poll::Ready(Some(item));
        }
        match std::mem::replace(&mut self.end, End::Nothing) {
            End::Nothing => Poll::Ready(None),
            End::Error(error) => Poll::Ready(Some(Err(error))),
            End::Never => {
                self.end = End::Never;
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Items")
    }
}
