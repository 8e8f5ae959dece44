//! Frames as they are on the wire, for programs that stand between a client and a service, or repeat what one has sent.
//!
//! A client or a server does not need this module: `Client` and `server` read and write frames themselves.
//!
//! ```
//! use cocaine::frames::{FrameDecoder, encode};
//!
//! # fn main() -> cocaine::Result<()> {
//! let bytes = encode(1, 0, &("storage",), [("trace_id", &[1_u8; 8][..])])?;
//! let mut decoder = FrameDecoder::new(1 << 20);
//! decoder.extend(&bytes);
//! let frame = decoder.next_frame()?.unwrap();
//! assert_eq!((frame.channel(), frame.kind()), (1, 0));
//! assert_eq!(frame.args::<(String,)>()?.0, "storage");
//! # Ok(())
//! # }
//! ```

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::{
    protocol::error::{Error, Result},
    wire::{
        bytes::Bytes as WireBytes,
        decode,
        encode::{self as encoding, Encoded},
        hpack::{self, HpackTable},
        scan::{FrameBounds, Scanner},
    },
};

/// Finds the frames in what one side of a connection has sent, from its beginning (`protocol.md` 1).
#[derive(Debug)]
pub struct FrameDecoder {
    scanner: Scanner,
    buf: BytesMut,
    /// What this side has stored of its headers.
    table: HpackTable,
}

/// A frame.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Bytes,
    bounds: FrameBounds,
    headers: Vec<(WireBytes, WireBytes)>,
}

impl FrameDecoder {
    /// Returns a decoder of a connection that has just begun. Frames of more than `max_frame_bytes` are errors.
    pub fn new(max_frame_bytes: usize) -> Self {
        Self { scanner: Scanner::new(max_frame_bytes), buf: BytesMut::new(), table: HpackTable::default() }
    }

    /// Adds bytes that have arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Returns the next complete frame; `None` if more bytes are needed.
    ///
    /// # Errors
    /// What follows is no frame, or one that is too long. Nothing after it can be read.
    pub fn next_frame(&mut self) -> Result<Option<Frame>> {
        let bounds = match self.scanner.frame(&self.buf) {
            Ok(Some(bounds)) => bounds,
            Ok(None) => return Ok(None),
            Err(error) => return Err(Error::protocol(error.to_string())),
        };
        let bytes = self.buf.split_to(bounds.len).freeze();
        let headers = match &bounds.headers {
            Some(range) => self.table.read(&bytes[range.clone()]).map_err(Error::from_decode)?.to_pairs(),
            None => Vec::new(),
        };
        Ok(Some(Frame { bytes, bounds, headers }))
    }

    /// Returns the bytes after the last frame.
    pub fn rest(&self) -> &[u8] {
        &self.buf
    }
}

impl Frame {
    /// Returns the number of the channel.
    pub fn channel(&self) -> u64 {
        self.bounds.channel
    }

    /// Returns the number of the message: of a method in the frame that opens a channel, of a message of the channel's tree in
    /// later ones ([`graph`](crate::graph)).
    pub fn kind(&self) -> u64 {
        self.bounds.kind
    }

    /// Returns the arguments.
    ///
    /// # Errors
    /// They are no `T`.
    pub fn args<'f, T: Deserialize<'f>>(&'f self) -> Result<T> {
        decode::from_slice(&self.bytes[self.bounds.args.clone()]).map_err(Error::from_decode)
    }

    /// Returns the names and values of the headers in the order of the wire, the ids of the trace first. Ids that are all zero, as
    /// in most replies, are left out.
    pub fn headers(&self) -> &[(WireBytes, WireBytes)] {
        &self.headers
    }

    /// Returns the bytes of the frame.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes of the frame with other arguments. Its headers stay as they are, so that whoever reads it stores the same
    /// ones.
    ///
    /// # Errors
    /// The arguments cannot be encoded.
    pub fn with_args<T: Serialize + ?Sized>(&self, args: &T) -> Result<Vec<u8>> {
        let args = encoding::to_vec(args).map_err(Error::from_encode)?;
        let (before, after) = (&self.bytes[..self.bounds.args.start], &self.bytes[self.bounds.args.end..]);
        Ok([before, &args, after].concat())
    }
}

