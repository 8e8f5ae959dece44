//! Tests of a node through the sockets of its services and through its command line.

mod cache;
mod chrono;
mod cluster;
mod data;
mod decoding;
mod departed;
mod filters;
mod frame_client;
mod geobase;
mod hangup;
mod http_server;
mod import;
mod init;
mod lifecycle;
mod listen;
mod locator;
mod logging;
mod logging_stream;
mod memory;
mod metrics;
mod order;
mod original_config;
mod ports;
mod program;
mod raw_texts;
mod unicorn;
mod uniresis;
mod urlfetch;

use cocaine::{Client, ServiceClient, msgpack};
use cocaine_bindings::{Storage, StorageClient};
use cocaine_node::Node;

async fn node() -> Node {
    Node::builder().listen("127.0.0.1:0").in_memory().start().await.unwrap()
}

fn client(node: &Node) -> Client {
    Client::new(&node.locator_addr().to_string()).unwrap()
}

async fn service<S: ServiceClient>(node: &Node) -> S {
    client(node).service().await.unwrap()
}

/// Stores a routing group with these weights.
async fn group(node: &Node, name: &str, members: &[(&str, u32)]) {
    let weights: std::collections::BTreeMap<_, _> = members.iter().copied().collect();
    store_group(node, name, &msgpack::to_vec(&weights).unwrap()).await;
}

async fn store_group(node: &Node, name: &str, blob: &[u8]) {
    let storage: StorageClient = service(node).await;
    storage.write("groups", name, &blob.into(), Some(&["group", "active"])).await.unwrap();
}
