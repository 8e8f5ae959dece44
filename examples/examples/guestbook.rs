//! A worker that uses services of the cloud that it runs in: storage and logging. Calls carry the trace of their event.
//!
//! Run a node (`cargo run --bin cocaine-node`), then:
//! `cargo build --example guestbook`, `cargo run --bin cocaine -- app upload guestbook --program target/debug/examples/guestbook --start`,
//! `cargo run --example call -- guestbook sign Ada`, `cargo run --example call -- guestbook guests`.

use cocaine::{Bytes, Client, Result, Severity, Worker};
use cocaine_bindings::{Logging, LoggingClient, Storage, StorageClient};

struct Guestbook {
    storage: StorageClient,
    logging: LoggingClient,
}

impl Guestbook {
    async fn open(cloud: &Client) -> Result<Self> {
        let (storage, logging) = cloud.services().await?;
        Ok(Self { storage, logging })
    }
}

#[cocaine::worker]
impl Guestbook {
    async fn sign(&self, name: String) -> Result<()> {
        self.storage.write("guestbook", &name, &Bytes::new(), Some(&["guest"])).await?;
        self.logging.emit(Severity::Info, "app/guestbook", &format!("{name} was here"), None).await
    }

    async fn guests(&self) -> Result<Vec<String>> {
        self.storage.find("guestbook", &["guest"]).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    Worker::from_args()?.serve_with(Guestbook::open).await
}
