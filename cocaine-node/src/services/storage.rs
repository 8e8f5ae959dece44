//! `storage`: blobs and tags (`services.md` 3).

use cocaine::{Bytes, Result};
use cocaine_bindings::Storage;

use crate::store::{Store, StoreError};

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
        self.0.read(collection, key).map(Bytes::from).map_err(StoreError::into_service_error)
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, tags: Option<&[&str]>) -> Result<()> {
        let blob = bytes::Bytes::from(blob.clone());
        self.0
            .write(collection, key, blob, tags.unwrap_or_default())
            .await
            .map_err(StoreError::into_service_error)
    }

    async fn remove(&self, collection: &str, key: &str) -> Result<()> {
        self.0.remove(collection, key).await.map_err(StoreError::into_service_error)
    }

    async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>> {
        self.0.find(collection, tags).await.map_err(StoreError::into_service_error)
    }
}
