//! `storage`: blobs and tags (`services.md` 3).

use cocaine::{Bytes, Category, Error, Result};
use cocaine_bindings::Storage;

use crate::store::{Store, StoreError};

/// The numbers by which POSIX calls what went wrong.
mod errno {
    pub(super) const NO_ENTRY: i64 = 2;
    pub(super) const IO: i64 = 5;
    pub(super) const INVALID: i64 = 22;
    pub(super) const TOO_BIG: i64 = 27;
    pub(super) const NO_SPACE: i64 = 28;
    pub(super) const BROKEN_PIPE: i64 = 32;
}

/// The service around the node's store.
#[derive(Clone, Debug)]
pub(crate) struct StorageService(Store);

impl StorageService {
    pub(crate) fn new(store: Store) -> Self {
        Self(store)
    }
}

impl Storage for StorageService {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        self.0.read(collection, key).map(Bytes::from).map_err(|error| answer(&error))
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, tags: Option<&[&str]>) -> Result<()> {
        let blob = bytes::Bytes::from(blob.clone());
        self.0.write(collection, key, blob, tags.unwrap_or_default()).await.map_err(|error| answer(&error))
    }

    async fn remove(&self, collection: &str, key: &str) -> Result<()> {
        self.0.remove(collection, key).await.map_err(|error| answer(&error))
    }

    async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>> {
        self.0.find(collection, tags).await.map_err(|error| answer(&error))
    }
}

/// Returns the error that callers get: the original's category, which stands for POSIX numbers, and our words.
pub(crate) fn answer(error: &StoreError) -> Error {
    let code = match error {
        StoreError::NotFound { .. } => errno::NO_ENTRY,
        StoreError::Full(_) => errno::NO_SPACE,
        StoreError::TooLarge(_) => errno::TOO_BIG,
        StoreError::Panicked(_) => errno::INVALID,
        StoreError::Closed => errno::BROKEN_PIPE,
        StoreError::Io { .. } | StoreError::Corrupt(_) => errno::IO,
    };
    Error::service(Category::GENERIC, code, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn errors_carry_the_numbers_of_posix() {
        let codes = [
            (StoreError::NotFound { collection: "c".into(), key: "k".into() }, 2),
            (StoreError::Full(String::new()), 28),
            (StoreError::Io { kind: io::ErrorKind::Other, text: String::new() }, 5),
            (StoreError::Closed, 32),
        ];
        for (error, code) in codes {
            let answered = answer(&error);
            assert_eq!((answered.category(), answered.code()), (Some(Category::GENERIC), Some(code)));
        }
    }
}
