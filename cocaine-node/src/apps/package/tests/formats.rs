//! Compressed archives: of several members, with padding, damaged, and cut off.

use std::io::Write;

use bzip2::write::BzEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

/// The name of a format, and its compressor.
pub(super) type Format = (&'static str, fn(&[u8]) -> Vec<u8>);

pub(super) const FORMATS: [Format; 4] = [("gzip", gzip), ("bzip2", bzip2), ("xz", xz), ("zstd", zstd)];

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(0)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn refusal(archive: &[u8], limits: ArchiveLimits) -> String {
    let spool = Spool::new();
    spool.expect_error(spool.unpack_bytes(archive, limits)).2
}

#[test]
fn all_members_are_read() {
    let whole = Archive::default().file("app.sh", "one").file("lib.sh", "two").end();
    for (name, compress) in FORMATS {
        // Between entries, within one, before the end, and in the middle of the first block.
        for cut in [1024, 700, 2048, 100] {
            let (first, second) = whole.split_at(cut);
            for between in [&b""[..], &[0; 8]] {
                let parts =
                    [&compress(first), between, &compress(b""), &compress(second), &[0; 512][..]].concat();
                let spool = Spool::new();
                spool.unpack_bytes(&parts, ArchiveLimits::default()).unwrap();
                assert_eq!(
                    (spool.read("app.sh"), spool.read("lib.sh")),
                    ("one".into(), "two".into()),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn skippable_zstd_frames_are_skipped() {
    let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0\xde\xad\xbe\xef";
    let archive = [&skipped[..], &zstd(&sample().end()), skipped].concat();
    let spool = Spool::new();
    spool.unpack_bytes(&archive, ArchiveLimits::default()).unwrap();
    assert_eq!(spool.read("app.sh"), "#!/bin/sh\n");
    let text = refusal(&skipped[..10], ArchiveLimits::default());
    assert!(text.contains("its zstd data, of 10 bytes, has no end"), "{text}");
}

#[test]
fn what_follows_the_end_is_ignored() {
    let mut padded = sample().end();
    padded.resize(10_240, 0);
    let archives = FORMATS.iter().map(|(_, compress)| compress(&padded)).chain([padded.clone()]);
    for archive in archives {
        for rest in [&[0; 10_000][..], b"garbage"] {
            let spool = Spool::new();
            spool.unpack_bytes(&[&archive, rest].concat(), ArchiveLimits::default()).unwrap();
            assert_eq!(spool.read("app.sh"), "#!/bin/sh\n");
        }
    }
}

#[test]
fn archive_without_its_end_is_refused() {
    let whole = Archive::default().file("x", "data").file("y", "").end();
    let end = whole.len() - 1024;
    // Without its blocks of zeros an archive ends where entries may be missing.
    for cut in (512..end).step_by(64).chain([end, end + 1, end + 511]) {
        let text = refusal(&whole[..cut], ArchiveLimits::default());
        assert!(text.starts_with("the archive"), "{text}");
        let is_named = text.contains("incomplete") || text.contains("ends after 0 of 4 bytes");
        assert!(is_named, "{cut}: {text}");
    }
    let text = refusal(&whole[..1024], ArchiveLimits::default());
    assert_eq!(
        text,
        "the archive is incomplete: the blocks of zeros that end it are missing after the entry \"x\"; \
         pack and upload it again: Invalid argument"
    );
    Spool::new().unpack_bytes(&whole[..end + 512], ArchiveLimits::default()).unwrap();
    for (name, compress) in FORMATS {
        let compressed = compress(&whole);
        for cut in 6..compressed.len() {
            let text = refusal(&compressed[..cut], ArchiveLimits::default());
            let expected = format!("the archive is incomplete: its {name} data, of {cut} bytes, has no end;");
            assert!(text.starts_with(&expected), "{name} {cut}: {text}");
        }
        // Whole members of an archive that goes on.
        let text = refusal(&compress(&whole[..1024]), ArchiveLimits::default());
        assert!(text.contains("the blocks of zeros that end it are missing"), "{name}: {text}");
    }
}

#[test]
fn flipped_bits_are_refused() {
    let whole = Archive::default().file("x", &"some data ".repeat(100)).end();
    for (name, compress) in FORMATS {
        let compressed = compress(&whole);
        for at in (10..compressed.len() - 1).step_by(3) {
            let mut flipped = compressed.clone();
            flipped[at] ^= 0x10;
            let spool = Spool::new();
            // A bit without a meaning may be flipped; the contents are never wrong.
            if spool.unpack_bytes(&flipped, ArchiveLimits::default()).is_ok() {
                assert_eq!(spool.read("x"), "some data ".repeat(100), "{name} {at}");
            } else {
                assert!(!spool.app().exists());
            }
        }
    }
}

#[test]
fn compressed_data_beyond_limits_is_refused() {
    let limits = ArchiveLimits::default();
    let zeros = Archive::default().entry(EntryType::Regular, "zeros", "", &vec![0; 8 << 20]).end();
    for (name, compress) in FORMATS {
        let text = refusal(&compress(&zeros), ArchiveLimits { bytes: 4 << 20, ..limits });
        assert_eq!(text, "the archive unpacks to more than 4194304 bytes: File too large", "{name}");
        let parts = compress(b"").repeat(12);
        let text = refusal(&[compress(&zeros), parts].concat(), ArchiveLimits { members: 10, ..limits });
        assert_eq!(text, format!("the archive has too many parts of {name} data: File too large"));
    }
    // A window of 256 MiB.
    let window = b"\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00";
    let text = refusal(window, limits);
    let expected =
        "unpacking the archive's zstd data takes more than 134217728 bytes of memory: File too large";
    assert_eq!(text, expected);
    let mut options = XzOptions::with_preset(0);
    options.lzma_options.dict_size = 256 << 20;
    let mut encoder = XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(b"x").unwrap();
    assert_eq!(refusal(&encoder.finish().unwrap(), limits), expected.replace("zstd", "xz"));
}

#[test]
fn tar_named_like_another_format_unpacks() {
    for name in ["BZh9.txt", "PK\x03\x04", "\x1f\u{8b}"] {
        let spool = Spool::new();
        spool.unpack(Archive::default().file(name, "data")).unwrap();
        assert_eq!(spool.read(name), "data");
    }
}
