//! The node's own storage, in a folder on disk, called through the generated trait.

use std::net::SocketAddr;

use anyhow::Result;
use cocaine::{Bytes, Client};
use cocaine_bindings::{Storage, StorageClient};
use cocaine_node::Node;

use crate::payload::Payload;
use crate::peer::Peer;

/// A whole node.
#[derive(Debug)]
pub struct CocaineNode;

impl Peer for CocaineNode {
    const NAME: &'static str = "cocaine-node";
    const SETTINGS: &'static str = "StorageClient against a node with its data in a folder, default settings";
    type Client = StorageClient;

    async fn serve() -> Result<SocketAddr> {
        let folder = tempfile::tempdir()?;
        let node = Node::builder().listen("127.0.0.1:0").data(folder.path()).start().await?;
        let address = node.locator_addr();
        let storage: StorageClient = Client::new(&address.to_string())?.service().await?;
        for payload in [Payload::Manifest, Payload::Blob] {
            let (collection, key) = payload.args();
            storage.write(collection, key, &Bytes::from(payload.expected().clone()), None).await?;
        }
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop((node, folder));
        });
        Ok(address)
    }

    async fn connect(server: SocketAddr) -> Result<StorageClient> {
        Ok(Client::new(&server.to_string())?.service().await?)
    }
}
