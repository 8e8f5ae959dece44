//! What a caller may do wrong, and the words for it (`services.md` 8).

use cocaine::{Category, Code, Error};

use super::{limits, path::Path};
use crate::{
    errno::{self, Errno},
    store::StoreError,
};

/// Why a call is refused, in the words of the original where it knows the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("root path is not allowed")]
    Root,
    #[error("invalid path provided")]
    Relative,
    #[error("a path of {0} bytes is longer than {max}", max = Path::MAX)]
    TooLong(usize),
    #[error("can not perform operation - bad arguments")]
    Malformed,
    #[error("trying to read value of the node with childs")]
    ParentRead,
    #[error("trying to subscribe on node with childs")]
    ParentWatched,
    #[error("can not increment node with children")]
    ParentIncremented,
    #[error("invalid value type for increment")]
    NotNumber,
    #[error("can not increment non-numeric value")]
    NotNumeric,
    #[error("a value of {0} bytes is larger than {max}", max = limits::VALUE)]
    TooLarge(usize),
    #[error("a value that cannot be sent back: {0}")]
    Unsendable(String),
    #[error("negative version is not allowed for put")]
    Negative,
    #[error("failure during deleting node - bad version")]
    BadVersion,
    #[error("failure during writing node value - no node")]
    NothingToPut,
    #[error("failure during deleting node - no node")]
    NothingToRemove,
    #[error("can not fetch children - no node")]
    NoFolder,
    #[error("node was removed")]
    Removed,
    #[error("watched node was deleted")]
    FolderRemoved,
    #[error("failure during creating node - node exists")]
    Exists,
    #[error("failure during deleting node - not empty")]
    NotEmpty,
    #[error("failure during creating node - no children for ephemerals")]
    BelowLock,
    #[error("what happened since is not known: the storage failed")]
    Lost,
    #[error("{0}")]
    Storage(#[from] StoreError),
    #[error("the subscriber fell too far behind")]
    Lagged,
}

impl Fault {
    /// Returns the error that callers get.
    pub(super) fn answer(self) -> Error {
        let (code, name) = match &self {
            Self::Lagged => return errno::error(Errno::NOBUFS, self.to_string()),
            Self::Root => return Error::service(Code::INVALID_PATH, self.to_string()),
            Self::ParentRead | Self::ParentWatched | Self::ParentIncremented => {
                (1, "can not get value of a node with childs")
            }
            Self::NotNumber | Self::NotNumeric => (2, "invalid type of value stored for requested operation"),
            Self::Relative | Self::TooLong(_) => (6, "invalid path specified"),
            Self::Negative | Self::BadVersion => (7, "specified version is not allowed for command"),
            Self::NothingToPut
            | Self::NothingToRemove
            | Self::NoFolder
            | Self::Removed
            | Self::FolderRemoved => (8, "node not exists"),
            Self::Exists => (9, "node already exists"),
            Self::Lost => (10, "connection has been lost"),
            Self::Malformed
            | Self::TooLarge(_)
            | Self::Unsendable(_)
            | Self::NotEmpty
            | Self::BelowLock
            | Self::Storage(_) => (11, "internal backend error"),
        };
        Error::service(Code::new(Category::UNICORN, code), format!("[{code}] {self}: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_the_recorded_ones() {
        let recorded = [
            (Fault::Root, 6, "root path is not allowed"),
            (Fault::Relative, 6, "[6] invalid path provided: invalid path specified"),
            (Fault::Malformed, 11, "[11] can not perform operation - bad arguments: internal backend error"),
            (Fault::Removed, 8, "[8] node was removed: node not exists"),
            (Fault::Exists, 9, "[9] failure during creating node - node exists: node already exists"),
        ];
        for (fault, code, text) in recorded {
            let error = fault.answer();
            assert_eq!(error.code(), Some(Code::new(Category::UNICORN, code)));
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
