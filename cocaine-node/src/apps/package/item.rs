//! One entry of an archive, and the place that it gets.
//!
//! The folder is new and nobody else's, so that what was checked stays as it was. Nothing is ever written through a
//! link, and no link leads out.

use std::{
    cell::Cell,
    ffi::OsStr,
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Component, Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use cocaine::{Error, Result};
use tar::Entry;

use super::{ArchiveLimits, damaged, failed, too_large};

use crate::errno::invalid_argument;

/// How much of a name an error shows, in bytes.
const SHOWN: usize = 200;

/// An entry by the name that the archive gives it.
pub(super) struct Item<'a> {
    pub(super) root: &'a Path,
    pub(super) name: &'a [u8],
    pub(super) bounds: ArchiveLimits,
    /// Folders that were made for the archive.
    pub(super) folders: &'a Cell<u64>,
}

/// What an entry becomes.
#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    Folder,
    File,
    /// A symbolic link to what this leads to from where the link is.
    Symlink(&'a [u8]),
    /// Another name of an entry.
    Link(&'a [u8]),
}

impl Item<'_> {
    pub(super) fn place(&self, kind: Kind<'_>, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        let components = self.components(self.name)?;
        let Some((last, folders)) = components.split_last() else {
            return if matches!(kind, Kind::Folder) { Ok(()) } else { Err(self.refused("has no name")) };
        };
        let path = self.folder(folders, true)?.join(last);
        match kind {
            Kind::Folder => self.enter(&path, true),
            Kind::File => {
                self.clear(&path)?;
                self.write(&path, entry)
            }
            Kind::Symlink(target) => {
                self.check_target(target, folders.len())?;
                self.clear(&path)?;
                std::os::unix::fs::symlink(OsStr::from_bytes(target), &path)
                    .map_err(|error| self.failed(&error))
            }
            Kind::Link(target) => {
                let original = self.original(target)?;
                if original == path {
                    return Ok(());
                }
                self.clear(&path)?;
                fs::hard_link(original, &path).map_err(|error| self.failed(&error))
            }
        }
    }

    /// Returns the parts of a path that stays inside.
    fn components<'p>(&self, path: &'p [u8]) -> Result<Vec<&'p OsStr>> {
        let ArchiveLimits { path: longest, depth, .. } = self.bounds;
        if path.len() > longest {
            return Err(self.refused(format_args!("has a path of more than {longest} bytes")));
        }
        let mut parts = Vec::new();
        for component in Path::new(OsStr::from_bytes(path)).components() {
            match component {
                Component::Normal(part) => parts.push(part),
                Component::CurDir => {}
                Component::ParentDir => return Err(self.refused("has a path with `..`")),
                Component::RootDir | Component::Prefix(_) => return Err(self.refused("has an absolute path")),
            }
        }
        if parts.len() > depth {
            return Err(self.refused(format_args!("is more than {depth} folders deep")));
        }
        Ok(parts)
    }

    /// Returns the path of a folder inside, and that there is one; missing ones are made if `create` says so.
    fn folder(&self, parts: &[&OsStr], create: bool) -> Result<PathBuf> {
        let mut path = self.root.to_owned();
        for part in parts {
            path.push(part);
            self.enter(&path, create)?;
        }
        Ok(path)
    }

    fn enter(&self, path: &Path, create: bool) -> Result<()> {
        match self.look(path)? {
            Some(there) if there.is_dir() => Ok(()),
            Some(there) if there.is_symlink() => Err(self.refused("has a path through a symbolic link")),
            Some(_) => Err(self.refused("has a path through a file")),
            None if create => self.create(path),
            None => Err(self.refused("is a link to what is not there")),
        }
    }

    /// Makes a folder. One path may need many, so they count as entries do.
    fn create(&self, path: &Path) -> Result<()> {
        self.folders.set(self.folders.get() + 1);
        if self.folders.get() > self.bounds.entries {
            let limit = self.bounds.entries;
            return Err(too_large(&format!("the archive has more than {limit} folders")));
        }
        fs::create_dir(path).map_err(|error| self.failed(&error))
    }

    fn look(&self, path: &Path) -> Result<Option<Metadata>> {
        match path.symlink_metadata() {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Removes what an earlier entry left in this place: the last one counts.
    fn clear(&self, path: &Path) -> Result<()> {
        match self.look(path)? {
            Some(there) if there.is_dir() => Err(self.refused("is in the place of a folder")),
            Some(_) => fs::remove_file(path).map_err(|error| self.failed(&error)),
            None => Ok(()),
        }
    }

    fn write(&self, path: &Path, entry: &mut Entry<'_, impl Read>) -> Result<()> {
        let failed = |error: io::Error| self.failed(&error);
        // Neither bits of other users' rights nor a file that its owner cannot read.
        let mode = entry.header().mode().map_err(|error| damaged(&error))? & 0o777 | 0o600;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
        let written = self.copy(entry, &mut file)?;
        if written < entry.size() {
            return Err(self.refused(format_args!("ends after {written} of {} bytes", entry.size())));
        }
        let time = entry.header().mtime().ok();
        match time.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds))) {
            Some(time) => file.set_modified(time).map_err(failed),
            None => Ok(()),
        }
    }

    fn copy(&self, source: &mut impl Read, file: &mut File) -> Result<u64> {
        let mut buffer = vec![0; 64 << 10];
        let mut written = 0;
        loop {
            let read = source.read(&mut buffer).map_err(|error| damaged(&error))?;
            if read == 0 {
                return Ok(written);
            }
            file.write_all(&buffer[..read]).map_err(|error| self.failed(&error))?;
            written += read as u64;
        }
    }

    /// Checks that a symbolic link that is `depth` folders deep leads to something inside. `..` is taken only at the
    /// beginning, where it follows folders and no other link.
    fn check_target(&self, target: &[u8], depth: usize) -> Result<()> {
        let mut left = depth;
        let mut down = false;
        for component in Path::new(OsStr::from_bytes(target)).components() {
            match component {
                Component::ParentDir if !down && left > 0 => left -= 1,
                Component::Normal(_) => down = true,
                Component::CurDir => {}
                _ => return Err(self.refused(format_args!("is a link to {}, outside", shown(target)))),
            }
        }
        Ok(())
    }

    /// Returns the file that a hard link is another name of.
    fn original(&self, target: &[u8]) -> Result<PathBuf> {
        let components = self.components(target)?;
        let Some((last, folders)) = components.split_last() else {
            return Err(self.refused("is a link to nothing"));
        };
        let path = self.folder(folders, false)?.join(last);
        match self.look(&path)? {
            Some(there) if there.is_file() => Ok(path),
            Some(_) => Err(self.refused("is a hard link to what is no file")),
            None => Err(self.refused("is a link to what is not there")),
        }
    }

    pub(super) fn refused(&self, reason: impl fmt::Display) -> Error {
        invalid_argument(&format!("the archive's entry {} {reason}", shown(self.name)))
    }

    fn failed(&self, error: &io::Error) -> Error {
        failed(&format!("cannot unpack {}", shown(self.name)), error)
    }
}

fn shown(name: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&name[..name.len().min(SHOWN)]))
}
