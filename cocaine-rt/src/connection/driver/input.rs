//! What is read from a socket: the input buffer, and the complete frames in it.

use std::{
    future::Future,
    io,
    pin::pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{
    protocol::error::Error,
    wire::scan::{FrameBounds, ScanError, Scanner},
};

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
    /// Why the arguments of the current frame are skipped, if it is not their length.
    refusal: Option<Error>,
}

/// A complete frame of the input.
#[derive(Debug)]
pub(super) struct InputFrame {
    /// Where it begins in the buffer.
    pub(super) start: usize,
    pub(super) bounds: FrameBounds,
    /// The bytes of it that were skipped, because its arguments are longer than the limit.
    pub(super) skipped: usize,
    /// Why they were skipped, if it is not their length.
    pub(super) refusal: Option<Error>,
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
            refusal: None,
        }
    }

    /// Reads once; returns the number of bytes, 0 at the end of the stream. `room` is reserved for the incomplete frame.
    pub(super) fn poll_read<IO: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut IO,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        let missing = self.scanner.min_frame_len().saturating_sub(self.buf.len());
        // The announced length of a frame is trusted up to a limit; above it, the buffer at most doubles.
        let missing = missing.min(Self::MAX_PREALLOCATION.max(self.buf.len()));
        if self.buf.capacity() - self.buf.len() < missing.max(Self::MIN_SPARE_CAPACITY) {
            self.extend(missing.max(Self::READ_SIZE), room);
        }
        pin!(io.read_buf(&mut self.buf)).poll(cx)
    }

    /// Extends the buffer by `additional` bytes. Within the `room` that is reserved for the incomplete frame it gets no more than
    /// that, unlike a buffer that grows by itself.
    fn extend(&mut self, additional: usize, room: usize) {
        if room == 0 {
            return self.buf.reserve(additional);
        }
        let arrived = self.buf.len();
        let capacity = (arrived + additional).min(room.max(arrived)) + Self::MIN_SPARE_CAPACITY;
        if capacity > self.buf.capacity() {
            let mut buf = BytesMut::with_capacity(capacity);
            buf.extend_from_slice(&self.buf);
            self.buf = buf;
        }
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
                    let refusal = if skipped > 0 { self.refusal.take() } else { None };
                    self.frames.push(InputFrame { start, bounds, skipped, refusal });
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

    /// Returns how much room the incomplete frame takes after the next read: its length, as far as that is known, or twice
    /// what has come of it. Returns 0 if the room that it has suffices, or it takes little.
    #[inline]
    pub(super) fn needed_room(&self, room: usize) -> usize {
        let (len, announced) = (self.buf.len(), self.scanner.announced_len());
        let is_small = announced.max(len) < Self::LARGE_FRAME;
        if is_small || (announced <= room && len < room) {
            return 0;
        }
        let is_known = room == 0 && announced > len;
        let needed = if is_known { announced } else { announced.max(len.saturating_mul(2)) };
        let needed = needed.min(self.scanner.limit().max(len));
        if needed > room { needed } else { 0 }
    }

    /// Returns how much room the input takes with no frame under way: what has come, if that is much.
    pub(super) fn room(&self) -> usize {
        if self.buf.len() < Self::LARGE_FRAME { 0 } else { self.buf.len() }
    }

    /// Skips the arguments of the incomplete frame from now on, for this reason. Returns whether that is possible.
    pub(super) fn refuse_frame(&mut self, reason: &Error) -> bool {
        let can_skip = self.scanner.skip_args_above(Self::LARGE_FRAME / 2);
        if can_skip {
            self.oversized = Some(self.scanner.incomplete_frame());
            self.refusal = Some(reason.clone());
        }
        can_skip
    }

    /// Returns why the arguments of the current frame are skipped, if it is not their length.
    pub(super) fn refusal(&self) -> Option<&Error> {
        self.refusal.as_ref()
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
