//! Files in the format of `MaxMind`, as this project writes them: a binary tree over the bits of addresses, whose leaves
//! point into a section of values, and a description of both at the end.
//!
//! The tree is over addresses of 128 bits; those of IPv4 are in the network `::/96`.

use std::{collections::HashMap, net::IpAddr};

/// What ends the section of values.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Zeros between the tree and the section of values. A record counts them in.
const GAP: usize = 16;

/// A value of the section.
#[derive(Clone, Debug)]
pub(super) enum Item<'a> {
    Text(&'a str),
    Double(f64),
    Small(u16),
    Number(u32),
    Large(u64),
    Map(Vec<(&'a str, Item<'a>)>),
    List(Vec<Item<'a>>),
    /// What was written before.
    Known(Offset),
}

/// Where a value stands in its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset(u32);

/// What a branch of the tree leads to.
#[derive(Clone, Copy, Debug)]
enum Branch {
    Nothing,
    Node(u32),
    Value(Offset),
}

/// What the description says of a database, beside the sizes.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// The kind of database: readers look for `City` in it.
    pub(super) kind: &'a str,
    /// The languages of the names.
    pub(super) languages: &'a [&'a str],
    /// In English.
    pub(super) description: &'a str,
    /// When it was made, in seconds since 1970.
    pub(super) built: u64,
}

/// A database that is written.
#[derive(Debug)]
pub(super) struct Writer {
    nodes: Vec<[Branch; 2]>,
    values: Vec<u8>,
    /// Values that others can point to instead of saying the same again.
    known: HashMap<Vec<u8>, Offset>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { nodes: vec![[Branch::Nothing; 2]], values: Vec::new(), known: HashMap::new() }
    }

    /// Writes a value, unless there is an equal one.
    pub(super) fn value(&mut self, value: &Item<'_>) -> Offset {
        let mut bytes = Vec::new();
        encode(value, &mut bytes);
        if let Some(known) = self.known.get(&bytes) {
            return *known;
        }
        let offset = Offset(number(self.values.len()));
        self.values.extend_from_slice(&bytes);
        self.known.insert(bytes, offset);
        offset
    }

    /// Gives a value to all addresses whose first `length` bits are those of `address`, in place of what they had.
    pub(super) fn network(&mut self, address: IpAddr, length: u8, value: Offset) {
        let (bits, length) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), length + 96),
            IpAddr::V6(address) => (u128::from(address), length),
        };
        let side = |depth: u8| usize::from(bits >> (127 - depth) & 1 == 1);
        let mut node = 0;
        for depth in 0..length - 1 {
            node = self.descend(node, side(depth));
        }
        self.nodes[node][side(length - 1)] = Branch::Value(value);
    }

    /// Returns the node below a branch, which it makes if need be.
    fn descend(&mut self, node: usize, side: usize) -> usize {
        match self.nodes[node][side] {
            Branch::Node(below) => below as usize,
            same => {
                let below = self.nodes.len();
                self.nodes.push([same; 2]);
                self.nodes[node][side] = Branch::Node(number(below));
                below
            }
        }
    }

    /// Returns the file, with the shortest records that hold what they must.
    pub(super) fn finish(self, about: About<'_>) -> Vec<u8> {
        let largest = self.nodes.len() + GAP + self.values.len();
        let bits = [24, 28].into_iter().find(|bits| largest < 1 << bits).unwrap_or(32);
        self.finish_with(about, bits)
    }

    pub(super) fn finish_with(self, about: About<'_>, bits: u16) -> Vec<u8> {
        let count = number(self.nodes.len());
        let record = |branch: Branch| match branch {
            Branch::Nothing => count,
            Branch::Node(node) => node,
            Branch::Value(Offset(offset)) => count + number(GAP) + offset,
        };
        let mut file = Vec::new();
        for [left, right] in self.nodes {
            pair(record(left), record(right), bits, &mut file);
        }
        file.extend_from_slice(&[0; GAP]);
        file.extend_from_slice(&self.values);
        file.extend_from_slice(MARKER);
        encode(&describe(about, count, bits), &mut file);
        file
    }
}

/// Returns a size or an offset as the format has it. More than that fits no file.
fn number(size: usize) -> u32 {
    u32::try_from(size).expect("a database of MaxMind's format has less than 4 GiB")
}

