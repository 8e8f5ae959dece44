//! The errors of backups.

use std::{io, path::PathBuf};

use crate::store::error::{OpenError, StoreError};

/// Why a file cannot be used as a backup, or not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file exists, and is not to be replaced.
    #[error("it exists; say --replace to replace it")]
    Exists,
    /// The file cannot be written.
    #[error("it cannot be written: {0}")]
    Write(io::Error),
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file is something else.
    #[error("it is no backup of a node")]
    Foreign,
    /// The file was written by a newer version of the program.
    #[error(
        "its format is {found}, and this version of the program reads {known}: use the version that wrote it"
    )]
    Newer {
        /// The format of the file.
        found: u64,
        /// The format that this version knows.
        known: u64,
    },
    /// The file ends too early.
    #[error("it is incomplete: it ends after {bytes} bytes")]
    Incomplete {
        /// The bytes that are there.
        bytes: u64,
    },
    /// The file is not as it was written.
    #[error("it is damaged before byte {position}: {reason}")]
    Damaged {
        /// How far it was read.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// The node that sent the backup could not finish it.
    #[error("the node could not finish it: {0}")]
    Failed(String),
}

/// Why a data folder could not be backed up, restored or compacted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file of the backup cannot be used.
    #[error("{}: {source}", .file.display())]
    Backup {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: BackupError,
    },
    /// The data folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The stored data cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder has data, which is not to be replaced.
    #[error(
        "the data folder {} has data: say --replace to put the backup in its place; what is there is kept under another \
         name", .folder.display()
    )]
    HasData {
        /// The folder.
        folder: PathBuf,
    },
    /// The node that uses the folder cannot be asked.
    #[error("a node uses the data folder {}, and does not do it: {reason}", .folder.display())]
    Node {
        /// The folder.
        folder: PathBuf,
        /// What it answers, or why it does not.
        reason: String,
    },
}
