//! What is being written to a socket: a buffer, and blobs that lie between its parts uncopied.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use crate::wire::encode::Encoded;

/// Bytes on their way to a socket.
#[derive(Debug, Default)]
pub(crate) struct Output {
    queued: Encoded,
    /// Bytes of the buffer that are written.
    written: usize,
    /// Segments that are written, and bytes of the next one.
    segment: usize,
    within: usize,
}

impl Output {
    /// The most slices that one write passes on.
    const SLICES: usize = 32;
    /// The capacity above which an emptied buffer is given back.
    const KEPT: usize = 1 << 20;

    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.queued.buf.len() && self.segment == self.queued.segments.len()
    }

    /// Returns the emptied buffer, to be filled.
    pub(crate) fn refill(&mut self) -> &mut Encoded {
        debug_assert!(self.is_empty(), "only what is written may be replaced");
        if self.queued.buf.capacity() > Self::KEPT {
            self.queued = Encoded::default();
        }
        self.queued.clear();
        (self.written, self.segment, self.within) = (0, 0, 0);
        &mut self.queued
    }

    /// Writes until everything is written or the socket takes no more.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut W,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = if self.segment == self.queued.segments.len() {
                ready!(Pin::new(&mut *io).poll_write(cx, &self.queued.buf[self.written..]))?
            } else {
                let mut slices = [IoSlice::new(&[]); Self::SLICES];
                let count = self.slices(&mut slices);
                ready!(Pin::new(&mut *io).poll_write_vectored(cx, &slices[..count]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Pin::new(io).poll_flush(cx)
    }

    /// Fills `slices` with what comes next, in order.
    fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let (mut count, mut start, mut within) = (0, self.written, self.within);
        for (position, blob) in &self.queued.segments[self.segment..] {
            for part in [&self.queued.buf[start..*position], &blob[within..]] {
                if !part.is_empty() {
                    slices[count] = IoSlice::new(part);
                    count += 1;
                }
            }
            (start, within) = (*position, 0);
            if count + 2 > slices.len() {
                return count;
            }
        }
        slices[count] = IoSlice::new(&self.queued.buf[start..]);
        count + 1
    }

    fn advance(&mut self, mut written: usize) {
        while let Some((position, blob)) = self.queued.segments.get_mut(self.segment) {
            let before = written.min(*position - self.written);
            self.written += before;
            written -= before;
            if self.written < *position {
                return;
            }
            let blob_part = written.min(blob.len() - self.within);
            self.within += blob_part;
            written -= blob_part;
            if self.within < blob.len() {
                return;
            }
            *blob = bytes::Bytes::new();
            (self.segment, self.within) = (self.segment + 1, 0);
        }
        self.written += written;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn sample() -> (Encoded, Vec<u8>) {
        let blobs: Vec<_> = (1..80u8).map(|n| bytes::Bytes::from(vec![n; usize::from(n) * 10])).collect();
        let mut encoded = Encoded::default();
        let mut flat = Vec::new();
        for (index, blob) in blobs.iter().enumerate() {
            let text = "x".repeat(index % 3);
            encoded.buf.extend(text.bytes());
            flat.extend(text.bytes());
            encoded.segments.push((encoded.buf.len(), blob.clone()));
            flat.extend(blob);
        }
        encoded.buf.extend(b"end");
        flat.extend(b"end");
        (encoded, flat)
    }

    #[tokio::test]
    async fn partial_writes_keep_blobs_and_buffer_in_order() {
        for size in [1, 7, 4096, 1 << 20] {
            let (mut near, mut far) = tokio::io::duplex(size);
            let (encoded, flat) = sample();
            let mut output = Output::default();
            *output.refill() = encoded;
            let write = async {
                std::future::poll_fn(|cx| output.poll_write(cx, &mut near)).await.unwrap();
                drop(near);
            };
            let mut got = Vec::new();
            let ((), read) = tokio::join!(write, far.read_to_end(&mut got));
            read.unwrap();
            assert_eq!(got, flat, "{size} bytes at a time");
        }
    }
}
