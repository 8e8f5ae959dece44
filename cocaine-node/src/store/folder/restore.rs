//! Puts a backup in the place of the folder's database.
//!
//! A process that is killed on the way leaves the old database in its place, or the new one, both of which are whole.

use std::{
    fs::{self, File},
    io::{self, BufReader, Seek},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use redb::ReadableDatabase;

use super::{DATABASE_FILE, DataFolder, NEW_FILE, OpenError};
use crate::store::{
    backup::{BackupError, BackupReader, BackupSummary, DataError, Record, Replacement, RestoreSummary},
    blobs::RowTable,
    compaction::{finish_loading, load_table},
    error::StoreError,
    format,
};

/// Restores the backup in `file`. The whole file is checked before anything is changed.
pub(crate) fn restore(file: &Path, folder: &Path, replace: Replacement) -> Result<RestoreSummary, DataError> {
    let to_error = |source| DataError::Backup { file: file.into(), source };
    let backup = Backup::open(file).map_err(to_error)?;
    backup.reader().and_then(BackupReader::check).map_err(to_error)?;
    let folder = DataFolder::create_and_lock(folder)?;
    let is_replaced = folder.has_data()?;
    if is_replaced && replace == Replacement::Refused {
        return Err(DataError::HasData { folder: folder.path });
    }
    let loaded = backup.load_into(&folder).inspect_err(|_| {
        // What is left is removed when the folder is opened the next time.
        drop(fs::remove_file(folder.path.join(NEW_FILE)));
    });
    let summary = loaded.map_err(|error| match error {
        RestoreError::Backup(source) => to_error(source),
        RestoreError::Store(source) => DataError::Store(source),
        RestoreError::Open(source) => DataError::Open(source),
    })?;
    let failed = |source| DataError::Open(folder.io_error(source));
    let former = is_replaced.then(|| folder.set_aside()).transpose().map_err(failed)?;
    folder.adopt_new().map_err(failed)?;
    Ok(RestoreSummary { backup: summary, former })
}

/// The open file of a backup, which is read twice.
struct Backup(File);

/// What kept a backup from being loaded.
enum RestoreError {
    Backup(BackupError),
    Store(StoreError),
    Open(OpenError),
}

impl Backup {
    fn open(file: &Path) -> Result<Self, BackupError> {
        Ok(Self(File::open(file)?))
    }

    /// Returns a reader from the start of the file.
    fn reader(&self) -> Result<BackupReader<BufReader<&File>>, BackupError> {
        (&self.0).rewind()?;
        BackupReader::new(BufReader::with_capacity(1 << 20, &self.0))
    }

    /// Loads all rows into a new database beside the folder's own.
    fn load_into(&self, folder: &DataFolder) -> Result<BackupSummary, RestoreError> {
        let mut reader = self.reader()?;
        let mut database =
            folder.create_new().map_err(|error| RestoreError::Open(folder.to_open_error(error)))?;
        let mut record = reader.next_record()?;
        loop {
            record = match record {
                Record::Table(table) => load_rows(&mut reader, &database, table)?,
                Record::End(summary) => {
                    finish_loading(&mut database)?;
                    database.close().map_err(StoreError::from)?;
                    return Ok(summary);
                }
                // The reader has checked that each row follows a table.
                Record::Row(_) => reader.next_record()?,
            };
        }
    }
}

/// Loads the rows of a table, and returns the record behind them.
fn load_rows(
    reader: &mut BackupReader<BufReader<&File>>,
    database: &redb::Database,
    table: RowTable,
) -> Result<Record, RestoreError> {
    let mut behind = None;
    let rows = std::iter::from_fn(|| match reader.next_record() {
        Ok(Record::Row(row)) => Some(Ok(row)),
        Ok(record) => {
            behind = Some(record);
            None
        }
        Err(error) => Some(Err(RestoreError::Backup(error))),
    });
    load_table(database, table, rows)?;
    match behind {
        Some(record) => Ok(record),
        None => Ok(reader.next_record()?),
    }
}

impl DataFolder {
    /// Returns whether there is a database that has rows, or that cannot be read.
    fn has_data(&self) -> Result<bool, OpenError> {
        if !self.has_database()? {
            return Ok(false);
        }
        let has_rows = |database: redb::Database| -> Result<bool, StoreError> {
            let txn = database.begin_read()?;
            for table in format::TABLES {
                if !redb::ReadableTableMetadata::is_empty(&txn.open_table(table)?)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        match self.open_database() {
            Ok(database) => Ok(has_rows(database).unwrap_or(true)),
            Err(error @ (OpenError::InUse { .. } | OpenError::Io { .. })) => Err(error),
            Err(_) => Ok(true),
        }
    }

    /// Gives the database a second name, under which it stays when another one takes its place.
    fn set_aside(&self) -> io::Result<PathBuf> {
        let now = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        for number in 0_u32.. {
            let suffix = if number == 0 { String::new() } else { format!("-{number}") };
            let aside = self.path.join(format!("{DATABASE_FILE}.before-{now}{suffix}"));
            match fs::hard_link(self.file(), &aside) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.sync()?;
                    return Ok(aside);
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl From<BackupError> for RestoreError {
    fn from(error: BackupError) -> Self {
        Self::Backup(error)
    }
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
