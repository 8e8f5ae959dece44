use std::os::unix::fs::MetadataExt;

use cocaine::{ErrorKind, Value};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;

/// A builder of archives, also with entries that no sane tool would write.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn entry(mut self, kind: EntryType, name: &str, link: &str, data: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_mtime(1_000_000_000);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.block(header.as_bytes());
        self.block(data);
        self
    }

    fn block(&mut self, data: &[u8]) {
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    fn file(self, name: &str, data: &str) -> Self {
        self.entry(EntryType::Regular, name, "", data.as_bytes())
    }

    fn folder(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name, "", b"")
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, b"")
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, b"")
    }

    fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// A folder for the package of an app, inside a temporary one.
struct Spool(TempDir);

impl Spool {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn app(&self) -> std::path::PathBuf {
        self.0.path().join("app")
    }

    fn unpack_bytes(&self, archive: &[u8], limits: ArchiveLimits) -> Result<()> {
        unpack(&msgpack::to_vec(&Value::from(archive)).unwrap(), &self.app(), limits)
    }

    fn unpack(&self, archive: Archive) -> Result<()> {
        self.unpack_bytes(&archive.end(), ArchiveLimits::default())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.app().join(name)).unwrap()
    }

    /// Returns the error's numbers and text, and checks that nothing was left behind.
    fn expect_error(&self, result: Result<()>) -> (i64, i64, String) {
        assert_eq!(fs::read_dir(self.0.path()).unwrap().count(), 0, "something was left behind");
        match result.unwrap_err().kind() {
            ErrorKind::Service { code, message } => (code.category.0, code.code, message.clone()),
            other => panic!("{other}"),
        }
    }
}

fn assert_refused(archive: Archive, reason: &str) {
    let spool = Spool::new();
    let (category, code, text) = spool.expect_error(spool.unpack(archive));
    assert_eq!((category, code, text), (12, 22, format!("the archive's entry {reason}: Invalid argument")));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    io::Write::write_all(&mut encoder, bytes).unwrap();
    encoder.finish().unwrap()
}

fn sample() -> Archive {
    let archive = Archive::default().folder("./").file("./app.sh", "#!/bin/sh\n").folder("lib/");
    let archive = archive.file("lib/deep/er/code", "code").symlink("lib/deep/up", "../../app.sh");
    archive.link("lib/same", "lib/deep/er/code").symlink("lib/here", ".").file("old/", "")
}

#[test]
fn archives_unpack_compressed_or_not() {
    for archive in [sample().end(), gzip(&sample().end())] {
        let spool = Spool::new();
        spool.unpack_bytes(&archive, ArchiveLimits::default()).unwrap();
        assert_eq!(spool.read("app.sh"), "#!/bin/sh\n");
        assert_eq!(spool.read("lib/here/deep/er/code"), "code");
        assert_eq!(spool.read("lib/deep/up"), "#!/bin/sh\n");
        let (code, same) = ["lib/deep/er/code", "lib/same"].map(|name| spool.app().join(name)).into();
        assert_eq!(code.metadata().unwrap().ino(), same.metadata().unwrap().ino());
        assert!(spool.app().join("old").is_dir());
        assert_eq!(spool.app().join("app.sh").metadata().unwrap().mtime(), 1_000_000_000);
        assert_eq!(spool.app().metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(spool.0.path()).unwrap().count(), 1);
    }
}

#[test]
fn gnu_and_pax_long_names_unpack() {
    let long = format!("{}/{}", "folder".repeat(30), "name".repeat(50));
    let mut gnu = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    gnu.append_data(&mut header, &long, &b"long"[..]).unwrap();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    header.set_mode(0o777);
    gnu.append_link(&mut header, "link", &long).unwrap();
    let mut pax = Builder::new(Vec::new());
    let mut global = Header::new_ustar();
    global.set_entry_type(EntryType::XGlobalHeader);
    global.set_size(0);
    global.set_cksum();
    pax.append(&global, io::empty()).unwrap();
    let names = [("path", long.as_bytes()), ("mtime", b"1.5"), ("size", b"4")];
    pax.append_pax_extensions(names).unwrap();
    let mut header = Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(4);
    header.set_mode(0o644);
    header.set_cksum();
    pax.append(&header, &b"long"[..]).unwrap();
    pax.append_pax_extensions([("linkpath", long.as_bytes())]).unwrap();
    header.set_path("link").unwrap();
    header.set_size(0);
    header.set_entry_type(EntryType::Symlink);
    header.set_cksum();
    pax.append(&header, io::empty()).unwrap();
    for archive in [gnu.into_inner().unwrap(), pax.into_inner().unwrap()] {
        let spool = Spool::new();
        spool.unpack_bytes(&archive, ArchiveLimits::default()).unwrap();
        assert_eq!((spool.read(&long), spool.read("link")), ("long".into(), "long".into()));
        assert!(!spool.app().join("short").exists());
    }
}

