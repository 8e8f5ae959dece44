//! Encoding to the `MessagePack` dialect: one raw format for texts and bytes, and integers in their smallest format
//! (`protocol.md` 1.1).
//!
//! This file writes single values; `encode::encoder` is the serde `Serializer`.

use serde::Serialize;

mod containers;
mod encoder;
mod error;

pub(crate) use error::EncodeError;

use encoder::Encoder;

/// Encoded bytes, with large blobs apart.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// All bytes except those of the segments.
    pub(crate) buf: Vec<u8>,
    /// Blobs that were not copied. Each belongs between `buf[..position]` and `buf[position..]`. The positions never
    /// decrease.
    pub(crate) segments: Vec<(usize, bytes::Bytes)>,
}

impl Encoded {
    /// Returns the number of bytes, including those of the segments.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.buf.len() + self.segments.iter().map(|(_, segment)| segment.len()).sum::<usize>()
    }

    /// Removes all bytes and keeps the capacity.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.buf.clear();
        self.segments.clear();
    }

    /// Appends the bytes of `other` and shares its segments.
    #[inline]
    pub(crate) fn append(&mut self, other: &Self) {
        let start = self.buf.len();
        self.buf.extend_from_slice(&other.buf);
        if !other.segments.is_empty() {
            self.segments.extend(other.segments.iter().map(|(at, segment)| (start + at, segment.clone())));
        }
    }

    /// Returns all bytes, with the segments inserted.
    pub(crate) fn flatten(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        let mut from = 0;
        for (at, segment) in &self.segments {
            all.extend_from_slice(&self.buf[from..*at]);
            all.extend_from_slice(segment);
            from = *at;
        }
        all.extend_from_slice(&self.buf[from..]);
        all
    }
}

/// Appends `value` as an argument list.
///
/// A tuple or a fixed array is the list, `()` is the empty list, and any other value is the only argument. `None`s at the
/// end of the tuple are left out; any other `None` is nil, and so is a field that serde skips. Structs are arrays. Texts may
/// stand for other bytes ([`text`](crate::wire::text)).
///
/// # Errors
/// Fails if the value fails, contains an `i128`, is nested deeper than 32 levels including the frame, or is longer than
/// 4 GiB. `into` is then unchanged.
#[inline]
pub(crate) fn args<T: Serialize + ?Sized>(value: &T, into: &mut Encoded) -> Result<(), EncodeError> {
    append(into, |out| Encoder::message(out).write_list(value))
}

/// Encodes a single value, a payload. Structs are maps of their fields by name.
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut into = Encoded::default();
    append(&mut into, |out| value.serialize(&mut Encoder::payload(out)))?;
    Ok(into.buf)
}

/// Appends an argument list with one raw: the payload of `value`.
pub(crate) fn payload_args<T: Serialize + ?Sized>(value: &T, into: &mut Encoded) -> Result<(), EncodeError> {
    append(into, |out| {
        let start = out.buf.len();
        value.serialize(&mut Encoder::payload(out))?;
        let payload_len = out.buf.len() - start;
        if u32::try_from(payload_len).is_err() {
            return Err(EncodeError::new("a payload of more than 4 GiB"));
        }
        // The length is known after the payload, and stands before it.
        out.buf.push(0x91);
        write_raw_len(&mut out.buf, payload_len);
        out.buf[start..].rotate_left(payload_len);
        Ok(())
    })
}

#[inline]
fn append(
    into: &mut Encoded,
    write: impl FnOnce(&mut Encoded) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let (buf, segments) = (into.buf.len(), into.segments.len());
    write(into).inspect_err(|_| {
        into.buf.truncate(buf);
        into.segments.truncate(segments);
    })
}

/// Appends nil.
#[inline]
pub(crate) fn write_nil(buf: &mut Vec<u8>) {
    buf.push(0xc0);
}

/// Appends a boolean.
#[inline]
pub(crate) fn write_bool(buf: &mut Vec<u8>, value: bool) {
    buf.push(if value { 0xc3 } else { 0xc2 });
}

/// Appends an unsigned integer in its smallest format.
#[inline]
pub(crate) fn write_uint(buf: &mut Vec<u8>, value: u64) {
    if let Ok(value) = u8::try_from(value) {
        if value < 0x80 {
            buf.push(value);
        } else {
            buf.extend_from_slice(&[0xcc, value]);
        }
    } else if let Ok(value) = u16::try_from(value) {
        marked(buf, 0xcd, value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        marked(buf, 0xce, value.to_be_bytes());
    } else {
        marked(buf, 0xcf, value.to_be_bytes());
    }
}

/// Appends an integer in its smallest format, which is unsigned unless the value is negative.
#[inline]
pub(crate) fn write_int(buf: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        write_uint(buf, value);
    } else if let Ok(value) = i8::try_from(value) {
        if value >= -32 {
            buf.push(value.cast_unsigned());
        } else {
            buf.extend_from_slice(&[0xd0, value.cast_unsigned()]);
        }
    } else if let Ok(value) = i16::try_from(value) {
        marked(buf, 0xd1, value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        marked(buf, 0xd2, value.to_be_bytes());
    } else {
        marked(buf, 0xd3, value.to_be_bytes());
    }
}

/// Appends text or bytes of at most `u32::MAX` bytes.
#[inline]
pub(crate) fn write_raw(buf: &mut Vec<u8>, raw: &[u8]) {
    write_raw_len(buf, raw.len());
    buf.extend_from_slice(raw);
}

/// Appends the head of a raw of `len` bytes, at most `u32::MAX`.
#[inline]
fn write_raw_len(buf: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(len @ ..=0x1f) => buf.push(0xa0 | len),
        _ => write_len(buf, [0xda, 0xdb], len),
    }
}

/// Appends the head of an array of `len` elements, at most `u32::MAX`.
#[inline]
pub(crate) fn write_array_len(buf: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(len @ ..=0x0f) => buf.push(0x90 | len),
        _ => write_len(buf, [0xdc, 0xdd], len),
    }
}

/// Appends the head of a map of `len` entries, at most `u32::MAX`.
#[inline]
pub(crate) fn write_map_len(buf: &mut Vec<u8>, len: usize) {
    match u8::try_from(len) {
        Ok(len @ ..=0x0f) => buf.push(0x80 | len),
        _ => write_len(buf, [0xde, 0xdf], len),
    }
}

fn write_len(buf: &mut Vec<u8>, [short, long]: [u8; 2], len: usize) {
    match u16::try_from(len) {
        Ok(len) => marked(buf, short, len.to_be_bytes()),
        Err(_) => marked(buf, long, u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()),
    }
}

#[inline]
fn marked<const N: usize>(buf: &mut Vec<u8>, marker: u8, digits: [u8; N]) {
    buf.push(marker);
    buf.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests;
