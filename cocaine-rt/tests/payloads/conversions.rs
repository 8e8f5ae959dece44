//! What is accepted for a type of another name: integers for floats, bytes for sequences of `u8`, and the reverse.

use std::fmt::Debug;

use cocaine::{Bytes, ErrorKind, Value, msgpack};
use serde::{Deserialize, de::DeserializeOwned};

#[track_caller]
fn read<T: DeserializeOwned>(bytes: &[u8]) -> T {
    msgpack::from_slice(bytes).unwrap()
}

#[track_caller]
fn refused<T: DeserializeOwned + Debug>(bytes: &[u8], reason: &str) {
    let error = msgpack::from_slice::<T>(bytes).unwrap_err();
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn integer_is_read_as_a_float() {
    let mixed = b"\x93\xcb\x3f\xec\xcc\xcc\xcc\xcc\xcc\xcd\x01\xcb\x3f\xf1\x99\x99\x99\x99\x99\x9a";
    assert_eq!(read::<Vec<f64>>(mixed), [0.9, 1.0, 1.1]);
    for (bytes, expected) in [(&b"\x02"[..], 2.0), (b"\xff", -1.0), (b"\xcd\x01\x00", 256.0)] {
        assert_eq!(read::<Option<f64>>(bytes), Some(f64::from(expected)));
        assert_eq!(read::<Option<f32>>(bytes), Some(expected));
    }
    assert_eq!(read::<Value>(b"\x02"), Value::UInt(2), "only where a float is wanted");
    refused::<u8>(b"\xcb\x40\0\0\0\0\0\0\0", "expected an integer, found a float at byte 0");
    refused::<f64>(b"\xa1x", "expected a float, found a text at byte 0");
}

#[test]
fn large_integer_becomes_the_nearest_float() {
    let packed = |value: u64| [&[0xcf][..], &value.to_be_bytes()].concat();
    assert_eq!(read::<Option<f64>>(&packed((1 << 53) + 1)), Some(9_007_199_254_740_992.0));
    assert_eq!(read::<Option<f64>>(&packed(u64::MAX)), Some(18_446_744_073_709_551_616.0));
    // Rounded once: by way of f64 it would be 2^60.
    let above_half = (1 << 60) + (1 << 36) + 1;
    assert_eq!(read::<Option<f32>>(&packed(above_half)), Some(1_152_921_642_045_800_448.0));
    assert_eq!(read::<Option<f64>>(b"\xd3\x80\0\0\0\0\0\0\0"), Some(-9_223_372_036_854_775_808.0));
}

#[test]
fn raw_bytes_are_a_sequence_of_bytes() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Byte(u8);
    for bytes in
        [&b"\xc4\x03\x01\x02\xff"[..], b"\xa3\x01\x02\xff", b"\xd9\x03\x01\x02\xff", b"\x93\x01\x02\xcc\xff"]
    {
        assert_eq!(read::<Vec<u8>>(bytes), [1, 2, 255]);
        assert_eq!(read::<[u8; 3]>(bytes), [1, 2, 255]);
        assert_eq!(read::<(u8, u8, u8)>(bytes), (1, 2, 255));
        assert_eq!(read::<Vec<Byte>>(bytes), [Byte(1), Byte(2), Byte(255)]);
        assert_eq!(read::<std::collections::BTreeSet<u8>>(bytes), [1, 2, 255].into());
    }
    assert_eq!(read::<Vec<Vec<u8>>>(b"\x92\xa0\xc4\x00"), [[]; 2] as [[u8; 0]; 2]);
    refused::<[u8; 4]>(b"\xa3abc", "expected an array of length 4, found 3 elements at byte 0");
}

#[test]
fn text_is_no_other_sequence() {
    let reason = "expected an array, found a text at byte 0";
    for bytes in [&b"\xa0"[..], b"\xa3abc"] {
        refused::<Vec<u16>>(bytes, reason);
        refused::<Vec<i8>>(bytes, reason);
        refused::<Vec<String>>(bytes, reason);
        refused::<Vec<Value>>(bytes, reason);
        refused::<Vec<Option<u8>>>(bytes, reason);
        refused::<Vec<Vec<u8>>>(bytes, reason);
    }
    refused::<(u8, u16)>(b"\xa2ab", reason);
}

#[test]
fn array_of_integers_is_bytes() {
    for bytes in
        [&b"\x93\x01\x02\xcc\xff"[..], b"\xdc\x00\x03\x01\x02\xcc\xff", b"\xdd\0\0\0\x03\x01\x02\xcc\xff"]
    {
        assert_eq!(read::<Bytes>(bytes), [1, 2, 255].as_slice());
    }
    assert_eq!(read::<Bytes>(b"\x90"), "");
    refused::<Bytes>(b"\x91\xcd\x01\x00", "expected u8, found integer `256`");
    refused::<Bytes>(b"\x91\xa1x", "expected an integer, found a text at byte 1");
    let borrowed = msgpack::from_slice::<&[u8]>(b"\x91\x01").unwrap_err();
    assert!(borrowed.to_string().contains("expected a borrowed byte array, found an array"), "{borrowed}");
}

#[test]
fn memory_of_converted_bytes_is_bounded() {
    let raw = [&[0xda, 0x10, 0x00][..], &[7; 4096]].concat();
    assert_eq!(msgpack::from_slice_within::<Vec<u8>>(&raw, 32).unwrap(), [7; 4096]);
    let error = msgpack::from_slice_within::<Vec<Wide>>(&raw, 1024).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded(_)), "{error}");
    let array = [&[0xdd, 0xff, 0xff, 0xff, 0xff][..], &[7; 64]].concat();
    assert!(msgpack::from_slice::<Bytes>(&array).is_err(), "a false count");
}

/// Much larger in memory than its byte.
#[derive(Debug, Deserialize)]
#[serde(from = "u8")]
struct Wide(#[expect(dead_code, reason = "only its size matters")] [u64; 16]);

impl From<u8> for Wide {
    fn from(byte: u8) -> Self {
        Self([byte.into(); 16])
    }
}
