use std::collections::BTreeMap;

use cocaine::{Value, msgpack};
use test_support::recording::Recording;

use super::{Continuum, GroupError, RoutingGroups, RoutingTable, parse_weights};

fn group(members: &[(&str, u32)]) -> BTreeMap<String, u32> {
    members.iter().map(|(member, weight)| ((*member).to_owned(), *weight)).collect()
}

fn ring(members: &[(&str, u32)]) -> Continuum {
    Continuum::new(&group(members)).unwrap()
}

fn blob(members: &[(&str, u32)]) -> Vec<u8> {
    msgpack::to_vec(&group(members)).unwrap()
}

#[test]
fn specification_vectors_hold() {
    let half = ring(&[("app_v1", 50), ("app_v2", 50)]);
    assert_eq!(half.points().len(), 512);
    assert_eq!(half.points().next(), Some((10_939_163, "app_v2")));
    assert_eq!(half.member_for_seed("user-42"), "app_v1");
    assert_eq!(half.member_for_seed("user-43"), "app_v2");
    assert_eq!(half.member_for_seed("alice"), "app_v1");
    let owner = |point: u32| half.points().find(|(owned, _)| *owned == point).map(|(_, member)| member);
    assert_eq!(owner(1_335_443_980), Some("app_v1"), "the point of user-42");
    assert_eq!(owner(442_626_601), Some("app_v2"), "the point of user-43");
    assert_eq!(owner(2_013_004_988), Some("app_v1"), "the point of alice");
    let quarter = ring(&[("app_v1", 1), ("app_v2", 3)]);
    assert_eq!(quarter.points().len(), 512);
    assert_eq!(quarter.points().filter(|(_, member)| *member == "app_v1").count(), 128);
}

#[test]
fn owner_is_next_point_with_wraparound() {
    let half = ring(&[("app_v1", 50), ("app_v2", 50)]);
    let points: Vec<_> = half.points().collect();
    for pair in points.windows(2) {
        assert_eq!(half.owner_after(pair[0].0), pair[1].1, "strictly above {}", pair[0].0);
        assert_eq!(half.owner_after(pair[1].0 - 1), pair[1].1);
    }
    assert_eq!(half.owner_after(u32::MAX), points[0].1);
    assert_eq!(half.owner_after(0), points[0].1);
}

/// Returns the recorded tables of a router.
fn recorded() -> Vec<Value> {
    let events = Recording::read("locator/routing_updates").events;
    let sent = events.iter().filter(|event| event.dir == "s2c").flat_map(|event| event.frames());
    let frames = sent.map(|bytes| msgpack::from_slice::<Value>(&bytes).unwrap());
    frames.map(|frame| frame.as_array().unwrap()[2].as_array().unwrap()[0].clone()).collect()
}

#[test]
fn table_equals_recorded_bytes() {
    let recorded = recorded();
    let stored = [0x82, 0xa7, b's', b't', b'o', b'r', b'a', b'g', b'e', 10, 0xa7]
        .into_iter()
        .chain(*b"logging\0")
        .collect::<Vec<u8>>();
    let groups = RoutingGroups::default();
    let full = groups.reload(&["mygroup"], |_| Ok(Some(&stored))).unwrap();
    let empty = full.reload(&["mygroup"], |_| Ok(None::<&[u8]>)).unwrap();
    let tables: Vec<_> =
        [groups, full, empty].iter().map(|groups| msgpack::to_vec(&groups.table()).unwrap()).collect();
    let expected: Vec<_> = recorded.iter().map(|table| msgpack::to_vec(table).unwrap()).collect();
    assert_eq!(recorded.len(), 3);
    assert!(expected[1].len() > 512 * 8);
    assert!(tables == expected);
}

