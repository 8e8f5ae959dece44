use proptest::{collection::vec, prelude::*};

use super::{FrameBounds, ScanError, Scanner};
use crate::{
    protocol::msgpack,
    wire::value::{Value, tests::any_value},
};

const LIMIT: usize = 1 << 20;

fn whole(bytes: &[u8]) -> Result<Option<FrameBounds>, ScanError> {
    Scanner::new(LIMIT).frame(bytes)
}

/// Scans with `step` more bytes at a time.
fn chunked(bytes: &[u8], step: usize) -> Result<Option<FrameBounds>, ScanError> {
    let mut scanner = Scanner::new(LIMIT);
    let mut result = Ok(None);
    let mut end = 0;
    while end < bytes.len() && result == Ok(None) {
        end = (end + step).min(bytes.len());
        result = scanner.frame(&bytes[..end]);
    }
    result
}

/// Scans a stream with `step` more bytes at a time and skips what is longer than `limit`, as a connection does. Returns what
/// was found of each frame, how much of it was skipped, and its headers.
fn scan_skipping(stream: &[u8], limit: usize, step: usize) -> Vec<(FrameBounds, usize, Option<Vec<u8>>)> {
    let (mut scanner, mut unread, mut found) = (Scanner::new(limit), Vec::new(), Vec::new());
    for chunk in stream.chunks(step) {
        unread.extend_from_slice(chunk);
        loop {
            match scanner.frame(&unread) {
                Ok(Some(bounds)) => {
                    let headers = bounds.headers.clone().map(|at| unread[at].to_vec());
                    unread.drain(..bounds.len);
                    found.push((bounds, scanner.take_skipped(), headers));
                }
                Ok(None) => match scanner.discard(unread.len()) {
                    0 => break,
                    count => drop(unread.drain(..count)),
                },
                Err(error) => assert!(scanner.skip_args(), "{error}"),
            }
        }
        assert!(unread.len() < limit + step, "{} bytes are kept", unread.len());
    }
    assert!(unread.is_empty());
    found
}

fn any_frame() -> impl Strategy<Value = Vec<Value>> {
    let list = || vec(any_value(), 0..5).prop_map(Value::Array);
    (any::<u64>(), 0_u64..70_000, list(), list(), vec(any_value(), 0..3), 0..3).prop_map(
        |(channel, kind, args, headers, more, form)| {
            let mut frame = vec![channel.into(), kind.into(), args];
            if form > 0 {
                frame.push(headers);
            }
            if form > 1 {
                frame.extend(more);
            }
            frame
        },
    )
}