#[test]
fn earlier_files_are_gone_even_after_errors() {
    let spool = Spool::new();
    spool.unpack(Archive::default().file("old", "")).unwrap();
    spool.unpack(Archive::default().file("new", "")).unwrap();
    assert!(spool.app().join("new").exists() && !spool.app().join("old").exists());
    let result = spool.unpack(Archive::default().file("fine", "").file("../x", ""));
    spool.expect_error(result);
}

#[test]
fn link_at_the_folder_path_is_replaced() {
    let (spool, other) = (Spool::new(), tempfile::tempdir().unwrap());
    fs::write(other.path().join("kept"), "").unwrap();
    std::os::unix::fs::symlink(other.path(), spool.app()).unwrap();
    spool.unpack(Archive::default().file("new", "")).unwrap();
    assert!(spool.app().symlink_metadata().unwrap().is_dir() && other.path().join("kept").exists());
}

#[test]
fn modes_are_kept_without_set_user_id() {
    let spool = Spool::new();
    let mut archive = Archive::default();
    for (name, mode) in [("setuid", 0o6755), ("plain", 0o640), ("none", 0)] {
        let mut header = Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(0);
        header.set_mode(mode);
        header.set_cksum();
        archive.block(header.as_bytes());
    }
    spool.unpack(archive).unwrap();
    let mode = |name| spool.app().join(name).metadata().unwrap().mode() & 0o7777;
    // The umask of this process leaves the owner's bits.
    assert_eq!([mode("setuid") & !0o077, mode("plain") & !0o077, mode("none")], [0o700, 0o600, 0o600]);
}

#[test]
fn paths_out_of_the_folder_are_refused() {
    assert_refused(Archive::default().file("../x", "x"), "\"../x\" has a path with `..`");
    assert_refused(Archive::default().file("a/../../x", "x"), "\"a/../../x\" has a path with `..`");
    assert_refused(Archive::default().folder(".."), "\"..\" has a path with `..`");
    assert_refused(Archive::default().file("/tmp/x", "x"), "\"/tmp/x\" has an absolute path");
    assert_refused(Archive::default().file(".", "x"), "\".\" has no name");
    let long = Archive::default().entry(EntryType::GNULongName, "././@LongLink", "", b"../../x\0");
    assert_refused(long.file("x", "x"), "\"../../x\" has a path with `..`");
    let pax = Archive::default().entry(EntryType::XHeader, "pax", "", b"11 path=/x\n");
    assert_refused(pax.file("x", "x"), "\"/x\" has an absolute path");
}

#[test]
fn paths_through_links_are_refused() {
    let archive = || Archive::default().folder("d").symlink("l", "d");
    assert_refused(archive().file("l/x", "x"), "\"l/x\" has a path through a symbolic link");
    assert_refused(archive().folder("l"), "\"l\" has a path through a symbolic link");
    assert_refused(archive().file("d/f", "").link("x", "l/f"), "\"x\" has a path through a symbolic link");
    assert_refused(Archive::default().file("f", "").file("f/x", ""), "\"f/x\" has a path through a file");
}

