//! The bytes of a frame: `[channel, kind, args]` or `[channel, kind, args, headers]` (`protocol.md` 1).

use crate::wire::encode::{self, Encoded};

/// The headers of an outgoing frame.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FrameHeaders<'a> {
    /// A frame of three elements.
    None,
    /// An encoded header array.
    Encoded(&'a [u8]),
}

/// Appends one frame with encoded arguments.
#[inline]
pub(crate) fn write(out: &mut Encoded, channel: u64, kind: u64, args: &Encoded, headers: FrameHeaders<'_>) {
    begin(out, channel, kind, headers);
    out.append(args);
    end(out, headers);
}

/// Appends the part of a frame before its arguments.
#[inline]
pub(crate) fn begin(out: &mut Encoded, channel: u64, kind: u64, headers: FrameHeaders<'_>) {
    out.buf.push(match headers {
        FrameHeaders::None => 0x93,
        FrameHeaders::Encoded(_) => 0x94,
    });
    encode::write_uint(&mut out.buf, channel);
    encode::write_uint(&mut out.buf, kind);
}

/// Appends the part of a frame after its arguments.
#[inline]
pub(crate) fn end(out: &mut Encoded, headers: FrameHeaders<'_>) {
    if let FrameHeaders::Encoded(headers) = headers {
        out.buf.extend_from_slice(headers);
    }
}
