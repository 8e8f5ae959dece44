//! The app whose worker is this program, as an archive that a node can start.

use anyhow::Result;
use cocaine::{Bytes, Client, Value, msgpack};
use cocaine_bindings::{Node, NodeClient, Storage, StorageClient};

/// The name of the app, and of its profile.
pub const NAME: &str = "bench";

/// Uploads the app to the cloud and starts it.
pub async fn start(cloud: &Client) -> Result<()> {
    let (storage, node): (StorageClient, NodeClient) = cloud.services().await?;
    let slave = std::env::current_exe()?.display().to_string();
    let manifest = Value::Map(vec![("slave".into(), slave.as_str().into())]);
    let profile = Value::Map(vec![("concurrency".into(), 1000.into()), ("pool-limit".into(), 1.into())]);
    let empty_archive = Bytes::from(vec![0; 1024]);
    storage.write("apps", NAME, &pack(&empty_archive)?, None).await?;
    storage.write("manifests", NAME, &pack(&manifest)?, None).await?;
    storage.write("profiles", NAME, &pack(&profile)?, None).await?;
    node.start_app(NAME, NAME).await?;
    Ok(())
}

fn pack(value: &impl serde::Serialize) -> Result<Bytes> {
    Ok(msgpack::to_vec(value)?.into())
}
