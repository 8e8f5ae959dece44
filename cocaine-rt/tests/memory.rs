//! Typed and untyped clients against a generated server with a storage in memory.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use cocaine::{Bytes, Client, Code, Error, Result, server::Server};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use test_locator::TestLocator;

#[derive(Clone, Default)]
struct MemoryStorage(Arc<Mutex<BTreeMap<(String, String), Bytes>>>);

impl Storage for MemoryStorage {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        let blobs = self.0.lock().unwrap();
        let found = blobs.get(&(collection.to_owned(), key.to_owned())).cloned();
        found.ok_or_else(|| Error::service(Code::NOT_FOUND, "No such file or directory"))
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, _: Option<&[&str]>) -> Result<()> {
        self.0.lock().unwrap().insert((collection.to_owned(), key.to_owned()), blob.clone());
        Ok(())
    }

    async fn remove(&self, collection: &str, key: &str) -> Result<()> {
        self.0.lock().unwrap().remove(&(collection.to_owned(), key.to_owned()));
        Ok(())
    }

    async fn find(&self, _: &str, tags: &[&str]) -> Result<Vec<String>> {
        Ok(tags.iter().map(ToString::to_string).collect())
    }
}

async fn cloud() -> (Client, Server, Server) {
    let memory = MemoryStorage::default();
    let storage = Server::bind("127.0.0.1:0", ServeStorage::new(move |_| memory.clone())).await.unwrap();
    let names = TestLocator::default();
    names.add::<StorageClient>("storage", storage.local_addr());
    let locator = names.serve("127.0.0.1:0").await;
    (Client::new(&locator.local_addr().to_string()).unwrap(), locator, storage)
}

#[tokio::test]
async fn written_blob_is_read_back() {
    let (client, _locator, _storage) = cloud().await;
    let storage = client.service::<StorageClient>().await.unwrap();
    for size in [0, 5, 5000, 20_000, 3_000_000] {
        let blob = Bytes::from(vec![7; size]);
        storage.write("c", "k", &blob, Some(&["a"])).await.unwrap();
        assert_eq!(storage.read("c", "k").await.unwrap(), blob, "{size} bytes");
    }
    assert_eq!(storage.find("c", &["x", "y"]).await.unwrap(), ["x", "y"]);
    storage.remove("c", "k").await.unwrap();
    let error = storage.read("c", "k").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NOT_FOUND));
    assert_eq!((error.service_name(), error.method()), (Some("storage"), Some("read")));
}

#[tokio::test]
async fn untyped_call_finds_its_method_by_name() {
    let (client, _locator, _storage) = cloud().await;
    let storage = client.dynamic("storage").await.unwrap();
    let keys: Vec<String> = storage.call("find", ("c", ["app"])).await.unwrap();
    assert_eq!(keys, ["app"]);
    let error = storage.call::<_, ()>("sweep", ()).await.unwrap_err().to_string();
    assert!(error.contains("only read, write, remove, find"), "{error}");
}
