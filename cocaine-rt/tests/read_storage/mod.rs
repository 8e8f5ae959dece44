//! A storage of which a test implements the reading.

use cocaine::{Bytes, Result, server::Server};
use cocaine_bindings::{ServeStorage, Storage};
use tokio::net::ToSocketAddrs;

/// A storage whose blobs are what a function returns for their keys. It accepts changes, and forgets them.
pub(crate) struct ReadStorage<F>(pub(crate) F);

impl<F, R> Storage for ReadStorage<F>
where
    F: Fn(&str) -> R + Send + Sync,
    R: Future<Output = Result<Bytes>> + Send,
{
    async fn read(&self, _: &str, key: &str) -> Result<Bytes> {
        self.0(key).await
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Serves a storage whose blobs are what `read` returns for their keys.
#[allow(dead_code, reason = "each test uses a part of it")]
pub(crate) async fn serve_reads<F, R>(address: impl ToSocketAddrs, read: F) -> Server
where
    F: Fn(&str) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Bytes>> + Send + 'static,
{
    Server::bind(address, ServeStorage::new(move |_| ReadStorage(read.clone()))).await.unwrap()
}
