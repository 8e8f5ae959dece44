//! The file of a backup, which has its name only once it is whole and on the disk.

use std::{
    fs::Permissions,
    io::{self, BufReader, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{BackupError, BackupReader, BackupSummary};
use crate::{permissions::PRIVATE_FILE, store::durability::sync_folder};

/// Writes the file of a backup under a temporary name beside it, for its owner alone. It is removed if it is dropped unfinished.
pub(crate) struct BackupWriter {
    file: NamedTempFile,
    path: PathBuf,
    replace: Replacement,
}

/// Whether a file that exists may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// It is an error if there is one.
    Refused,
    /// It is replaced once the new one is whole.
    Allowed,
}

impl BackupWriter {
    /// Creates the file.
    pub(crate) fn create(path: &Path, replace: Replacement) -> Result<Self, BackupError> {
        if replace == Replacement::Refused && path.symlink_metadata().is_ok() {
            return Err(BackupError::Exists);
        }
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().ok_or(BackupError::Write(io::ErrorKind::IsADirectory.into()))?);
        let created = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            .permissions(Permissions::from_mode(PRIVATE_FILE))
            .tempfile_in(folder_of(path));
        Ok(Self { file: created.map_err(BackupError::Write)?, path: path.into(), replace })
    }

    pub(crate) fn write(&mut self, piece: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(piece).map_err(BackupError::Write)
    }

    /// Checks what was written, makes it durable, and names it.
    pub(crate) fn finish(mut self) -> Result<BackupSummary, BackupError> {
        self.file.as_file().sync_all().map_err(BackupError::Write)?;
        self.file.rewind()?;
        let summary = BackupReader::new(BufReader::with_capacity(1 << 20, self.file.as_file()))?.check()?;
        let persisted = match self.replace {
            Replacement::Refused => self.file.persist_noclobber(&self.path),
            Replacement::Allowed => self.file.persist(&self.path),
        };
        match persisted {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists),
            Err(error) => Err(BackupError::Write(error.error)),
            Ok(_) => {
                sync_folder(folder_of(&self.path)).map_err(BackupError::Write)?;
                Ok(summary)
            }
        }
    }
}

/// Returns the folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
