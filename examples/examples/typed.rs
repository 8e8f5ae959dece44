//! Typed calls: the compiler checks arguments and replies.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example typed`.

use std::time::Duration;

use cocaine::{Bytes, Client, Result, ServiceClient};
use cocaine_bindings::{Storage, StorageClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cloud = Client::from_env()?;
    let storage: StorageClient = cloud.service().await?;

    storage.write("greetings", "english", &Bytes::from("hello"), Some(&["greeting"])).await?;
    for key in storage.find("greetings", &["greeting"]).await? {
        println!("{key}: {:?}", storage.read("greetings", &key).await?);
    }

    let with_deadline = storage.with_deadline(Duration::from_millis(200));
    with_deadline.remove("greetings", "english").await
}
