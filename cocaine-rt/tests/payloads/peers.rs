//! Bytes that programs in other languages have written, and what they have read.
//!
//! For each value `peers.json` has this project's form (`ours`), which Python's msgpack 1.2.4 and `@msgpack/msgpack` for
//! JavaScript were seen to read, and what both write for it: `python` and `javascript` in the formats of today, and
//! `python_raw` with `use_bin_type=False`.

use std::{collections::BTreeMap, fmt::Debug};

use cocaine::msgpack;
use serde::{Serialize, de::DeserializeOwned};
use test_support::hex;

use crate::types::{Action, Key, Link, Page, Sample, Shape, Tip};

type Recording = BTreeMap<String, BTreeMap<String, String>>;

fn recording() -> Recording {
    serde_json::from_str(include_str!("peers.json")).unwrap()
}

#[track_caller]
fn assert_exchanged<T>(rows: &mut Recording, name: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut row = rows.remove(name).unwrap();
    let ours = row.remove("ours").unwrap();
    assert_eq!(hex::encode(&msgpack::to_vec(value).unwrap()), ours, "{name}");
    assert_eq!(&msgpack::from_slice::<T>(&hex::decode(&ours)).unwrap(), value, "{name}");
    assert_eq!(row.len(), 3);
    for (peer, bytes) in row {
        let read = msgpack::from_slice::<T>(&hex::decode(&bytes));
        assert_eq!(read.as_ref().unwrap_or_else(|error| panic!("{name} of {peer}: {error}")), value);
    }
}

#[test]
fn peers_read_and_write_the_same_values() {
    let rows = &mut recording();
    let link = Link::new("s", "t");
    let tags = vec!["a".to_owned(), "b".to_owned()];
    assert_exchanged(rows, "link", &Link { tags, ..Link::new("s", &"x".repeat(40)) });
    assert_exchanged(rows, "link_with_ttl", &Link { ttl: Some(60), ..link.clone() });
    let tagged = Link { ttl: Some(60), tags: vec!["a".to_owned()], ..link.clone() };
    assert_exchanged(rows, "array_of_fields", &tagged);
    let samples = vec![0.5, -3.0, 1e300];
    let sample = Sample { ratio: 2.0, samples, digest: vec![1, 2, 255], blob: [0, 159, 3].as_slice().into() };
    assert_exchanged(rows, "sample", &sample);
    let empty = Sample { ratio: 0.0, samples: vec![], digest: vec![], blob: "".into() };
    assert_exchanged(rows, "empty_sample", &empty);

    assert_exchanged(rows, "unit_variant", &Shape::Point);
    assert_exchanged(rows, "newtype_variant", &Shape::Circle(1.0));
    assert_exchanged(rows, "tuple_variant", &Shape::Line(-1, 300));
    assert_exchanged(rows, "struct_variant", &Shape::Rect { width: 1.5, height: 2.0 });

    assert_exchanged(rows, "internally_tagged", &Action::Click { x: 1.0, y: 2.5 });
    assert_exchanged(rows, "internally_tagged_newtype", &Action::Link(link.clone()));
    assert_exchanged(rows, "internally_tagged_unit", &Action::Close);
    assert_exchanged(rows, "adjacently_tagged", &Tip::Amount(7.0));
    assert_exchanged(rows, "adjacently_tagged_unit", &Tip::Nothing);
    assert_exchanged(rows, "untagged", &(Key::Name("name".to_owned()), Key::Number(5)));

    let weights = BTreeMap::from([("weight".to_owned(), -5)]);
    assert_exchanged(rows, "flattened", &Page { id: 1, link: link.clone(), weights });
    let nested = BTreeMap::from([("a".to_owned(), vec![link]), ("b".to_owned(), vec![])]);
    assert_exchanged(rows, "nested", &nested);
    assert!(rows.is_empty(), "not compared: {:?}", rows.keys());
}
