//! Reads an archive entry by entry, within limits.

use std::{
    cell::Cell,
    io::{self, Read},
    path::Path,
};

use cocaine::Result;
use tar::{Entry, EntryType, PaxExtensions};

use super::{
    ArchiveLimits, damaged,
    entry::{ArchiveEntry, EntryKind},
    too_large,
};

/// The largest extended header: a long name, or pax attributes.
const MAX_EXTENDED_HEADER: u64 = 64 << 10;

/// A reader that fails after a number of bytes.
pub(super) struct LimitedReader<R> {
    source: R,
    left: u64,
    limit: u64,
}

impl<R: Read> LimitedReader<R> {
    pub(super) fn new(source: R, limit: u64) -> Self {
        Self { source, left: limit, limit }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let text = format!("the archive unpacks to more than {} bytes", self.limit);
            io::Error::new(io::ErrorKind::FileTooLarge, text)
        })?;
        Ok(read)
    }
}

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

/// Unpacks the entries of an archive into a folder.
pub(super) struct Unpacker<'a> {
    root: &'a Path,
    limits: ArchiveLimits,
    /// How many entries were read.
    entries: u64,
    /// How many folders were created.
    folders: Cell<u64>,
    extended: ExtendedHeaders,
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(root: &'a Path, limits: ArchiveLimits) -> Self {
        Self { root, limits, entries: 0, folders: Cell::new(0), extended: ExtendedHeaders::default() }
    }

    /// Unpacks all entries of `source`.
    pub(super) fn unpack(mut self, source: impl Read) -> Result<()> {
        let mut archive = tar::Archive::new(source);
        for entry in archive.entries().map_err(|error| damaged(&error))?.raw(true) {
            let mut entry = entry.map_err(|error| damaged(&error))?;
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
        Ok(())
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
        item.unpack(kind, entry)
    }
}
