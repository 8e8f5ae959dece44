//! The data folder of a store: the database file, and the process that has it open.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use redb::{Builder, Database, DatabaseError, StorageError};

use super::{OpenError, writer::Backend};

const DATABASE_FILE: &str = "node.redb";
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
    /// Opens the folder's database; both are created if they are missing.
    pub(super) fn open(path: &Path) -> Result<(Self, Database), OpenError> {
        let failed = |source| OpenError::Io { folder: path.into(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let folder = Self(path.to_owned());
        let is_new = !folder.file().exists();
        let database =
            database_builder().create(folder.file()).map_err(|error| folder.to_open_error(error))?;
        if is_new {
            // The file survives a crash only if its directory entries do.
            sync(path).and_then(|()| path.parent().map_or(Ok(()), sync)).map_err(failed)?;
        }
        fs::write(path.join(PID_FILE), process::id().to_string()).map_err(failed)?;
        Ok((folder, database))
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
}

fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::File::open(folder)?.sync_all()
}
