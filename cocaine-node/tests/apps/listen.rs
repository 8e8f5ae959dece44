//! Apps of a node that listens elsewhere than on one port of loopback.

use cocaine_bindings::{AppClient, Node as _};
use cocaine_node::{Node, config::NetworkConfig};
use serde_json::json;
use test_support::address::ReservedPorts;

use crate::cloud::{Cloud, call};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_reach_locator_wherever_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("locator").display());
    for listen in [&socket, "0.0.0.0:0", "127.0.0.2:0"] {
        let cloud = Cloud::listening(Node::builder().in_memory().listen(listen)).await;
        let app = cloud.run("parrot", "", json!({})).await;
        assert_eq!(call(&app, "storage", "").await.unwrap(), "parrot", "{listen}");
        cloud.node.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_has_its_pinned_port_at_each_start() {
    let reserved = ReservedPorts::new(16);
    let (first, last) = reserved.range().into_inner();
    let mut network = NetworkConfig::default();
    network.pinned.insert("pinned".to_owned(), first);
    network.shared = Some((first, last));
    let cloud = Cloud::listening(Node::builder().in_memory().listen("127.0.0.1:0").network(network)).await;
    let port = async |app: &str| cloud.client.resolve(app, None).await.unwrap().endpoints[0].port();
    for app in ["pinned", "shared"] {
        cloud.run(app, "", json!({})).await;
    }
    // Of the sixteen ports the pinned app has one, and the services have thirteen.
    assert_eq!((port("pinned").await, port("shared").await), (first, first + 14));
    for expected in [last, first + 14, last] {
        let connected: Vec<AppClient> = vec![
            cloud.client.service_named("pinned").await.unwrap(),
            cloud.client.service_named("shared").await.unwrap(),
        ];
        for app in ["pinned", "shared"] {
            cloud.apps.pause_app(app).await.unwrap();
            cloud.apps.start_app(app, app).await.unwrap();
        }
        assert_eq!(port("pinned").await, first);
        assert_eq!(port("shared").await, expected, "the port that was released last is used last");
        drop(connected);
    }
    cloud.node.shutdown().await;
}
