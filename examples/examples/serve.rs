//! A server: an implementation of a service's trait on a TCP port. Clients of any Cocaine framework can call it.
//!
//! Needs no node: `cargo run --example serve`.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

use cocaine::{Bytes, Code, Error, Result, server::Server};
use cocaine_bindings::{ServeStorage, Storage};

#[derive(Clone, Default)]
struct MemoryStorage(Arc<RwLock<BTreeMap<(String, String), Bytes>>>);

impl Storage for MemoryStorage {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        let blobs = self.0.read().expect("no writer panics");
        let blob = blobs.get(&(collection.to_owned(), key.to_owned()));
        blob.cloned().ok_or_else(|| Error::service(Code::NOT_FOUND, format!("{collection}/{key}: not found")))
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, _tags: Option<&[&str]>) -> Result<()> {
        let mut blobs = self.0.write().expect("no writer panics");
        blobs.insert((collection.to_owned(), key.to_owned()), blob.clone());
        Ok(())
    }

    async fn remove(&self, collection: &str, key: &str) -> Result<()> {
        self.0.write().expect("no writer panics").remove(&(collection.to_owned(), key.to_owned()));
        Ok(())
    }

    async fn find(&self, _collection: &str, _tags: &[&str]) -> Result<Vec<String>> {
        Err(Error::service(Code::NOT_SUPPORTED, "this storage has no tags"))
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let memory = MemoryStorage::default();
    let service = ServeStorage::new(move |caller| {
        println!("a call from {}", caller.peer());
        memory.clone()
    });
    let server = Server::bind("127.0.0.1:0", service).await?;
    println!("storage is served on {}; Ctrl-C stops it", server.local_addr());
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    Ok(())
}
