//! The table of types: what is generated has the schema that it was generated from, and travels as others write it.
//!
//! `types.python` was recorded with Python's `msgpack`, which reads what `types.bytes` has: a line for each value, with its name
//! and its bytes. A float of 32 bits is one of 64 there.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write as _},
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use cocaine::{Bytes, Schema, Value, msgpack, schema::TypeSchema};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    generated::{
        Action, Borrowed, Chain, Color, Empty, Folder, Foreign, Generic, Key, Link, List, Message, Meters,
        Names, Namesakes, Never, Node, OtherMeta, Page, PagesMetaN1, PagesTextN1, PagesTextN2, Settings,
        Shape, Standard, Tree, TypesMeta, Unit, Version,
    },
    golden::{compare, schemas},
};

#[test]
fn generated_types_have_the_hashes_of_the_table() {
    let schemas = schemas();
    let mut checked = 0;
    macro_rules! check {
        ($($name:literal: $type:ty),* $(,)?) => {$(
            assert_eq!(TypeSchema::of::<$type>().hash(), schemas[$name].hash(), $name);
            checked += 1;
        )*};
    }
    check!(
        "Action": Action, "Borrowed<'static>": Borrowed, "Chain": Chain, "Color": Color, "Empty": Empty,
        "Folder": Folder, "Foreign": Foreign, "Generic": Generic, "Key": Key, "Link": Link, "List": List,
        "Message": Message, "Meters": Meters, "Names": Names, "Namesakes": Namesakes, "Never": Never,
        "Page": Page, "Settings": Settings, "Shape": Shape, "Standard": Standard, "Tree": Tree, "Unit": Unit,
        "Version": Version,
    );
    assert_eq!(checked, schemas.len());
}

#[test]
fn values_travel_as_recorded() {
    let mut table = ByteTable { ours: String::new(), python: read_python() };
    structs(&mut table);
    enums(&mut table);
    foreign_and_standard(&mut table);
    compare(&golden("types.bytes"), &table.ours);
    assert!(table.python.is_empty(), "recorded without a value: {:?}", table.python.keys());
}

