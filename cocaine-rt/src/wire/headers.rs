//! The fourth element of a frame: named values, and the tables that shorten them (`protocol.md` 5).

use std::{collections::VecDeque, sync::Arc};

use crate::{
    protocol::trace::Trace,
    wire::{
        bytes::Bytes,
        decode::{Malformed, Reader},
        encode,
        scan::UNTRACED,
    },
};

/// The named values that came with a message, in their order, without the ids of its trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// The ids of the trace, if they come first and have the usual form: most traced frames have no other headers.
    ids: Option<[u64; 3]>,
    others: Option<Arc<Vec<(Bytes, Bytes)>>>,
}

impl Headers {
    /// Returns the first value of this name.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.iter().find(|(known, _)| known.as_ref() == name.as_bytes()).map(|(_, value)| value)
    }

    /// Returns the names and values, to be sent on with another trace (`worker.md` 3.4).
    pub(crate) fn forwarded(&self) -> Vec<(Bytes, Bytes)> {
        self.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Returns the names and values in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        let ids = IDS.map(str::as_bytes);
        self.all().filter(move |(name, _)| !ids.contains(&name.as_ref()))
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn all(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.others.iter().flat_map(|headers| headers.iter()).map(|(name, value)| (name, value))
    }

    /// Returns how much memory they take.
    pub(crate) fn weight(&self) -> usize {
        self.all().map(|(name, value)| name.len() + value.len() + HeaderTable::OVERHEAD).sum()
    }

    /// Returns the trace of the request: `None` unless all three ids are there, an error when they are not valid
    /// (`protocol.md` 5.4).
    pub(crate) fn trace(&self) -> Result<Option<Trace>, &'static str> {
        let Some([trace_id, span_id, parent_id]) = self.ids()? else { return Ok(None) };
        if let Some(bit) = self.get("trace_bit")
            && !matches!(bit.as_ref(), b"0" | b"1")
        {
            return Err("the trace bit is neither 0 nor 1");
        }
        match (trace_id, span_id, parent_id) {
            (0, 0, 0) => Ok(None),
            (0, _, _) => Err("a span without a trace"),
            (_, 0, _) => Err("a trace without a span"),
            _ => Ok(Some(Trace { trace_id, span_id, parent_id })),
        }
    }

    /// Returns the ids of the trace, if all three are there.
    fn ids(&self) -> Result<Option<[u64; 3]>, &'static str> {
        if self.ids.is_some() {
            return Ok(self.ids);
        }
        let find = |name: &str| self.all().find(|(known, _)| known.as_ref() == name.as_bytes());
        let [Some(trace), Some(span), Some(parent)] = IDS.map(find) else { return Ok(None) };
        Ok(Some([id(trace.1)?, id(span.1)?, id(parent.1)?]))
    }
}

/// The names of the ids of a trace.
const IDS: [&str; 3] = ["trace_id", "span_id", "parent_id"];

/// The static index of the first of them.
const FIRST_ID: u8 = 80;