/// A list of what most messages hold: integers, texts, flags, and lists of those.
fn usual_args() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-200_i64..70_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "[a-z]{0,40}".prop_map(Value::from),
    ];
    let item = leaf.prop_recursive(3, 12, 4, |inner| vec(inner, 0..4).prop_map(Value::Array));
    vec(item, 0..5).prop_map(Value::Array)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn frame_is_found_at_its_last_byte(frame in any_frame(), step in 1_usize..40) {
        let bytes = msgpack::to_vec(&frame).unwrap();
        let found = whole(&bytes).unwrap().unwrap();
        prop_assert_eq!(found.len, bytes.len());
        prop_assert_eq!(Some(found.channel), frame[0].as_u64());
        prop_assert_eq!(Some(found.kind), frame[1].as_u64());
        prop_assert_eq!(&msgpack::from_slice::<Value>(&bytes[found.args.clone()]).unwrap(), &frame[2]);
        let headers = found.headers.clone().map(|at| msgpack::from_slice::<Value>(&bytes[at]).unwrap());
        prop_assert_eq!(headers.as_ref(), frame.get(3));

        for end in (0..bytes.len()).step_by(1 + bytes.len() / 200) {
            prop_assert_eq!(whole(&bytes[..end]), Ok(None));
        }
        prop_assert_eq!(chunked(&bytes, 1).unwrap().unwrap(), found.clone());
        prop_assert_eq!(chunked(&bytes, step).unwrap().unwrap(), found);
    }

    #[test]
    fn fast_path_agrees_with_scanner(
        channel in 0_u64..100_000, kind in 0_u64..3, args in usual_args(), headers in usual_args(),
        more in vec(any::<u8>(), 0..40),
    ) {
        for frame in [vec![channel.into(), kind.into(), args.clone()], vec![channel.into(), kind.into(), args, headers]] {
            let mut bytes = msgpack::to_vec(&frame).unwrap();
            let expected = chunked(&bytes, 1).unwrap();
            prop_assert!(expected.is_some());
            bytes.extend_from_slice(&more);
            prop_assert_eq!(super::common_frame(&bytes), expected);
        }
    }

    #[test]
    fn consecutive_frames_are_found(frames in vec(any_frame(), 1..4)) {
        let encoded: Vec<_> = frames.iter().map(|frame| msgpack::to_vec(frame).unwrap()).collect();
        let stream = encoded.concat();
        let (mut scanner, mut unread) = (Scanner::new(LIMIT), &stream[..]);
        for bytes in encoded {
            let found = scanner.frame(unread).unwrap().unwrap();
            prop_assert_eq!(&unread[..found.len], &bytes[..]);
            prop_assert_eq!(found, whole(&bytes).unwrap().unwrap());
            unread = &unread[bytes.len()..];
        }
        prop_assert_eq!(scanner.frame(unread), Ok(None));
    }

    #[test]
    fn oversized_frame_is_skipped_in_any_chunks(
        args in vec(any_value(), 1..30), headers in usual_args(), more in vec(any_value(), 0..2),
        form in 0..3, step in 1_usize..300,
    ) {
        let headers_len = msgpack::to_vec(&headers).unwrap().len();
        let mut frame = vec![7.into(), 2.into(), Value::Array(args.clone())];
        if form > 0 {
            frame.push(headers);
        }
        if form > 1 {
            frame.extend(more);
        }
        let (bytes, args_len) = (msgpack::to_vec(&frame).unwrap(), msgpack::to_vec(&args).unwrap().len());
        let rest = bytes.len() - 3 - args_len;
        let next = msgpack::to_vec(&(8, 0, [1])).unwrap();
        // The least that leaves room for all but the arguments, and less than these take.
        let limit = (rest + 8).max(headers_len + 8);
        prop_assume!(args_len > limit);
        let found = scan_skipping(&[bytes.clone(), next].concat(), limit, step);
        prop_assert_eq!(found.len(), 2);
        let (bounds, skipped, headers) = &found[0];
        prop_assert_eq!((bounds.channel, bounds.kind, bounds.args.is_empty()), (7, 2, true));
        prop_assert_eq!((skipped + bounds.len, *skipped), (bytes.len(), 3 + args_len));
        let expected = frame.get(3).map(|headers| msgpack::to_vec(headers).unwrap());
        prop_assert_eq!(headers, &expected);
        let (bounds, skipped, _) = &found[1];
        prop_assert_eq!((bounds.channel, bounds.args.clone(), *skipped), (8, 3..5, 0));
    }

    #[test]
    fn arbitrary_bytes_scan_alike_in_any_chunks(bytes in vec(any::<u8>(), 0..200), step in 1_usize..20) {
        prop_assert_eq!(chunked(&bytes, step), whole(&bytes));
    }

    #[test]
    fn damaged_frame_scans_alike_in_any_chunks(
        frame in any_frame(), at in any::<prop::sample::Index>(), byte in any::<u8>(), step in 1_usize..20,
    ) {
        let mut bytes = msgpack::to_vec(&frame).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert_eq!(chunked(&bytes, step), whole(&bytes));
    }
}

#[test]
fn examples_of_specification_are_frames() {
    let request = test_support::hex::decode("93 01 00 91 a7 73 74 6f 72 61 67 65");
    let found = whole(&request).unwrap().unwrap();
    assert_eq!(found, FrameBounds { len: 12, args: 3..12, headers: None, channel: 1, kind: 0 });

    let seeded = test_support::hex::decode("94 01 00 92 a7 73 74 6f 72 61 67 65 a7 75 73 65 72 2d 34 32 90");
    let found = whole(&seeded).unwrap().unwrap();
    assert_eq!(found, FrameBounds { len: 21, args: 3..20, headers: Some(20..21), channel: 1, kind: 0 });

    let revoke = test_support::hex::decode("93 06 cd ff ff 92 04 92 07 04");
    let found = whole(&revoke).unwrap().unwrap();
    assert_eq!(found, FrameBounds { len: 10, args: 5..10, headers: None, channel: 6, kind: 65535 });
}

