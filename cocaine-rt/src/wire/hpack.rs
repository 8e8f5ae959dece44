//! The compression of headers: a dialect of HPACK whose arrays are `MessagePack` (`protocol.md` 5).

use std::{collections::VecDeque, sync::Arc};

use crate::wire::{
    bytes::Bytes,
    decode::{DecodeError, Reader},
    encode,
    headers::{ENTRY_OVERHEAD, Headers, TRACE_IDS, UNTRACED},
};

/// The static index of the first header of a trace.
const FIRST_TRACE_INDEX: u8 = 80;

/// Reads the ids of a trace from the start of `headers`, if they are literals that are not stored; returns them and the
/// rest. Most peers write them so. The table reads any other form.
fn leading_trace_ids(mut headers: &[u8]) -> Option<([u64; 3], &[u8])> {
    let mut ids = [0; 3];
    for ((id, name), index) in ids.iter_mut().zip(TRACE_IDS).zip(FIRST_TRACE_INDEX..) {
        let entry = headers.strip_prefix(&[0x93, 0xc2])?;
        let value = match entry.split_first()? {
            (first, rest) if *first == index => rest,
            (first, rest) if usize::from(*first) == 0xa0 | name.len() => {
                rest.strip_prefix(name.as_bytes())?
            }
            _ => return None,
        };
        let (value, rest) = value.strip_prefix(&[0xa8])?.split_first_chunk()?;
        *id = u64::from_le_bytes(*value);
        headers = rest;
    }
    Some((ids, headers))
}

/// The HPACK tables of one connection for received headers: the static one, and the dynamic one with the entries that the
/// peer has stored, newest first (`protocol.md` 5.2).
#[derive(Debug, Default)]
pub(crate) struct HpackTable {
    dynamic: VecDeque<(Bytes, Bytes)>,
    size: usize,
}

impl HpackTable {
    const MAX_DYNAMIC_SIZE: usize = 4096;
    /// The maximum number of headers of one frame. An indexed header is one byte on the wire and far more in memory.
    const MAX_HEADERS: u32 = 4096;

    /// Reads the header array of one frame, and stores the entries that it adds to the table.
    #[inline]
    pub(crate) fn read(&mut self, array: &[u8]) -> Result<Headers, DecodeError> {
        if array == [0x90] || array == UNTRACED {
            return Ok(Headers::default());
        }
        let mut reader = Reader::new(array);
        let mut count = reader.array_len()?;
        if count > Self::MAX_HEADERS {
            return Err(DecodeError::new("more than 4096 headers"));
        }
        let mut ids = None;
        if let Some((leading, rest)) = leading_trace_ids(&array[reader.position()..]) {
            ids = Some(leading);
            count = count.saturating_sub(3);
            reader = Reader::new(rest);
        }
        if count == 0 {
            return Ok(Headers { ids, others: None });
        }
        let others = (0..count).map(|_| self.entry(&mut reader)).collect::<Result<_, _>>()?;
        Ok(Headers { ids, others: Some(Arc::new(others)) })
    }

    fn entry(&mut self, reader: &mut Reader<'_>) -> Result<(Bytes, Bytes), DecodeError> {
        if !matches!(reader.peek_marker(), Some(0x90..=0x9f | 0xdc | 0xdd)) {
            let index = reader.uint()?;
            return self
                .lookup(index)
                .ok_or_else(|| DecodeError::new("the index of a header is not in the tables"));
        }
        if reader.array_len()? != 3 {
            return Err(DecodeError::new("a header is not an array of three"));
        }
        let store = reader.bool()?;
        let name = if is_raw(reader.peek_marker()) {
            Bytes::from(reader.raw()?)
        } else {
            let index = reader.uint()?;
            self.lookup(index)
                .ok_or_else(|| DecodeError::new("the index of a header name is not in the tables"))?
                .0
        };
        let value = Bytes::from(reader.raw()?);
        if store {
            self.store(name.clone(), value.clone());
        }
        Ok((name, value))
    }

    fn lookup(&self, index: u64) -> Option<(Bytes, Bytes)> {
        let index = usize::try_from(index).ok()?.checked_sub(1)?;
        match STATIC_TABLE.get(index) {
            Some((name, value)) => Some((Bytes::from_static(name.as_bytes()), Bytes::from_static(value))),
            None => self.dynamic.get(index - STATIC_TABLE.len()).cloned(),
        }
    }

    /// Stores an entry as the newest one. An entry that is larger than the table empties it (`protocol.md` 5.2).
    fn store(&mut self, name: Bytes, value: Bytes) {
        let size = name.len() + value.len() + ENTRY_OVERHEAD;
        while self.size + size > Self::MAX_DYNAMIC_SIZE {
            let Some((name, value)) = self.dynamic.pop_back() else { return };
            self.size -= name.len() + value.len() + ENTRY_OVERHEAD;
        }
        self.size += size;
        self.dynamic.push_front((name, value));
    }
}

