//! One entry of an archive, and where it is unpacked to.
//!
//! The folder is new and private, so no other process changes a path between its check and its use. A symbolic link may
//! lead anywhere, as those of a virtual environment do: it is written as it is, and nothing is ever written, linked or
//! unpacked through one.

use std::{
    cell::Cell,
    ffi::OsStr,
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use cocaine::{Error, Result};

use super::{ArchiveLimits, damaged, io_error, too_large};

use crate::errno::invalid_argument;

/// How many bytes of a name an error shows.
const MAX_SHOWN_NAME: usize = 200;

/// An entry by its name in the archive.
pub(super) struct ArchiveEntry<'a> {
    pub(super) root: &'a Path,
    pub(super) name: &'a [u8],
    pub(super) limits: ArchiveLimits,
    /// How many folders were created for the archive.
    pub(super) folders: &'a Cell<u64>,
}

/// What an entry is unpacked as.
#[derive(Clone, Copy)]
pub(super) enum EntryKind<'a> {
    Folder,
    File,
    /// A symbolic link to this path.
    Symlink(&'a [u8]),
    /// A hard link to this entry.
    Link(&'a [u8]),
}

/// What a file contains.
pub(super) struct FileContents<'a> {
    pub(super) data: &'a mut dyn Read,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) modified: Option<SystemTime>,
}

impl ArchiveEntry<'_> {
    pub(super) fn unpack(&self, kind: EntryKind<'_>, contents: FileContents<'_>) -> Result<()> {
        let components = self.components(self.name)?;
        let Some((last, folders)) = components.split_last() else {
            return if matches!(kind, EntryKind::Folder) { Ok(()) } else { Err(self.invalid("has no name")) };
        };
        let path = self.create_folders(folders)?.join(last);
        match kind {
            EntryKind::Folder => self.ensure_folder(&path),
            EntryKind::File => {
                self.remove_existing(&path)?;
                self.write_file(&path, contents)
            }
            EntryKind::Symlink(target) => {
                self.remove_existing(&path)?;
                std::os::unix::fs::symlink(OsStr::from_bytes(target), &path)
                    .map_err(|error| self.io_error(&error))
            }
            EntryKind::Link(target) => {
                let source = self.link_source(target)?;
                if source == path {
                    return Ok(());
                }
                self.remove_existing(&path)?;
                // A link of a link is one to the same place: it is not followed.
                fs::hard_link(source, &path).map_err(|error| self.io_error(&error))
            }
        }
    }

    /// Returns the components of a path, which must stay inside the folder. Leading slashes are cut: the folder is the root.
    fn components<'p>(&self, path: &'p [u8]) -> Result<Vec<&'p OsStr>> {
        let ArchiveLimits { path: longest, depth, .. } = self.limits;
        if path.len() > longest {
            return Err(self.invalid(format_args!("has a path of more than {longest} bytes")));
        }
        let mut parts = Vec::new();
        for component in Path::new(OsStr::from_bytes(path)).components() {
            match component {
                Component::Normal(part) => parts.push(part),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
                Component::ParentDir => return Err(self.invalid("has a path with `..`")),
            }
        }
        if parts.len() > depth {
            return Err(self.invalid(format_args!("is more than {depth} folders deep")));
        }
        Ok(parts)
    }

    /// Returns the path of a folder, and creates its missing parts.
    fn create_folders(&self, parts: &[&OsStr]) -> Result<PathBuf> {
        let mut path = self.root.to_owned();
        for part in parts {
            path.push(part);
            self.ensure_folder(&path)?;
        }
        Ok(path)
    }

    /// Returns the path of an existing folder.
    fn existing_folder(&self, parts: &[&OsStr]) -> Result<PathBuf> {
        let mut path = self.root.to_owned();
        for part in parts {
            path.push(part);
            match self.metadata(&path)? {
                Some(metadata) => self.check_folder(&metadata)?,
                None => return Err(self.invalid("is a link to what is not there")),
            }
        }
        Ok(path)
    }

    fn ensure_folder(&self, path: &Path) -> Result<()> {
        match self.metadata(path)? {
            Some(metadata) => self.check_folder(&metadata),
            None => self.create_folder(path),
        }
    }

    fn check_folder(&self, metadata: &Metadata) -> Result<()> {
        if metadata.is_dir() {
            Ok(())
        } else if metadata.is_symlink() {
            Err(self.invalid("has a path through a symbolic link"))
        } else {
            Err(self.invalid("has a path through a file"))
        }
    }

    /// Creates a folder. One path may need many, so they are limited like entries.
    fn create_folder(&self, path: &Path) -> Result<()> {
        self.folders.set(self.folders.get() + 1);
        if self.folders.get() > self.limits.entries {
            let limit = self.limits.entries;
            return Err(too_large(&format!("the archive has more than {limit} folders")));
        }
        fs::create_dir(path).map_err(|error| self.io_error(&error))
    }

    /// Returns the metadata of a path without following links, or `None` if nothing exists there.
    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        match path.symlink_metadata() {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io_error(&error)),
        }
    }

    /// Removes the file of an earlier entry with this path: the last one counts.
    fn remove_existing(&self, path: &Path) -> Result<()> {
        match self.metadata(path)? {
            Some(metadata) if metadata.is_dir() => Err(self.invalid("is in the place of a folder")),
            Some(_) => fs::remove_file(path).map_err(|error| self.io_error(&error)),
            None => Ok(()),
        }
    }

    fn write_file(&self, path: &Path, contents: FileContents<'_>) -> Result<()> {
        let failed = |error: io::Error| self.io_error(&error);
        let FileContents { data, size, mode, modified } = contents;
        // No set-user-id bits, and no file that its owner cannot read.
        let mode = mode & 0o777 | 0o600;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
        let written = self.copy_contents(data, &mut file)?;
        if written < size {
            return Err(self.invalid(format_args!("ends after {written} of {size} bytes")));
        }
        modified.map_or(Ok(()), |time| file.set_modified(time).map_err(failed))
    }

    fn copy_contents(&self, source: &mut dyn Read, file: &mut File) -> Result<u64> {
        let mut buffer = vec![0; 64 << 10];
        let mut written = 0;
        loop {
            let read = source.read(&mut buffer).map_err(|error| damaged(&error))?;
            if read == 0 {
                return Ok(written);
            }
            file.write_all(&buffer[..read]).map_err(|error| self.io_error(&error))?;
            written += read as u64;
        }
    }

    /// Returns the path of the file or symbolic link that a hard link shares.
    fn link_source(&self, target: &[u8]) -> Result<PathBuf> {
        let components = self.components(target)?;
        let Some((last, folders)) = components.split_last() else {
            return Err(self.invalid("is a link to nothing"));
        };
        let path = self.existing_folder(folders)?.join(last);
        match self.metadata(&path)? {
            Some(metadata) if metadata.is_dir() => Err(self.invalid("is a hard link to a folder")),
            Some(_) => Ok(path),
            None => Err(self.invalid("is a link to what is not there")),
        }
    }

    /// Returns the error for this entry.
    pub(super) fn invalid(&self, reason: impl fmt::Display) -> Error {
        invalid_argument(&format!("the archive's entry {} {reason}", shown(self.name)))
    }

    fn io_error(&self, error: &io::Error) -> Error {
        io_error(&format!("cannot unpack {}", shown(self.name)), error)
    }
}

/// Returns the start of a name, quoted.
pub(super) fn shown(name: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&name[..name.len().min(MAX_SHOWN_NAME)]))
}