#[test]
fn links_out_of_the_folder_are_refused() {
    let symlink = |name, target| Archive::default().symlink(name, target);
    assert_refused(symlink("l", "/etc/passwd"), "\"l\" is a link to \"/etc/passwd\", outside");
    assert_refused(symlink("l", ".."), "\"l\" is a link to \"..\", outside");
    assert_refused(symlink("a/l", "../../x"), "\"a/l\" is a link to \"../../x\", outside");
    // `b` leads up, so `b/..` leads further up than it seems.
    let through = Archive::default().symlink("a/b", "..").symlink("a/l", "b/../x");
    assert_refused(through, "\"a/l\" is a link to \"b/../x\", outside");
    assert_refused(Archive::default().link("l", "/etc/passwd"), "\"l\" has an absolute path");
    assert_refused(Archive::default().link("l", "../x"), "\"l\" has a path with `..`");
    assert_refused(Archive::default().link("l", "nothing"), "\"l\" is a link to what is not there");
    assert_refused(Archive::default().link("l", "no/thing"), "\"l\" is a link to what is not there");
    assert_refused(Archive::default().link("l", "."), "\"l\" is a link to nothing");
    // A hard link to a symbolic link would move its relative target.
    let moved = Archive::default().symlink("a/b/l", "../..").link("l", "a/b/l");
    assert_refused(moved, "\"l\" is a hard link to what is no file");
}

#[test]
fn special_files_are_refused() {
    for (kind, reason) in [
        (EntryType::Char, "is a device"),
        (EntryType::Block, "is a device"),
        (EntryType::Fifo, "is a pipe"),
        (EntryType::GNUSparse, "is a sparse file: pack it whole, without `-S`, or with `sparse(false)`"),
        (EntryType::new(b'V'), "is of the unknown kind 86"),
    ] {
        assert_refused(Archive::default().entry(kind, "x", "", b""), &format!("\"x\" {reason}"));
    }
    for pax in [&b"22 GNU.sparse.major=1\n"[..], b"10 size=2\n"] {
        let archive = Archive::default().entry(EntryType::XHeader, "pax", "", pax).file("x", "x");
        assert_refused(archive, "\"x\" does not say plainly how large it is");
    }
}

#[test]
fn last_entry_of_a_name_replaces_files() {
    let spool = Spool::new();
    let archive = Archive::default().file("other", "other").symlink("x", "other").file("x", "new");
    spool.unpack(archive.link("x", "x")).unwrap();
    assert_eq!((spool.read("other"), spool.read("x")), ("other".into(), "new".into()));
    let archive = Archive::default().file("same", "same").link("x", "same").file("x", "new");
    spool.unpack(archive).unwrap();
    assert_eq!((spool.read("same"), spool.read("x")), ("same".into(), "new".into()));
    assert_refused(Archive::default().folder("x").symlink("x", "."), "\"x\" is in the place of a folder");
    assert_refused(Archive::default().folder("x").file("x", ""), "\"x\" is in the place of a folder");
}

#[test]
fn archives_beyond_the_limits_are_refused() {
    let spool = Spool::new();
    let refusal = |archive: &[u8], limits| spool.expect_error(spool.unpack_bytes(archive, limits));
    let large = |text: &str| (12, 27, format!("{text}: File too large"));
    let limits = ArchiveLimits::default();

    let bomb = gzip(&Archive::default().entry(EntryType::Regular, "zeros", "", &vec![0; 20 << 20]).end());
    assert!(bomb.len() < 200 << 10);
    let text = "the archive unpacks to more than 10485760 bytes";
    assert_eq!(refusal(&bomb, ArchiveLimits { bytes: 10 << 20, ..limits }), large(text));
    let mut after = Archive::default().file("x", "").end();
    after.resize(20 << 20, 0);
    assert_eq!(refusal(&gzip(&after), ArchiveLimits { bytes: 10 << 20, ..limits }), large(text));

    let many =
        (0..11).fold(Archive::default(), |archive, number| archive.file(&number.to_string(), "")).end();
    let text = "the archive has more than 10 entries";
    assert_eq!(refusal(&many, ArchiveLimits { entries: 10, ..limits }), large(text));
    let deep =
        (0..3).fold(Archive::default(), |archive, number| archive.file(&format!("{number}/a/b/c/x"), ""));
    let text = "the archive has more than 10 folders";
    assert_eq!(refusal(&deep.end(), ArchiveLimits { entries: 10, ..limits }), large(text));
    let name = vec![b'x'; 65 << 10];
    let long = Archive::default().entry(EntryType::GNULongName, "././@LongLink", "", &name).file("x", "");
    assert_eq!(refusal(&long.end(), limits), large("the archive has a header of 66560 bytes"));

    let invalid = |text: &str| (12, 22, format!("the archive's entry {text}: Invalid argument"));
    let path = Archive::default().file("12345", "").end();
    let text = "\"12345\" has a path of more than 4 bytes";
    assert_eq!(refusal(&path, ArchiveLimits { path: 4, ..limits }), invalid(text));
    let deep = Archive::default().file("a/b/c", "").end();
    let text = "\"a/b/c\" is more than 2 folders deep";
    assert_eq!(refusal(&deep, ArchiveLimits { depth: 2, ..limits }), invalid(text));
}

