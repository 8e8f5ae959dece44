//! The body of a response: the part that is buffered already, and the stream of chunks that the app still sends.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use cocaine::{MemoryBudget, Stream};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::{counted, error::HttpError, upload::Upload};
use crate::gateway::routing::event_call::ResponseChunks;

/// The body of a response. It is never longer than its declared length, and fails if it is shorter.
#[derive(Debug, Default)]
pub(crate) struct ResponseBody {
    buffered: VecDeque<Bytes>,
    stream: Option<BodyStream>,
    /// How many bytes are still to be sent, if the length is known.
    remaining: Option<u64>,
}

/// The chunks of a body that an app still sends.
#[derive(Debug)]
pub(crate) struct BodyStream {
    chunks: ResponseChunks,
    /// Whether an empty chunk ends the body.
    ends_at_empty: bool,
    /// How long the app may take to send the next chunk, once it has the whole request.
    timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Counts chunks until the client has read them.
    memory: MemoryBudget,
    /// The rest of the request, for an app that answers before it has all of it. It ends with the response.
    upload: Option<Upload>,
}

/// A body that ended early. The connection is closed, so that the client cannot mistake the body for a complete one.
#[derive(Debug)]
pub(crate) struct BodyError(pub(crate) HttpError);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.cause)
    }
}

impl std::error::Error for BodyError {}

impl BodyStream {
    pub(crate) fn new(
        chunks: ResponseChunks,
        ends_at_empty: bool,
        timeout: Duration,
        upload: Option<Upload>,
        memory: MemoryBudget,
    ) -> Self {
        Self { chunks, ends_at_empty, timeout, deadline: None, memory, upload }
    }

    /// Returns the next chunk that is not empty, or `None` at the end of the body.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let is_uploading = self.poll_upload(cx).is_pending();
        loop {
            let Poll::Ready(chunk) = Pin::new(&mut self.chunks).poll_next(cx) else {
                if is_uploading {
                    return Poll::Pending;
                }
                return self.poll_timeout(cx).map(|error| Some(Err(error)));
            };
            self.deadline = None;
            return Poll::Ready(match chunk {
                Some(Ok(chunk)) if chunk.is_empty() && self.ends_at_empty => None,
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => Some(Ok(counted::count(chunk.into(), &self.memory))),
                Some(Err(error)) => Some(Err(BodyError(HttpError::from_call(&error)))),
                None => None,
            });
        }
    }

    /// Sends the rest of the request on. If it fails, the app learns it, and ends the response as it likes.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(upload) = &mut self.upload {
            if let Err(error) = ready!(Pin::new(upload).poll(cx)) {
                tracing::debug!(reason = error.cause, "a request that is being answered is incomplete");
            }
            self.upload = None;
        }
        Poll::Ready(())
    }

    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        let timeout = self.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        deadline.as_mut().reset(Instant::now() + timeout);
        Poll::Ready(BodyError(HttpError::timed_out(timeout)))
    }
}

impl ResponseBody {
    /// Returns a complete body.
    pub(crate) fn full(body: Bytes) -> Self {
        let remaining = Some(body.len() as u64);
        Self { buffered: [body].into(), stream: None, remaining }
    }

    /// Returns the body of a response that is sent without one. `length` is its Content-Length, if it has one.
    pub(crate) fn omitted(length: Option<u64>) -> Self {
        Self { remaining: length, ..Self::default() }
    }

    /// Returns a body whose beginning is buffered. `length` is its Content-Length, if it has one.
    pub(crate) fn new(buffered: VecDeque<Bytes>, stream: Option<BodyStream>, length: Option<u64>) -> Self {
        let buffered_len = || buffered.iter().map(|chunk| chunk.len() as u64).sum();
        let remaining = if stream.is_none() { Some(length.unwrap_or_else(buffered_len)) } else { length };
        Self { buffered, stream, remaining }
    }

    /// Returns the frame of a chunk, without what exceeds the declared length.
    fn next_frame(&mut self, mut chunk: Bytes) -> Frame<Bytes> {
        if let Some(remaining) = &mut self.remaining {
            if let Ok(most) = usize::try_from(*remaining)
                && chunk.len() > most
            {
                tracing::warn!("a response is longer than its Content-Length: the surplus is dropped");
                chunk.truncate(most);
            }
            *remaining -= chunk.len() as u64;
        }
        Frame::data(chunk)
    }

    /// Ends the body, with an error if it is shorter than its declared length.
    fn finish(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        self.stream = None;
        match self.remaining.take() {
            Some(missing @ 1..) => {
                let text = format!("the answer is {missing} bytes shorter than its Content-Length");
                Some(Err(BodyError(HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, text))))
            }
            _ => None,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.remaining == Some(0) {
            (self.stream, self.remaining) = (None, None);
            self.buffered.clear();
        }
        if let Some(chunk) = self.buffered.pop_front() {
            return Poll::Ready(Some(Ok(self.next_frame(chunk))));
        }
        let chunk = match &mut self.stream {
            Some(stream) => ready!(stream.poll_chunk(cx)),
            None => None,
        };
        Poll::Ready(match chunk {
            Some(Ok(chunk)) => Some(Ok(self.next_frame(chunk))),
            Some(Err(error)) => {
                (self.stream, self.remaining) = (None, None);
                Some(Err(error))
            }
            None => self.finish(),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == Some(0)
            || (self.buffered.is_empty() && self.stream.is_none() && self.remaining.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests;