#[test]
fn integers_of_any_width_are_ids() {
    for (id, value) in [
        ("d0 05", 5),
        ("d1 00 05", 5),
        ("d2 00 00 00 05", 5),
        ("d3 00 00 00 00 00 00 00 05", 5),
        ("cf 00 00 00 00 00 00 00 05", 5),
        ("cf ff ff ff ff ff ff ff ff", u64::MAX),
    ] {
        let found = whole(&test_support::hex::decode(&format!("dc 00 03 {id} {id} dd 00 00 00 00")))
            .unwrap()
            .unwrap();
        assert_eq!((found.channel, found.kind), (value, value), "{id}");
    }
}

#[test]
fn value_that_is_not_a_frame_is_refused() {
    for text in [
        "92 01 00",
        "90",
        "01",
        "c0",
        "a1 78",
        "80",
        "93 ff",
        "93 01 ff",
        "93 d0 80",
        "93 a1 78",
        "93 c0",
        "93 01 90",
        "93 01 cb 00 00 00 00 00 00 00 00",
        "93 01 00 c0",
        "93 01 00 80",
        "93 01 00 a0",
        "94 01 00 90 c0",
        "94 01 00 90 80",
    ] {
        assert!(matches!(whole(&test_support::hex::decode(text)), Err(ScanError::Shape(_))), "{text}");
    }
}

#[test]
fn invalid_marker_is_refused() {
    for marker in (0xd4..=0xd8).chain([0xc1, 0xc7, 0xc8, 0xc9]) {
        assert_eq!(whole(&[0x93, 1, 0, 0x91, marker]), Err(ScanError::Parse(marker)));
        assert_eq!(whole(&[marker]), Err(ScanError::Parse(marker)));
    }
}

#[test]
fn empty_container_at_level_33_is_too_deep() {
    let nested = |levels: usize| [vec![0x93, 1, 0], vec![0x91; levels - 2], vec![0x90]].concat();
    assert_eq!(whole(&nested(32)).unwrap().unwrap().len, 34);
    assert_eq!(whole(&nested(33)), Err(ScanError::TooDeep));
    let maps = [vec![0x93, 1, 0, 0x91], [0x81, 0xa0].repeat(29), vec![0x80]].concat();
    assert_eq!(whole(&maps).unwrap().unwrap().len, maps.len());
    let maps = [vec![0x93, 1, 0, 0x91], [0x81, 0xa0].repeat(30), vec![0x80]].concat();
    assert_eq!(whole(&maps), Err(ScanError::TooDeep));
}

#[test]
fn length_above_limit_is_refused_at_once() {
    for (text, fits) in [
        ("93 01 00 91 db 00 00 00 0b", true),
        ("93 01 00 91 db 00 00 00 0c", false),
        ("93 01 00 dc 00 0e", true),
        ("93 01 00 dc 00 0f", false),
        ("93 01 00 91 de 00 06", true),
        ("93 01 00 91 de 00 07", false),
        ("93 01 00 91 df ff ff ff ff", false),
        ("dd ff ff ff ff", false),
    ] {
        let found = Scanner::new(20).frame(&test_support::hex::decode(text));
        assert_eq!(found, if fits { Ok(None) } else { Err(ScanError::TooLarge(20)) }, "{text}");
    }
}

#[test]
fn frame_of_limit_length_is_accepted() {
    let frame = test_support::hex::decode("93 01 00 92 a3 61 62 63 cd 01 00");
    assert!(Scanner::new(11).frame(&frame).unwrap().is_some());
    assert_eq!(Scanner::new(10).frame(&frame), Err(ScanError::TooLarge(10)));
}

#[test]
fn only_arguments_can_be_skipped() {
    for text in ["dd ff ff ff ff", "93 cf", "94 01 00 90 dd 00 00 00 ff"] {
        let (bytes, mut scanner) = (test_support::hex::decode(text), Scanner::new(8));
        assert_eq!(scanner.frame(&bytes), Err(ScanError::TooLarge(8)), "{text}");
        assert!(!scanner.skip_args(), "{text}");
    }
    // Headers that are too long are not skipped together with the arguments before them.
    let mut scanner = Scanner::new(8);
    let frame = test_support::hex::decode("94 01 00 91 c4 06 00 00 00 00 00 00 91 c4 09");
    assert_eq!(scanner.frame(&frame), Err(ScanError::TooLarge(8)));
    assert!(scanner.skip_args());
    assert_eq!(scanner.frame(&frame), Ok(None));
    assert_eq!(scanner.discard(frame.len()), 12);
    assert_eq!(scanner.frame(&frame[12..]), Err(ScanError::TooLarge(8)));
    assert!(!scanner.skip_args());
}
