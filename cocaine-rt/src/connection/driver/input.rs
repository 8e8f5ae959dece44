//! What is read from a socket: the input buffer, and the complete frames in it.

use std::{
    future::Future,
    io,
    pin::pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::wire::scan::{FrameBounds, ScanError, Scanner};

/// The bytes that were read and are not delivered yet.
#[derive(Debug)]
pub(super) struct Input {
    scanner: Scanner,
    buf: BytesMut,
    /// The complete frames at the start of the buffer.
    frames: Vec<InputFrame>,
    /// Where the last complete frame ends.
    frames_end: usize,
    /// The channel and the minimum length of a frame whose arguments are skipped from now on.
    oversized: Option<(u64, usize)>,
}

/// A complete frame of the input.
#[derive(Debug)]
pub(super) struct InputFrame {
    /// Where it begins in the buffer.
    pub(super) start: usize,
    pub(super) bounds: FrameBounds,
    /// The bytes of it that were skipped, because its arguments are longer than the limit.
    pub(super) skipped: usize,
}

impl Input {
    /// The size of a read, at least.
    const READ_SIZE: usize = 64 << 10;
    /// The free capacity below which the buffer is extended.
    const MIN_SPARE_CAPACITY: usize = 4 << 10;
    /// The most that is allocated for a frame before its bytes have arrived.
    const MAX_PREALLOCATION: usize = 2 << 20;
    /// The size of a frame above which its buffer is not reused.
    const MAX_REUSED_FRAME: usize = 4 << 20;
    /// The size from which a frame is large: its reader runs before the next read, so that the buffer is free again.
    const LARGE_FRAME: usize = 64 << 10;

    pub(super) fn new(max_frame_bytes: usize) -> Self {
        Self {
            scanner: Scanner::new(max_frame_bytes),
            buf: BytesMut::new(),
            frames: Vec::new(),
            frames_end: 0,
            oversized: None,
        }
    }

    /// Reads once; returns the number of bytes, 0 at the end of the stream.
    pub(super) fn poll_read<IO: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut IO,
    ) -> Poll<io::Result<usize>> {
        let missing = self.scanner.min_frame_len().saturating_sub(self.buf.len());
        // The announced length of a frame is trusted up to a limit; above it, the buffer at most doubles.
        let missing = missing.min(Self::MAX_PREALLOCATION.max(self.buf.len()));
        if self.buf.capacity() - self.buf.len() < missing.max(Self::MIN_SPARE_CAPACITY) {
            self.buf.reserve(missing.max(Self::READ_SIZE));
        }
        pin!(io.read_buf(&mut self.buf)).poll(cx)
    }

    /// Finds the complete frames of the buffer. Those before an invalid one remain valid.
    pub(super) fn scan(&mut self) -> Result<(), ScanError> {
        self.frames.clear();
        self.frames_end = 0;
        loop {
            match self.scanner.frame(&self.buf[self.frames_end..]) {
                Ok(Some(bounds)) => {
                    let (start, skipped) = (self.frames_end, self.scanner.take_skipped());
                    self.frames_end += bounds.len;
                    self.frames.push(InputFrame { start, bounds, skipped });
                }
                Ok(None) => return Ok(()),
                Err(ScanError::TooLarge(_)) if self.scanner.skip_args() => {
                    self.oversized = Some(self.scanner.incomplete_frame());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes the start of the next frame, as far as it is skipped; returns whether more may be found after it. The
    /// complete frames before it must have been removed.
    pub(super) fn skip(&mut self) -> bool {
        let skipped = self.scanner.discard(self.buf.len());
        self.buf.advance(skipped);
        if self.buf.is_empty() && self.buf.capacity() > Self::MAX_REUSED_FRAME {
            self.buf = BytesMut::new();
        }
        skipped > 0
    }

    /// Removes the frames that [`Input::scan`] has found from the buffer; `None` if there are none. Their parts remain in
    /// [`Input::frames`].
    pub(super) fn split_frames(&mut self) -> Option<Bytes> {
        // A frame that was skipped to its end has no bytes left.
        if self.frames.is_empty() {
            return None;
        }
        let batch = self.buf.split_to(self.frames_end).freeze();
        if self.buf.is_empty() && self.frames.iter().any(|frame| frame.bounds.len > Self::MAX_REUSED_FRAME) {
            self.buf = BytesMut::new();
        }
        Some(batch)
    }

    /// Removes and returns the channel and the minimum length of a frame that has turned out to be too long.
    pub(super) fn take_oversized(&mut self) -> Option<(u64, usize)> {
        self.oversized.take()
    }

    pub(super) fn frames(&self) -> &[InputFrame] {
        &self.frames
    }

    /// Returns whether the last scan has found a large frame.
    pub(super) fn has_large_frame(&self) -> bool {
        self.frames.iter().any(|frame| frame.bounds.len >= Self::LARGE_FRAME)
    }
}