/// Reads the ids of a trace from headers that begin with them, by their names or static indices and not to be stored;
/// returns the rest.
fn usual_ids(mut headers: &[u8]) -> Option<([u64; 3], &[u8])> {
    let mut ids = [0; 3];
    for ((id, name), index) in ids.iter_mut().zip(IDS).zip(FIRST_ID..) {
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

fn id(value: &Bytes) -> Result<u64, &'static str> {
    let bytes = value.as_ref().try_into().map_err(|_| "a trace id is not of eight bytes")?;
    Ok(u64::from_le_bytes(bytes))
}

/// The names and values that the peer has stored, newest first, for one connection.
#[derive(Debug, Default)]
pub(crate) struct HeaderTable {
    stored: VecDeque<(Bytes, Bytes)>,
    size: usize,
}

impl HeaderTable {
    const CAPACITY: usize = 4096;
    const OVERHEAD: usize = 32;
    /// The most headers of one frame: an index is a byte on the wire and far more in memory.
    const MOST: u32 = 4096;

    /// Reads the header array of one frame, keeping what it stores.
    #[inline]
    pub(crate) fn read(&mut self, array: &[u8]) -> Result<Headers, Malformed> {
        if array == [0x90] || array == UNTRACED {
            return Ok(Headers::default());
        }
        let mut reader = Reader::new(array);
        let mut count = reader.array_len()?;
        if count > Self::MOST {
            return Err(Malformed::new("more than 4096 headers"));
        }
        let mut ids = None;
        if let Some((usual, rest)) = usual_ids(&array[reader.position()..]) {
            ids = Some(usual);
            count = count.saturating_sub(3);
            reader = Reader::new(rest);
        }
        if count == 0 {
            return Ok(Headers { ids, others: None });
        }
        let others = (0..count).map(|_| self.entry(&mut reader)).collect::<Result<_, _>>()?;
        Ok(Headers { ids, others: Some(Arc::new(others)) })
    }

    fn entry(&mut self, reader: &mut Reader<'_>) -> Result<(Bytes, Bytes), Malformed> {
        if !matches!(reader.peek_marker(), Some(0x90..=0x9f | 0xdc | 0xdd)) {
            let index = reader.uint()?;
            return self.lookup(index).ok_or_else(|| Malformed::new("no header has this index"));
        }
        if reader.array_len()? != 3 {
            return Err(Malformed::new("a header is an array of three"));
        }
        let store = reader.bool()?;
        let name = if is_raw(reader.peek_marker()) {
            Bytes::from(reader.raw()?)
        } else {
            let index = reader.uint()?;
            self.lookup(index).ok_or_else(|| Malformed::new("no header name has this index"))?.0
        };
        let value = Bytes::from(reader.raw()?);
        if store {
            self.store(name.clone(), value.clone());
        }
        Ok((name, value))
    }

    fn lookup(&self, index: u64) -> Option<(Bytes, Bytes)> {
        let index = usize::try_from(index).ok()?.checked_sub(1)?;
        match STATIC.get(index) {
            Some((name, value)) => Some((Bytes::from_static(name.as_bytes()), Bytes::from_static(value))),
            None => self.stored.get(index - STATIC.len()).cloned(),
        }
    }

    /// Stores an entry as the newest; one that is larger than the table empties it (`protocol.md` 5.2).
    fn store(&mut self, name: Bytes, value: Bytes) {
        let size = name.len() + value.len() + Self::OVERHEAD;
        while self.size + size > Self::CAPACITY {
            let Some((name, value)) = self.stored.pop_back() else { return };
            self.size -= name.len() + value.len() + Self::OVERHEAD;
        }
        self.size += size;
        self.stored.push_front((name, value));
    }
}

fn is_raw(marker: Option<u8>) -> bool {
    matches!(marker, Some(0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb))
}

/// Returns the headers of a server's frame: the trace, or zeros, then `extra`. They lie in `buf` unless they are the
/// usual ones.
#[inline]
pub(crate) fn reply<'a>(buf: &'a mut Vec<u8>, trace: Option<Trace>, extra: &[(Bytes, Bytes)]) -> &'a [u8] {
    if trace.is_none() && extra.is_empty() {
        return UNTRACED;
    }
    buf.reserve(UNTRACED.len() + extra.len() * HeaderTable::OVERHEAD);
    encode::write_array_len(buf, 3 + extra.len());
    let ids = trace.map_or([0; 3], |trace| [trace.trace_id, trace.span_id, trace.parent_id]);
    for (name, id) in IDS.into_iter().zip(ids) {
        write_literal(buf, name.as_bytes(), &id.to_le_bytes());
    }
    for (name, value) in extra {
        write_literal(buf, name, value);
    }
    buf
}

/// Appends one header by its name, not to be stored.
pub(crate) fn write_literal(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(&[0x93, 0xc2]);
    encode::write_raw(out, name);
    encode::write_raw(out, value);
}

/// Appends the three trace headers by the static indices of their names.
pub(crate) fn write_trace(out: &mut Vec<u8>, trace: Trace) {
    for (index, id) in (FIRST_ID..).zip([trace.trace_id, trace.span_id, trace.parent_id]) {
        out.extend_from_slice(&[0x93, 0xc2, index]);
        encode::write_raw(out, &id.to_le_bytes());
    }
}

const ZERO: &[u8] = &[0; 8];

