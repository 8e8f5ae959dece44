//! Whole frames in a stream of bytes.

use std::{io::Cursor, mem};

use serde::de::IgnoredAny;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The headers of every frame that a runtime sends outside a trace: three ids of zero.
pub const UNTRACED: &[u8] = b"\x93\x93\xc2\xa8trace_id\xa8\0\0\0\0\0\0\0\0\
    \x93\xc2\xa7span_id\xa8\0\0\0\0\0\0\0\0\x93\xc2\xa9parent_id\xa8\0\0\0\0\0\0\0\0";

/// Returns the length of the first `MessagePack` value in `bytes`, or `None` if its end is missing.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    rmp_serde::from_read::<_, IgnoredAny>(&mut cursor).ok()?;
    usize::try_from(cursor.position()).ok()
}

/// Reads one frame after the other.
#[derive(Debug)]
pub struct FrameReader<R> {
    io: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Returns a reader of the frames of `io`.
    pub fn new(io: R) -> Self {
        Self { io, buffer: Vec::new() }
    }

    /// Returns the next frame.
    ///
    /// # Errors
    /// The bytes that came after the last whole frame, once the stream has ended.
    pub async fn next(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        loop {
            if let Some(length) = length(&self.buffer) {
                let rest = self.buffer.split_off(length);
                return Ok(mem::replace(&mut self.buffer, rest));
            }
            // A reset ends the connection like any other end.
            if self.io.read_buf(&mut self.buffer).await.unwrap_or_default() == 0 {
                return Err(mem::take(&mut self.buffer));
            }
        }
    }

    /// Returns the stream, for writing; its input is the reader's alone.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.io
    }
}

#[cfg(test)]
mod tests {
    use super::FrameReader;

    #[tokio::test]
    async fn frames_are_split_and_the_rest_returned() {
        let mut frames = FrameReader::new(&[0x93, 1, 0, 0x90, 0x93, 3][..]);
        assert_eq!(frames.next().await, Ok(vec![0x93, 1, 0, 0x90]));
        assert_eq!(frames.next().await, Err(vec![0x93, 3]));
        assert_eq!(frames.next().await, Err(Vec::new()));
    }
}