#[test]
fn weights_share_the_ring() {
    let count = |ring: &Continuum, name| ring.points().filter(|(_, member)| *member == name).count();
    let thirds = ring(&[("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(["a", "b", "c"].map(|name| count(&thirds, name)), [256; 3]);
    // 192 * 2/7 = 54.86 and 192 * 3/7 = 82.29: steps are rounded each for itself.
    let sevenths = ring(&[("a", 2), ("b", 2), ("c", 3)]);
    assert_eq!(["a", "b", "c"].map(|name| count(&sevenths, name)), [220, 220, 328]);
    // 128 * 1/256 = 0.5 is rounded up.
    assert_eq!(count(&ring(&[("a", 1), ("b", 255)]), "a"), 4);
    assert_eq!(count(&ring(&[("a", 1), ("b", 256)]), "a"), 0);
    assert_eq!(ring(&[("a", u32::MAX), ("b", u32::MAX)]).points().len(), 512);
}

#[test]
fn random_members_follow_the_weights() {
    fastrand::seed(5);
    let ring = ring(&[("light", 1), ("heavy", 3)]);
    let light: u32 = ring
        .points()
        .scan(0, |last, (point, member)| {
            let length = point - *last;
            *last = point;
            Some(if member == "light" { length } else { 0 })
        })
        .sum();
    let share = f64::from(light) / f64::from(u32::MAX);
    let drawn_members = (0..20_000).filter(|_| ring.random_member() == "light").count();
    let found = f64::from(u32::try_from(drawn_members).unwrap()) / 20_000.0;
    assert!((found - share).abs() < 0.02, "{found} of the draws, {share} of the ring");
}

#[test]
fn only_groups_resolve_to_members() {
    let mut groups = RoutingGroups::default();
    groups.insert("app", &blob(&[("app_v1", 50), ("app_v2", 50)])).unwrap();
    assert_eq!(groups.resolve("app", Some("user-42")), "app_v1");
    assert_eq!(groups.resolve("app", Some("user-43")), "app_v2");
    assert_eq!(groups.resolve("other", Some("user-43")), "other");
    let drawn_members: std::collections::BTreeSet<_> =
        (0..200).map(|_| groups.resolve("app", Some(""))).collect();
    assert_eq!(drawn_members.len(), 2, "an empty seed is none");
}

#[test]
fn refresh_is_atomic_and_touches_named_groups() {
    let stored: BTreeMap<&str, Vec<u8>> =
        [("a", blob(&[("x", 1)])), ("b", blob(&[("y", 1)])), ("bad", vec![0xc1])].into();
    let load = |name: &str| Ok(stored.get(name));
    let none = RoutingGroups::default();
    let names = |groups: &RoutingGroups| groups.table().into_keys().collect::<Vec<_>>();
    let a = none.reload(&["a"], load).unwrap();
    assert_eq!(names(&a), ["a"]);
    assert_eq!(names(&a.reload(&["b", "gone"], load).unwrap()), ["a", "b"]);
    assert_eq!(names(&a.reload(&["a"], |_| Ok(None::<&[u8]>)).unwrap()), [""; 0]);
    assert_eq!(names(&a.reload(&[""; 0], load).unwrap()), ["a"]);
    assert_eq!(a.reload(&["b", "bad"], load).unwrap_err(), GroupError::Malformed);
    let failing = |_: &str| Err::<Option<&[u8]>, _>(GroupError::Unavailable);
    assert_eq!(a.reload(&["a"], failing).unwrap_err(), GroupError::Unavailable);
    assert_eq!(names(&a), ["a"]);
}

#[test]
fn weights_are_parsed_like_the_original() {
    let read = |bytes: &[u8]| parse_weights(bytes);
    assert_eq!(read(b"\x82\xa1a\x01\xa1b\xce\xff\xff\xff\xff"), Ok(group(&[("a", 1), ("b", u32::MAX)])));
    assert_eq!(read(b"\x81\xa1a\xd2\x00\x00\x00\x07"), Ok(group(&[("a", 7)])), "a signed width");
    assert_eq!(read(b"\x82\xa1a\x01\xa1a\x02"), Ok(group(&[("a", 1)])), "the first counts");
    assert_eq!(read(b"\x81\xa1a\x01trailing"), Ok(group(&[("a", 1)])));
    assert_eq!(read(b"\x80"), Ok(group(&[])));
    for truncated in [&b""[..], b"\x81", b"\x81\xa1", b"\x81\xa1a", b"\x81\xa1a\xcd\x01", b"\x91\x92\x01"] {
        assert_eq!(read(truncated), Err(GroupError::Truncated), "{truncated:?}");
    }
    for unreadable in [&b"\xc1"[..], b"\x81\xa1a\xc1", b"\x92\x01\xc1"] {
        assert_eq!(read(unreadable), Err(GroupError::Malformed), "{unreadable:?}");
    }
    let shapes = [
        &b"\xc0"[..],
        b"\x01",
        b"\xa1a",
        b"\x90",
        b"\x92\xa1a\x01",
        b"\x81\x01\x01",
        b"\x81\xa1a\xff",
        b"\x81\xa1a\xc0",
        b"\x81\xa1a\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
        b"\x81\xa1a\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x81\xa1a\xc3",
        b"\x81\xa1\xff\x01",
        b"\x81\xa1a\x81\xa1b\x01",
    ];
    for misshapen in shapes {
        assert_eq!(read(misshapen), Err(GroupError::WrongType), "{misshapen:?}");
    }
}

#[test]
fn unusable_groups_are_refused() {
    assert_eq!(Continuum::new(&group(&[])), Err(GroupError::Unavailable));
    assert_eq!(Continuum::new(&group(&[("a", 0), ("b", 0)])), Err(GroupError::Unavailable));
    let crowd: BTreeMap<String, u32> = (0..4097).map(|number| (number.to_string(), 1)).collect();
    assert_eq!(Continuum::new(&crowd), Err(GroupError::Unavailable));
    assert_eq!(GroupError::Unavailable.to_string(), "routing storage is unavailable");
    assert_eq!(RoutingGroups::default().table(), RoutingTable::new());
}
