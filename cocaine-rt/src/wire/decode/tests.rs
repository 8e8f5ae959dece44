use std::{borrow::Cow, collections::BTreeMap, fmt::Debug};

use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{ANY_LEN, EscapedTexts, Reader, args, args_within, from_slice, from_slice_within, value};
use crate::wire::{bytes::Bytes, encode, value::Value};

fn list<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, String> {
    args(&::bytes::Bytes::copy_from_slice(bytes)).map_err(|malformed| malformed.to_string())
}

fn plain<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, String> {
    value(&::bytes::Bytes::copy_from_slice(bytes)).map_err(|malformed| malformed.to_string())
}

#[track_caller]
fn refused<T: for<'de> Deserialize<'de> + Debug>(bytes: &[u8], reason: &str) {
    assert_eq!(list::<T>(bytes).unwrap_err(), reason);
}

#[test]
fn all_raws_are_one() {
    for head in [
        &[0xa2][..],
        &[0xd9, 2],
        &[0xda, 0, 2],
        &[0xdb, 0, 0, 0, 2],
        &[0xc4, 2],
        &[0xc5, 0, 2],
        &[0xc6, 0, 0, 0, 2],
    ] {
        let bytes = [head, b"hi"].concat();
        assert_eq!(from_slice::<&str>(&bytes).unwrap(), "hi");
        assert_eq!(from_slice::<String>(&bytes).unwrap(), "hi");
        assert_eq!(from_slice::<&[u8]>(&bytes).unwrap(), b"hi");
        assert_eq!(from_slice::<Bytes>(&bytes).unwrap(), "hi");
        assert_eq!(from_slice::<Value>(&bytes).unwrap(), "hi".into());
    }
    assert_eq!(plain::<Value>(&[0xa1, 0xff]).unwrap(), [0xff_u8].as_slice().into());
    assert_eq!(plain::<char>(&[0xa1, b'c']).unwrap(), 'c');
}

#[test]
fn texts_and_bytes_are_borrowed() {
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        text: &'a str,
        #[serde(borrow)]
        cow: Cow<'a, str>,
    }
    let source = ::bytes::Bytes::from_static(b"\x93\x92\xa1a\xa1b\xa1c\xa1d");
    let (both, text, bytes): (Borrowed<'_>, &str, &[u8]) = args(&source).unwrap();
    assert_eq!((both.text, text, bytes), ("a", "c", b"d".as_slice()));
    assert_eq!(both.text.as_ptr(), source[3..].as_ptr());
    assert_eq!(text.as_ptr(), source[7..].as_ptr());
    assert!(matches!(both.cow, Cow::Borrowed("b")));
}

#[test]
fn integers_of_any_width_are_read_within_range() {
    for bytes in [
        &[5][..],
        &[0xcc, 5],
        &[0xcd, 0, 5],
        &[0xce, 0, 0, 0, 5],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0xd0, 5],
        &[0xd1, 0, 5],
        &[0xd2, 0, 0, 0, 5],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 5],
    ] {
        assert_eq!((plain::<u8>(bytes), plain::<i64>(bytes)), (Ok(5), Ok(5)));
        assert_eq!(plain::<Value>(bytes), Ok(Value::UInt(5)));
    }
    assert_eq!(plain::<i8>(&[0xd1, 0xff, 0x80]), Ok(-128));
    assert_eq!(plain::<u64>(&[&[0xcf][..], &[0xff; 8]].concat()), Ok(u64::MAX));
    refused::<(u8,)>(&[0x91, 0xcd, 1, 0], "argument 1: expected u8, found integer `256` at byte 1");
    refused::<(u8,)>(&[0x91, 0xff], "argument 1: expected u8, found integer `-1` at byte 1");
    assert!(plain::<i128>(&[5]).is_err());
}

