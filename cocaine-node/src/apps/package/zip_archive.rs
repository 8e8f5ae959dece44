//! Reads a zip archive entry by entry, within limits.
//!
//! The central directory is read in place and nothing of it is stored, so its size costs no memory. Entries that share
//! their data are limited by what they unpack to.

use std::{
    borrow::Cow,
    cell::Cell,
    io::Read,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cocaine::{Error, Result};
use flate2::bufread::DeflateDecoder;
use rawzip::{
    CompressionMethod, CreatorSystem, ErrorKind, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive,
    time::ZipDateTimeKind,
};

use super::{
    ArchiveLimits, damaged,
    data_limit::{DataLimit, LimitedReader},
    decompression::{Compression, Decompressor},
    entry::{ArchiveEntry, EntryKind, FileContents},
    incomplete, too_large,
};
use crate::errno::invalid_argument;

/// The bits of a mode that say what kind of file it is.
const FILE_TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// Returns whether these are the first bytes of a zip archive: of an entry, or of the end of an empty one.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Unpacks a zip archive into `root`.
pub(super) fn unpack(bytes: &[u8], root: &Path, limits: ArchiveLimits) -> Result<()> {
    let archive = ZipArchive::from_slice(bytes).map_err(|error| unreadable(&error))?;
    let unpacker =
        ZipUnpacker { root, limits, data_limit: DataLimit::new(limits.bytes), folders: Cell::new(0) };
    let mut count = 0;
    for record in archive.entries() {
        let record = record.map_err(|error| unreadable(&error))?;
        count += 1;
        if count > limits.entries {
            return Err(too_large(&format!("the archive has more than {} entries", limits.entries)));
        }
        unpacker.unpack_entry(&archive, &record)?;
    }
    if count < archive.entries_hint() {
        let expected = archive.entries_hint();
        return Err(incomplete(&format!("its directory has {count} of {expected} entries")));
    }
    Ok(())
}

fn unreadable(error: &rawzip::Error) -> Error {
    match error.kind() {
        ErrorKind::MissingEndOfCentralDirectory => {
            incomplete("the directory that ends a zip archive is missing")
        }
        ErrorKind::Eof => incomplete("the directory that ends it names data that is not there"),
        _ => invalid_argument(&format!("the archive is damaged: its zip structure is invalid: {error}")),
    }
}

struct ZipUnpacker<'a> {
    root: &'a Path,
    limits: ArchiveLimits,
    data_limit: DataLimit,
    /// How many folders were created.
    folders: Cell<u64>,
}

impl ZipUnpacker<'_> {
    fn unpack_entry(&self, archive: &ZipSliceArchive<&[u8]>, record: &ZipFileHeaderRecord<'_>) -> Result<()> {
        let name = entry_name(record);
        let item = ArchiveEntry { root: self.root, name: &name, limits: self.limits, folders: &self.folders };
        if record.flags().is_encrypted() {
            return Err(item.invalid("is encrypted: pack it without a password"));
        }
        let entry = archive.get_entry(record.wayfinder()).map_err(|error| unreadable(&error))?;
        let method = record.compression_method();
        let decoder = self.decoder(method, entry.data()).ok_or_else(|| {
            item.invalid(format_args!("is compressed in the unknown way {}: use deflate", method.as_u16()))
        })?;
        let mut data = entry.verifying_reader(LimitedReader::new(decoder, &self.data_limit));
        let mode = record.mode();
        let contents = FileContents {
            data: &mut data,
            size: record.uncompressed_size_hint(),
            mode: mode.permissions(),
            modified: modified(record),
        };
        match mode.value() & FILE_TYPE {
            _ if record.is_dir() => item.unpack(EntryKind::Folder, contents),
            FOLDER => item.unpack(EntryKind::Folder, contents),
            SYMLINK => {
                let mut target = Vec::new();
                let longest = self.limits.path as u64 + 1;
                contents.data.take(longest).read_to_end(&mut target).map_err(|error| damaged(&error))?;
                if target.len() > self.limits.path {
                    return Err(item.invalid("is a link with a path that is too long"));
                }
                item.unpack(EntryKind::Symlink(&target), FileContents { data: &mut &[][..], ..contents })
            }
            REGULAR | 0 => item.unpack(EntryKind::File, contents),
            _ => Err(item.invalid("is neither a file nor a folder nor a link")),
        }
    }

    /// Returns a reader of compressed data, or `None` if the method is unknown.
    fn decoder<'d>(&self, method: CompressionMethod, data: &'d [u8]) -> Option<Box<dyn Read + 'd>> {
        let compression = match method {
            CompressionMethod::STORE => return Some(Box::new(data)),
            CompressionMethod::DEFLATE => return Some(Box::new(DeflateDecoder::new(data))),
            CompressionMethod::BZIP2 => Compression::Bzip2,
            CompressionMethod::XZ => Compression::Xz,
            CompressionMethod::ZSTD => Compression::Zstd,
            _ => return None,
        };
        Some(Box::new(Decompressor::new(compression, data, self.limits.members)))
    }
}

/// Returns the name of an entry. Some programs for Windows separate folders by backslashes.
fn entry_name<'a>(record: &ZipFileHeaderRecord<'a>) -> Cow<'a, [u8]> {
    let name = record.file_path().as_bytes();
    let system = record.version_made_by().creator_system();
    let is_unix = matches!(system, CreatorSystem::UNIX | CreatorSystem::MACOS);
    if is_unix || name.contains(&b'/') || !name.contains(&b'\\') {
        return name.into();
    }
    name.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect::<Vec<_>>().into()
}

/// Returns the time of an entry, unless it is that of an unknown time zone.
fn modified(record: &ZipFileHeaderRecord<'_>) -> Option<SystemTime> {
    match record.last_modified() {
        ZipDateTimeKind::Utc(time) => {
            let seconds = u64::try_from(time.to_unix()).ok()?;
            UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
        }
        ZipDateTimeKind::Local(_) => None,
    }
}
