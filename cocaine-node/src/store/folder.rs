//! The folder that a store lives in: its file, and who holds it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use redb::{Builder, Database, DatabaseError, StorageError};

use super::{OpenError, writer::Medium};

const FILE: &str = "node.redb";
const PID: &str = "node.pid";

/// Bytes of the file that are kept in memory.
const CACHE: usize = 256 << 20;

/// Returns what is common to every database that a store opens.
pub(super) fn settings() -> Builder {
    let mut settings = Builder::new();
    settings.set_cache_size(CACHE);
    settings.set_repair_callback(|repair| {
        if repair.progress() == 0.0 {
            tracing::info!("the database was not closed properly; checking it");
        }
    });
    settings
}

/// A data folder that this process holds for as long as its database is open.
pub(super) struct Folder(PathBuf);

impl Medium for Folder {
    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        settings().open(self.file())
    }

    fn leave(&mut self) {
        // The number tells others who holds the folder, and soon nobody does.
        drop(fs::remove_file(self.0.join(PID)));
    }
}

impl Folder {
    /// Opens the folder's database, and creates both if need be.
    pub(super) fn open(path: &Path) -> Result<(Self, Database), OpenError> {
        let failed = |source| OpenError::Io { folder: path.into(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let folder = Self(path.to_owned());
        let fresh = !folder.file().exists();
        let database = settings().create(folder.file()).map_err(|error| folder.explain(error))?;
        if fresh {
            // The file is safe only once the folders that name it are.
            sync(path).and_then(|()| path.parent().map_or(Ok(()), sync)).map_err(failed)?;
        }
        fs::write(path.join(PID), process::id().to_string()).map_err(failed)?;
        Ok((folder, database))
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }

    fn explain(&self, error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => OpenError::InUse {
                folder: self.0.clone(),
                pid: fs::read_to_string(self.0.join(PID)).ok().and_then(|pid| pid.trim().parse().ok()),
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
