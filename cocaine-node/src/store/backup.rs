//! Backups: all rows of a snapshot in one file.
//!
//! | bytes | what |
//! |---|---|
//! | `\x89CNB\r\n\x1a\n` | what every backup begins with |
//! | u32 | the version of the container, 1 |
//! | records | one after the other |
//!
//! A record is its kind (u8), the lengths of its key and its value (u32 each), the key, the value, and the CRC-32 of all
//! bytes of the file before it (u32). Numbers are little-endian.
//!
//! | kind | key | value |
//! |---|---|---|
//! | 1, the first record | the program and its version | the number of the rows' format, the time in seconds since 1970 (u64 each) |
//! | 2, before the rows of a table | the table's name | |
//! | 3, a row | the row's key | the row's value, which ends with a checksum of its own |
//! | 4, the last record | | the number of rows (u64) |
//! | 5, in place of the last record | | why the node could not finish (text) |
//!
//! Nothing follows the last record, so that a backup that was cut off is told from a whole one.

mod encoder;
mod error;
mod file;
mod reader;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

pub(crate) use self::{
    encoder::BackupEncoder,
    file::BackupWriter,
    reader::{BackupReader, Record},
};
pub use self::{
    error::{BackupError, DataError},
    file::Replacement,
};

use super::{Store, StoreError};

/// What every backup begins with: a text would not, and a transfer that changes line ends destroys it.
const MAGIC: &[u8; 8] = b"\x89CNB\r\n\x1a\n";
/// The version of the container.
const VERSION: u32 = 1;

const HEADER: u8 = 1;
const TABLE: u8 = 2;
const ROW: u8 = 3;
const END: u8 = 4;
const FAILURE: u8 = 5;

/// What a backup contains.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupSummary {
    /// The size of the backup in bytes.
    pub bytes: u64,
    /// The number of rows, of which a blob or a node of the tree takes one or more.
    pub rows: u64,
    /// The program that wrote it, and its version.
    pub program: String,
    /// When it was begun, in seconds since 1970.
    pub created: u64,
}

/// What a restoration has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreSummary {
    /// What the backup contains.
    pub backup: BackupSummary,
    /// The new name of the database that was in the folder, if there was one.
    pub former: Option<PathBuf>,
}

impl Store {
    /// Writes a backup of the data as it is now. If the caller stops waiting, nothing is left of the file.
    pub(crate) async fn write_backup(
        &self,
        file: &Path,
        replace: Replacement,
    ) -> Result<BackupSummary, DataError> {
        let to_error = |source| DataError::Backup { file: file.into(), source };
        let mut under_way =
            (BackupEncoder::new(self.snapshot()?), BackupWriter::create(file, replace).map_err(to_error)?);
        loop {
            let written = spawn_blocking(move || {
                let (mut encoder, mut writer) = under_way;
                Ok(match encoder.next_piece().map_err(WriteError::Store)? {
                    Some(piece) => {
                        writer.write(&piece).map_err(WriteError::Backup)?;
                        Progress::Piece((encoder, writer))
                    }
                    None => Progress::End(writer.finish().map_err(WriteError::Backup)?),
                })
            });
            match written.await.map_err(|error| StoreError::Panicked(error.to_string()))? {
                Ok(Progress::Piece(next)) => under_way = next,
                Ok(Progress::End(summary)) => return Ok(summary),
                Err(WriteError::Store(error)) => return Err(error.into()),
                Err(WriteError::Backup(error)) => return Err(to_error(error)),
            }
        }
    }
}

/// How far a backup has come.
enum Progress {
    Piece((BackupEncoder, BackupWriter)),
    End(BackupSummary),
}

/// What kept a piece from being written.
enum WriteError {
    Store(StoreError),
    Backup(BackupError),
}
