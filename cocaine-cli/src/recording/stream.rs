//! One direction of a connection, frame by frame.

use std::io;

use cocaine::frames::{Frame, FrameDecoder};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::MAX_FRAME;

/// The frames that one side sends.
#[derive(Debug)]
pub(super) struct FrameStream<R> {
    io: R,
    decoder: FrameDecoder,
    buf: Box<[u8]>,
}

/// What has arrived.
#[derive(Debug)]
pub(super) enum Arrival {
    Frame(Frame),
    /// Bytes that are no frame, and why. Nothing after them is a frame.
    Garbage(Vec<u8>, String),
    /// The end, and what has come of an incomplete frame.
    End(Vec<u8>),
}

impl<R: AsyncRead + Unpin> FrameStream<R> {
    const BUFFER: usize = 64 << 10;

    pub(super) fn new(io: R) -> Self {
        Self { io, decoder: FrameDecoder::new(MAX_FRAME), buf: vec![0; Self::BUFFER].into() }
    }

    /// Waits for the next frame. What has arrived is kept if the future is dropped.
    pub(super) async fn next(&mut self) -> io::Result<Arrival> {
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => return Ok(Arrival::Frame(frame)),
                Ok(None) => {}
                Err(error) => return Ok(Arrival::Garbage(self.decoder.rest().to_vec(), error.to_string())),
            }
            match self.io.read(&mut self.buf).await? {
                0 => return Ok(Arrival::End(self.decoder.rest().to_vec())),
                count => self.decoder.extend(&self.buf[..count]),
            }
        }
    }

    /// Returns what the frames come from.
    pub(super) fn into_inner(self) -> R {
        self.io
    }
}