#[test]
fn nothing_is_coerced() {
    refused::<(f64,)>(&[0x91, 1], "argument 1: expected a float, found an integer at byte 1");
    refused::<(f32,)>(&[0x91, 0xff], "argument 1: expected a float, found a negative integer at byte 1");
    refused::<(u8, bool)>(&[0x92, 1, 1], "argument 2: expected a boolean, found an integer at byte 2");
    refused::<(u8,)>(&[0x91, 0xc3], "argument 1: expected an integer, found a boolean at byte 1");
    refused::<(String, String)>(
        &[0x92, 0xa1, b'x', 7],
        "argument 2: expected a text, found an integer at byte 3",
    );
    refused::<(Vec<u8>,)>(&[0x91, 0xa0], "argument 1: expected an array, found a text at byte 1");
    refused::<(Bytes,)>(&[0x91, 0x90], "argument 1: expected a text, found an array at byte 1");
    assert_eq!(plain::<f64>(&[0xca, 0x3f, 0x80, 0, 0]), Ok(1.0));
}

#[test]
fn invalid_utf8_is_escaped_in_arguments() {
    let source = ::bytes::Bytes::from_static(b"\x92\xa1\xe9\x92\xa1x\xa1\xff");
    let texts = EscapedTexts::default();
    let (args, _) = args_within::<(&str, Vec<&str>)>(&source, 1000, &texts).unwrap();
    assert_eq!(args, ("\u{10fee9}", vec!["x", "\u{10feff}"]));
    assert_eq!(list::<(String,)>(&source), Ok(("\u{10fee9}".into(),)));
    let mut encoded = encode::Encoded::default();
    encode::args(&args, &mut encoded).unwrap();
    assert_eq!(encoded.flatten(), source);
}

#[test]
fn escaped_texts_are_charged() {
    let mut source = b"\x91\xdb\0\0\x10\0".to_vec();
    source.resize(source.len() + 0x1000, 0xff);
    let (source, texts) = (source.into(), EscapedTexts::default());
    let charged = args_within::<&str>(&source, 1 << 20, &texts).unwrap().1;
    assert!(charged >= 4 * 0x1000, "{charged}");
    assert!(args_within::<&str>(&source, 1 << 10, &texts).unwrap_err().is_over_budget());
}

#[test]
fn invalid_utf8_is_refused_in_payloads() {
    let error = plain::<Vec<String>>(&[0x92, 0xa1, b'x', 0xa1, 0xff]).unwrap_err();
    assert_eq!(error, "expected a text, found bytes that are not UTF-8 at byte 3");
    let escape = encode::to_vec("\u{10fee9}").unwrap();
    assert_eq!(escape, "\u{a4}\u{10fee9}".as_bytes()[1..]);
}

#[test]
fn extra_arguments_are_ignored_but_must_be_values() {
    assert_eq!(list::<(u8,)>(b"\x93\x01\xa1x\x91\xc0"), Ok((1,)));
    assert_eq!(list::<u8>(b"\x92\x01\xa1x"), Ok(1));
    assert_eq!(list::<()>(b"\x92\x01\xa1x"), Ok(()));
    assert_eq!(list::<[u8; 1]>(b"\x92\x01\xa1x"), Ok([1]));
    assert_eq!(list::<IgnoredAny>(b"\x92\x01\xa1x").map(drop), Ok(()));
    refused::<(u8,)>(&[0x92, 1, 0xc1], "0xc1 starts no value at byte 2");
    refused::<(u8,)>(&[0x92, 1, 0xd4, 0, 0], "0xd4 starts no value at byte 2");
    refused::<()>(&[0x91], "the input ends at byte 1");
    refused::<(u8,)>(&[0x91, 1, 2], "1 bytes too many at byte 2");
    // Of a tuple within the list too.
    assert_eq!(list::<((u8, u8), u8)>(&[0x92, 0x93, 1, 2, 3, 4]), Ok(((1, 2), 4)));
    refused::<((u8, u8),)>(
        &[0x91, 0x91, 1],
        "argument 1: expected a tuple of size 2, found 1 elements at byte 1",
    );
}

