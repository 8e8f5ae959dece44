//! The files of a package that is stored, so that two can be compared.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Component, PathBuf},
};

use cocaine::{Bytes, msgpack};
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::{
    archive::{MAX_ENTRIES, MAX_UNPACKED, PERMISSIONS},
    ready::{ArchiveKind, kind},
};

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackedFile {
    pub(crate) size: u64,
    pub(crate) mode: u32,
    /// Where it leads, if it is a link.
    pub(crate) link: Option<String>,
    hash: [u8; 32],
}

impl PackedFile {
    /// Returns whether nothing but the mode is another.
    pub(crate) fn has_contents_of(&self, other: &Self) -> bool {
        (self.size, &self.link, self.hash) == (other.size, &other.link, other.hash)
    }
}

/// Returns the files of a package by their paths; `None` if it is of a kind that only nodes read.
///
/// # Errors
/// It is broken, or larger than what a node unpacks.
pub(crate) fn read_files(blob: &Bytes) -> io::Result<Option<BTreeMap<String, PackedFile>>> {
    let archive: &[u8] = msgpack::from_slice(blob).map_err(io::Error::other)?;
    match kind(archive) {
        Some(ArchiveKind::Tar) => read_tar(archive).map(Some),
        Some(ArchiveKind::Gzip) => read_tar(MultiGzDecoder::new(archive)).map(Some),
        Some(ArchiveKind::Other) => Ok(None),
        None => Err(io::Error::other("it is no archive")),
    }
}

fn read_tar(source: impl Read) -> io::Result<BTreeMap<String, PackedFile>> {
    let mut files = BTreeMap::new();
    for (index, entry) in tar::Archive::new(source.take(MAX_UNPACKED)).entries()?.enumerate() {
        let mut entry = entry?;
        if index >= MAX_ENTRIES {
            return Err(io::Error::other("it has more files than a node unpacks"));
        }
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let path = entry.path()?;
        let path: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let link = entry.link_name()?.map(|target| target.display().to_string());
        let (mode, expected) = (entry.header().mode()? & PERMISSIONS, entry.size());
        let (size, hash) = hash(&mut entry)?;
        if size < expected {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        files.insert(path.display().to_string(), PackedFile { size, mode, link, hash });
    }
    Ok(files)
}

fn hash(entry: &mut impl Read) -> io::Result<(u64, [u8; 32])> {
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        match entry.read(&mut buffer)? {
            0 => return Ok((size, hasher.finalize().into())),
            read => {
                hasher.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}
