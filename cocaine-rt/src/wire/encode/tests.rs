use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap, ser::SerializeSeq};

use super::{Encoded, args, to_vec};
use crate::wire::{bytes::Bytes, value::Value};

fn list<T: Serialize>(value: &T) -> Vec<u8> {
    let mut into = Encoded::default();
    args(value, &mut into).unwrap();
    into.flatten()
}

fn plain<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    to_vec(value).unwrap()
}

#[test]
fn integers_take_the_smallest_form() {
    for (value, bytes) in [
        (0, &[0][..]),
        (127, &[127]),
        (128, &[0xcc, 128]),
        (200, &[0xcc, 0xc8]),
        (255, &[0xcc, 255]),
        (256, &[0xcd, 1, 0]),
        (65_535, &[0xcd, 255, 255]),
        (65_536, &[0xce, 0, 1, 0, 0]),
        (i64::from(u32::MAX) + 1, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
        (-1, &[0xff]),
        (-32, &[0xe0]),
        (-33, &[0xd0, 0xdf]),
        (-128, &[0xd0, 0x80]),
        (-129, &[0xd1, 0xff, 0x7f]),
        (-32_769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
        (i64::from(i32::MIN) - 1, &[0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
    ] {
        assert_eq!(plain(&value), bytes, "{value}");
    }
    assert_eq!(plain(&5_i8), [5]);
    assert_eq!(plain(&u64::MAX), [[0xcf].as_slice(), &[0xff; 8]].concat());
}

#[test]
fn texts_and_bytes_are_old_raws() {
    for (len, head) in [
        (0, &[0xa0][..]),
        (31, &[0xbf]),
        (32, &[0xda, 0, 32]),
        (255, &[0xda, 0, 255]),
        (256, &[0xda, 1, 0]),
        (65_535, &[0xda, 255, 255]),
        (65_536, &[0xdb, 0, 1, 0, 0]),
    ] {
        let text = "x".repeat(len);
        let expected = [head, text.as_bytes()].concat();
        assert_eq!(plain(&text), expected, "text of {len}");
        assert_eq!(plain(&Bytes::from(text.as_str())), expected, "bytes of {len}");
        assert_eq!(list(&(&text,))[1..], expected, "argument of {len}");
    }
    assert_eq!(plain(&'é'), [0xa2, 0xc3, 0xa9]);
}

#[test]
fn containers_take_the_smallest_head() {
    for (len, array, map) in [
        (0_usize, &[0x90][..], &[0x80][..]),
        (15, &[0x9f], &[0x8f]),
        (16, &[0xdc, 0, 16], &[0xde, 0, 16]),
        (65_535, &[0xdc, 255, 255], &[0xde, 255, 255]),
        (65_536, &[0xdd, 0, 1, 0, 0], &[0xdf, 0, 1, 0, 0]),
    ] {
        assert!(plain(&vec![1; len]).starts_with(array), "{len}");
        let entries: BTreeMap<_, _> = (0..len).map(|key| (key, 0)).collect();
        assert!(plain(&entries).starts_with(map), "{len}");
    }
}

#[test]
fn floats_booleans_and_nil() {
    assert_eq!(plain(&55.75_f64), [0xcb, 0x40, 0x4b, 0xe0, 0, 0, 0, 0, 0]);
    assert_eq!(plain(&1.0_f32), [0xca, 0x3f, 0x80, 0, 0]);
    assert_eq!(plain(&(true, false, (), None::<u8>)), [0x94, 0xc3, 0xc2, 0xc0, 0xc0]);
}

#[test]
fn tuple_is_list_and_others_one_argument() {
    #[derive(Serialize)]
    struct Pair(u8, u8);
    assert_eq!(list(&()), [0x90]);
    assert_eq!(list(&((),)), [0x91, 0xc0]);
    assert_eq!(list(&("c", "k", "v", ["t1"])), *b"\x94\xa1c\xa1k\xa1v\x91\xa2t1");
    assert_eq!(list(&[1, 2]), [0x92, 1, 2]);
    assert_eq!(list(&"x"), [0x91, 0xa1, b'x']);
    assert_eq!(list(&vec![1, 2]), [0x91, 0x92, 1, 2]);
    assert_eq!(list(&Pair(1, 2)), [0x91, 0x92, 1, 2]);
    assert_eq!(list(&Value::Nil), [0x91, 0xc0]);
    assert_eq!(list(&((1, 2), 3)), [0x92, 0x92, 1, 2, 3]);
    assert_eq!(list(&[0; 16])[..3], [0xdc, 0, 16]);
}

#[test]
fn only_trailing_nones_are_left_out() {
    let none = None::<u8>;
    assert_eq!(list(&(1, none)), [0x91, 1]);
    assert_eq!(list(&(none, none)), [0x90]);
    assert_eq!(list(&(1, none, 2, none)), [0x93, 1, 0xc0, 2]);
    assert_eq!(list(&(1, Some(2))), [0x92, 1, 2]);
    assert_eq!(list(&(1, Some(none))), [0x92, 1, 0xc0]);
    assert_eq!(list(&(1, Value::Nil)), [0x92, 1, 0xc0]);
    assert_eq!(list(&(1, ())), [0x92, 1, 0xc0]);
    assert_eq!(list(&((1, none), vec![none])), [0x92, 0x92, 1, 0xc0, 0x91, 0xc0]);
    assert_eq!(list(&(vec![none], none)), [0x91, 0x91, 0xc0]);
    assert_eq!(list(&[none; 20]), [0x90]);
    assert_eq!(list(&none), [0x91, 0xc0]);
    assert_eq!(plain(&(1, none)), [0x92, 1, 0xc0]);
}

#[test]
fn structs_and_enums_are_encoded_like_rmp() {
    #[derive(Serialize)]
    struct Unit;
    #[derive(Serialize)]
    struct Newtype(u8);
    #[derive(Serialize)]
    struct Fields {
        a: u8,
        b: Option<u8>,
    }
    #[derive(Serialize)]
    enum Kind {
        Unit,
        Newtype(u8),
        TupleEncoder(u8, u8),
        Struct { a: u8 },
    }
    let value = (
        (Unit, Newtype(1), Fields { a: 1, b: None }),
        (Kind::Unit, Kind::Newtype(2), Kind::TupleEncoder(3, 4), Kind::Struct { a: 5 }),
    );
    assert_eq!(list(&value), rmp_serde::to_vec(&value).unwrap());
    assert_eq!(plain(&value), rmp_serde::to_vec_named(&value).unwrap());
}

#[test]
fn skipped_field_of_argument_is_nil() {
    #[derive(Default, Serialize)]
    struct Fields {
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        b: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        c: Option<u8>,
    }
    #[derive(Serialize)]
    enum Kind {
        Struct {
            #[serde(skip_serializing_if = "Option::is_none")]
            a: Option<u8>,
            b: u8,
        },
    }
    assert_eq!(list(&Fields::default()), [0x91, 0x93, 0xc0, 0, 0xc0]);
    assert_eq!(list(&(Fields { c: Some(1), ..Fields::default() }, 2)), [0x92, 0x93, 0xc0, 0, 1, 2]);
    assert_eq!(list(&Kind::Struct { a: None, b: 1 }), b"\x91\x81\xa6Struct\x92\xc0\x01");
    assert_eq!(plain(&Fields::default()), b"\x81\xa1b\x00");
    assert_eq!(plain(&Kind::Struct { a: None, b: 1 }), b"\x81\xa6Struct\x81\xa1b\x01");
}

/// Says one length and writes another.
struct Lies {
    says: Option<usize>,
    len: usize,
}

impl Serialize for Lies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.says)?;
        (0..self.len).try_for_each(|_| seq.serialize_element(&1))?;
        seq.end()
    }
}

#[test]
fn length_counts_written_elements() {
    for says in [None, Some(0), Some(3), Some(16), Some(70_000)] {
        for len in [0, 3, 16, 300, 70_000] {
            assert_eq!(plain(&Lies { says, len }), plain(&vec![1; len]), "{says:?} {len}");
        }
    }
}

#[test]
fn map_key_without_value_is_refused() {
    struct Half;
    impl Serialize for Half {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_key("k")?;
            map.end()
        }
    }
    assert!(to_vec(&Half).is_err());
}

#[test]
fn failed_encoding_leaves_buffer_unchanged() {
    let large = Bytes::from(vec![0; 20_000]);
    let mut into = Encoded::default();
    args(&(&large, 1), &mut into).unwrap();
    let before = into.flatten();
    let error = args(&("x", &large, 1_u128), &mut into).unwrap_err();
    assert_eq!(crate::Error::from_encode(error).to_string(), "cannot encode: u128 is not supported");
    assert_eq!((into.flatten(), into.segments.len()), (before, 1));
}

#[test]
fn more_than_32_levels_are_refused() {
    let nested = |levels| (1..levels).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]));
    assert!(to_vec(&nested(32)).is_ok());
    assert!(to_vec(&nested(33)).is_err());
    let mut into = Encoded::default();
    assert!(args(&(nested(30), nested(30)), &mut into).is_ok());
    assert!(args(&(nested(31),), &mut into).is_err());
    assert!(args(&nested(31), &mut into).is_err());
}
