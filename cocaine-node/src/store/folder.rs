//! The data folder of a store: the database file, and the process that has it open.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process,
};

use redb::{Builder, Database, DatabaseError, StorageError, backends::FileBackend};

use super::{OpenError, StoreError, format, writer::Backend};
use crate::permissions::{PRIVATE_FILE, PRIVATE_FOLDER, create_private_folder, narrow, write_private_file};

pub(super) const DATABASE_FILE: &str = "node.redb";
/// The database until it is whole.
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

/// A data folder, locked by this process while its database is open.
pub(super) struct DataFolder(PathBuf);

impl Backend for DataFolder {
    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        database_builder().open(self.file())
    }

    fn before_close(&mut self) {
        // The file names the process that has the folder open.
        drop(fs::remove_file(self.0.join(PID_FILE)));
    }
}

impl DataFolder {
    /// Opens the folder's database; both are created if they are missing, for their owner alone.
    ///
    /// A file that exists is never replaced: it is opened, or refused.
    pub(super) fn open(path: &Path) -> Result<(Self, Database), OpenError> {
        let failed = |source| OpenError::Io { folder: path.into(), source };
        create_private_folder(path).and_then(|()| narrow(path, PRIVATE_FOLDER)).map_err(failed)?;
        let folder = Self(path.to_owned());
        let database = if folder.file().try_exists().map_err(failed)? {
            narrow(&folder.file(), PRIVATE_FILE).map_err(failed)?;
            let opened =
                database_builder().open(folder.file()).map_err(|error| folder.to_open_error(error))?;
            format::check(&opened).map_err(|error| folder.unusable(&error))?;
            opened
        } else {
            folder.create()?
        };
        write_private_file(&path.join(PID_FILE), process::id().to_string().as_bytes()).map_err(failed)?;
        Ok((folder, database))
    }

    /// Creates the database beside its place and moves it there once it is whole, so that a crash leaves no file that is
    /// refused later.
    fn create(&self) -> Result<Database, OpenError> {
        let failed = |source| OpenError::Io { folder: self.0.clone(), source };
        let new = self.0.join(NEW_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(&new)
            .map_err(failed)?;
        let database = FileBackend::new(file)
            .and_then(|backend| database_builder().create_with_backend(backend))
            .map_err(|error| self.to_open_error(error))?;
        format::create_tables(&database).map_err(|error| self.unusable(&error))?;
        fs::rename(&new, self.file()).map_err(failed)?;
        // The file survives a crash only if its directory entries do.
        sync(&self.0).and_then(|()| self.0.parent().map_or(Ok(()), sync)).map_err(failed)?;
        Ok(database)
    }

    fn file(&self) -> PathBuf {
        self.0.join(DATABASE_FILE)
    }

    fn to_open_error(&self, error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => OpenError::InUse {
                folder: self.0.clone(),
                pid: fs::read_to_string(self.0.join(PID_FILE)).ok().and_then(|pid| pid.trim().parse().ok()),
            },
            DatabaseError::Storage(StorageError::Io(source))
                if source.kind() != io::ErrorKind::InvalidData =>
            {
                OpenError::Io { folder: self.0.clone(), source }
            }
            other => OpenError::Unusable { file: self.file(), reason: other.to_string() },
        }
    }

    fn unusable(&self, error: &StoreError) -> OpenError {
        OpenError::Unusable { file: self.file(), reason: error.to_string() }
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::File::open(folder)?.sync_all()
}
