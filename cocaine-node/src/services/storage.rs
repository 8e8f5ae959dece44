//! `storage`: blobs and tags (`services.md` 3).

use cocaine::{Bytes, Result, bind::Caller};
use cocaine_bindings::Storage;

use crate::store::{ClientStore, Store, StoreError};

/// The node's store, as one caller uses it.
#[derive(Debug)]
pub(crate) struct StorageService(ClientStore);

impl StorageService {
    pub(crate) fn new(store: &Store, caller: &Caller) -> Self {
        Self(ClientStore::new(store.clone(), caller.connection_state()))
    }
}

impl Storage for StorageService {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        self.0.read(collection, key).await.map(Bytes::from).map_err(StoreError::into_service_error)
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
