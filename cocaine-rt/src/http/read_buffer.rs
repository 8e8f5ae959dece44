//! The buffer between chunks and the reads of a byte stream.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;

/// Bytes that are ready to be read from a stream.
#[derive(Debug, Default)]
pub(super) struct ReadBuffer(Bytes);

impl ReadBuffer {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Reads the next bytes into `buf`. While there are none, `poll_next` returns more, or `None` at the end of the stream.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        mut poll_next: impl FnMut(&mut Context<'_>) -> Poll<io::Result<Option<Bytes>>>,
    ) -> Poll<io::Result<()>> {
        while self.0.is_empty() {
            match ready!(poll_next(cx))? {
                Some(bytes) => self.0 = bytes,
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.0.len().min(buf.remaining());
        buf.put_slice(&self.0[..len]);
        self.0.advance(len);
        Poll::Ready(Ok(()))
    }
}
