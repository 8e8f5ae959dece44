//! Frames in a stream of bytes.

use std::io::Cursor;

use cocaine::{Value, msgpack};
use serde::de::IgnoredAny;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The headers that end each frame of a runtime where there is no trace.
const NO_TRACE: &str = "9393c2a874726163655f6964a8000000000000000093c2a77370616e5f6964a80000000000000000\
    93c2a9706172656e745f6964a80000000000000000";

/// Returns the bytes of a frame of the runtime, by the hexadecimal digits of what comes before its headers.
pub(crate) fn of_runtime(hex: &str) -> String {
    format!("{hex}{NO_TRACE}")
}

/// Returns how long the first frame is, once all of it is there.
pub(crate) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let mut cursor = Cursor::new(bytes);
    rmp_serde::from_read::<_, IgnoredAny>(&mut cursor).ok()?;
    usize::try_from(cursor.position()).ok()
}

/// Channel, type and arguments of a frame.
pub(crate) fn parts(frame: &[u8]) -> (u64, u64, Vec<Value>) {
    let frame: Value = msgpack::from_slice(frame).unwrap();
    let parts = |elements: &[Value]| match elements {
        [channel, kind, Value::Array(args), ..] => Some((channel.as_u64()?, kind.as_u64()?, args.clone())),
        _ => None,
    };
    frame.as_array().and_then(parts).unwrap_or_else(|| panic!("{frame} is no frame"))
}

/// Reads one frame after the other.
pub(crate) struct Frames<R> {
    io: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(io: R) -> Self {
        Self { io, buffer: Vec::new() }
    }

    /// Returns the next frame, or else what came before the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        loop {
            if let Some(len) = frame_len(&self.buffer) {
                let rest = self.buffer.split_off(len);
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            // A reset says as clearly as an end that the connection is closed.
            if self.io.read_buf(&mut self.buffer).await.unwrap_or_default() == 0 {
                return Err(std::mem::take(&mut self.buffer));
            }
        }
    }
}
