//! `storage`: blobs and tags (`services.md` 3).

use cocaine::{Bytes, Result, bind::Caller, server::ReplyMemory};
use cocaine_bindings::Storage;

use crate::store::{ClientStore, FirstRead, Store, StoreError};

/// The node's store, as one caller uses it.
///
/// The large futures are boxed: that of any call has room for the largest, and is moved at the start of each.
#[derive(Debug)]
pub(crate) struct StorageService {
    store: ClientStore,
    reply_memory: ReplyMemory,
}

impl StorageService {
    pub(crate) fn new(store: &Store, caller: &Caller) -> Self {
        let store = ClientStore::new(store.clone(), caller.connection_state());
        Self { store, reply_memory: caller.reply_memory() }
    }
}

impl Storage for StorageService {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        let blob = match self.store.begin_read(collection, key).await {
            Ok(FirstRead::Blob(blob)) => Ok(blob),
            // Nothing of the blob is in memory yet. What is read is the state at the place of this call, however long it waits.
            Ok(FirstRead::Large(len, snapshot)) => {
                Box::pin(self.reply_memory.reserve(len)).await?;
                snapshot.read(collection, key)
            }
            Err(error) => Err(error),
        };
        blob.map(Bytes::from).map_err(StoreError::into_service_error)
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, tags: Option<&[&str]>) -> Result<()> {
        let blob = bytes::Bytes::from(blob.clone());
        self.store
            .write(collection, key, blob, tags.unwrap_or_default())
            .await
            .map_err(StoreError::into_service_error)
    }

    async fn remove(&self, collection: &str, key: &str) -> Result<()> {
        self.store.remove(collection, key).await.map_err(StoreError::into_service_error)
    }

    async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>> {
        Box::pin(self.store.find(collection, tags)).await.map_err(StoreError::into_service_error)
    }
}
