//! One event as a plain stream of bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{answer::PIECE, listen::Answering, stream::left};
use crate::{protocol::error::Error, wire::bytes::Bytes, worker::SessionReceiver};

/// What the client sends to read, and what it is answered to write: each chunk is bytes of a stream.
///
/// Either side may end its stream before the other: reading gives the end once the client has closed, and a shutdown
/// closes the answer. A stream that is dropped before its shutdown ends the event with category 42, code 100.
#[derive(Debug)]
pub struct RawStream {
    unread: bytes::Bytes,
    incoming: Option<SessionReceiver>,
    answering: Option<Answering>,
}

impl RawStream {
    pub(super) fn new(incoming: SessionReceiver, answering: Answering) -> Self {
        Self { unread: bytes::Bytes::new(), incoming: Some(incoming), answering: Some(answering) }
    }
}

impl AsyncRead for RawStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            let Some(incoming) = &mut self.incoming else { return Poll::Ready(Ok(())) };
            match ready!(incoming.poll_recv(cx)) {
                Some(chunk) => self.unread = chunk.map_err(left)?.into(),
                None => self.incoming = None,
            }
        }
        let len = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..len]);
        self.unread.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for RawStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Some(answering) = &mut self.answering else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let piece = &buf[..buf.len().min(PIECE)];
        if !piece.is_empty() {
            ready!(answering.poll_room(cx));
            answering.queue(Bytes::from(piece)).map_err(left)?;
        }
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let finished = self.answering.take().map_or(Ok(()), |answering| answering.finish([]));
        Poll::Ready(finished.map_err(left))
    }
}

impl Drop for RawStream {
    fn drop(&mut self) {
        if let Some(answering) = self.answering.take() {
            let _ = answering.fail(&Error::handler("the stream was dropped before its end"));
        }
    }
}
