//! Folders that are read by their descriptors, so that no link is followed, not even one that is put there meanwhile.

use std::{
    ffi::{CString, OsStr},
    fs::File,
    io::{self, Read},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Component, Path},
};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A file that is replaced by a pipe must not be waited for.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

/// The names in a folder, in byte order.
#[derive(Debug, Default)]
pub(super) struct FolderEntries {
    /// Files with their lengths.
    pub(super) files: Vec<(CString, u64)>,
    pub(super) links: Vec<CString>,
    pub(super) folders: Vec<CString>,
    /// Sockets, pipes and devices.
    pub(super) others: Vec<CString>,
}

impl Folder {
    /// Opens a folder, which may be named by a link.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// Opens a folder below this one.
    pub(super) fn open_folder(&self, path: &Path) -> io::Result<Self> {
        let mut folder = Self(self.0.try_clone()?);
        for name in names(path)? {
            folder = Self(openat(&folder.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?);
        }
        Ok(folder)
    }

    /// Lists the folder.
    pub(super) fn entries(&self) -> io::Result<FolderEntries> {
        let mut entries = FolderEntries::default();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let metadata = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let length = u64::try_from(metadata.st_size).unwrap_or_default();
            match FileType::from_raw_mode(metadata.st_mode) {
                FileType::RegularFile => entries.files.push((name.into(), length)),
                FileType::Symlink => entries.links.push(name.into()),
                FileType::Directory => entries.folders.push(name.into()),
                _ => entries.others.push(name.into()),
            }
        }
        entries.files.sort();
        for names in [&mut entries.links, &mut entries.folders, &mut entries.others] {
            names.sort();
        }
        Ok(entries)
    }

    /// Reads a file below this folder, of `limit` bytes at most.
    pub(super) fn read_file(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let folder = path.parent().map(|parent| self.open_folder(parent)).transpose()?;
        let (folder, name) = (folder.as_ref().unwrap_or(self), path.file_name().unwrap_or_default());
        let file = File::from(openat(&folder.0, name, FILE, Mode::empty())?);
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() > limit {
            return Err(io::Error::other("the file has changed while it was read"));
        }
        let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.take(limit).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// Returns the names in a relative path, which leads nowhere but downward.
fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    let names = path.components().map(|component| match component {
        Component::Normal(name) => Ok(name),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    });
    names.collect()
}

/// Returns a name as a path.
pub(super) fn as_path(name: &CString) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}