fn is_raw(marker: Option<u8>) -> bool {
    matches!(marker, Some(0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb))
}

/// Returns the header array of a server's frame: the ids of the trace, or zeros, then `extra`. It is written to `buf`,
/// unless it equals [`UNTRACED`].
#[inline]
pub(crate) fn write_reply<'a>(
    buf: &'a mut Vec<u8>,
    trace_ids: Option<[u64; 3]>,
    extra: &[(Bytes, Bytes)],
) -> &'a [u8] {
    if trace_ids.is_none() && extra.is_empty() {
        return UNTRACED;
    }
    buf.reserve(UNTRACED.len() + extra.len() * ENTRY_OVERHEAD);
    encode::write_array_len(buf, 3 + extra.len());
    for (name, id) in TRACE_IDS.into_iter().zip(trace_ids.unwrap_or_default()) {
        write_literal(buf, name.as_bytes(), &id.to_le_bytes());
    }
    for (name, value) in extra {
        write_literal(buf, name, value);
    }
    buf
}

/// Appends one header with a literal name, which the peer does not store.
pub(crate) fn write_literal(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(&[0x93, 0xc2]);
    encode::write_raw(out, name);
    encode::write_raw(out, value);
}

/// Appends the three headers of a trace by the static indices of their names.
pub(crate) fn write_trace_ids(out: &mut Vec<u8>, ids: [u64; 3]) {
    for (index, id) in (FIRST_TRACE_INDEX..).zip(ids) {
        out.extend_from_slice(&[0x93, 0xc2, index]);
        encode::write_raw(out, &id.to_le_bytes());
    }
}

const ZERO: &[u8] = &[0; 8];

