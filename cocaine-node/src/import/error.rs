//! Why an import is refused.

use std::{io, path::PathBuf};

use crate::store::{OpenError, StoreError};

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file or a folder of the original cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file or the folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folder has no folders.
    #[error("{} has no collections: the folder to import is the `path` of a storage of the type `files`", .0.display())]
    Empty(PathBuf),
    /// The folder is a node's, or has one within it.
    #[error("{} cannot be imported into {}: the data folder of a node must lie outside of it", .folder.display(), .data.display())]
    SameFolder {
        /// The folder to import.
        folder: PathBuf,
        /// The data folder.
        data: PathBuf,
    },
    /// The data folder cannot be opened.
    #[error("{source}{}", advice(.source))]
    Open {
        /// Why.
        #[from]
        source: OpenError,
    },
    /// Objects are stored already, with other blobs.
    #[error("stored already, with another content:\n  {}\nto take that of the folder, give --replace", .0.join("\n  "))]
    Conflicts(Vec<String>),
    /// The store has failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn advice(error: &OpenError) -> &'static str {
    match error {
        OpenError::InUse { .. } => ": stop it before the import",
        _ => "",
    }
}
