//! Writes a package: a tar archive in gzip, which is bounded, and the same for the same files.

use std::{
    collections::BTreeMap,
    fs::{File, Metadata},
    io::{self, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use cocaine::Bytes;
use flate2::{Compression, write::GzEncoder};
use tar::{Builder, EntryType, Header};

use crate::{
    error::{Error, Result},
    output::Progress,
};

/// The most bytes of a package: what a message of a storage has room for.
pub(super) const MAX_PACKAGE: usize = 500 << 20;
/// What a node unpacks at most: bytes, entries, and bytes of a path.
pub(super) const MAX_UNPACKED: u64 = 2 << 30;
pub(super) const MAX_ENTRIES: usize = 200_000;
const MAX_PATH: usize = 1024;

/// The bits of a mode that a package keeps.
pub(super) const PERMISSIONS: u32 = 0o777;

/// A package that is being written.
pub(super) struct ArchiveBuilder {
    tar: Builder<GzEncoder<PackageBuffer>>,
    files: BTreeMap<PathBuf, u32>,
    entries: usize,
    unpacked: u64,
    _progress: Progress,
}

impl ArchiveBuilder {
    pub(super) fn new(compression: Compression) -> Self {
        let tar = Builder::new(GzEncoder::new(PackageBuffer::new(), compression));
        let progress = Progress::start("packing");
        Self { tar, files: BTreeMap::new(), entries: 0, unpacked: 0, _progress: progress }
    }

    /// Adds a program, which can be run whatever its mode is.
    pub(super) fn add_program(&mut self, name: &Path, path: &Path) -> Result<()> {
        self.add(name, path, Some(0o755))
    }

    /// Adds a file with its mode.
    pub(super) fn add_file(&mut self, name: &Path, path: &Path) -> Result<()> {
        self.add(name, path, None)
    }

    /// Adds a script with these contents.
    pub(super) fn add_script(&mut self, name: &Path, contents: &[u8]) -> Result<()> {
        let len = contents.len() as u64;
        self.count(name, len)?;
        let mut header = header(EntryType::Regular, len, 0o755);
        self.tar.append_data(&mut header, name, contents).map_err(Error::in_file(name))?;
        self.files.insert(name.to_owned(), 0o755);
        Ok(())
    }

    pub(super) fn add_folder(&mut self, name: &Path) -> Result<()> {
        self.count(name, 0)?;
        let mut header = header(EntryType::Directory, 0, 0o755);
        self.tar.append_data(&mut header, name, io::empty()).map_err(Error::in_file(name))
    }

    pub(super) fn add_symlink(&mut self, name: &Path, target: &Path) -> Result<()> {
        self.count(name, 0)?;
        let mut header = header(EntryType::Symlink, 0, PERMISSIONS);
        self.tar.append_link(&mut header, name, target).map_err(Error::in_file(name))
    }

    fn add(&mut self, name: &Path, path: &Path, mode: Option<u32>) -> Result<()> {
        let failed = |error: io::Error| Error::in_file(path)(format!("cannot be packed: {error}"));
        // Opening a pipe would wait for its writer.
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(Error::in_file(path)("is no file"));
        }
        let file = File::open(path).map_err(failed)?;
        self.append(name, path, &file, &file, mode)
    }

    /// Adds a file that is open. Its contents are read from `source`.
    fn append(
        &mut self,
        name: &Path,
        path: &Path,
        file: &File,
        source: impl io::Read,
        mode: Option<u32>,
    ) -> Result<()> {
        let failed = |error: io::Error| Error::in_file(path)(format!("cannot be packed: {error}"));
        let before = file.metadata().map_err(failed)?;
        self.count(name, before.len())?;
        let mode = mode.unwrap_or_else(|| before.mode() & PERMISSIONS);
        let mut header = header(EntryType::Regular, before.len(), mode);
        let mut contents = Contents { source: source.take(before.len()), len: 0 };
        self.tar.append_data(&mut header, name, &mut contents).map_err(failed)?;
        let after = file.metadata().map_err(failed)?;
        if contents.len != before.len() || state(&before) != state(&after) {
            return Err(Error::in_file(path)(
                "has changed while it was packed: upload it again when nobody writes it",
            ));
        }
        self.files.insert(name.to_owned(), mode);
        Ok(())
    }

    fn count(&mut self, name: &Path, len: u64) -> Result<()> {
        self.entries += 1;
        self.unpacked = self.unpacked.saturating_add(len);
        let reason = if self.unpacked > MAX_UNPACKED {
            format!("with it the package has more than {} MiB, which no node unpacks", MAX_UNPACKED >> 20)
        } else if self.entries > MAX_ENTRIES {
            format!("with it the package has more than {MAX_ENTRIES} files, which no node unpacks")
        } else if name.as_os_str().len() > MAX_PATH {
            format!("its path in the package has more than {MAX_PATH} bytes, which no node unpacks")
        } else {
            return Ok(());
        };
        Err(Error::in_file(name)(format!("{reason}: leave out what workers do not need (`.cocaineignore`)")))
    }

    /// Returns the package as it is stored, and its files with their modes.
    pub(super) fn finish(self) -> Result<(Bytes, BTreeMap<PathBuf, u32>)> {
        let encoder = self.tar.into_inner().map_err(|error| unfinished(&error))?;
        let buffer = encoder.finish().map_err(|error| unfinished(&error))?;
        Ok((buffer.into_blob(), self.files))
    }
}

fn unfinished(error: &io::Error) -> Error {
    Error::Failed(format!("the package cannot be finished: {error}"))
}

fn header(kind: EntryType, len: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(len);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Returns what changes with the contents of a file.
fn state(metadata: &Metadata) -> (u64, i64, i64) {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// The contents of a file, which count what was read. A file that became shorter is filled up, so that the archive stays whole
/// until the change is reported.
struct Contents<R> {
    source: io::Take<R>,
    len: u64,
}

impl<R: io::Read> io::Read for Contents<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.len += read as u64;
        Ok(read)
    }
}

/// The bytes of an archive, with room for the header of a raw in front, so that they need not be copied.
pub(super) struct PackageBuffer(Vec<u8>);

/// The bytes of the longest header of a raw.
const HEADER_LEN: usize = 5;

impl PackageBuffer {
    pub(super) fn new() -> Self {
        Self(vec![0; HEADER_LEN])
    }

    /// Returns the archive without the room in front.
    pub(super) fn archive(&self) -> &[u8] {
        &self.0[HEADER_LEN..]
    }

    /// Returns the archive as a raw of the old family, which originals read.
    pub(super) fn into_blob(mut self) -> Bytes {
        let len = self.archive().len();
        let start = match (u8::try_from(len), u16::try_from(len)) {
            (Ok(short), _) if short < 32 => {
                self.0[HEADER_LEN - 1] = 0xa0 | short;
                HEADER_LEN - 1
            }
            (_, Ok(medium)) => {
                self.0[2] = 0xda;
                self.0[3..HEADER_LEN].copy_from_slice(&medium.to_be_bytes());
                2
            }
            _ => {
                self.0[0] = 0xdb;
                let long = u32::try_from(len).expect("the buffer is bounded");
                self.0[1..HEADER_LEN].copy_from_slice(&long.to_be_bytes());
                0
            }
        };
        bytes::Bytes::from(self.0).slice(start..).into()
    }
}

impl Write for PackageBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PACKAGE {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("the package has more than {} MiB, and a storage takes no more", MAX_PACKAGE >> 20),
            ));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cocaine::{Value, msgpack};

    use super::*;

    #[test]
    fn blob_is_what_an_encoder_writes() {
        for len in [0, 31, 32, 255, 256, 65_535, 65_536] {
            let archive = vec![7; len];
            let mut buffer = PackageBuffer::new();
            buffer.write_all(&archive).unwrap();
            let encoded = msgpack::to_vec(&Value::from(archive.as_slice())).unwrap();
            assert_eq!(buffer.into_blob(), Bytes::from(encoded), "{len}");
        }
    }

    #[test]
    fn too_large_package_is_refused() {
        let mut buffer = PackageBuffer(vec![0; MAX_PACKAGE - 1]);
        buffer.write_all(&[1]).unwrap();
        let error = buffer.write_all(&[1]).unwrap_err();
        assert!(error.to_string().contains("500 MiB"), "{error}");
    }

    /// A file that somebody writes while it is read.
    struct Changing<'a>(&'a File, fn(&File));

    impl io::Read for Changing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            (self.1)(self.0);
            self.0.read(into)
        }
    }

    #[test]
    fn file_that_changes_while_packed_is_refused() {
        let changes: [fn(&File); 3] = [
            |file| file.set_len(100).unwrap(),
            |file| file.set_len(1).unwrap(),
            |file| file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap(),
        ];
        for change in changes {
            let mut temporary = tempfile::NamedTempFile::new().unwrap();
            temporary.write_all(b"content").unwrap();
            let path = temporary.path();
            let file = File::options().read(true).write(true).open(path).unwrap();
            let added = ArchiveBuilder::new(Compression::none()).append(
                Path::new("a"),
                path,
                &file,
                Changing(&file, change),
                None,
            );
            let error = added.unwrap_err().to_string();
            assert!(error.contains("has changed while it was packed"), "{error}");
        }
    }

    #[test]
    fn sparse_file_beyond_the_limit_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_UNPACKED + 1).unwrap();
        let error = ArchiveBuilder::new(Compression::none())
            .add_file(Path::new("huge"), file.path())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("huge: ") && error.contains("2048 MiB"), "{error}");
    }
}