/// The static table; entry 1 comes first (`protocol.md` 5.2).
#[rustfmt::skip]
const STATIC: [(&str, &[u8]); 82] = [
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

    #[inline]
    fn read(table: &mut HeaderTable, entries: &[&[u8]]) -> Result<Headers, Malformed> {
        let mut array = vec![0x90 | u8::try_from(entries.len()).unwrap()];
        array.extend(entries.concat());
        table.read(&array)
    }

    #[test]
    fn a_stored_header_is_read_by_its_index() {
        let mut table = HeaderTable::default();
        read(&mut table, &[b"\x93\xc3\x17\xa7TVM abc"]).unwrap();
        let headers = read(&mut table, &[&[83]]).unwrap();
        assert_eq!(headers.get("authorization").unwrap().as_ref(), b"TVM abc");
    }

    #[test]
    fn the_newest_stored_header_has_the_first_index() {
        let mut table = HeaderTable::default();
        read(&mut table, &[b"\x93\xc3\xa1a\xa11", b"\x93\xc3\xa1b\xa12"]).unwrap();
        let headers = read(&mut table, &[&[83], &[84]]).unwrap();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_ref().to_vec()).collect();
        assert_eq!(names, [b"b", b"a"]);
    }

    #[test]
    fn a_header_larger_than_the_table_empties_it() {
        let mut table = HeaderTable::default();
        read(&mut table, &[b"\x93\xc3\xa1a\xa11"]).unwrap();
        let mut large = b"\x93\xc3\xa1b\xda\x10\x00".to_vec();
        large.extend([b'x'; 4096]);
        read(&mut table, &[&large]).unwrap();
        assert_eq!(table.size, 0);
        assert!(read(&mut table, &[&[83]]).is_err());
    }

    #[test]
    fn the_oldest_headers_give_way() {
        let mut table = HeaderTable::default();
        let value = [b"\xda\x03\xe8".as_slice(), &[b'v'; 1000]].concat();
        for name in [b'a', b'b', b'c', b'd'] {
            read(&mut table, &[&[&[0x93, 0xc3, 0xa1, name], value.as_slice()].concat()]).unwrap();
        }
        let headers = read(&mut table, &[&[85]]).unwrap();
        assert!(headers.get("b").is_some(), "the third newest of four entries of 1033 bytes");
        assert!(read(&mut table, &[&[86]]).is_err(), "the fourth had to go");
    }

    #[test]
    fn indices_outside_the_tables_are_refused() {
        let mut table = HeaderTable::default();
        for index in [&[0u8][..], &[83], &[0xcd, 3, 232]] {
            assert!(read(&mut table, &[index]).is_err(), "{index:?}");
        }
        assert!(read(&mut table, &[b"\x93\xc2\x53\xa1v"]).is_err(), "a name beyond the table");
    }

    #[test]
    fn a_frame_has_4096_headers_at_most() {
        let array = |count: u16| {
            let mut array = vec![0xdc];
            array.extend(count.to_be_bytes());
            array.extend(std::iter::repeat_n(1, count.into()));
            array
        };
        assert_eq!(HeaderTable::default().read(&array(4096)).unwrap().len(), 4096);
        assert!(HeaderTable::default().read(&array(4097)).is_err());
    }

    #[test]
    fn trace_ids_by_static_index_are_those_written() {
        let trace = Trace { trace_id: 1, span_id: 2, parent_id: 3 };
        let mut array = vec![0x93];
        write_trace(&mut array, trace);
        let headers = HeaderTable::default().read(&array).unwrap();
        assert_eq!(headers.trace(), Ok(Some(trace)));
    }

    #[test]
    fn ids_are_the_trace_in_whatever_form_they_come() {
        let trace = Trace { trace_id: 0x0102_0304_0506_0708, span_id: 9, parent_id: 0 };
        let ids = [trace.trace_id, trace.span_id, trace.parent_id].map(u64::to_le_bytes);
        let by_name = |store: u8, at: usize| {
            let mut entry = vec![0x93, store];
            encode::write_raw(&mut entry, IDS[at].as_bytes());
            encode::write_raw(&mut entry, &ids[at]);
            entry
        };
        let mut by_index = vec![0x90];
        write_trace(&mut by_index, trace);
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
            let headers = HeaderTable::default().read(&array).unwrap();
            assert_eq!(headers.trace(), Ok(Some(trace)), "{array:x?}");
            let others: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(others, vec![(Some("x"), Some("y")); usize::from(count) - 3], "{array:x?}");
        }
        for cut in [literal[..2].concat(), literal.concat()[..30].to_vec()] {
            let array = [vec![0x92], cut].concat();
            let read = HeaderTable::default().read(&array);
            assert!(read.is_err() || read.is_ok_and(|headers| headers.trace() == Ok(None)), "{array:x?}");
        }
    }

    #[test]
    fn an_untraced_reply_has_no_headers_worth_keeping() {
        assert!(HeaderTable::default().read(UNTRACED).unwrap().is_empty());
        let mut long = Vec::new();
        reply(&mut long, None, &[(Bytes::from("x"), Bytes::from("y"))]);
        assert_eq!(long[1..UNTRACED.len()], UNTRACED[1..], "the literals are the same");
    }
}
