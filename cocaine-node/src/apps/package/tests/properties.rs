//! Arbitrary archives.

use super::*;

/// Entries that collide, and links to anywhere.
fn any_entry() -> impl Strategy<Value = (u8, String, String)> {
    let part = prop::sample::select(vec!["a", "b", "c", "a", "b", "..", "."]);
    let path = |longest| prop::collection::vec(part.clone(), 1..longest).prop_map(|parts| parts.join("/"));
    (0..4_u8, path(4), path(6))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_archive_writes_outside_its_folder(entries in prop::collection::vec(any_entry(), 1..12)) {
        let spool = Spool::new();
        for name in ["a", "b", "c"] {
            fs::write(spool.0.path().join(name), "outside").unwrap();
        }
        // Skip refused entries, so that the archives grow.
        let mut archive = Archive::default();
        for (kind, name, target) in &entries {
            let before = archive.0.len();
            archive = match kind {
                0 => archive.folder(name),
                1 => archive.file(name, "inside"),
                2 => archive.symlink(name, target),
                _ => archive.link(name, target),
            };
            if spool.unpack(Archive(archive.0.clone())).is_err() {
                archive.0.truncate(before);
            }
        }
        spool.unpack(archive).unwrap();
        for name in ["a", "b", "c"] {
            let path = spool.0.path().join(name);
            prop_assert_eq!(fs::read_to_string(&path).unwrap(), "outside");
            prop_assert_eq!(path.metadata().unwrap().nlink(), 1);
        }
        prop_assert_eq!(fs::read_dir(spool.0.path()).unwrap().count(), 4);
    }
}
