//! The errors of the service, with the texts of the original (`services.md` 8).

use cocaine::{Category, Code, Error};

use super::limits;
use crate::{
    errno::{self, Errno},
    store::StoreError,
};

/// Why a call fails. The texts are the original's where it has the same error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnicornError {
    #[error("root path is not allowed")]
    RootPath,
    #[error("invalid path provided")]
    RelativePath,
    #[error("a path of {0} bytes is longer than {max}", max = limits::MAX_PATH_BYTES)]
    PathTooLong(usize),
    #[error("can not perform operation - bad arguments")]
    MalformedPath,
    #[error("trying to read value of the node with childs")]
    ReadParent,
    #[error("trying to subscribe on node with childs")]
    WatchParent,
    #[error("can not increment node with children")]
    IncrementParent,
    #[error("invalid value type for increment")]
    IncrementNotNumeric,
    #[error("can not increment non-numeric value")]
    StoredNotNumeric,
    #[error("a value of {0} bytes is larger than {max}", max = limits::MAX_VALUE_BYTES)]
    ValueTooLarge(usize),
    #[error(
        "arguments of {0} bytes are more than a path of {path} and a value of {value} take",
        path = limits::MAX_PATH_BYTES,
        value = limits::MAX_VALUE_BYTES
    )]
    ArgumentsTooLarge(usize),
    #[error("a value that cannot be sent back: {0}")]
    ValueNotEncodable(String),
    #[error("negative version is not allowed for put")]
    NegativeVersion,
    #[error("failure during deleting node - bad version")]
    BadVersion,
    #[error("failure during writing node value - no node")]
    PutMissing,
    #[error("failure during deleting node - no node")]
    RemoveMissing,
    #[error("can not fetch children - no node")]
    ListMissing,
    #[error("node was removed")]
    NodeRemoved,
    #[error("watched node was deleted")]
    WatchedRemoved,
    #[error("failure during creating node - node exists")]
    NodeExists,
    #[error("failure during deleting node - not empty")]
    NotEmpty,
    #[error("failure during creating node - no children for ephemerals")]
    ParentIsLock,
    #[error("later changes are unknown: the storage failed")]
    OutcomeUnknown,
    #[error("{0}")]
    Storage(#[from] StoreError),
    #[error("the subscriber fell too far behind")]
    Lagged,
}

impl UnicornError {
    /// Returns the error that a caller gets.
    pub(super) fn into_service_error(self) -> Error {
        let (code, name) = match &self {
            Self::Lagged => return errno::error(Errno::NOBUFS, self.to_string()),
            Self::RootPath => return Error::service(Code::INVALID_PATH, self.to_string()),
            Self::ReadParent | Self::WatchParent | Self::IncrementParent => {
                (1, "can not get value of a node with childs")
            }
            Self::IncrementNotNumeric | Self::StoredNotNumeric => {
                (2, "invalid type of value stored for requested operation")
            }
            Self::RelativePath | Self::PathTooLong(_) => (6, "invalid path specified"),
            Self::NegativeVersion | Self::BadVersion => (7, "specified version is not allowed for command"),
            Self::PutMissing
            | Self::RemoveMissing
            | Self::ListMissing
            | Self::NodeRemoved
            | Self::WatchedRemoved => (8, "node not exists"),
            Self::NodeExists => (9, "node already exists"),
            Self::OutcomeUnknown => (10, "connection has been lost"),
            Self::MalformedPath
            | Self::ValueTooLarge(_)
            | Self::ArgumentsTooLarge(_)
            | Self::ValueNotEncodable(_)
            | Self::NotEmpty
            | Self::ParentIsLock
            | Self::Storage(_) => (11, "internal backend error"),
        };
        Error::service(Code::new(Category::UNICORN, code), format!("[{code}] {self}: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_recorded_texts() {
        let recorded = [
            (UnicornError::RootPath, 6, "root path is not allowed"),
            (UnicornError::RelativePath, 6, "[6] invalid path provided: invalid path specified"),
            (
                UnicornError::MalformedPath,
                11,
                "[11] can not perform operation - bad arguments: internal backend error",
            ),
            (UnicornError::PutMissing, 8, "[8] failure during writing node value - no node: node not exists"),
            (UnicornError::NodeRemoved, 8, "[8] node was removed: node not exists"),
            (
                UnicornError::NodeExists,
                9,
                "[9] failure during creating node - node exists: node already exists",
            ),
        ];
        for (fault, code, text) in recorded {
            let error = fault.into_service_error();
            assert_eq!(error.code(), Some(Code::new(Category::UNICORN, code)));
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
