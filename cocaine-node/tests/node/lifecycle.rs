//! Starting and stopping a node.

use std::time::Duration;

use cocaine_bindings::{Locator, LocatorClient, Storage, StorageClient};
use cocaine_node::{Node, StartError};
use tokio::net::TcpListener;

use crate::{client, frame_client::FrameClient, group, node, service, store_group};

async fn start_in(folder: &std::path::Path) -> Result<Node, StartError> {
    Node::builder().listen("127.0.0.1:0").data(folder).start().await
}

#[tokio::test]
async fn stored_data_outlives_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let node = start_in(folder.path()).await.unwrap();
    let storage: StorageClient = service(&node).await;
    storage.write("c", "k", &"v".into(), Some(&["t"])).await.unwrap();
    group(&node, "any", &[("logging", 1)]).await;
    store_group(&node, "broken", b"\xc1").await;
    node.shutdown().await;

    let node = start_in(folder.path()).await.expect("an invalid group does not prevent the start");
    let storage: StorageClient = service(&node).await;
    assert_eq!(storage.read("c", "k").await.unwrap(), "v");
    assert_eq!(storage.find("c", &["t"]).await.unwrap(), ["k"]);
    let any = service::<LocatorClient>(&node).await.resolve("any", None).await.unwrap();
    assert_eq!(any.version, 2, "groups are loaded on start");
    node.shutdown().await;
}

#[tokio::test]
async fn folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let node = start_in(folder.path()).await.unwrap();
    let refused = start_in(folder.path()).await.unwrap_err().to_string();
    assert!(refused.contains(&folder.path().display().to_string()), "{refused}");
    assert!(refused.contains(&format!("(process {})", std::process::id())), "{refused}");
    node.shutdown().await;
    start_in(folder.path()).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn address_in_use_releases_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let refused = Node::builder().listen(&address).data(folder.path()).start().await.unwrap_err().to_string();
    assert!(refused.starts_with(&format!("locator cannot listen on {address}: ")), "{refused}");
    start_in(folder.path()).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn uuid_is_random_unless_set() {
    let mut uuids = Vec::new();
    for _ in 0..2 {
        let node = node().await;
        uuids.push(service::<LocatorClient>(&node).await.uuid().await.unwrap());
        node.shutdown().await;
    }
    assert_ne!(uuids[0], uuids[1]);
    let shape =
        |uuid: &str| uuid.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect::<String>();
    assert_eq!(shape(&uuids[0]), "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    assert_eq!(uuids[0], uuids[0].to_lowercase());
    let node = Node::builder().listen("127.0.0.1:0").uuid("mine").start().await.unwrap();
    assert_eq!(service::<LocatorClient>(&node).await.uuid().await.unwrap(), "mine");
    node.shutdown().await;
}

#[tokio::test]
async fn shutdown_closes_streams_without_messages() {
    let node = node().await;
    let mut locator = FrameClient::connect(node.locator_addr()).await;
    locator.send(1, 1, ["consumer"]).await;
    locator.send(2, 5, ["router"]).await;
    locator.send(3, 4, ("ext", [("127.0.0.1", 1)])).await;
    for _ in 0..4 {
        locator.recv().await;
    }
    let storage = client(&node).resolve("storage", None).await.unwrap().endpoints[0].0;
    let mut storage = FrameClient::connect(storage).await;
    storage.expect_silence().await;
    node.shutdown().await;
    locator.expect_end().await;
    storage.expect_end().await;
}

#[tokio::test]
async fn dropped_node_releases_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let node = start_in(folder.path()).await.unwrap();
    let mut raw = FrameClient::connect(node.locator_addr()).await;
    raw.expect_silence().await;
    service::<StorageClient>(&node).await.write("c", "k", &"v".into(), None).await.unwrap();
    drop(node);
    raw.expect_end().await;
    // The folder is released when the last connection ends.
    let again = async {
        loop {
            match start_in(folder.path()).await {
                Err(StartError::Open(_)) => tokio::task::yield_now().await,
                started => break started.unwrap(),
            }
        }
    };
    let node = tokio::time::timeout(Duration::from_secs(20), again).await.expect("the folder is released");
    assert_eq!(service::<StorageClient>(&node).await.read("c", "k").await.unwrap(), "v");
    node.shutdown().await;
}
