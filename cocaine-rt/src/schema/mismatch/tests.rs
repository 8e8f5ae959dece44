//! The validator agrees with decoding, for random values of types of each form.

#![allow(clippy::option_option, reason = "users have them")]

mod generator;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use self::generator::Generator;
use super::{Mismatch, find_mismatch};
use crate::{
    Bytes, Schema, msgpack,
    schema::{Content, Definition, EnumDefinition, Shape, Tagging, Type, TypeSchema, Variant},
    wire::value::Value,
};

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Simple {
    flag: bool,
    small: i8,
    #[serde(alias = "size")]
    wide: u64,
    ratio: f32,
    letter: char,
    text: Option<String>,
    blob: Bytes,
    #[serde(default)]
    bytes: Vec<u8>,
    nonzero: std::num::NonZero<u16>,
    nothing: (),
    #[serde(skip_deserializing)]
    written: u8,
    twice: Option<Option<i32>>,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Strict {
    a: u8,
    #[serde(default)]
    b: u8,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Empty;

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Meters(u8);

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Pair(Meters, Option<String>);

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Containers {
    list: Vec<Meters>,
    array: [u8; 2],
    tuple: (u8, String),
    pair: Pair,
    map: BTreeMap<u8, Strict>,
    names: BTreeMap<String, Option<u8>>,
    empty: Empty,
    value: Value,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
enum External {
    Unit,
    #[serde(alias = "Second")]
    Newtype(Strict),
    Tuple(u8, String),
    Struct {
        a: u8,
        b: Option<u8>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[serde(tag = "type")]
enum Internal {
    Unit,
    Newtype(Simple),
    Struct { a: Vec<u8>, b: (u8, u8) },
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[serde(tag = "type", content = "value")]
enum Adjacent {
    Unit,
    Newtype(Vec<u8>),
    Optional(Option<u8>),
    Tuple(u8, u8),
    Struct { a: u8 },
}

#[derive(Debug, Serialize, Deserialize, Schema)]
#[serde(untagged)]
enum Untagged {
    Nothing,
    Number(u8),
    Pair(u8, External),
    Struct { a: Meters, b: Vec<u8> },
}

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Flattened {
    own: u8,
    #[serde(flatten)]
    strict: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Inner {
    a: Vec<u8>,
    #[serde(default)]
    b: u8,
}

#[derive(Debug, Serialize, Deserialize, Schema)]
struct Tree {
    label: External,
    children: Vec<Tree>,
    parent: Option<Box<Tree>>,
}

fn mismatch<T: Schema>(value: &Value) -> Option<Mismatch> {
    let TypeSchema { root, types } = TypeSchema::of::<T>();
    find_mismatch(&types, &root, value)
}

#[track_caller]
fn agrees<T: Schema + DeserializeOwned>(seed: u64) {
    let TypeSchema { root, types } = TypeSchema::of::<T>();
    let value = Generator::new(seed, &types).value(&root, 6);
    let decoded = msgpack::from_slice::<T>(&msgpack::to_vec(&value).unwrap()).map(drop);
    let found = find_mismatch(&types, &root, &value);
    assert_eq!(decoded.is_err(), found.is_some(), "{value}\n{decoded:?}\n{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn structs_and_containers_agree_with_decoding(seed in any::<u64>()) {
        agrees::<Simple>(seed);
        agrees::<Containers>(seed);
        agrees::<Flattened>(seed);
    }

    #[test]
    fn enums_agree_with_decoding(seed in any::<u64>()) {
        agrees::<External>(seed);
        agrees::<Internal>(seed);
        agrees::<Adjacent>(seed);
        agrees::<Untagged>(seed);
        agrees::<Tree>(seed);
    }
}

fn packed<T: Serialize>(value: &T) -> Value {
    msgpack::from_slice(&msgpack::to_vec(value).unwrap()).unwrap()
}

#[track_caller]
fn assert_mismatch<T: Schema>(value: &impl Serialize, path: &str, expected: &str, found: &str) {
    let [path, expected, found] = [path, expected, found].map(ToOwned::to_owned);
    assert_eq!(mismatch::<T>(&packed(value)), Some(Mismatch { path, expected, found }));
}

#[test]
fn place_expectation_and_finding_are_named() {
    type Links = BTreeMap<String, Vec<Option<(u8, Strict)>>>;
    let links = |strict: Value| {
        packed(&BTreeMap::from([("a b", [((), None), ((), Some((1, strict)))].map(|link| link.1))]))
    };
    assert_eq!(mismatch::<Links>(&links(packed(&BTreeMap::from([("a", 1)])))), None);
    let cases = [
        (packed(&BTreeMap::from([("a", "x")])), ".a", "u8", "text"),
        (packed(&BTreeMap::from([("a", 300)])), ".a", "u8", "integer 300"),
        (packed(&BTreeMap::from([("b", 1)])), ".a", "u8", "nothing"),
        (packed(&BTreeMap::from([("a", 1), ("c", 1)])), ".c", "no such field", "integer"),
        (Value::Nil, "", "cocaine::schema::mismatch::tests::Strict", "nil"),
    ];
    for (strict, path, expected, found) in cases {
        assert_mismatch::<Links>(&links(strict), &format!("[\"a b\"][1][1]{path}"), expected, found);
    }
    assert_mismatch::<Links>(
        &BTreeMap::from([("a", [[1]])]),
        "[\"a\"][0]",
        "option<tuple<u8, cocaine::schema::mismatch::tests::Strict>>",
        "list of 1",
    );
    assert_mismatch::<BTreeMap<u8, u8>>(&BTreeMap::from([("a", 1)]), "[\"a\"]", "u8", "text as a key");
}

#[test]
fn variants_are_named() {
    let variants = "one of Unit, Newtype, Tuple, Struct, Other";
    assert_mismatch::<External>(&BTreeMap::from([((), 1)]), "", variants, "nil");
    assert_mismatch::<External>(&"Tuple", "", "the content of Tuple", "its name alone");
    assert_mismatch::<External>(
        &BTreeMap::from([("Struct", [("a", "x")].into_iter().collect::<BTreeMap<_, _>>())]),
        ".Struct.a",
        "u8",
        "text",
    );
    let variants = "one of Unit, Newtype, Struct";
    assert_mismatch::<Internal>(&BTreeMap::from([("type", "No")]), ".type", variants, "text \"No\"");
    assert_mismatch::<Internal>(&BTreeMap::from([("a", 1)]), ".type", variants, "nothing");
    assert_mismatch::<Adjacent>(
        &BTreeMap::from([("type", "Tuple")]),
        ".value",
        "the content of Tuple",
        "nothing",
    );
    assert_mismatch::<Untagged>(&1.5, "", "cocaine::schema::mismatch::tests::Untagged", "float");
}

#[test]
fn work_is_bounded_for_any_schema() {
    let newtype = |name: &str| Variant {
        name: name.to_owned(),
        doc: String::new(),
        aliases: Vec::new(),
        content: Content::Newtype(Type::Named("Twice".to_owned())),
        other: false,
        written: crate::schema::Presence::Always,
        read: crate::schema::Presence::Always,
    };
    let twice = EnumDefinition { tagging: Tagging::Untagged, variants: vec![newtype("A"), newtype("B")] };
    let define = |shape| Definition { doc: String::new(), shape };
    let types = BTreeMap::from([
        ("Twice".to_owned(), define(Shape::Enum(twice))),
        ("Itself".to_owned(), define(Shape::Newtype(Type::Named("Itself".to_owned())))),
    ]);
    for name in ["Twice", "Itself", "Missing"] {
        assert_eq!(find_mismatch(&types, &Type::Named(name.to_owned()), &Value::Nil), None, "{name}");
    }
}
