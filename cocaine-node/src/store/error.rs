//! The errors of the store.

use std::{io, path::PathBuf};

use cocaine::Error;
use redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};

use crate::errno::{self, Errno};

/// Why an operation on stored data failed.
///
/// Cloning is possible because one failed commit answers every operation that was part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing is stored under this key.
    #[error("{collection}/{key}: No such file or directory")]
    NotFound {
        /// The collection that was asked.
        collection: String,
        /// The key that it does not hold.
        key: String,
    },
    /// The disk or a quota is full.
    #[error("no space left for the stored data: {0}")]
    Full(String),
    /// An I/O error.
    #[error("the stored data cannot be accessed: {text}")]
    Io {
        /// The kind that the operating system reported.
        kind: io::ErrorKind,
        /// Its text.
        text: String,
    },
    /// The data exceeds the size of an entry.
    #[error("{0} bytes are more than one entry can hold")]
    TooLarge(usize),
    /// The stored data is damaged.
    #[error("the stored data is damaged: {0}")]
    Corrupt(String),
    /// The database is another program's, or one of a newer version of this one.
    #[error("{0}")]
    Foreign(String),
    /// The operation panicked; the transaction continued without it.
    #[error("the operation failed: {0}")]
    Panicked(String),
    /// What was asked for is not possible with this store.
    #[error("{0}")]
    Unsupported(String),
    /// The store was closed before the operation ran, or before its outcome was known.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Returns whether the failure spoils everything that shares the database, not one operation alone.
    pub(super) fn is_fatal(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Io { .. } | Self::Closed)
    }

    /// Returns the error that callers of a service get: a POSIX number, as from the original's storage.
    pub(crate) fn into_service_error(self) -> Error {
        let number = match self {
            Self::NotFound { .. } => Errno::NOENT,
            Self::Full(_) => Errno::NOSPC,
            Self::TooLarge(_) => Errno::FBIG,
            Self::Panicked(_) | Self::Unsupported(_) => Errno::INVAL,
            Self::Closed => Errno::PIPE,
            Self::Io { .. } | Self::Corrupt(_) | Self::Foreign(_) => Errno::IO,
        };
        errno::error(number, self.to_string())
    }

    fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error.to_string()),
            kind => Self::Io { kind, text: error.to_string() },
        }
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) => Self::io(&error),
            StorageError::ValueTooLarge(length) => Self::TooLarge(length),
            StorageError::DatabaseClosed => Self::Closed,
            StorageError::PreviousIo | StorageError::Backend(_) | StorageError::Unsupported => {
                Self::Io { kind: io::ErrorKind::Other, text: error.to_string() }
            }
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<TransactionError> for StoreError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another node in this process, uses the folder.
    #[error("the data folder {} is in use by another node{}", .folder.display(), holder(*.pid))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process id in the folder's pid file.
        pid: Option<u32>,
    },
    /// There is no database in the folder.
    #[error("there is no database in the data folder {}", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder or the file in it cannot be created or read.
    #[error("cannot open the data folder {}: {source}", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file in the folder is not a database of this version, or is damaged.
    #[error("{} cannot be used as a database: {reason}", .file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Storage(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use cocaine::Code;

    use super::*;

    #[test]
    fn errors_carry_posix_numbers() {
        let codes = [
            (StoreError::NotFound { collection: "c".into(), key: "k".into() }, 2),
            (StoreError::Full(String::new()), 28),
            (StoreError::Io { kind: io::ErrorKind::Other, text: String::new() }, 5),
            (StoreError::Closed, 32),
        ];
        for (error, code) in codes {
            let answered = error.into_service_error();
            assert_eq!(answered.code(), Some(Code::posix(code)));
        }
    }
}