fn describe(about: About<'_>, nodes: u32, bits: u16) -> Item<'_> {
    Item::Map(vec![
        ("binary_format_major_version", Item::Small(2)),
        ("binary_format_minor_version", Item::Small(0)),
        ("build_epoch", Item::Large(about.built)),
        ("database_type", Item::Text(about.kind)),
        ("description", Item::Map(vec![("en", Item::Text(about.description))])),
        ("ip_version", Item::Small(6)),
        ("languages", Item::List(about.languages.iter().copied().map(Item::Text).collect())),
        ("node_count", Item::Number(nodes)),
        ("record_size", Item::Small(bits)),
    ])
}

/// Writes the two records of a node. With 28 bits they share the byte in the middle.
fn pair(left: u32, right: u32, bits: u16, file: &mut Vec<u8>) {
    let (left, right) = (left.to_be_bytes(), right.to_be_bytes());
    match bits {
        24 => file.extend([&left[1..], &right[1..]].concat()),
        28 => file.extend([&left[1..], &[left[0] << 4 | right[0]], &right[1..]].concat()),
        _ => file.extend([left, right].concat()),
    }
}

/// The numbers of the types of values.
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

fn encode(value: &Item<'_>, bytes: &mut Vec<u8>) {
    match value {
        Item::Text(text) => blob(kind::TEXT, text.as_bytes(), bytes),
        Item::Double(value) => blob(kind::DOUBLE, &value.to_be_bytes(), bytes),
        Item::Small(value) => blob(kind::U16, short(&value.to_be_bytes()), bytes),
        Item::Number(value) => blob(kind::U32, short(&value.to_be_bytes()), bytes),
        Item::Large(value) => blob(kind::U64, short(&value.to_be_bytes()), bytes),
        Item::Map(entries) => {
            head(kind::MAP, entries.len(), bytes);
            for (key, value) in entries {
                blob(kind::TEXT, key.as_bytes(), bytes);
                encode(value, bytes);
            }
        }
        Item::List(items) => {
            head(kind::LIST, items.len(), bytes);
            for item in items {
                encode(item, bytes);
            }
        }
        Item::Known(offset) => pointer(*offset, bytes),
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

/// Writes a type, the later ones of which take a byte more, and a size, which takes up to three bytes more.
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

/// Writes a pointer; the further it points, the longer it is.
fn pointer(Offset(offset): Offset, bytes: &mut Vec<u8>) {
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

    const ABOUT: About<'_> =
        About { kind: "Test", languages: &["en", "ru"], description: "Of tests", built: 7 };

    fn read(file: Vec<u8>) -> Reader<Vec<u8>> {
        let reader = Reader::from_source(file).unwrap();
        reader.verify().unwrap();
        reader
    }

    fn at<T: for<'de> serde::Deserialize<'de>>(reader: &Reader<Vec<u8>>, address: &str) -> Option<T> {
        reader.lookup(address.parse().unwrap()).unwrap().decode().unwrap()
    }

    #[test]
    fn every_size_of_record_is_read_back() {
        for bits in [24, 28, 32] {
            let mut writer = Writer::new();
            let all = writer.value(&Item::Text("all"));
            let one = writer.value(&Item::Text("one"));
            let six = writer.value(&Item::Text("six"));
            writer.network("192.0.2.0".parse().unwrap(), 24, all);
            writer.network("192.0.2.7".parse().unwrap(), 32, one);
            writer.network("2001:db8::".parse().unwrap(), 32, six);
            let reader = read(writer.finish_with(ABOUT, bits));
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
    fn records_grow_with_the_file() {
        let mut writer = Writer::new();
        let large = writer.value(&Item::Text(&"x".repeat(1 << 23)));
        let larger = writer.value(&Item::Text(&"y".repeat(1 << 23)));
        let last = writer.value(&Item::Text("last"));
        writer.network("192.0.2.0".parse().unwrap(), 24, last);
        assert_ne!((large, larger), (larger, last));
        let reader = read(writer.finish(ABOUT));
        assert_eq!(reader.metadata().record_size, 28);
        assert_eq!(at::<String>(&reader, "192.0.2.0").unwrap(), "last");
    }

    #[test]
    fn what_is_equal_is_written_once() {
        let mut writer = Writer::new();
        let first = writer.value(&Item::Number(5));
        assert_eq!(writer.value(&Item::Number(5)), first);
        assert_ne!(writer.value(&Item::Small(5)), first);
    }

    #[derive(serde::Deserialize)]
    struct Values {
        texts: Vec<String>,
        numbers: Vec<u32>,
    }

    #[test]
    fn values_of_every_kind_and_size_are_read_back() {
        let long: Vec<_> = [0, 28, 29, 284, 285, 65_820, 65_821, 70_000].map(|size| "z".repeat(size)).into();
        let texts: Vec<_> = long.iter().map(|text| Item::Text(text)).collect();
        let numbers = [0, 1, 255, 256, u32::MAX];
        let mut writer = Writer::new();
        let value = Item::Map(vec![
            ("texts", Item::List(texts)),
            ("numbers", Item::List(numbers.map(Item::Number).into())),
        ]);
        let value = writer.value(&value);
        writer.network("0.0.0.0".parse().unwrap(), 1, value);
        let half = writer.value(&Item::Map(vec![("half", Item::Double(-0.5)), ("n", Item::Double(2.0))]));
        writer.network("128.0.0.0".parse().unwrap(), 1, half);
        let reader = read(writer.finish(ABOUT));
        let values: Values = at(&reader, "1.2.3.4").unwrap();
        assert_eq!((values.texts, values.numbers), (long, numbers.to_vec()));
        let half: BTreeMap<String, f64> = at(&reader, "200.0.0.0").unwrap();
        assert_eq!(half, [("half".to_owned(), -0.5), ("n".to_owned(), 2.0)].into());
    }

    #[test]
    fn pointers_reach_as_far_as_they_must() {
        for distance in [0, 2047, 2048, 526_335, 526_336, 800_000] {
            let mut writer = Writer::new();
            if distance > 0 {
                // With its head, the text ends where the next value starts.
                let head = [0, 2, 3, 4][[29, 285, 65_821].iter().filter(|size| distance > **size).count()];
                writer.value(&Item::Text(&"x".repeat(distance - head)));
            }
            let far = writer.value(&Item::Text("far"));
            assert_eq!(far, Offset(number(distance)));
            let value = writer.value(&Item::List(vec![Item::Known(far), Item::Known(far)]));
            writer.network("192.0.2.0".parse().unwrap(), 24, value);
            let reader = read(writer.finish(ABOUT));
            assert_eq!(at::<Vec<String>>(&reader, "192.0.2.1").unwrap(), ["far", "far"], "{distance}");
        }
        let mut bytes = Vec::new();
        pointer(Offset(134_744_064), &mut bytes);
        assert_eq!(bytes, [0x38, 8, 8, 8, 0]);
        let mut bytes = Vec::new();
        pointer(Offset(134_744_063), &mut bytes);
        assert_eq!(bytes, [0x37, 0xff, 0xff, 0xff]);
    }
}
