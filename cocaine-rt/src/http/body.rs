//! The body of a request: what its first chunk has, and the chunks that follow.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Frame, SizeHint};

use crate::{protocol::error::Error, wire::bytes::Bytes, worker::SessionReceiver};

/// The body of a request, as a handler reads it.
///
/// A client that gives up or leaves before its request is whole makes it fail.
#[derive(Debug, Default)]
pub struct Body {
    here: Bytes,
    rest: Option<SessionReceiver>,
}

impl Body {
    /// Returns a body of which `here` has come, and `rest` may follow.
    pub(super) fn new(here: Bytes, rest: Option<SessionReceiver>) -> Self {
        Self { here, rest }
    }
}

impl http_body::Body for Body {
    type Data = bytes::Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Error>>> {
        if !self.here.is_empty() {
            let here = std::mem::take(&mut self.here);
            return Poll::Ready(Some(Ok(Frame::data(here.into()))));
        }
        loop {
            let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
            let chunk = ready!(rest.poll_recv(cx));
            if !matches!(chunk, Some(Ok(_))) {
                self.rest = None;
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
        self.here.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.here.len() as u64;
        if self.rest.is_none() {
            return SizeHint::with_exact(here);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(here);
        hint
    }
}
