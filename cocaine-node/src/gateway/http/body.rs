//! The body of an answer: what is here already, and what the app still sends.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use cocaine::{Receiver, Stream};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::gateway::http::error::Failure;

/// The body of an answer, which never is longer than was declared, and fails if it is shorter.
#[derive(Debug, Default)]
pub(crate) struct ReplyBody {
    ready: VecDeque<Bytes>,
    rest: Option<Rest>,
    /// How much is still to come.
    left: Option<u64>,
}

/// What an app still sends.
#[derive(Debug)]
pub(crate) struct Rest {
    chunks: Receiver<cocaine::Bytes>,
    /// Whether an empty chunk ends the body.
    ends_at_empty: bool,
    patience: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

/// Why a body ended before it was whole. The connection ends with it, so that nobody takes it for whole.
#[derive(Debug)]
pub(crate) struct CutOff(pub(crate) Failure);

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.cause)
    }
}

impl std::error::Error for CutOff {}

impl Rest {
    pub(crate) fn new(chunks: Receiver<cocaine::Bytes>, ends_at_empty: bool, patience: Duration) -> Self {
        Self { chunks, ends_at_empty, patience, deadline: None }
    }

    /// Returns the next piece that is not empty; `None` at the end of the body.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CutOff>>> {
        loop {
            let Poll::Ready(chunk) = Pin::new(&mut self.chunks).poll_next(cx) else {
                return self.poll_late(cx).map(|late| Some(Err(late)));
            };
            self.deadline = None;
            return Poll::Ready(match chunk {
                Some(Ok(chunk)) if chunk.is_empty() && self.ends_at_empty => None,
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => Some(Ok(chunk.into())),
                Some(Err(error)) => Some(Err(CutOff(Failure::of(&error)))),
                None => None,
            });
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<CutOff> {
        let patience = self.patience;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(deadline.as_mut().poll(cx));
        deadline.as_mut().reset(Instant::now() + patience);
        Poll::Ready(CutOff(Failure::late(patience)))
    }
}

impl ReplyBody {
    /// Returns a body that is here.
    pub(crate) fn whole(body: Bytes) -> Self {
        let left = Some(body.len() as u64);
        Self { ready: [body].into(), rest: None, left }
    }

    /// Returns the body of an answer that goes out without it. `length` is what was declared, if something was.
    pub(crate) fn unsent(length: Option<u64>) -> Self {
        Self { left: length, ..Self::default() }
    }

    /// Returns a body of which the beginning is here. `length` is what was declared, if something was.
    pub(crate) fn new(ready: VecDeque<Bytes>, rest: Option<Rest>, length: Option<u64>) -> Self {
        let here = || ready.iter().map(|piece| piece.len() as u64).sum();
        let left = if rest.is_none() { Some(length.unwrap_or_else(here)) } else { length };
        Self { ready, rest, left }
    }

    /// Returns the piece, or as much of it as was declared.
    fn take(&mut self, mut piece: Bytes) -> Frame<Bytes> {
        if let Some(left) = &mut self.left {
            if let Ok(most) = usize::try_from(*left)
                && piece.len() > most
            {
                tracing::warn!("an answer is longer than its Content-Length: the surplus is dropped");
                piece.truncate(most);
            }
            *left -= piece.len() as u64;
        }
        Frame::data(piece)
    }

    fn ended(&mut self) -> Option<Result<Frame<Bytes>, CutOff>> {
        self.rest = None;
        match self.left.take() {
            Some(left @ 1..) => {
                let text = format!("the answer is {left} bytes shorter than its Content-Length");
                Some(Err(CutOff(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, text))))
            }
            _ => None,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if self.left == Some(0) {
            (self.rest, self.left) = (None, None);
            self.ready.clear();
        }
        if let Some(piece) = self.ready.pop_front() {
            return Poll::Ready(Some(Ok(self.take(piece))));
        }
        let piece = match &mut self.rest {
            Some(rest) => ready!(rest.poll_piece(cx)),
            None => None,
        };
        Poll::Ready(match piece {
            Some(Ok(piece)) => Some(Ok(self.take(piece))),
            Some(Err(cut_off)) => {
                tracing::warn!(%cut_off, "an answer ends early");
                (self.rest, self.left) = (None, None);
                Some(Err(cut_off))
            }
            None => self.ended(),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0) || (self.ready.is_empty() && self.rest.is_none() && self.left.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests;