/// Returns the bytes of a frame with these arguments and headers, which the peer does not store.
///
/// # Errors
/// The arguments cannot be encoded.
pub fn encode<'h, T: Serialize + ?Sized>(
    channel: u64,
    kind: u64,
    args: &T,
    headers: impl IntoIterator<Item = (&'h str, &'h [u8]), IntoIter: ExactSizeIterator>,
) -> Result<Vec<u8>> {
    let headers = headers.into_iter();
    let count = headers.len();
    let mut frame = Encoded::default();
    encoding::write_array_len(&mut frame.buf, if count == 0 { 3 } else { 4 });
    encoding::write_uint(&mut frame.buf, channel);
    encoding::write_uint(&mut frame.buf, kind);
    frame.buf.extend(encoding::to_vec(args).map_err(Error::from_encode)?);
    if count > 0 {
        encoding::write_array_len(&mut frame.buf, count);
        for (name, value) in headers {
            hpack::write_literal(&mut frame.buf, name.as_bytes(), value);
        }
    }
    Ok(frame.buf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::value::Value;

    fn decode_all(bytes: &[u8], step: usize) -> Vec<Frame> {
        let mut decoder = FrameDecoder::new(1 << 20);
        let mut frames = Vec::new();
        for piece in bytes.chunks(step) {
            decoder.extend(piece);
            while let Some(frame) = decoder.next_frame().unwrap() {
                frames.push(frame);
            }
        }
        assert_eq!(decoder.rest(), b"");
        frames
    }

    fn headers(frame: &Frame) -> Vec<(&[u8], &[u8])> {
        frame.headers().iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect()
    }

    #[test]
    fn frames_come_whole_from_any_pieces() {
        let first = encode(1, 2, &("a", 300), [("k", &b"v"[..])]).unwrap();
        let second = encode(2, 0, &[0_u8; 0], []).unwrap();
        let bytes = [&first[..], &second].concat();
        for step in 1..=bytes.len() {
            let frames = decode_all(&bytes, step);
            assert_eq!(frames.len(), 2);
            assert_eq!((frames[0].channel(), frames[0].kind(), frames[0].as_bytes()), (1, 2, &first[..]));
            assert_eq!(frames[0].args::<(String, u64)>().unwrap(), ("a".to_owned(), 300));
            assert_eq!(headers(&frames[0]), [(&b"k"[..], &b"v"[..])]);
            assert_eq!(frames[1].args::<Vec<Value>>().unwrap(), []);
        }
    }

    #[test]
    fn stored_headers_are_resolved() {
        // The first frame stores a header, of which the second one names the index.
        let bytes = b"\x94\x01\x00\x90\x91\x93\xc3\xa1k\xa1v\x94\x02\x00\x90\x91\x53";
        let frames = decode_all(bytes, 5);
        assert_eq!(headers(&frames[0]), headers(&frames[1]));
        assert_eq!(headers(&frames[1]), [(&b"k"[..], &b"v"[..])]);
    }

    #[test]
    fn other_arguments_leave_headers_as_they_are() {
        let bytes = b"\x94\x01\x00\x91\xa1a\x91\x93\xc3\xa1k\xa1v";
        let frame = &decode_all(bytes, 3)[0];
        assert_eq!(
            frame.with_args(&("longer",)).unwrap(),
            b"\x94\x01\x00\x91\xa6longer\x91\x93\xc3\xa1k\xa1v"
        );
    }

    #[test]
    fn long_and_broken_frames_are_errors() {
        let mut decoder = FrameDecoder::new(8);
        decoder.extend(&encode(1, 0, &("longer than that",), []).unwrap());
        assert!(decoder.next_frame().unwrap_err().to_string().contains("more than 8 bytes"));
        let mut decoder = FrameDecoder::new(8);
        decoder.extend(b"\xc1");
        assert!(decoder.next_frame().is_err());
    }
}
