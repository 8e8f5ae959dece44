//! The frames of the call, as both floors write and read them: constant bytes around an id.

use anyhow::{Result, ensure};

use crate::payload::Payload;

const TRACE: [&str; 3] = ["trace_id", "span_id", "parent_id"];

/// A frame without its id, which follows the first byte.
pub(super) struct Frame {
    lead: u8,
    tail: Vec<u8>,
}

impl Frame {
    /// Returns `[id, 0, [collection, key]]`.
    pub(super) fn request(payload: Payload) -> Self {
        let (collection, key) = payload.args();
        let mut tail = vec![0x00, 0x92];
        write_raw(&mut tail, collection.as_bytes());
        write_raw(&mut tail, key.as_bytes());
        Self { lead: 0x93, tail }
    }

    /// Returns `[id, 0, [blob], [trace_id, span_id, parent_id]]`; each of the three is eight zero bytes, for no trace.
    pub(super) fn reply(payload: Payload) -> Self {
        let mut tail = vec![0x00, 0x91];
        write_raw(&mut tail, payload.expected());
        tail.push(0x93);
        for name in TRACE {
            tail.extend([0x93, 0xc2]);
            write_raw(&mut tail, name.as_bytes());
            write_raw(&mut tail, &[0; 8]);
        }
        Self { lead: 0x94, tail }
    }

    /// Returns the longest encoding.
    pub(super) fn max_len(&self) -> usize {
        1 + 9 + self.tail.len()
    }

    /// Returns the bytes after the id.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Appends the bytes up to and with the id.
    pub(super) fn write_head(&self, id: u64, out: &mut Vec<u8>) {
        out.push(self.lead);
        write_uint(out, id);
    }

    /// Appends the frame.
    pub(super) fn write(&self, id: u64, out: &mut Vec<u8>) {
        self.write_head(id, out);
        out.extend_from_slice(&self.tail);
    }

    /// Returns the id and the length of the frame at the start of `unread`, or `None` if its end is missing.
    ///
    /// # Errors
    /// If it is a different frame.
    pub(super) fn read(&self, unread: &[u8]) -> Result<Option<(u64, usize)>> {
        let Some((&lead, rest)) = unread.split_first() else { return Ok(None) };
        ensure!(lead == self.lead, "a frame with another number of elements");
        let Some((id, width)) = read_uint(rest)? else { return Ok(None) };
        let Some(tail) = rest.get(width..width + self.tail.len()) else { return Ok(None) };
        ensure!(tail == self.tail, "a frame with other contents");
        Ok(Some((id, 1 + width + self.tail.len())))
    }
}

#[allow(clippy::cast_possible_truncation)]
fn write_uint(out: &mut Vec<u8>, value: u64) {
    match value {
        0..0x80 => out.push(value as u8),
        0x80..=0xff => out.extend([0xcc, value as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend((value as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend((value as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend(value.to_be_bytes());
        }
    }
}

fn read_uint(from: &[u8]) -> Result<Option<(u64, usize)>> {
    let Some((&lead, rest)) = from.split_first() else { return Ok(None) };
    let width = match lead {
        0..0x80 => return Ok(Some((lead.into(), 1))),
        0xcc => 1,
        0xcd => 2,
        0xce => 4,
        0xcf => 8,
        other => anyhow::bail!("{other:#x} where an id belongs"),
    };
    let Some(digits) = rest.get(..width) else { return Ok(None) };
    Ok(Some((digits.iter().fold(0, |value, &digit| value << 8 | u64::from(digit)), 1 + width)))
}

#[allow(clippy::cast_possible_truncation)]
fn write_raw(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..=0xffff => {
            out.push(0xda);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0xdb);
            out.extend((len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(frame: &Frame, id: u64) -> Vec<u8> {
        let mut out = Vec::new();
        frame.write(id, &mut out);
        out
    }

    #[test]
    fn request_has_three_elements() {
        let expected = b"\x93\xcd\x01\x00\x00\x92\xa9manifests\xa3app";
        assert_eq!(written(&Frame::request(Payload::Manifest), 256), expected);
    }

    #[test]
    fn reply_has_a_raw16_and_three_empty_traces() {
        let reply = written(&Frame::reply(Payload::Manifest), 7);
        assert_eq!(reply[..7], *b"\x94\x07\x00\x91\xda\x00\x40");
        assert_eq!(reply[7..71], *Payload::Manifest.expected());
        let traces = b"\x93\x93\xc2\xa8trace_id\xa8\0\0\0\0\0\0\0\0\x93\xc2\xa7span_id\xa8\0\0\0\0\0\0\0\0\
                       \x93\xc2\xa9parent_id\xa8\0\0\0\0\0\0\0\0";
        assert_eq!(reply[71..], *traces);
    }

    #[test]
    fn written_frame_is_read_back() {
        let frame = Frame::reply(Payload::Manifest);
        for id in [1, 127, 128, 255, 256, 65_535, 65_536, u64::from(u32::MAX), u64::from(u32::MAX) + 1] {
            let bytes = written(&frame, id);
            assert_eq!(frame.read(&bytes).unwrap(), Some((id, bytes.len())));
            assert_eq!(frame.read(&bytes[..bytes.len() - 1]).unwrap(), None);
        }
    }

    #[test]
    fn changed_byte_is_an_error() {
        let frame = Frame::reply(Payload::Manifest);
        let mut bytes = written(&frame, 1);
        bytes[40] ^= 1;
        assert!(frame.read(&bytes).is_err());
    }
}
