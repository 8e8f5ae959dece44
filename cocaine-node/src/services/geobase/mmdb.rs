//! Writes databases in the format of `MaxMind`: a binary search tree over the bits of addresses, the data section that
//! its leaves point into, and the metadata at the end.
//!
//! The tree is over addresses of 128 bits; the IPv4 addresses are in the network `::/96`.

use std::{collections::HashMap, net::IpAddr};

/// Separates the data section from the metadata.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Zeros between the tree and the data section. Records that point into the section count them.
const GAP: usize = 16;

/// A value in the data section.
#[derive(Clone, Debug)]
pub(super) enum MmdbValue<'a> {
    Text(&'a str),
    Double(f64),
    U16(u16),
    U32(u32),
    U64(u64),
    Map(Vec<(&'a str, MmdbValue<'a>)>),
    List(Vec<MmdbValue<'a>>),
    /// A value that was written before.
    Pointer(ValueOffset),
}

/// The position of a value in the data section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueOffset(u32);

/// A record of a node: what one of its two branches leads to.
#[derive(Clone, Copy, Debug)]
enum TreeRecord {
    Empty,
    Node(u32),
    Value(ValueOffset),
}

/// The metadata of a database, except for the sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct MmdbMetadata<'a> {
    /// The database type. Readers look for `City` in it.
    pub(super) kind: &'a str,
    /// The languages of the names.
    pub(super) languages: &'a [&'a str],
    /// The English description.
    pub(super) description: &'a str,
    /// The build time as a Unix time.
    pub(super) built: u64,
}

/// A database under construction.
#[derive(Debug)]
pub(super) struct MmdbWriter {
    nodes: Vec<[TreeRecord; 2]>,
    values: Vec<u8>,
    /// The values so far, by their encoding, so that equal ones are written once.
    known: HashMap<Vec<u8>, ValueOffset>,
}

impl MmdbWriter {
    pub(super) fn new() -> Self {
        Self { nodes: vec![[TreeRecord::Empty; 2]], values: Vec::new(), known: HashMap::new() }
    }

    /// Writes a value and returns its position. An equal value is written once.
    pub(super) fn value(&mut self, value: &MmdbValue<'_>) -> ValueOffset {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        if let Some(known) = self.known.get(&bytes) {
            return *known;
        }
        let offset = ValueOffset(number(self.values.len()));
        self.values.extend_from_slice(&bytes);
        self.known.insert(bytes, offset);
        offset
    }

    /// Sets the value of a network, replacing older values of the addresses in it.
    pub(super) fn network(&mut self, address: IpAddr, length: u8, value: ValueOffset) {
        let (bits, length) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), length + 96),
            IpAddr::V6(address) => (u128::from(address), length),
        };
        let side = |depth: u8| usize::from(bits >> (127 - depth) & 1 == 1);
        let mut node = 0;
        for depth in 0..length - 1 {
            node = self.descend(node, side(depth));
        }
        self.nodes[node][side(length - 1)] = TreeRecord::Value(value);
    }

    /// Returns the child on one side of a node, which is created if it is missing.
    fn descend(&mut self, node: usize, side: usize) -> usize {
        match self.nodes[node][side] {
            TreeRecord::Node(below) => below as usize,
            same => {
                let below = self.nodes.len();
                self.nodes.push([same; 2]);
                self.nodes[node][side] = TreeRecord::Node(number(below));
                below
            }
        }
    }

    /// Returns the file, with the smallest record size that is large enough.
    pub(super) fn finish(self, metadata: MmdbMetadata<'_>) -> Vec<u8> {
        let largest = self.nodes.len() + GAP + self.values.len();
        let bits = [24, 28].into_iter().find(|bits| largest < 1 << bits).unwrap_or(32);
        self.finish_with(metadata, bits)
    }

    pub(super) fn finish_with(self, metadata: MmdbMetadata<'_>, bits: u16) -> Vec<u8> {
        let count = number(self.nodes.len());
        let record = |branch: TreeRecord| match branch {
            TreeRecord::Empty => count,
            TreeRecord::Node(node) => node,
            TreeRecord::Value(ValueOffset(offset)) => count + number(GAP) + offset,
        };
        let mut file = Vec::new();
        for [left, right] in self.nodes {
            write_node(record(left), record(right), bits, &mut file);
        }
        file.extend_from_slice(&[0; GAP]);
        file.extend_from_slice(&self.values);
        file.extend_from_slice(MARKER);
        encode(&describe(metadata, count, bits), &mut file);
        file
    }
}

/// Converts a size or an offset, which the format limits to 32 bits.
fn number(size: usize) -> u32 {
    u32::try_from(size).expect("a database of MaxMind's format has less than 4 GiB")
}