/// The static table, starting with entry 1 (`protocol.md` 5.2).
#[rustfmt::skip]
const STATIC_TABLE: [(&str, &[u8]); 82] = [
    (":authority", b""), (":method", b"GET"), (":method", b"POST"), (":path", b"/"), (":path", b"/index.html"),
    (":scheme", b"http"), (":scheme", b"https"), (":status", b"200"), (":status", b"204"), (":status", b"206"),
    (":status", b"304"), (":status", b"400"), (":status", b"404"), (":status", b"500"), ("accept-charset", b""),
    ("accept-encoding", b"gzip, deflate"), ("accept-language", b""), ("accept-ranges", b""), ("accept", b""),
    ("access-control-allow-origin", b""), ("age", b""), ("allow", b""), ("authorization", b""),
    ("cache-control", b""), ("content-disposition", b""), ("content-encoding", b""), ("content-language", b""),
    ("content-length", b""), ("content-location", b""), ("content-range", b""), ("content-type", b""),
    ("cookie", b""), ("date", b""), ("etag", b""), ("expect", b""), ("expires", b""), ("from", b""), ("host", b""),
    ("if-match", b""), ("if-modified-since", b""), ("if-none-match", b""), ("if-range", b""),
    ("if-unmodified-since", b""), ("last-modified", b""), ("link", b""), ("location", b""), ("max-forwards", b""),
    ("proxy-authenticate", b""), ("proxy-authorization", b""), ("range", b""), ("referer", b""), ("refresh", b""),
    ("retry-after", b""), ("server", b""), ("set-cookie", b""), ("strict-transport-security", b""),
    ("transfer-encoding", b""), ("user-agent", b""), ("vary", b""), ("via", b""), ("www-authenticate", b""),
    ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""),
    ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""), ("", b""),
    ("trace_id", ZERO), ("span_id", ZERO), ("parent_id", ZERO),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trace;

    #[inline]
    fn read(table: &mut HpackTable, entries: &[&[u8]]) -> Result<Headers, DecodeError> {
        let mut array = vec![0x90 | u8::try_from(entries.len()).unwrap()];
        array.extend(entries.concat());
        table.read(&array)
    }

    #[test]
    fn stored_header_is_read_by_its_index() {
        let mut table = HpackTable::default();
        read(&mut table, &[b"\x93\xc3\x17\xa7TVM abc"]).unwrap();
        let headers = read(&mut table, &[&[83]]).unwrap();
        assert_eq!(headers.get("authorization").unwrap().as_ref(), b"TVM abc");
    }

    #[test]
    fn newest_stored_header_has_first_index() {
        let mut table = HpackTable::default();
        read(&mut table, &[b"\x93\xc3\xa1a\xa11", b"\x93\xc3\xa1b\xa12"]).unwrap();
        let headers = read(&mut table, &[&[83], &[84]]).unwrap();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_ref().to_vec()).collect();
        assert_eq!(names, [b"b", b"a"]);
    }

    #[test]
    fn header_larger_than_table_empties_it() {
        let mut table = HpackTable::default();
        read(&mut table, &[b"\x93\xc3\xa1a\xa11"]).unwrap();
        let mut large = b"\x93\xc3\xa1b\xda\x10\x00".to_vec();
        large.extend([b'x'; 4096]);
        read(&mut table, &[&large]).unwrap();
        assert_eq!(table.size, 0);
        assert!(read(&mut table, &[&[83]]).is_err());
    }

    #[test]
    fn oldest_headers_are_evicted() {
        let mut table = HpackTable::default();
        let value = [b"\xda\x03\xe8".as_slice(), &[b'v'; 1000]].concat();
        for name in [b'a', b'b', b'c', b'd'] {
            read(&mut table, &[&[&[0x93, 0xc3, 0xa1, name], value.as_slice()].concat()]).unwrap();
        }
        let headers = read(&mut table, &[&[85]]).unwrap();
        assert!(headers.get("b").is_some(), "the third newest of four entries of 1033 bytes");
        assert!(read(&mut table, &[&[86]]).is_err(), "the fourth was evicted");
    }

    #[test]
    fn indices_outside_the_tables_are_refused() {
        let mut table = HpackTable::default();
        for index in [&[0u8][..], &[83], &[0xcd, 3, 232]] {
            assert!(read(&mut table, &[index]).is_err(), "{index:?}");
        }
        assert!(read(&mut table, &[b"\x93\xc2\x53\xa1v"]).is_err(), "a name beyond the table");
    }

    #[test]
    fn more_than_4096_headers_are_refused() {
        let array = |count: u16| {
            let mut array = vec![0xdc];
            array.extend(count.to_be_bytes());
            array.extend(std::iter::repeat_n(1, count.into()));
            array
        };
        assert_eq!(HpackTable::default().read(&array(4096)).unwrap().len(), 4096);
        assert!(HpackTable::default().read(&array(4097)).is_err());
    }

    #[test]
    fn trace_ids_by_static_index_are_those_written() {
        let trace = Trace { trace_id: 1, span_id: 2, parent_id: 3 };
        let mut array = vec![0x93];
        write_trace_ids(&mut array, trace.ids());
        let headers = HpackTable::default().read(&array).unwrap();
        assert_eq!(headers.trace(), Ok(Some(trace)));
    }

    #[test]
    fn trace_is_read_from_any_form_of_ids() {
        let trace = Trace { trace_id: 0x0102_0304_0506_0708, span_id: 9, parent_id: 0 };
        let ids = [trace.trace_id, trace.span_id, trace.parent_id].map(u64::to_le_bytes);
        let by_name = |store: u8, at: usize| {
            let mut entry = vec![0x93, store];
            encode::write_raw(&mut entry, TRACE_IDS[at].as_bytes());
            encode::write_raw(&mut entry, &ids[at]);
            entry
        };
        let mut by_index = vec![0x90];
        write_trace_ids(&mut by_index, trace.ids());
        let by_index = by_index.split_off(1);
        let other = b"\x93\xc2\xa1x\xa1y".to_vec();
        let literal: Vec<_> = (0..3).map(|at| by_name(0xc2, at)).collect();
        let stored: Vec<_> = (0..3).map(|at| by_name(0xc3, at)).collect();
        for (count, entries) in [
            (3, literal.concat()),
            (3, by_index.clone()),
            (3, stored.concat()),
            (3, [&literal[2], &literal[0], &literal[1]].map(Vec::as_slice).concat()),
            (4, [literal.concat(), other.clone()].concat()),
            (4, [by_index, other.clone()].concat()),
            (4, [other.clone(), literal.concat()].concat()),
            (4, [stored.concat(), other.clone()].concat()),
        ] {
            let array = [vec![0x90 | count], entries].concat();
            let headers = HpackTable::default().read(&array).unwrap();
            assert_eq!(headers.trace(), Ok(Some(trace)), "{array:x?}");
            let others: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(others, vec![(Some("x"), Some("y")); usize::from(count) - 3], "{array:x?}");
        }
        for cut in [literal[..2].concat(), literal.concat()[..30].to_vec()] {
            let array = [vec![0x92], cut].concat();
            let read = HpackTable::default().read(&array);
            assert!(read.is_err() || read.is_ok_and(|headers| headers.trace() == Ok(None)), "{array:x?}");
        }
    }

    #[test]
    fn untraced_reply_has_no_headers() {
        assert!(HpackTable::default().read(UNTRACED).unwrap().is_empty());
        let mut long = Vec::new();
        write_reply(&mut long, None, &[(Bytes::from("x"), Bytes::from("y"))]);
        assert_eq!(long[1..UNTRACED.len()], UNTRACED[1..], "the literals are the same");
    }
}