fn structs(table: &mut ByteTable) {
    let meta = || TypesMeta { title: "t".to_owned() };
    table.check("Borrowed", &Borrowed { text: "a".to_owned(), cow: "ж".to_owned() });
    table.check("Chain", &Chain(None));
    table.check("Color", &Color(1, 2, 255));
    table.check("Empty", &Empty {});
    let folder = Node::Folder(Folder::default());
    let entries = [("f", Node::File(Bytes::from(b"\x00\xff"))), ("g", folder)];
    table.check("Folder", &Folder { entries: entries.map(|(name, node)| (name.to_owned(), node)).into() });
    let page = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    table.check(
        "Generic",
        &Generic {
            links: PagesMetaN1 { items: vec![meta()], next: Some(1) },
            texts: PagesTextN1 { items: page(&["a", "b"]), next: None },
            more: PagesTextN2 { items: page(&[]), next: Some(u64::MAX) },
        },
    );
    let link = Link {
        slug: "s".to_owned(),
        url: "u".to_owned(),
        note: None,
        clicks: 300,
        tags: vec!["t".to_owned()],
        secret: Some(1),
        computed: Some(70_000),
    };
    table.check("Link", &link);
    let link = Link { tags: Vec::new(), secret: None, computed: None, ..link };
    table.check("Link without what may be missing", &link);
    let tail = List { head: i64::MIN, tail: None };
    table.check("List", &List { head: -1, tail: Some(Box::new(tail)) });
    table.check("Meters", &Meters(1.5));
    table.check("Names", &Names(page(&["n"])));
    table.check("Namesakes", &Namesakes { meta: meta(), other: OtherMeta(7), again: meta() });
    let rest = [("a".to_owned(), -1), ("b".to_owned(), 1 << 40)];
    table.check("Page", &Page { number: 3, settings: meta(), rest: rest.into() });
    table.check("Settings", &Settings { max_size: 3, r#type: 'ж' });
    table.check("Tree", &Tree(vec![Tree(Vec::new()), Tree(vec![Tree(Vec::new())])]));
    table.check("Unit", &Unit);
    table.check("Version", &Version((1, 2)));
}

fn enums(table: &mut ByteTable) {
    let text = || "x".to_owned();
    table.check("Action::Click", &Action::Click { x: 1, y: -300 });
    table.check("Action::Linked", &Action::Linked(TypesMeta { title: text() }));
    table.check("Action::Close", &Action::Close);
    for (name, key) in [
        ("Key::Number", Key::Number(1 << 53)),
        ("Key::Ratio", Key::Ratio(0.5)),
        ("Key::Name", Key::Name(text())),
        ("Key::Flag", Key::Flag(true)),
        ("Key::Pair", Key::Pair(1, 2)),
        ("Key::Both", Key::Both { name: text(), number: 1 }),
        ("Key::One", Key::One { name: text() }),
        ("Key::Nothing", Key::Nothing),
    ] {
        table.check(name, &key);
    }
    for (name, message) in [
        ("Message::Text", Message::Text(text())),
        ("Message::Pair", Message::Pair(1, 2)),
        ("Message::Fields", Message::Fields { a: 1 }),
        ("Message::End", Message::End),
    ] {
        table.check(name, &message);
    }
    for (name, shape) in [
        ("Shape::NoPoint", Shape::NoPoint),
        ("Shape::Circle", Shape::Circle(2.0)),
        ("Shape::Line", Shape::Line(-1, i32::MAX)),
        ("Shape::Rect", Shape::Rect { upper_left: 0.5, width: None }),
        ("Shape::Own", Shape::Own { own_rule: false }),
        ("Shape::Unknown", Shape::Unknown),
    ] {
        table.check(name, &shape);
    }
}

fn foreign_and_standard(table: &mut ByteTable) {
    table.check(
        "Foreign",
        &Foreign {
            plain: Value::from(7_u8),
            plains: Value::Array(vec![Value::from(1_u8), Value::from(2_u8)]),
            with: Value::from("ff"),
            known: "10".to_owned(),
            hidden: Value::from(5_u8),
        },
    );
    table.check(
        "Standard",
        &Standard {
            integers: (1, 256, 65_536, u64::MAX, -1, -129, -32_769, i64::MIN),
            sizes: (1, -1, NonZero::<u8>::MIN),
            others: ((), true, 'ж', 1.5, 2.5),
            texts: ("a".to_owned(), String::new(), "c".repeat(40)),
            nested: Some(Some(1)),
            list: vec![0, 200],
            bytes: Bytes::from(b"\x80"),
            array: [1, 2, 3, 4],
            set: vec![-1, 1],
            map: BTreeMap::from([(1, vec!["a".to_owned()]), (1000, Vec::new())]),
            keys: BTreeMap::from([((1, true), Value::Nil)]),
            duration: Duration::new(1, 500_000_000),
            time: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            address: "127.0.0.1".parse().unwrap(),
            socket: "[::1]:80".parse().unwrap(),
            range: 1..5,
            bound: std::ops::Bound::Excluded(3),
            result: Err("no".to_owned()),
            marker: std::marker::PhantomData,
        },
    );
}

/// The bytes of values.
struct ByteTable {
    ours: String,
    /// What Python writes for the values that have not been checked yet.
    python: BTreeMap<String, Vec<u8>>,
}

impl ByteTable {
    /// Records the bytes of `value`, and checks that all others write what is read as it.
    fn check<T: Serialize + DeserializeOwned + Schema + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let bytes = msgpack::to_vec(value).unwrap();
        writeln!(self.ours, "{name}: {}", hexadecimal(&bytes)).unwrap();
        let python = self.python.remove(name).unwrap_or_default();
        let rust = rmp_serde::to_vec_named(value).unwrap();
        for (writer, bytes) in [("this crate", &bytes), ("Python", &python), ("rmp-serde", &rust)] {
            let read = msgpack::from_slice::<T>(bytes);
            assert_eq!(read.as_ref().ok(), Some(value), "{name} as {writer} writes it: {read:?}");
        }
        // What has no bytes, which it does not take for texts.
        if let Ok(read) = rmp_serde::from_slice::<T>(&bytes) {
            assert_eq!(&read, value, "{name} as rmp-serde reads it");
        }
    }
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn read_python() -> BTreeMap<String, Vec<u8>> {
    let text = fs::read_to_string(golden("types.python")).unwrap();
    let entry = |line: &str| {
        let (name, digits) = line.rsplit_once(": ").unwrap();
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (name.to_owned(), (0..digits.len()).step_by(2).map(byte).collect())
    };
    text.lines().map(entry).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