#[test]
fn missing_argument_is_none_or_an_error() {
    type Two = (u8, Option<String>);
    assert_eq!(list::<Two>(&[0x91, 1]), Ok((1, None)));
    assert_eq!(list::<Two>(&[0x92, 1, 0xa0]), Ok((1, Some(String::new()))));
    assert_eq!(list::<(Option<u8>, Option<u8>)>(&[0x90]), Ok((None, None)));
    refused::<(u8, u8)>(&[0x91, 1], "argument 2 of 2 is missing");
    refused::<(u8, u8)>(&[0x90], "argument 1 of 2 is missing");
    refused::<u8>(&[0x90], "argument 1 of 1 is missing");
    refused::<((), u8)>(&[0x91, 0xc0], "argument 2 of 2 is missing");
    assert_eq!(list::<()>(&[0x90]), Ok(()));
    assert_eq!(list::<[u8; 0]>(&[0x90]), Ok([]));
}

#[test]
fn nil_is_refused_for_an_optional_argument() {
    refused::<(u8, Option<String>)>(&[0x92, 1, 0xc0], "argument 2: expected a text, found nil at byte 2");
    refused::<(Option<u8>,)>(&[0x91, 0xc0], "argument 1: expected an integer, found nil at byte 1");
    refused::<(Option<Vec<u8>>,)>(&[0x91, 0xc0], "argument 1: expected an array, found nil at byte 1");
    // But nil is a value of what may be anything, and of an option within an argument.
    assert_eq!(list::<(Option<Value>,)>(&[0x91, 0xc0]), Ok((Some(Value::Nil),)));
    assert_eq!(list::<(Option<Option<u8>>,)>(&[0x91, 0xc0]), Ok((Some(None),)));
    assert_eq!(list::<(Vec<Option<u8>>,)>(&[0x91, 0x92, 0xc0, 1]), Ok((vec![None, Some(1)],)));
    assert_eq!(list::<((u8, Option<u8>),)>(&[0x91, 0x92, 1, 0xc0]), Ok(((1, None),)));
    // What is no tuple is one plain argument.
    assert_eq!((list::<Option<u8>>(&[0x91, 0xc0]), list::<Option<u8>>(&[0x90])), (Ok(None), Ok(None)));
}

#[test]
fn long_tuple_is_decoded() {
    let long: [u8; 20] = std::array::from_fn(|index| u8::try_from(index).unwrap());
    assert_eq!(list::<[u8; 20]>(&[&[0xdc, 0, 20], &long[..]].concat()), Ok(long));
    assert_eq!(list::<[u8; 2]>(&[0xdd, 0, 0, 0, 2, 1, 2]), Ok([1, 2]));
}

#[test]
fn list_of_any_length_is_accepted() {
    struct All(Vec<Value>);
    impl<'de> Deserialize<'de> for All {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Each;
            impl<'de> serde::de::Visitor<'de> for Each {
                type Value = All;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("arguments")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<All, A::Error> {
                    let mut all = Vec::new();
                    while let Some(item) = items.next_element()? {
                        all.push(item);
                    }
                    Ok(All(all))
                }
            }
            deserializer.deserialize_tuple(ANY_LEN, Each)
        }
    }
    for values in [vec![], vec![Value::Nil], vec![1.into(), "x".into(), Value::Array(vec![])]] {
        let bytes = rmp_serde::to_vec(&values).unwrap();
        assert_eq!(list::<All>(&bytes).unwrap().0, values);
    }
}

#[test]
fn structs_and_enums_of_rmp_are_decoded() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Unit;
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Newtype(u8);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Fields {
        a: u8,
        b: Option<BTreeMap<String, f64>>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Unit,
        Newtype(Box<Kind>),
        Tuple(u8, u8),
        Struct { a: u8 },
    }
    let fields = Fields { a: 1, b: Some([("x".to_owned(), 0.5)].into()) };
    let nested = Kind::Newtype(Box::new(Kind::Newtype(Box::new(Kind::Unit))));
    let value =
        (Unit, Newtype(1), fields, nested, vec![Kind::Tuple(3, 4), Kind::Struct { a: 5 }, Kind::Unit]);
    let theirs = rmp_serde::to_vec(&value).unwrap();
    assert_eq!(plain(&theirs).as_ref(), Ok(&value));
    assert_eq!(list(&theirs).as_ref(), Ok(&value));
    let named = rmp_serde::to_vec_named(&value).unwrap();
    assert_eq!(plain(&named).as_ref(), Ok(&value));

    assert_eq!(plain::<Unit>(&[0xc0]), Ok(Unit));
    assert_eq!(plain::<Kind>(b"\x81\xa4Unit\xc0"), Ok(Kind::Unit));
    assert!(plain::<Kind>(b"\xa5Tuple").is_err());
    assert!(plain::<Kind>(b"\xa5Other").is_err());
    assert!(plain::<Kind>(b"\x82\xa4Unit\xc0\xa4Unit\xc0").is_err());
}

