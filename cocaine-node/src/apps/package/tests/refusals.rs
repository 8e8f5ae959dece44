//! Archives that are refused: paths, links, special files, limits and damage.

use super::*;

#[test]
fn paths_out_of_the_folder_are_refused() {
    assert_refused(Archive::default().file("../x", "x"), "\"../x\" has a path with `..`");
    assert_refused(Archive::default().file("a/../../x", "x"), "\"a/../../x\" has a path with `..`");
    assert_refused(Archive::default().folder(".."), "\"..\" has a path with `..`");
    assert_refused(Archive::default().file("/../x", "x"), "\"/../x\" has a path with `..`");
    assert_refused(Archive::default().file(".", "x"), "\".\" has no name");
    assert_refused(Archive::default().file("/", "x").folder("/").symlink("/", "x"), "\"/\" has no name");
    let long = Archive::default().entry(EntryType::GNULongName, "././@LongLink", "", b"../../x\0");
    assert_refused(long.file("x", "x"), "\"../../x\" has a path with `..`");
    let pax = Archive::default().entry(EntryType::XHeader, "pax", "", b"14 path=/../x\n");
    assert_refused(pax.file("x", "x"), "\"/../x\" has a path with `..`");
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
fn hard_links_out_of_the_folder_are_refused() {
    assert_refused(Archive::default().link("l", "/etc/passwd"), "\"l\" is a link to what is not there");
    assert_refused(Archive::default().link("l", "../x"), "\"l\" has a path with `..`");
    assert_refused(Archive::default().link("l", "nothing"), "\"l\" is a link to what is not there");
    assert_refused(Archive::default().link("l", "no/thing"), "\"l\" is a link to what is not there");
    assert_refused(Archive::default().link("l", "."), "\"l\" is a link to nothing");
    assert_refused(Archive::default().folder("d").link("l", "d"), "\"l\" is a hard link to a folder");
    let through = Archive::default().symlink("d", "/etc").link("l", "d/passwd");
    assert_refused(through, "\"l\" has a path through a symbolic link");
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
    let hint = "a package is a tar archive, plain or in gzip, bzip2, xz or zstd, or a zip archive";
    let expected = (255, 84, format!("[84] Unrecognized archive format: {text}: {text}; {hint}"));
    for archive in [&b""[..], b"PK\x01\x02", &[b'x'; 2048], &gzip(&[b'x'; 2048]), &gzip(b""), &[0; 511]] {
        assert_eq!(spool.expect_error(spool.unpack_bytes(archive, ArchiveLimits::default())), expected);
    }
    let text = "[7] std::bad_cast: uncaught error while spooling app; what is stored must be the bytes of an archive \
                as one MessagePack raw, and nothing else";
    let expected = (0x51FF, 7, text.into());
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
    assert!(refusal(&flipped).starts_with("the archive is damaged: its gzip data is invalid: "));
    let mut second = Archive::default().file("x", "").file("y", "").end();
    second[512] ^= 1;
    assert!(refusal(&second).starts_with("the archive is damaged: "));
}
