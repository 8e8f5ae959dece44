//! The cache: sharing, limits and configuration.

use cocaine::{Bytes, Code};
use cocaine_bindings::{Cache, CacheClient};
use cocaine_node::{Node, config::CacheConfig};
use tokio::task::JoinSet;

use crate::service;

async fn node(max_size: usize, max_bytes: usize) -> Node {
    let cache = CacheConfig::default().max_size(max_size).max_bytes(max_bytes);
    Node::builder().listen("127.0.0.1:0").cache(cache).start().await.unwrap()
}

#[tokio::test]
async fn all_clients_share_the_cache() {
    let node = node(1000, 1 << 20).await;
    let mut clients = JoinSet::new();
    for client in 0..20 {
        let cache: CacheClient = service(&node).await;
        clients.spawn(async move {
            for number in 0..50 {
                let blob = Bytes::from(format!("{client}"));
                cache.put(&format!("{client}/{number}"), &blob).await.unwrap();
            }
        });
    }
    clients.join_all().await;
    let cache: CacheClient = service(&node).await;
    for client in 0..20 {
        let blob = cache.get(&format!("{client}/49")).await.unwrap().expect("all blobs fit");
        assert_eq!(blob, format!("{client}").as_str());
    }
    cache.put("one more", &"".into()).await.unwrap();
    assert_eq!(cache.get("one more").await.unwrap().unwrap(), "");
    node.shutdown().await;
}

#[tokio::test]
async fn oversized_blob_is_refused_and_others_stay() {
    let node = node(10, 1 << 20).await;
    let cache: CacheClient = service(&node).await;
    cache.put("key", &"old".into()).await.unwrap();
    let error = cache.put("key", &vec![0; 1 << 20].into()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::posix(27)), "{error}");
    assert!(error.to_string().contains("`cache.max_bytes`"), "{error}");
    assert_eq!(cache.get("key").await.unwrap().unwrap(), "old");
    let largest = vec![1; (1 << 20) - 3];
    cache.put("new", &largest.clone().into()).await.unwrap();
    assert_eq!(cache.get("new").await.unwrap().unwrap(), largest.as_slice());
    assert_eq!(cache.get("key").await.unwrap(), None, "it is evicted");
    node.shutdown().await;
}

#[tokio::test]
async fn cache_without_room_is_a_config_error() {
    let cache = CacheConfig::default().max_size(0);
    let refused = Node::builder().listen("127.0.0.1:0").cache(cache).start().await.unwrap_err();
    assert_eq!(refused.to_string(), "cache.max_size is 0: nothing could be kept");
}
