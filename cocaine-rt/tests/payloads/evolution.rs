//! Fields that are skipped, missing, unknown, renamed or in another order.

use cocaine::{ErrorKind, msgpack};
use serde::{Deserialize, Serialize};

use crate::types::{Link, Shape};

/// A [`Link`] as it was before, and as it may be later.
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Moved {
    note: Option<String>,
    ttl: Option<u32>,
    #[serde(rename = "target", alias = "url")]
    address: String,
    slug: String,
}

#[test]
fn skipped_field_moves_no_other() {
    #[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
    struct Skips {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        soft: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hard: Option<u32>,
        #[serde(default, skip_serializing)]
        secret: u32,
        #[serde(skip_deserializing)]
        computed: u32,
        #[serde(skip)]
        cache: u32,
        id: u32,
    }
    let value = Skips { hard: Some(5), id: 7, ..Skips::default() };
    let bytes = msgpack::to_vec(&value).unwrap();
    assert_eq!(bytes, b"\x83\xa4hard\x05\xa8computed\x00\xa2id\x07");
    assert_eq!(msgpack::from_slice::<Skips>(&bytes).unwrap(), value);
}

#[test]
fn skipped_field_of_variant_moves_no_other() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Window {
        Box {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            width: Option<u32>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            height: Option<u32>,
        },
    }
    let value = Window::Box { width: None, height: Some(5) };
    let bytes = msgpack::to_vec(&value).unwrap();
    assert_eq!(bytes, b"\x81\xa3Box\x81\xa6height\x05");
    assert_eq!(msgpack::from_slice::<Window>(&bytes).unwrap(), value);
}

#[test]
fn fields_are_matched_by_name() {
    let link = Link { ttl: Some(60), tags: vec!["unknown to the other".to_owned()], ..Link::new("s", "t") };
    let moved: Moved = msgpack::from_slice(&msgpack::to_vec(&link).unwrap()).unwrap();
    let expected = Moved { note: None, ttl: Some(60), address: "t".to_owned(), slug: "s".to_owned() };
    assert_eq!(moved, expected);
    let back: Link = msgpack::from_slice(&msgpack::to_vec(&moved).unwrap()).unwrap();
    assert_eq!(back, Link { tags: vec![], ..link });
    assert_eq!(msgpack::from_slice::<Moved>(b"\x81\xa3url\xa1t").unwrap().address, "t");
}

#[test]
fn missing_field_without_default_is_named() {
    let error = msgpack::from_slice::<Link>(b"\x81\xa4slug\xa1s").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{error}");
    assert!(error.to_string().contains("missing field `target`"), "{error}");
}

#[test]
fn fields_by_position_are_still_read() {
    let all = Link { ttl: Some(60), tags: vec!["a".to_owned()], ..Link::new("s", "t") };
    let former = rmp_serde::to_vec(&all).unwrap();
    assert_eq!(former[0], 0x94, "an array");
    assert_eq!(msgpack::from_slice::<Link>(&former).unwrap(), all);
    let short = msgpack::from_slice::<Link>(b"\x92\xa1s\xa1t").unwrap();
    assert_eq!(short, Link::new("s", "t"), "what is missing at the end has its default");
    let long = msgpack::from_slice::<Link>(b"\x95\xa1s\xa1t\x3c\x91\xa1a\xc3").unwrap();
    assert_eq!(long, all, "what is beyond the end is skipped");
    for bytes in [
        &b"\x81\xa4Rect\x92\xcb\x3f\xf8\0\0\0\0\0\0\x02"[..],
        b"\x81\xa4Rect\x82\xa5width\xca\x3f\xc0\0\0\xa6height\x02",
    ] {
        assert_eq!(msgpack::from_slice::<Shape>(bytes).unwrap(), Shape::Rect { width: 1.5, height: 2.0 });
    }
}

#[test]
fn struct_of_many_fields_has_a_long_head() {
    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Many {
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u8>,
        #[serde(flatten)]
        rest: std::collections::BTreeMap<String, u8>,
    }
    for len in [15_u8, 16, 200] {
        let value = Many { absent: None, rest: (0..len).map(|key| (format!("{key:03}"), key)).collect() };
        let bytes = msgpack::to_vec(&value).unwrap();
        assert_eq!(bytes[0], if len < 16 { 0x8f } else { 0xde }, "{len}");
        assert_eq!(msgpack::from_slice::<Many>(&bytes).unwrap(), value);
    }
}
