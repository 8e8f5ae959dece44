//! The bytes that are written to a socket: a buffer, and blobs that are inserted between its parts without a copy.

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
    /// The number of bytes of the buffer that are written.
    written: usize,
    /// The index of the first segment that is not yet written completely.
    segment: usize,
    /// The number of its bytes that are written.
    segment_written: usize,
}

impl Output {
    /// The maximum number of slices of a vectored write.
    const MAX_SLICES: usize = 32;
    /// The capacity above which a buffer is not reused.
    const MAX_REUSED_CAPACITY: usize = 1 << 20;

    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.queued.buf.len() && self.segment == self.queued.segments.len()
    }

    /// Returns the number of bytes that are not written yet.
    pub(crate) fn remaining(&self) -> usize {
        let segments = self.queued.segments[self.segment..].iter();
        let blobs: usize = segments.map(|(_, blob)| blob.len()).sum();
        self.queued.buf.len() - self.written + blobs - self.segment_written
    }

    /// Returns the buffer, cleared, to be filled again. All of it must be written.
    pub(crate) fn refill(&mut self) -> &mut Encoded {
        debug_assert!(self.is_empty(), "the output is not written yet");
        if self.queued.buf.capacity() > Self::MAX_REUSED_CAPACITY {
            self.queued = Encoded::default();
        }
        self.queued.clear();
        (self.written, self.segment, self.segment_written) = (0, 0, 0);
        &mut self.queued
    }

    /// Writes until everything is written or the socket accepts no more.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut W,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let written = if self.segment == self.queued.segments.len() {
                ready!(Pin::new(&mut *io).poll_write(cx, &self.queued.buf[self.written..]))?
            } else {
                let mut slices = [IoSlice::new(&[]); Self::MAX_SLICES];
                let count = self.fill_slices(&mut slices);
                ready!(Pin::new(&mut *io).poll_write_vectored(cx, &slices[..count]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        Pin::new(io).poll_flush(cx)
    }

    /// Fills `slices` with the next parts to write, in order; returns their number.
    fn fill_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let (mut count, mut start, mut within) = (0, self.written, self.segment_written);
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

    /// Marks the next `written` bytes as written, and releases the blobs that are complete.
    fn advance(&mut self, mut written: usize) {
        while let Some((position, blob)) = self.queued.segments.get_mut(self.segment) {
            let before = written.min(*position - self.written);
            self.written += before;
            written -= before;
            if self.written < *position {
                return;
            }
            let blob_part = written.min(blob.len() - self.segment_written);
            self.segment_written += blob_part;
            written -= blob_part;
            if self.segment_written < blob.len() {
                return;
            }
            *blob = bytes::Bytes::new();
            (self.segment, self.segment_written) = (self.segment + 1, 0);
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
            assert_eq!(output.remaining(), flat.len());
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