#[test]
fn unknown_formats_get_the_recorded_error() {
    let spool = Spool::new();
    let text = "Invalid or incomplete multibyte or wide character";
    let expected = (255, 84, format!("[84] Unrecognized archive format: {text}: {text}"));
    for archive in
        [&b""[..], b"PK\x03\x04", &[b'x'; 2048], &gzip(&[b'x'; 2048]), b"\x1f\x8b\x08\x00", &[0; 511]]
    {
        assert_eq!(spool.expect_error(spool.unpack_bytes(archive, ArchiveLimits::default())), expected);
    }
    let expected = (0x51FF, 7, "[7] std::bad_cast: uncaught error while spooling app".into());
    for blob in [&b""[..], b"\x01", b"\xc0", b"\x91\xa1x", b"\xa5x"] {
        assert_eq!(spool.expect_error(unpack(blob, &spool.app(), ArchiveLimits::default())), expected);
    }
    spool.unpack_bytes(&[0; 1024], ArchiveLimits::default()).unwrap();
}

#[test]
fn damaged_archives_are_refused() {
    let spool = Spool::new();
    let refusal =
        |archive: &[u8]| spool.expect_error(spool.unpack_bytes(archive, ArchiveLimits::default())).2;
    let whole = Archive::default().file("x", &"data".repeat(1000)).end();
    let text = refusal(&whole[..1024]);
    assert_eq!(text, "the archive's entry \"x\" ends after 512 of 4000 bytes: Invalid argument");
    let packed = gzip(&sample().end());
    let mut flipped = packed.clone();
    let checksum = packed.len() - 8;
    flipped[checksum] ^= 1;
    for archive in [&packed[..packed.len() - 4], &flipped] {
        assert!(refusal(archive).starts_with("the archive is damaged: "));
    }
    let mut second = Archive::default().file("x", "").file("y", "").end();
    second[512] ^= 1;
    assert!(refusal(&second).starts_with("the archive is damaged: "));
}

#[test]
fn folder_names_are_unique_per_app() {
    for (app, name) in [
        ("app_v1.0-x", "app_v1.0-x"),
        ("", "%"),
        (".", "%2e"),
        ("..", "%2e."),
        ("a/b", "a%2fb"),
        ("a%2fb", "a%252fb"),
        ("\0é", "%00%c3%a9"),
    ] {
        assert_eq!(folder_name(app), name);
    }
    let long = "x".repeat(64);
    assert_eq!(folder_name(&long), long);
    let (one, other) = (folder_name(&"x".repeat(65)), folder_name(&"x".repeat(66)));
    assert_eq!((one.len(), other.len()), (64, 64));
    assert!(one != other && one.starts_with("xxx"));
    assert_ne!(folder_name(&one), one);
}

/// Entries that collide, and links to anywhere.
fn any_entry() -> impl Strategy<Value = (u8, String, String)> {
    let part = prop::sample::select(vec!["a", "b", "c", "a", "b", "..", "."]);
    let path = |longest| prop::collection::vec(part.clone(), 1..longest).prop_map(|parts| parts.join("/"));
    (0..4_u8, path(4), path(6))
}

fn all_links(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = |path: std::path::PathBuf| match path.symlink_metadata().unwrap() {
        there if there.is_dir() => all_links(&path),
        there if there.is_symlink() => vec![path],
        _ => Vec::new(),
    };
    entries.flat_map(found).collect()
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
        let app = spool.app().canonicalize().unwrap();
        for link in all_links(&app) {
            // An error means a dangling link.
            if let Ok(target) = link.canonicalize() {
                prop_assert!(target.starts_with(&app), "{} leads to {}", link.display(), target.display());
            }
        }
        for name in ["a", "b", "c"] {
            let path = spool.0.path().join(name);
            prop_assert_eq!(fs::read_to_string(&path).unwrap(), "outside");
            prop_assert_eq!(path.metadata().unwrap().nlink(), 1);
        }
        prop_assert_eq!(fs::read_dir(spool.0.path()).unwrap().count(), 4);
    }
}
