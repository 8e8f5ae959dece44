//! Reads a tar archive entry by entry, within limits.

use std::{
    cell::Cell,
    io::{self, Read},
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use cocaine::{Error, Result};
use tar::{Entry, EntryType, PaxExtensions};

use super::{
    ArchiveLimits, damaged,
    data_limit::{DataLimit, LimitedReader},
    entry::{ArchiveEntry, EntryKind, FileContents, shown},
    incomplete, too_large,
};

/// The largest extended header: a long name, or pax attributes.
const MAX_EXTENDED_HEADER: u64 = 64 << 10;

/// What the extended headers before an entry say about it.
#[derive(Default)]
struct ExtendedHeaders {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<Vec<u8>>,
    sparse: bool,
}

impl ExtendedHeaders {
    fn add(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        if entry.size() > MAX_EXTENDED_HEADER {
            return Err(too_large(&format!("the archive has a header of {} bytes", entry.size())));
        }
        let mut data = Vec::new();
        entry.read_to_end(&mut data).map_err(|error| damaged(&error))?;
        let text = || data.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
        match entry.header().entry_type() {
            EntryType::GNULongName => self.name = text(),
            EntryType::GNULongLink => self.link = text(),
            EntryType::XHeader => self.add_pax(&data)?,
            // A global header does not affect where entries go.
            _ => {}
        }
        Ok(())
    }

    fn add_pax(&mut self, data: &[u8]) -> Result<()> {
        for extension in PaxExtensions::new(data) {
            let extension = extension.map_err(|error| damaged(&error))?;
            let value = Some(extension.value_bytes().to_vec());
            match extension.key_bytes() {
                b"path" => self.name = value,
                b"linkpath" => self.link = value,
                b"size" => self.size = value,
                key => self.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }
}

/// Returns whether a tar archive can start with this block: a header with the right checksum, or the end marker.
pub(super) fn is_header(block: &[u8; 512]) -> bool {
    let header = tar::Header::from_byte_slice(block);
    let mut recomputed = header.clone();
    recomputed.set_cksum();
    let is_valid =
        matches!((header.cksum(), recomputed.cksum()), (Ok(found), Ok(expected)) if found == expected);
    is_valid || block.iter().all(|byte| *byte == 0)
}

/// Unpacks a tar archive into `root`.
pub(super) fn unpack(source: impl Read, root: &Path, limits: ArchiveLimits) -> Result<()> {
    let limit = DataLimit::new(limits.bytes);
    let mut source = LimitedReader::new(source, &limit);
    TarUnpacker::new(root, limits, &limit).unpack(&mut source)?;
    // Read to the end, where the checksum of compressed data is. Whatever else follows is ignored.
    io::copy(&mut source, &mut io::sink()).map(drop).map_err(|error| damaged(&error))
}

/// Unpacks the entries of an archive into a folder.
struct TarUnpacker<'a> {
    root: &'a Path,
    limits: ArchiveLimits,
    data_limit: &'a DataLimit,
    /// How many entries were read.
    entries: u64,
    /// The name of the last entry.
    last: Vec<u8>,
    /// How many folders were created.
    folders: Cell<u64>,
    extended: ExtendedHeaders,
}

impl<'a> TarUnpacker<'a> {
    fn new(root: &'a Path, limits: ArchiveLimits, data_limit: &'a DataLimit) -> Self {
        let (folders, extended) = (Cell::new(0), ExtendedHeaders::default());
        Self { root, limits, data_limit, entries: 0, last: Vec::new(), folders, extended }
    }

    /// Unpacks all entries of `source`.
    fn unpack(mut self, source: impl Read) -> Result<()> {
        let mut archive = tar::Archive::new(source);
        for entry in archive.entries().map_err(|error| damaged(&error))?.raw(true) {
            let mut entry = entry.map_err(|error| self.unreadable(&error))?;
            self.entries += 1;
            if self.entries > self.limits.entries {
                let limit = self.limits.entries;
                return Err(too_large(&format!("the archive has more than {limit} entries")));
            }
            match entry.header().entry_type() {
                EntryType::GNULongName
                | EntryType::GNULongLink
                | EntryType::XHeader
                | EntryType::XGlobalHeader => self.extended.add(&mut entry)?,
                _ => self.unpack_entry(&mut entry)?,
            }
        }
        if self.data_limit.has_ended() { Err(self.cut_off()) } else { Ok(()) }
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        // Errors of the decompressor have said what is missing.
        let is_named = matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::UnexpectedEof);
        if self.data_limit.has_ended() && !is_named { self.cut_off() } else { damaged(error) }
    }

    /// Returns the error for an archive without its end: nothing says that no entry is missing.
    fn cut_off(&self) -> Error {
        let last = shown(&self.last);
        incomplete(&format!("the blocks of zeros that end it are missing after the entry {last}"))
    }

    fn unpack_entry(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        let ExtendedHeaders { name, link, size, sparse } = std::mem::take(&mut self.extended);
        let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
        let link = link.or_else(|| Some(entry.link_name_bytes()?.into_owned())).unwrap_or_default();
        let item = ArchiveEntry { root: self.root, name: &name, limits: self.limits, folders: &self.folders };
        if sparse || size.is_some_and(|size| size != entry.size().to_string().as_bytes()) {
            return Err(item.invalid("does not say plainly how large it is"));
        }
        let kind = match entry.header().entry_type() {
            EntryType::Directory => EntryKind::Folder,
            // Old archives mark folders by a trailing slash.
            EntryType::Regular if name.ends_with(b"/") => EntryKind::Folder,
            EntryType::Regular | EntryType::Continuous => EntryKind::File,
            EntryType::Symlink => EntryKind::Symlink(&link),
            EntryType::Link => EntryKind::Link(&link),
            EntryType::GNUSparse => {
                return Err(
                    item.invalid("is a sparse file: pack it whole, without `-S`, or with `sparse(false)`")
                );
            }
            EntryType::Char | EntryType::Block => return Err(item.invalid("is a device")),
            EntryType::Fifo => return Err(item.invalid("is a pipe")),
            other => return Err(item.invalid(format_args!("is of the unknown kind {}", other.as_byte()))),
        };
        // Only links of old programs have none.
        let mode = entry.header().mode().unwrap_or(0o644);
        let seconds = entry.header().mtime().ok();
        let modified = seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
        let size = entry.size();
        let unpacked = item.unpack(kind, FileContents { data: entry, size, mode, modified });
        self.last = name;
        unpacked
    }
}
