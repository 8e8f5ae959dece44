//! Damaged files are refused or partly usable, and never cause a panic.

use super::{super::coordinates::Coordinates, *};

/// Makes every kind of query if the file can be loaded.
fn query_everything(file: Vec<u8>) {
    let Ok(index) = RegionIndex::new(file) else { return };
    for address in
        ["192.0.2.1", "198.51.100.80", "203.0.113.255", "2001:db8:c000::1", "::", "255.255.255.255"]
    {
        let address = address.parse().unwrap();
        if let Some(at) = index.find_by_address(address) {
            assert_eq!(index.tree.parents(at).last(), Some(0));
        }
        let record = index.record(address);
        let location = record.and_then(|record| record.location);
        let _ = location.map(|location| (location.coordinates(), location.radius()));
    }
    for at in index.tree.subtree(0) {
        let _ = (index.tree.names(at).count(), index.tree.zone(at), index.tree.children(at).count());
    }
    let _ = (index.named("m", 10), index.leaves.nearest(Coordinates::new(1.0, 2.0).unwrap()));
}

#[test]
fn truncated_files_are_refused_or_usable() {
    let file = super::super::sample::database();
    for length in (0..file.len()).step_by(7) {
        assert!(RegionIndex::new(file[..length].to_vec()).is_err(), "{length}");
    }
    // The tree and the values are cut, and the description stays.
    let marker = file.windows(14).position(|window| window == b"\xab\xcd\xefMaxMind.com").unwrap();
    for length in (0..marker).step_by(29) {
        query_everything([&file[..length], &file[marker..]].concat());
    }
}

#[test]
fn corrupt_bytes_never_panic() {
    let file = super::super::sample::database();
    for (at, wrong) in (0..file.len()).step_by(3).zip([0x00, 0xff, 0x7f, 0x20, 0xe0].into_iter().cycle()) {
        let mut file = file.clone();
        file[at] ^= wrong;
        query_everything(file);
    }
}

#[test]
fn other_files_are_refused() {
    let texts = [
        &b""[..],
        b"\x7fELF",
        b"\xab\xcd\xefMaxMind.com",
        b"\xab\xcd\xefMaxMind.com\xe0",
        &[0xab; 10_000],
        &[0; 10_000],
    ];
    for text in texts {
        let error = RegionIndex::new(text.to_vec()).unwrap_err().to_string();
        assert!(
            error.starts_with("it is not a database in the format of MaxMind, or it is damaged: "),
            "{error}"
        );
    }
}

/// Both branches of each node lead to the next one: the number of paths doubles with each node.
#[test]
fn cyclic_tree_is_refused_without_walk() {
    let mut file = database(&[TestNetwork { networks: &["::/128"], ..TestNetwork::default() }]);
    let nodes = 128;
    for node in 0..nodes {
        let next = u32::try_from(if node + 1 < nodes { node + 1 } else { nodes }).unwrap().to_be_bytes();
        file[node * 6..node * 6 + 6].copy_from_slice(&[&next[1..], &next[1..]].concat());
    }
    assert!(matches!(RegionIndex::new(file).unwrap_err(), LoadError::NotATree));
}
