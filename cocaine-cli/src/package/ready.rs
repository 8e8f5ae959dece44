//! An archive that somebody else has packed. Its bytes are uploaded as they are.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::{
    Location, Package,
    archive::{MAX_PACKAGE, PackageBuffer},
};
use crate::{
    error::{Error, Result},
    output::Progress,
};

/// The first bytes of archives, whose files only nodes read.
const OTHER_KINDS: [&[u8]; 4] = [b"PK\x03\x04", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"];

const GZIP: &[u8] = b"\x1f\x8b";

/// Where the header of a tar archive says what it is.
const TAR_MAGIC: std::ops::Range<usize> = 257..262;

/// How an archive is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    Tar,
    Gzip,
    Other,
}

/// Returns whether a file is an archive, by its first bytes.
pub(super) fn is_archive(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(512).read_to_end(&mut head)?;
    Ok(kind(&head).is_some())
}

pub(super) fn kind(head: &[u8]) -> Option<ArchiveKind> {
    if head.starts_with(GZIP) {
        Some(ArchiveKind::Gzip)
    } else if head.get(TAR_MAGIC) == Some(b"ustar") {
        Some(ArchiveKind::Tar)
    } else {
        OTHER_KINDS.iter().any(|magic| head.starts_with(magic)).then_some(ArchiveKind::Other)
    }
}

/// Makes a package of an archive.
pub(super) fn pack(path: &Path) -> Result<Package> {
    let _progress = Progress::start("reading the archive");
    let mut file = File::open(path).map_err(Error::in_file(path))?;
    let len = file.seek(SeekFrom::End(0)).and_then(|len| file.rewind().map(|()| len));
    let len = len.map_err(Error::in_file(path))?;
    if len > MAX_PACKAGE as u64 {
        let reason = format!("has {} MiB, and a storage takes {}", len >> 20, MAX_PACKAGE >> 20);
        return Err(Error::in_file(path)(reason));
    }
    let mut buffer = PackageBuffer::new();
    io::copy(&mut file, &mut buffer).map_err(Error::in_file(path))?;
    let files = list(buffer.archive())
        .map_err(|error| Error::in_file(path)(format!("the archive is broken: {error}; pack it again")))?;
    if files.as_ref().is_some_and(BTreeMap::is_empty) {
        return Err(Error::in_file(path)("has no files: there is nothing to upload"));
    }
    let manifest = BTreeMap::new();
    let (blob, notes, location) = (buffer.into_blob(), Vec::new(), Location::Archive);
    Ok(Package { blob, manifest, notes, files, location })
}

/// Returns the files of an archive with their modes, if it is of a kind that is read here.
fn list(archive: &[u8]) -> io::Result<Option<BTreeMap<PathBuf, u32>>> {
    match kind(archive) {
        Some(ArchiveKind::Tar) => list_tar(archive).map(Some),
        Some(ArchiveKind::Gzip) => list_tar(MultiGzDecoder::new(archive)).map(Some),
        Some(ArchiveKind::Other) => Ok(None),
        None => Err(io::Error::other("it is neither tar, gzip, bzip2, xz, zstd nor zip")),
    }
}

fn list_tar(source: impl Read) -> io::Result<BTreeMap<PathBuf, u32>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(source).entries()? {
        let mut entry = entry?;
        let path: PathBuf =
            entry.path()?.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        if !entry.header().entry_type().is_dir() {
            files.insert(path, entry.header().mode()?);
        }
        // The end of an entry that was cut off is only found by reading it.
        let expected = entry.size();
        if io::copy(&mut entry, &mut io::sink())? < expected {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(files)
}
