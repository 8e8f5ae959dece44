//! Reads an archive entry by entry, within bounds.

use std::{
    cell::Cell,
    io::{self, Read},
    path::Path,
};

use cocaine::Result;
use tar::{Entry, EntryType, PaxExtensions};

use super::{
    ArchiveLimits, damaged,
    item::{Item, Kind},
    too_large,
};

/// The largest header of a header: a long name, or extended attributes.
const LARGEST_EXTENSION: u64 = 64 << 10;

/// A source that fails once more was read than is allowed.
pub(super) struct Limited<R> {
    source: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Limited<R> {
    pub(super) fn new(source: R, limit: u64) -> Self {
        Self { source, left: limit, limit }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let text = format!("the archive unpacks to more than {} bytes", self.limit);
            io::Error::new(io::ErrorKind::FileTooLarge, text)
        })?;
        Ok(read)
    }
}

/// What the headers before an entry say of it, where its own has no room.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<Vec<u8>>,
    sparse: bool,
}

impl Extensions {
    fn add(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        if entry.size() > LARGEST_EXTENSION {
            return Err(too_large(&format!("the archive has a header of {} bytes", entry.size())));
        }
        let mut data = Vec::new();
        entry.read_to_end(&mut data).map_err(|error| damaged(&error))?;
        let text = || data.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
        match entry.header().entry_type() {
            EntryType::GNULongName => self.name = text(),
            EntryType::GNULongLink => self.link = text(),
            EntryType::XHeader => self.add_pax(&data)?,
            // Whatever is said of all entries says nothing of where they go.
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

/// The entries of an archive, on their way into a folder.
pub(super) struct Entries<'a> {
    root: &'a Path,
    bounds: ArchiveLimits,
    seen: u64,
    /// Folders that were made on the way.
    folders: Cell<u64>,
    extensions: Extensions,
}

impl<'a> Entries<'a> {
    pub(super) fn new(root: &'a Path, bounds: ArchiveLimits) -> Self {
        Self { root, bounds, seen: 0, folders: Cell::new(0), extensions: Extensions::default() }
    }

    /// Unpacks all that `source` holds.
    pub(super) fn place(mut self, source: impl Read) -> Result<()> {
        let mut archive = tar::Archive::new(source);
        for entry in archive.entries().map_err(|error| damaged(&error))?.raw(true) {
            let mut entry = entry.map_err(|error| damaged(&error))?;
            self.seen += 1;
            if self.seen > self.bounds.entries {
                let limit = self.bounds.entries;
                return Err(too_large(&format!("the archive has more than {limit} entries")));
            }
            match entry.header().entry_type() {
                EntryType::GNULongName
                | EntryType::GNULongLink
                | EntryType::XHeader
                | EntryType::XGlobalHeader => self.extensions.add(&mut entry)?,
                _ => self.place_one(&mut entry)?,
            }
        }
        Ok(())
    }

    fn place_one(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        let Extensions { name, link, size, sparse } = std::mem::take(&mut self.extensions);
        let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
        let link = link.or_else(|| Some(entry.link_name_bytes()?.into_owned())).unwrap_or_default();
        let item = Item { root: self.root, name: &name, bounds: self.bounds, folders: &self.folders };
        if sparse || size.is_some_and(|size| size != entry.size().to_string().as_bytes()) {
            return Err(item.refused("does not say plainly how large it is"));
        }
        let kind = match entry.header().entry_type() {
            EntryType::Directory => Kind::Folder,
            // The mark of a folder before there were types.
            EntryType::Regular if name.ends_with(b"/") => Kind::Folder,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Symlink => Kind::Symlink(&link),
            EntryType::Link => Kind::Link(&link),
            EntryType::GNUSparse => {
                return Err(
                    item.refused("is a sparse file: pack it whole, without `-S`, or with `sparse(false)`")
                );
            }
            EntryType::Char | EntryType::Block => return Err(item.refused("is a device")),
            EntryType::Fifo => return Err(item.refused("is a pipe")),
            other => return Err(item.refused(format_args!("is of the unknown kind {}", other.as_byte()))),
        };
        item.place(kind, entry)
    }
}
