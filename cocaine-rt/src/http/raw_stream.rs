//! An event as a stream of plain bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    read_buffer::ReadBuffer,
    response::MAX_CHUNK,
    response_sink::{ResponseSink, connection_reset},
};
use crate::{protocol::error::Error, wire::bytes::Bytes, worker::SessionReceiver};

/// A byte stream to the client of an event. Reads return the chunks that the client sends, and each write sends a chunk.
///
/// Each direction is closed on its own: reads return the end of the stream once the client has closed its side, and a
/// shutdown closes the response. Dropping the stream before its shutdown ends the event with category 42, code 100.
#[derive(Debug)]
pub struct RawStream {
    unread: ReadBuffer,
    incoming: Option<SessionReceiver>,
    sink: Option<ResponseSink>,
}

impl RawStream {
    pub(super) fn new(incoming: SessionReceiver, sink: ResponseSink) -> Self {
        Self { unread: ReadBuffer::default(), incoming: Some(incoming), sink: Some(sink) }
    }
}

impl AsyncRead for RawStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { unread, incoming, .. } = &mut *self;
        unread.poll_read(cx, buf, |cx| {
            let Some(receiver) = incoming else { return Poll::Ready(Ok(None)) };
            let chunk = ready!(receiver.poll_recv(cx)).transpose().map_err(connection_reset)?;
            if chunk.is_none() {
                *incoming = None;
            }
            Poll::Ready(Ok(chunk.map(Into::into)))
        })
    }
}

impl AsyncWrite for RawStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Some(sink) = &mut self.sink else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let piece = &buf[..buf.len().min(MAX_CHUNK)];
        if !piece.is_empty() {
            ready!(sink.poll_room(cx));
            sink.queue(Bytes::from(piece)).map_err(connection_reset)?;
        }
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let finished = self.sink.take().map_or(Ok(()), |sink| sink.finish([]));
        Poll::Ready(finished.map_err(connection_reset))
    }
}

impl Drop for RawStream {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            let _ = sink.fail(&Error::handler("the stream was dropped before its end"));
        }
    }
}
