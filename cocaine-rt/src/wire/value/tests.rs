use proptest::{collection::vec, prelude::*};

use super::Value;
use crate::{
    protocol::msgpack,
    wire::{bytes::Bytes, decode, encode},
};

/// Any value that reads back as itself, at most 6 containers deep.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-200_i64..70_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        vec(any::<u8>(), 0..300).prop_map(|bytes| Value::Raw(bytes.into())),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::Array),
            vec((inner.clone(), inner), 0..20).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn written_values_are_readable_here_and_by_rmp(value in any_value()) {
        let ours = msgpack::to_vec(&value).unwrap();
        prop_assert_eq!(&msgpack::from_slice::<Value>(&ours).unwrap(), &value);
        prop_assert_eq!(&rmp_serde::from_slice::<Value>(&ours).unwrap(), &value);
    }

    #[test]
    fn rmp_output_is_readable_here(value in any_value()) {
        let theirs = rmp_serde::to_vec(&value).unwrap();
        prop_assert_eq!(msgpack::from_slice::<Value>(&theirs).unwrap(), value);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let source = ::bytes::Bytes::from(bytes);
        let _ = decode::value::<Value>(&source);
        let _ = decode::args::<Value>(&source);
        let _ = decode::args::<(Value, Option<Value>)>(&source);
        let _ = decode::args::<(&str, u8, f64, Option<Vec<String>>)>(&source);
        let _ = decode::value::<serde::de::IgnoredAny>(&source);
    }

    #[test]
    fn truncated_value_is_refused(value in any_value(), cut in any::<prop::sample::Index>()) {
        let ours = msgpack::to_vec(&value).unwrap();
        prop_assert!(msgpack::from_slice::<Value>(&ours[..cut.index(ours.len())]).is_err());
    }

    #[test]
    fn list_of_values_survives_round_trip(values in vec(any_value(), 0..18)) {
        let mut into = encode::Encoded::default();
        encode::args(&(&values, 7), &mut into).unwrap();
        let source = into.flatten().into();
        let read: (Vec<Value>, u8) = decode::args(&source).unwrap();
        prop_assert_eq!(read, (values, 7));
    }
}

#[test]
fn display_reads_like_json() {
    let value = Value::Map(vec![
        ("a".into(), Value::Array(vec![Value::Nil, true.into(), (-1).into(), 1_u8.into(), 1.0.into()])),
        ("b \"c\"".into(), [0xff_u8, 0].as_slice().into()),
    ]);
    assert_eq!(value.to_string(), r#"{"a": [null, true, -1, 1, 1.0], "b \"c\"": 0xff00}"#);
}

#[test]
fn accessors_return_matching_values_only() {
    let value = Value::Map(vec![(1.into(), 2.into()), ("n".into(), 3.into()), ("n".into(), 4.into())]);
    assert_eq!(value.get("n").and_then(Value::as_i64), Some(3));
    assert_eq!(value.get("m"), None);
    assert_eq!(Value::from(-1).as_u64(), None);
    assert_eq!(Value::from(u64::MAX).as_i64(), None);
    assert_eq!(Value::from(1).as_f64(), None);
    assert_eq!(Value::from("x").as_str(), Some("x"));
    assert_eq!(Value::from([0xff_u8].as_slice()).as_str(), None);
    assert_eq!(Value::from(None::<u8>), Value::Nil);
}

#[test]
fn value_serializes_as_json() {
    let value = Value::Map(vec![("k".into(), Value::Array(vec![1.into(), "x".into()]))]);
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(json, r#"{"k":[1,"x"]}"#);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
    assert_eq!(serde_json::from_str::<Bytes>("[1,2]").unwrap(), &[1, 2]);
    assert_eq!(serde_json::from_str::<Bytes>("\"ab\"").unwrap(), "ab");
}
