//! The frames of the call, as both floors write and read them: an id between bytes that never change.

use anyhow::{Result, ensure};

use crate::work::Work;

const TRACE: [&str; 3] = ["trace_id", "span_id", "parent_id"];

/// A frame but for its id, which stands after the first byte.
pub(super) struct Frame {
    lead: u8,
    tail: Vec<u8>,
}

impl Frame {
    /// `[id, 0, [collection, key]]`
    pub(super) fn request(work: Work) -> Self {
        let (collection, key) = work.args();
        let mut tail = vec![0x00, 0x92];
        write_raw(&mut tail, collection.as_bytes());
        write_raw(&mut tail, key.as_bytes());
        Self { lead: 0x93, tail }
    }

    /// `[id, 0, [blob], [trace_id, span_id, parent_id]]`, the three without a trace: eight zero bytes each.
    pub(super) fn reply(work: Work) -> Self {
        let mut tail = vec![0x00, 0x91];
        write_raw(&mut tail, work.expected());
        tail.push(0x93);
        for name in TRACE {
            tail.extend([0x93, 0xc2]);
            write_raw(&mut tail, name.as_bytes());
            write_raw(&mut tail, &[0; 8]);
        }
        Self { lead: 0x94, tail }
    }

    /// The longest that it can be on the wire.
    pub(super) fn max_len(&self) -> usize {
        1 + 9 + self.tail.len()
    }

    /// What follows the id.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// What stands before the rest.
    pub(super) fn write_head(&self, id: u64, out: &mut Vec<u8>) {
        out.push(self.lead);
        write_uint(out, id);
    }

    /// Appends the frame.
    pub(super) fn write(&self, id: u64, out: &mut Vec<u8>) {
        self.write_head(id, out);
        out.extend_from_slice(&self.tail);
    }

    /// The id and the length of the frame that `unread` starts with, if it is all there; an error if it is another
    /// frame than this one.
    pub(super) fn read(&self, unread: &[u8]) -> Result<Option<(u64, usize)>> {
        let Some((&lead, rest)) = unread.split_first() else { return Ok(None) };
        ensure!(lead == self.lead, "a frame of another length");
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
