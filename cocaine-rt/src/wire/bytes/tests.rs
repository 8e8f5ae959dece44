use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Bytes;
use crate::{
    protocol::msgpack,
    wire::{
        decode,
        encode::{self, Encoded},
        value::Value,
    },
};

fn blob(len: usize) -> Bytes {
    (0..=u8::MAX).cycle().take(len).collect::<Vec<_>>().into()
}

fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    whole.as_ptr_range().contains(&part.as_ptr())
}

fn encoded<T: Serialize>(value: &T) -> Encoded {
    let mut into = Encoded::default();
    encode::args(value, &mut into).unwrap();
    into
}

#[test]
fn blob_above_16_kib_becomes_a_segment() {
    let large = blob((16 << 10) + 1);
    let into = encoded(&("k", &large, 7));
    let [(at, segment)] = &into.segments[..] else { panic!("{} segments", into.segments.len()) };
    assert_eq!(segment.as_ptr(), large.as_ptr());
    assert_eq!(into.buf[..*at], [0x93, 0xa1, b'k', 0xda, 0x40, 0x01]);
    assert_eq!(into.buf[*at..], [7]);
    assert_eq!(into.len(), into.flatten().len());
    let source = into.flatten().into();
    assert_eq!(decode::args::<(&str, Bytes, u8)>(&source).unwrap(), ("k", large, 7));
}

#[test]
fn blob_of_16_kib_is_copied() {
    let into = encoded(&(&blob(16 << 10),));
    assert_eq!((into.segments.len(), into.buf.len()), (0, 1 + 3 + (16 << 10)));
}

#[test]
fn segment_moves_with_head_before_it() {
    let large = blob(20_000);
    // Sixteen elements declared and fewer kept, so that the head of the list shrinks.
    let list: [Option<&Bytes>; 16] = std::array::from_fn(|index| (index < 2).then_some(&large));
    let into = encoded(&list);
    assert_eq!(into.segments.len(), 2);
    let source: ::bytes::Bytes = into.flatten().into();
    assert_eq!(source[..4], [0x92, 0xda, 0x4e, 0x20]);
    assert_eq!(decode::args::<(Bytes, Bytes)>(&source).unwrap(), (large.clone(), large));
}

#[test]
fn plain_slices_and_flat_values_have_no_segments() {
    struct Plain<'a>(&'a [u8]);
    impl Serialize for Plain<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    let large = blob(20_000);
    assert!(encoded(&(Plain(&large),)).segments.is_empty());
    assert_eq!(msgpack::to_vec(&large).unwrap().len(), 3 + 20_000);
    assert_eq!(encoded(&(Value::Raw(large),)).segments.len(), 1);
}

#[test]
fn blob_from_4_kib_is_slice_of_source() {
    let (large, small) = (blob(4 << 10), blob((4 << 10) - 1));
    let source = encoded(&(&large, &small, Value::Raw(large.clone()))).flatten().into();
    let (first, second, third): (Bytes, Bytes, Value) = decode::args(&source).unwrap();
    assert!(lies_in(&first, &source) && first == large);
    assert!(!lies_in(&second, &source) && second == small);
    assert!(lies_in(third.as_bytes().unwrap(), &source));

    let source = Bytes::from(msgpack::to_vec(&[&large]).unwrap());
    assert!(lies_in(&msgpack::from_bytes::<[Bytes; 1]>(&source).unwrap()[0], &source));
    assert!(!lies_in(&msgpack::from_slice::<[Bytes; 1]>(&source).unwrap()[0], &source));
}

#[test]
fn nested_decoding_slices_its_own_source() {
    struct Nested(Bytes, Bytes, bool);
    impl<'de> Deserialize<'de> for Nested {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let outer = Bytes::deserialize(deserializer)?;
            let other = Bytes::from(msgpack::to_vec(&blob(5000)).map_err(de::Error::custom)?);
            let inner: Bytes = msgpack::from_bytes(&other).map_err(de::Error::custom)?;
            let sliced = lies_in(&inner, &other);
            Ok(Self(outer, inner, sliced))
        }
    }
    let source = encoded(&(blob(6000), blob(7000))).flatten().into();
    let (nested, after): (Nested, Bytes) = decode::args(&source).unwrap();
    assert!(lies_in(&nested.0, &source) && nested.2 && nested.1 == blob(5000));
    assert!(lies_in(&after, &source));
}

#[test]
fn foreign_decoder_within_ours_gets_copies() {
    struct Foreign(Bytes);
    impl<'de> Deserialize<'de> for Foreign {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            de::IgnoredAny::deserialize(deserializer)?;
            let other = rmp_serde::to_vec(&blob(5000)).map_err(de::Error::custom)?;
            rmp_serde::from_slice(&other).map(Self).map_err(de::Error::custom)
        }
    }
    let source = encoded(&(blob(6000),)).flatten().into();
    let (foreign,): (Foreign,) = decode::args(&source).unwrap();
    assert_eq!(foreign.0, blob(5000));
}

#[test]
fn panic_restores_thread_local() {
    #[derive(Debug)]
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("on purpose")
        }
    }
    let source = encoded(&(blob(6000), 1)).flatten().into();
    let failed = catch_unwind(AssertUnwindSafe(|| decode::args::<(Bytes, Panics)>(&source).map(drop)));
    assert!(failed.is_err());
    super::DECODED_SOURCE.with(|slot| assert!(slot.borrow().is_empty()));
    super::SERIALIZED_BYTES.with(|slot| assert!(slot.borrow().is_empty()));
}

#[test]
fn debug_is_readable_and_short() {
    assert_eq!(format!("{:?}", Bytes::from("a\"b")), r#""a\"b""#);
    assert_eq!(format!("{:?}", Bytes::from(&[0xff, 0x01])), "0xff01");
    let long = Bytes::from(format!("x{}", "é".repeat(40)));
    assert_eq!(format!("{long:?}"), format!("\"x{}\"… (81 bytes)", "é".repeat(31)));
    let long = Bytes::from(vec![0xff; 100]);
    assert_eq!(format!("{long:?}"), format!("0x{}… (100 bytes)", "ff".repeat(64)));
}