fn describe(metadata: MmdbMetadata<'_>, nodes: u32, bits: u16) -> MmdbValue<'_> {
    MmdbValue::Map(vec![
        ("binary_format_major_version", MmdbValue::U16(2)),
        ("binary_format_minor_version", MmdbValue::U16(0)),
        ("build_epoch", MmdbValue::U64(metadata.built)),
        ("database_type", MmdbValue::Text(metadata.kind)),
        ("description", MmdbValue::Map(vec![("en", MmdbValue::Text(metadata.description))])),
        ("ip_version", MmdbValue::U16(6)),
        ("languages", MmdbValue::List(metadata.languages.iter().copied().map(MmdbValue::Text).collect())),
        ("node_count", MmdbValue::U32(nodes)),
        ("record_size", MmdbValue::U16(bits)),
    ])
}

/// Writes the two records of a node. Records of 28 bits share the byte in the middle.
fn write_node(left: u32, right: u32, bits: u16, file: &mut Vec<u8>) {
    let (left, right) = (left.to_be_bytes(), right.to_be_bytes());
    match bits {
        24 => file.extend([&left[1..], &right[1..]].concat()),
        28 => file.extend([&left[1..], &[left[0] << 4 | right[0]], &right[1..]].concat()),
        _ => file.extend([left, right].concat()),
    }
}

/// The type numbers of values.
mod kind {
    pub(super) const POINTER: u8 = 1;
    pub(super) const TEXT: u8 = 2;
    pub(super) const DOUBLE: u8 = 3;
    pub(super) const U16: u8 = 5;
    pub(super) const U32: u8 = 6;
    pub(super) const MAP: u8 = 7;
    pub(super) const U64: u8 = 9;
    pub(super) const LIST: u8 = 11;
}

fn encode(value: &MmdbValue<'_>, bytes: &mut Vec<u8>) {
    match value {
        MmdbValue::Text(text) => blob(kind::TEXT, text.as_bytes(), bytes),
        MmdbValue::Double(value) => blob(kind::DOUBLE, &value.to_be_bytes(), bytes),
        MmdbValue::U16(value) => blob(kind::U16, short(&value.to_be_bytes()), bytes),
        MmdbValue::U32(value) => blob(kind::U32, short(&value.to_be_bytes()), bytes),
        MmdbValue::U64(value) => blob(kind::U64, short(&value.to_be_bytes()), bytes),
        MmdbValue::Map(entries) => {
            head(kind::MAP, entries.len(), bytes);
            for (key, value) in entries {
                blob(kind::TEXT, key.as_bytes(), bytes);
                encode(value, bytes);
            }
        }
        MmdbValue::List(items) => {
            head(kind::LIST, items.len(), bytes);
            for item in items {
                encode(item, bytes);
            }
        }
        MmdbValue::Pointer(offset) => pointer(*offset, bytes),
    }
}

/// Returns an integer without its leading zeros.
fn short(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn blob(kind: u8, payload: &[u8], bytes: &mut Vec<u8>) {
    head(kind, payload.len(), bytes);
    bytes.extend_from_slice(payload);
}

/// Writes the control byte of a value: its type, extended ones with one more byte, and its size, with up to three.
fn head(kind: u8, size: usize, bytes: &mut Vec<u8>) {
    let size = number(size);
    let (code, rest, length) = match size {
        0..29 => (size, 0, 0),
        29..285 => (29, size - 29, 1),
        285..65_821 => (30, size - 285, 2),
        _ => (31, size - 65_821, 3),
    };
    let code = code.to_be_bytes()[3];
    match kind.checked_sub(8) {
        None => bytes.push(kind << 5 | code),
        Some(_) => bytes.extend([code, kind - 7]),
    }
    bytes.extend_from_slice(&rest.to_be_bytes()[4 - length..]);
}

/// Writes a pointer of one to four bytes, depending on its value.
fn pointer(ValueOffset(offset): ValueOffset, bytes: &mut Vec<u8>) {
    let (size, rest): (u8, u32) = match offset {
        0..2048 => (0, offset),
        2048..526_336 => (1, offset - 2048),
        526_336..134_744_064 => (2, offset - 526_336),
        _ => (3, offset),
    };
    let rest = rest.to_be_bytes();
    let (high, low) = match size {
        0 => (rest[2], &rest[3..]),
        1 => (rest[1], &rest[2..]),
        2 => (rest[0], &rest[1..]),
        _ => (0, &rest[..]),
    };
    bytes.push(kind::POINTER << 5 | size << 3 | high);
    bytes.extend_from_slice(low);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use maxminddb::Reader;

    use super::*;

    const METADATA: MmdbMetadata<'_> =
        MmdbMetadata { kind: "Test", languages: &["en", "ru"], description: "Of tests", built: 7 };

    fn read(file: Vec<u8>) -> Reader<Vec<u8>> {
        let reader = Reader::from_source(file).unwrap();
        reader.verify().unwrap();
        reader
    }

    fn at<T: for<'de> serde::Deserialize<'de>>(reader: &Reader<Vec<u8>>, address: &str) -> Option<T> {
        reader.lookup(address.parse().unwrap()).unwrap().decode().unwrap()
    }

    #[test]
    fn every_record_size_is_read_back() {
        for bits in [24, 28, 32] {
            let mut writer = MmdbWriter::new();
            let all = writer.value(&MmdbValue::Text("all"));
            let one = writer.value(&MmdbValue::Text("one"));
            let six = writer.value(&MmdbValue::Text("six"));
            writer.network("192.0.2.0".parse().unwrap(), 24, all);
            writer.network("192.0.2.7".parse().unwrap(), 32, one);
            writer.network("2001:db8::".parse().unwrap(), 32, six);
            let reader = read(writer.finish_with(METADATA, bits));
            let metadata = reader.metadata();
            assert_eq!((metadata.record_size, metadata.ip_version), (bits, 6));
            assert_eq!((metadata.database_type.as_str(), metadata.build_epoch), ("Test", 7));
            assert_eq!(metadata.languages, ["en", "ru"]);
            assert_eq!(metadata.description["en"], "Of tests");
            assert_eq!(at::<String>(&reader, "192.0.2.6").unwrap(), "all");
            assert_eq!(at::<String>(&reader, "192.0.2.7").unwrap(), "one");
            assert_eq!(at::<String>(&reader, "192.0.2.255").unwrap(), "all");
            assert_eq!(at::<String>(&reader, "2001:db8:ffff::1").unwrap(), "six");
            assert_eq!(at::<String>(&reader, "192.0.3.0"), None);
            assert_eq!(at::<String>(&reader, "2001:db9::"), None);
        }
    }

    #[test]
    fn record_size_grows_with_file() {
        let mut writer = MmdbWriter::new();
        let large = writer.value(&MmdbValue::Text(&"x".repeat(1 << 23)));
        let larger = writer.value(&MmdbValue::Text(&"y".repeat(1 << 23)));
        let last = writer.value(&MmdbValue::Text("last"));
        writer.network("192.0.2.0".parse().unwrap(), 24, last);
        assert_ne!((large, larger), (larger, last));
        let reader = read(writer.finish(METADATA));
        assert_eq!(reader.metadata().record_size, 28);
        assert_eq!(at::<String>(&reader, "192.0.2.0").unwrap(), "last");
    }

    #[test]
    fn equal_values_are_written_once() {
        let mut writer = MmdbWriter::new();
        let first = writer.value(&MmdbValue::U32(5));
        assert_eq!(writer.value(&MmdbValue::U32(5)), first);
        assert_ne!(writer.value(&MmdbValue::U16(5)), first);
    }

    #[derive(serde::Deserialize)]
    struct Values {
        texts: Vec<String>,
        numbers: Vec<u32>,
    }

    #[test]
    fn every_type_and_size_is_read_back() {
        let long: Vec<_> = [0, 28, 29, 284, 285, 65_820, 65_821, 70_000].map(|size| "z".repeat(size)).into();
        let texts: Vec<_> = long.iter().map(|text| MmdbValue::Text(text)).collect();
        let numbers = [0, 1, 255, 256, u32::MAX];
        let mut writer = MmdbWriter::new();
        let value = MmdbValue::Map(vec![
            ("texts", MmdbValue::List(texts)),
            ("numbers", MmdbValue::List(numbers.map(MmdbValue::U32).into())),
        ]);
        let value = writer.value(&value);
        writer.network("0.0.0.0".parse().unwrap(), 1, value);
        let half = writer
            .value(&MmdbValue::Map(vec![("half", MmdbValue::Double(-0.5)), ("n", MmdbValue::Double(2.0))]));
        writer.network("128.0.0.0".parse().unwrap(), 1, half);
        let reader = read(writer.finish(METADATA));
        let values: Values = at(&reader, "1.2.3.4").unwrap();
        assert_eq!((values.texts, values.numbers), (long, numbers.to_vec()));
        let half: BTreeMap<String, f64> = at(&reader, "200.0.0.0").unwrap();
        assert_eq!(half, [("half".to_owned(), -0.5), ("n".to_owned(), 2.0)].into());
    }

    #[test]
    fn pointers_reach_every_distance() {
        for distance in [0, 2047, 2048, 526_335, 526_336, 800_000] {
            let mut writer = MmdbWriter::new();
            if distance > 0 {
                // With its head, the text ends where the next value starts.
                let head = [0, 2, 3, 4][[29, 285, 65_821].iter().filter(|size| distance > **size).count()];
                writer.value(&MmdbValue::Text(&"x".repeat(distance - head)));
            }
            let far = writer.value(&MmdbValue::Text("far"));
            assert_eq!(far, ValueOffset(number(distance)));
            let value =
                writer.value(&MmdbValue::List(vec![MmdbValue::Pointer(far), MmdbValue::Pointer(far)]));
            writer.network("192.0.2.0".parse().unwrap(), 24, value);
            let reader = read(writer.finish(METADATA));
            assert_eq!(at::<Vec<String>>(&reader, "192.0.2.1").unwrap(), ["far", "far"], "{distance}");
        }
        let mut bytes = Vec::new();
        pointer(ValueOffset(134_744_064), &mut bytes);
        assert_eq!(bytes, [0x38, 8, 8, 8, 0]);
        let mut bytes = Vec::new();
        pointer(ValueOffset(134_744_063), &mut bytes);
        assert_eq!(bytes, [0x37, 0xff, 0xff, 0xff]);
    }
}
