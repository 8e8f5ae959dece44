//! The data folder of a store: the database file, and the process that has it open.

mod lock;
mod restore;

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process,
};

use redb::{Builder, Database, DatabaseError, StorageError, backends::FileBackend};

pub(crate) use self::restore::restore;

use self::lock::FolderLock;
use super::{OpenError, StoreError, durability::sync_folder, format, writer::Backend};
use crate::permissions::{
    PRIVATE_FILE, PRIVATE_FOLDER, create_private_folder, inherit_owner, narrow, write_private_file,
};

pub(super) const DATABASE_FILE: &str = "node.redb";
/// A database until it is whole.
const NEW_FILE: &str = "node.redb.new";
const PID_FILE: &str = "node.pid";

/// The size of redb's cache in bytes.
const CACHE_BYTES: usize = 256 << 20;

/// Returns the settings of every database that a store opens.
pub(super) fn database_builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder.set_repair_callback(|repair| {
        if repair.progress() == 0.0 {
            tracing::info!("the database was not closed properly; checking it");
        }
    });
    builder
}

/// A data folder, locked by this process until this is dropped.
pub(super) struct DataFolder {
    path: PathBuf,
    _lock: FolderLock,
}

impl Backend for DataFolder {
    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        database_builder().open(self.file())
    }

    fn file_bytes(&self) -> Result<u64, StoreError> {
        Ok(fs::metadata(self.file()).map_err(StorageError::Io)?.len())
    }

    fn create_replacement(&mut self) -> Result<Database, StoreError> {
        self.discard_replacement();
        Ok(self.create_new()?)
    }

    fn discard_replacement(&mut self) {
        // What is left is removed before the next one is created.
        drop(fs::remove_file(self.path.join(NEW_FILE)));
    }

    fn adopt_replacement(&mut self) -> io::Result<()> {
        self.adopt_new()
    }

    fn before_close(&mut self) {
        // The file names the process that has the folder open.
        drop(fs::remove_file(self.path.join(PID_FILE)));
    }
}

impl DataFolder {
    /// Opens the folder's database; both are created if they are missing, for their owner alone.
    ///
    /// A file that exists is never replaced: it is opened, or refused.
    pub(super) fn open(path: &Path) -> Result<(Self, Database), OpenError> {
        let folder = Self::create_and_lock(path)?;
        let database = if folder.has_database()? { folder.open_database()? } else { folder.create()? };
        folder.write_pid()?;
        Ok((folder, database))
    }

    /// Opens the folder's database, which must exist.
    pub(super) fn open_existing(path: &Path) -> Result<(Self, Database), OpenError> {
        if !path.join(DATABASE_FILE).exists() {
            return Err(OpenError::Missing { folder: path.into() });
        }
        Self::open(path)
    }

    /// Locks a folder, which is created if it is missing, and removes what a process has left there that was killed.
    fn create_and_lock(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { folder: path.into(), source };
        create_private_folder(path).and_then(|()| narrow(path, PRIVATE_FOLDER)).map_err(failed)?;
        let folder = Self { path: path.to_owned(), _lock: FolderLock::acquire(path)? };
        match fs::remove_file(path.join(NEW_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(folder),
        }
    }

    fn has_database(&self) -> Result<bool, OpenError> {
        self.file().try_exists().map_err(|source| self.io_error(source))
    }

    fn open_database(&self) -> Result<Database, OpenError> {
        narrow(&self.file(), PRIVATE_FILE).map_err(|source| self.io_error(source))?;
        let opened = database_builder().open(self.file()).map_err(|error| self.to_open_error(error))?;
        format::check(&opened).map_err(|error| self.unusable(&error))?;
        Ok(opened)
    }

    fn write_pid(&self) -> Result<(), OpenError> {
        let pid = process::id().to_string();
        write_private_file(&self.path.join(PID_FILE), pid.as_bytes()).map_err(|source| self.io_error(source))
    }

    /// Creates the database beside its place and moves it there once it is whole, so that a crash leaves no file that is
    /// refused later.
    fn create(&self) -> Result<Database, OpenError> {
        let database = self.create_new().map_err(|error| self.to_open_error(error))?;
        format::create_tables(&database).map_err(|error| self.unusable(&error))?;
        self.adopt_new().map_err(|source| self.io_error(source))?;
        Ok(database)
    }

    /// Creates an empty database beside the place of the folder's database.
    fn create_new(&self) -> Result<Database, DatabaseError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(PRIVATE_FILE);
        let created = options.open(self.path.join(NEW_FILE));
        let file = created
            .and_then(|file| inherit_owner(&file, &self.path).map(|()| file))
            .map_err(StorageError::Io)?;
        database_builder().create_with_backend(FileBackend::new(file)?)
    }

    /// Moves the new database, which is whole and on the disk, to the place of the folder's database.
    fn adopt_new(&self) -> io::Result<()> {
        fs::rename(self.path.join(NEW_FILE), self.file())?;
        self.sync()
    }

    /// Makes the entries of the folder durable, and its own.
    fn sync(&self) -> io::Result<()> {
        sync_folder(&self.path).and_then(|()| self.path.parent().map_or(Ok(()), sync_folder))
    }

    /// Returns the path of the database.
    pub(super) fn file(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    fn to_open_error(&self, error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => in_use(&self.path),
            DatabaseError::Storage(StorageError::Io(source))
                if source.kind() != io::ErrorKind::InvalidData =>
            {
                self.io_error(source)
            }
            other => OpenError::Unusable { file: self.file(), reason: other.to_string() },
        }
    }

    fn io_error(&self, source: io::Error) -> OpenError {
        OpenError::Io { folder: self.path.clone(), source }
    }

    fn unusable(&self, error: &StoreError) -> OpenError {
        OpenError::Unusable { file: self.file(), reason: error.to_string() }
    }
}

/// Returns the error of a folder that another process uses, and which one.
fn in_use(folder: &Path) -> OpenError {
    let pid = fs::read_to_string(folder.join(PID_FILE)).ok().and_then(|pid| pid.trim().parse().ok());
    OpenError::InUse { folder: folder.into(), pid }
}