#[test]
fn ignored_value_is_skipped() {
    #[derive(Debug, PartialEq)]
    struct Blind;
    impl<'de> Deserialize<'de> for Blind {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    assert_eq!(list::<(Blind, u8)>(&[0x92, 0x91, 1, 2]), Ok((Blind, 2)));
    assert_eq!(list::<(Vec<Blind>, u8)>(&[0x92, 0x92, 0xc0, 0x90, 2]), Ok((vec![Blind, Blind], 2)));
    assert_eq!(list::<Blind>(&[0x92, 0x91, 1, 2]), Ok(Blind));
    assert!(list::<(Vec<Blind>,)>(&[0x91, 0xdd, 0xff, 0xff, 0xff, 0xff]).is_err());
}

#[test]
fn false_count_is_refused_without_allocating() {
    for bytes in [&[0xdd, 0xff, 0xff, 0xff, 0xff][..], &[0xdf, 0xff, 0xff, 0xff, 0xff, 1, 2]] {
        assert!(plain::<Value>(bytes).is_err());
        assert!(plain::<Vec<[u64; 32]>>(bytes).is_err());
        assert!(plain::<BTreeMap<u8, u8>>(bytes).is_err());
        assert!(plain::<IgnoredAny>(bytes).is_err());
    }
    assert!(plain::<Bytes>(&[0xdb, 0xff, 0xff, 0xff, 0xff, 0]).is_err());
}

#[test]
fn more_than_32_levels_are_refused() {
    let nested = |levels: usize| [vec![0x91; levels - 1], vec![0x90]].concat();
    assert!(plain::<Value>(&nested(32)).is_ok());
    assert!(plain::<Value>(&nested(33)).unwrap_err().starts_with("nested deeper than 32 levels"));
    assert!(plain::<IgnoredAny>(&nested(32)).is_ok());
    assert!(plain::<IgnoredAny>(&nested(33)).is_err());
    // The frame counts too.
    for (levels, fits) in [(31, true), (32, false)] {
        assert_eq!(list::<(Value,)>(&nested(levels)).is_ok(), fits);
        assert_eq!(list::<Value>(&nested(levels)).is_ok(), fits);
        assert_eq!(list::<()>(&nested(levels)).is_ok(), fits);
    }
}

#[test]
fn reader_reads_consecutive_values() {
    let mut reader = Reader::new(b"\x93\xc2\x50\xa2ab\x81\x01\x91\xc0\xc0");
    assert_eq!((reader.peek_marker(), reader.array_len().unwrap()), (Some(0x93), 3));
    assert!(!reader.bool().unwrap());
    assert_eq!((reader.uint().unwrap(), reader.raw().unwrap()), (0x50, b"ab".as_slice()));
    assert_eq!(reader.position(), 6);
    reader.skip_within(0).unwrap();
    reader.nil().unwrap();
    reader.end().unwrap();
    assert_eq!(reader.peek_marker(), None);
    assert_eq!(
        Reader::new(&[0xff]).uint().unwrap_err().to_string(),
        "expected an unsigned integer, found a negative integer at byte 0"
    );
    assert_eq!(
        Reader::new(&[0xcd, 1]).uint().unwrap_err().to_string(),
        "the input ends within the value at byte 0"
    );
}

#[test]
fn empty_list_is_nil_for_a_lone_value() {
    let empty = ::bytes::Bytes::from_static(&[0x90]);
    assert_eq!(args::<Value>(&empty).unwrap(), Value::Nil);
    assert_eq!(args::<String>(&empty).unwrap_err().to_string(), "argument 1 of 1 is missing");
}

/// Returns what the arguments `bytes` are charged as a `T`.
fn charge<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> usize {
    args_within::<T>(&::bytes::Bytes::copy_from_slice(bytes), 1 << 20, &EscapedTexts::default()).unwrap().1
}

/// What an allocation is charged beside its content.
const ALLOCATION: usize = 32;

#[test]
fn elements_are_charged_their_size_in_memory() {
    let nils = [&[0x91, 0xdc, 0x01, 0x00][..], &[0xc0; 256]].concat();
    let value = size_of::<Value>();
    assert_eq!(charge::<Value>(&nils), ALLOCATION + 256 * value, "an argument is no element");
    assert_eq!(charge::<(Value,)>(&nils), ALLOCATION + 256 * value);
    assert_eq!(charge::<Vec<(u64, u64)>>(b"\x91\x91\x92\x01\x02"), ALLOCATION + 16, "a tuple is in its list");
    assert_eq!(charge::<Vec<Option<u64>>>(&nils), ALLOCATION + 256 * 16);
    assert_eq!(charge::<Vec<()>>(&nils), ALLOCATION);
    assert_eq!(charge::<IgnoredAny>(&nils), 0);
    assert_eq!(charge::<()>(&nils), 0);
    // Entries are a key and a value each, and a list within a list is an allocation.
    assert_eq!(charge::<Value>(b"\x91\x81\x01\x91\x02"), 2 * ALLOCATION + 3 * value);
    assert_eq!(charge::<Value>(b"\x91\x91\x90"), ALLOCATION + value, "an empty list allocates nothing");
}

#[test]
fn copied_texts_are_charged_their_length() {
    assert_eq!(charge::<String>(b"\x91\xa3abc"), ALLOCATION + 3);
    assert_eq!(charge::<Bytes>(b"\x91\xa3abc"), ALLOCATION + 3);
    assert_eq!(charge::<Value>(b"\x91\xa3abc"), ALLOCATION + 3);
    let borrowed = ::bytes::Bytes::from_static(b"\x91\xa3abc");
    assert_eq!(args_within::<&str>(&borrowed, 0, &EscapedTexts::default()).unwrap(), ("abc", 0));
    assert_eq!(charge::<String>(b"\x91\xa0"), 0);
    let large = [&[0x91, 0xda, 0x10, 0x00][..], &[b'x'; 4096]].concat();
    assert_eq!(charge::<Bytes>(&large), ALLOCATION, "a slice of what was received");
}

#[test]
fn value_beyond_budget_names_the_limit() {
    let nils = [&[0xdc, 0x01, 0x00][..], &[0xc0; 256]].concat();
    let needed = ALLOCATION + 256 * size_of::<Value>() - nils.len();
    assert!(from_slice_within::<Value>(&nils, needed).is_ok());
    let error = from_slice_within::<Value>(&nils, needed - 1).unwrap_err();
    assert!(error.is_over_budget());
    let limit = needed - 1;
    assert_eq!(
        error.to_string(),
        format!(
            "the value takes more than {limit} bytes of memory beyond its encoding (max_decoded_bytes) at byte 0"
        )
    );
    assert!(!from_slice_within::<u8>(&nils, 0).unwrap_err().is_over_budget());
}

#[test]
fn typed_numbers_need_no_more_than_their_encoding() {
    let floats = [&[0xdc, 0x01, 0x00][..], &[0xcb, 0, 0, 0, 0, 0, 0, 0, 0].repeat(256)].concat();
    assert_eq!(from_slice_within::<Vec<f64>>(&floats, 0).unwrap(), [0.0; 256]);
    let bytes = [&[0xdc, 0x01, 0x00][..], &[7; 256]].concat();
    assert!(from_slice_within::<Vec<u8>>(&bytes, 32).is_ok());
}
