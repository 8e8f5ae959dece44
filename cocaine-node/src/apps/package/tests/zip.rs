//! Zip archives.

use std::io::Write;

use rawzip::{CompressionMethod, ZipArchiveWriter, path::EntryPath, time::UtcDateTime};

use super::{formats::FORMATS, *};

/// A builder of zip archives: names, modes, and data that is stored as it is compressed here.
struct ZipBuilder(ZipArchiveWriter<Vec<u8>>);

impl ZipBuilder {
    fn new() -> Self {
        Self(ZipArchiveWriter::new(Vec::new()))
    }

    fn entry(
        mut self,
        name: &str,
        mode: u32,
        method: CompressionMethod,
        compress: impl Fn(&[u8]) -> Vec<u8>,
        data: &[u8],
    ) -> Self {
        let file = self.0.new_file(EntryPath::verbatim(name.as_bytes())).unix_permissions(mode);
        let file = file.compression_method(method).last_modified(UtcDateTime::from_unix(1_000_000_000));
        let (mut entry, config) = file.start().unwrap();
        let mut writer = config.wrap(io::sink());
        writer.write_all(data).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.write_all(&compress(data)).unwrap();
        entry.finish(descriptor).unwrap();
        self
    }

    fn stored(self, name: &str, mode: u32, data: &str) -> Self {
        self.entry(name, mode, CompressionMethod::STORE, <[u8]>::to_vec, data.as_bytes())
    }

    fn file(self, name: &str, data: &str) -> Self {
        self.stored(name, 0o100_755, data)
    }

    fn end(self) -> Vec<u8> {
        self.0.finish().unwrap()
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn refusal(archive: &[u8], limits: ArchiveLimits) -> (i64, String) {
    let spool = Spool::new();
    let (_, code, text) = spool.expect_error(spool.unpack_bytes(archive, limits));
    (code, text)
}

fn assert_zip_refused(archive: ZipBuilder, text: &str) {
    let expected = (22, format!("{text}: Invalid argument"));
    assert_eq!(refusal(&archive.end(), ArchiveLimits::default()), expected);
}

#[test]
fn zip_archive_unpacks() {
    let spool = Spool::new();
    let data = "data ".repeat(1000);
    let archive = ZipBuilder::new().file("/app.sh", "#!/bin/sh\n").stored("lib/", 0o040_755, "");
    let archive =
        archive.stored("venv/python3", 0o120_777, "/usr/bin/python3").stored("setuid", 0o104_711, "");
    let archive = archive.file("./twice", "first").file("twice", "last");
    let archive = archive.entry("deep/er/x", 0o100_644, CompressionMethod::DEFLATE, deflate, data.as_bytes());
    let methods = [CompressionMethod::BZIP2, CompressionMethod::XZ, CompressionMethod::ZSTD];
    let archive = FORMATS[1..].iter().zip(methods).fold(archive, |archive, ((name, compress), method)| {
        archive.entry(name, 0o100_644, method, compress, data.as_bytes())
    });
    spool.unpack_bytes(&[&archive.end()[..], b"garbage"].concat(), ArchiveLimits::default()).unwrap();
    assert_eq!(spool.read("app.sh"), "#!/bin/sh\n");
    assert_eq!(spool.read("twice"), "last");
    for name in ["deep/er/x", "bzip2", "xz", "zstd"] {
        assert_eq!(spool.read(name), data, "{name}");
    }
    assert_eq!(fs::read_link(spool.app().join("venv/python3")).unwrap(), Path::new("/usr/bin/python3"));
    assert!(spool.app().join("lib").is_dir());
    let metadata = |name| spool.app().join(name).metadata().unwrap();
    assert_eq!((metadata("app.sh").mode() & 0o700, metadata("app.sh").mtime()), (0o700, 1_000_000_000));
    assert_eq!(metadata("setuid").mode() & 0o7700, 0o700);
    Spool::new().unpack_bytes(&ZipBuilder::new().end(), ArchiveLimits::default()).unwrap();
}

#[test]
fn zip_paths_and_kinds_are_checked() {
    let archive = || ZipBuilder::new();
    let entry = |text: &str| format!("the archive's entry {text}");
    assert_zip_refused(archive().file("../x", "x"), &entry("\"../x\" has a path with `..`"));
    let through = archive().stored("l", 0o120_777, "/tmp").file("l/x", "x");
    assert_zip_refused(through, &entry("\"l/x\" has a path through a symbolic link"));
    let pipe = archive().stored("x", 0o010_644, "");
    assert_zip_refused(pipe, &entry("\"x\" is neither a file nor a folder nor a link"));
    let unknown = archive().entry("x", 0o100_644, CompressionMethod::PPMD, deflate, b"x");
    assert_zip_refused(unknown, &entry("\"x\" is compressed in the unknown way 98: use deflate"));
    let long = archive().stored("x", 0o120_777, &"y".repeat(1025));
    assert_zip_refused(long, &entry("\"x\" is a link with a path that is too long"));
}

#[test]
fn cut_off_zip_is_refused() {
    let whole = ZipBuilder::new().file("x", "data").file("y", "more").end();
    for cut in 4..whole.len() {
        let (code, text) = refusal(&whole[..cut], ArchiveLimits::default());
        assert_eq!(code, 22);
        assert!(text.starts_with("the archive is incomplete: "), "{cut}: {text}");
    }
    let mut flipped = whole.clone();
    let data = whole.windows(4).position(|bytes| bytes == b"data").unwrap();
    flipped[data] ^= 1;
    let (_, text) = refusal(&flipped, ArchiveLimits::default());
    assert!(text.starts_with("the archive is damaged: "), "{text}");
}

#[test]
fn zip_beyond_the_limits_is_refused() {
    let limits = ArchiveLimits::default();
    let zeros = vec![0; 3 << 20];
    let archive = |names: &[&str]| {
        let archive = names.iter().fold(ZipBuilder::new(), |archive, name| {
            archive.entry(name, 0o100_644, CompressionMethod::DEFLATE, deflate, &zeros)
        });
        archive.end()
    };
    // The limit is one for all entries.
    let text = "the archive unpacks to more than 4194304 bytes: File too large";
    let limited = ArchiveLimits { bytes: 4 << 20, ..limits };
    assert_eq!(refusal(&archive(&["a", "b"]), limited), (27, text.into()));
    Spool::new().unpack_bytes(&archive(&["a"]), limited).unwrap();
    let text = "the archive has more than 1 entries: File too large";
    assert_eq!(refusal(&archive(&["a", "b"]), ArchiveLimits { entries: 1, ..limits }), (27, text.into()));
}

#[test]
fn backslashes_of_windows_separate_folders() {
    // As Windows' own programs write it: made on FAT, with backslashes.
    let mut archive = ZipBuilder::new().file("lib\\code", "code").end();
    let central = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    archive[central + 5] = 0;
    let spool = Spool::new();
    spool.unpack_bytes(&archive, ArchiveLimits::default()).unwrap();
    assert_eq!(spool.read("lib/code"), "code");
}
