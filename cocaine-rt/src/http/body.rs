//! The body of a request: the data of its first chunk, and the chunks after it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Frame, SizeHint};

use crate::{protocol::error::Error, wire::bytes::Bytes, worker::SessionReceiver};

/// The body of a request.
///
/// Reading it fails if the client cancels the request or disconnects before the body is complete.
#[derive(Debug, Default)]
pub struct Body {
    first: Bytes,
    remaining: Option<SessionReceiver>,
}

impl Body {
    /// Creates a body that begins with `first` and continues with the chunks of `remaining`, if there are more.
    pub(super) fn new(first: Bytes, remaining: Option<SessionReceiver>) -> Self {
        Self { first, remaining }
    }
}

impl http_body::Body for Body {
    type Data = bytes::Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Error>>> {
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        loop {
            let Some(remaining) = &mut self.remaining else { return Poll::Ready(None) };
            let chunk = ready!(remaining.poll_recv(cx));
            if !matches!(chunk, Some(Ok(_))) {
                self.remaining = None;
            }
            match chunk {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                chunk => {
                    return Poll::Ready(chunk.map(|chunk| chunk.map(|chunk| Frame::data(chunk.into()))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.remaining.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.len() as u64;
        if self.remaining.is_none() {
            return SizeHint::with_exact(first);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(first);
        hint
    }
}
