//! Names, keys and tags that are not UTF-8.

use cocaine::{Args, Bytes, Value, text};
use cocaine_bindings::{Cache, CacheClient, Storage, StorageClient, Unicorn, UnicornClient};
use cocaine_node::Node;

use crate::{client, frame_client::FrameClient, node, service};

const KEY: &[u8] = b"caf\xe9";

async fn connect(node: &Node, service: &str) -> FrameClient {
    FrameClient::connect(client(node).resolve(service, None).await.unwrap().endpoints[0].0).await
}

fn raw(bytes: &'static [u8]) -> Value {
    Value::Raw(Bytes::from_static(bytes))
}

#[tokio::test]
async fn storage_keeps_the_bytes_of_its_keys() {
    let node = node().await;
    let mut storage = connect(&node, "storage").await;
    let collection = raw(b"\x80");
    let tags = Value::Array(vec![raw(b"\xff"), raw("\u{10fee9}".as_bytes())]);
    storage.send(1, 1, (&collection, raw(KEY), "blob", &tags)).await;
    assert_eq!(storage.recv().await, (1, 0, Value::Array(vec![])));
    storage.send(2, 0, (&collection, raw(KEY))).await;
    assert_eq!(storage.recv().await, (2, 0, Value::Array(vec!["blob".into()])));
    storage.send(3, 3, (&collection, [raw(b"\xff")])).await;
    let keys = Value::Array(vec![raw(KEY)]);
    assert_eq!(storage.recv().await, (3, 0, Value::Array(vec![keys])));
    storage.send(4, 0, (&collection, raw(b"caf\xe8"))).await;
    let (_, kind, error) = storage.recv().await;
    assert_eq!(kind, 1, "another key: {error}");

    let typed: StorageClient = service(&node).await;
    let collection = text::from_bytes(b"\x80");
    let tag = text::from_bytes("\u{10fee9}".as_bytes());
    let keys = typed.find(&collection, &[&tag]).await.unwrap();
    assert_eq!(keys, [text::from_bytes(KEY)]);
    assert_eq!(typed.read(&collection, &keys[0]).await.unwrap(), "blob");
    node.shutdown().await;
}

#[tokio::test]
async fn other_services_keep_the_bytes_of_names() {
    let node = node().await;
    let key = text::from_bytes(KEY);
    let cache: CacheClient = service(&node).await;
    cache.put(&key, &"value".into()).await.unwrap();
    assert_eq!(cache.get(&key).await.unwrap().as_deref(), Some(&b"value"[..]));
    let unicorn: UnicornClient = service(&node).await;
    unicorn.create(&format!("/parent/{key}"), &Value::from(1_u64)).await.unwrap();
    let mut children = unicorn.children_subscribe("/parent");
    let children = children.recv().await.unwrap().unwrap();
    assert_eq!(children.names, [key]);
    node.shutdown().await;
}

#[tokio::test]
async fn no_connection_ends_for_invalid_utf8() {
    let node = node().await;
    let calls: [(&str, u64, Vec<Value>); 9] = [
        ("locator", 0, vec![raw(KEY)]),
        ("locator", 5, vec![raw(KEY)]),
        ("cache", 0, vec![raw(KEY)]),
        ("node", 0, vec![raw(KEY), raw(KEY)]),
        ("node", 3, vec![raw(KEY), 1.into()]),
        ("unicorn", 3, vec![raw(b"/\xe9")]),
        ("logging", 0, vec![1.into(), raw(KEY), raw(b"\xff")]),
        ("metrics", 0, vec![raw(KEY)]),
        ("storage", 2, vec![raw(KEY), raw(KEY)]),
    ];
    for (name, method, args) in calls {
        let mut service = connect(&node, name).await;
        service.send(1, method, Args(args)).await;
        service.send(2, 65533, [(); 0]).await;
        while service.recv().await.0 != 2 {}
    }
    node.shutdown().await;
}
