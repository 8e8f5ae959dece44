mod formats;
mod properties;
mod refusals;
mod unpacking;
mod zip;

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
