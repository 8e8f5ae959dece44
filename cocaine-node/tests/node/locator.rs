//! The locator: names, routing groups, routers and publications.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use cocaine::{Category, Code, Endpoint, Value, graph::Graph, msgpack};
use cocaine_bindings::{Locator, LocatorClient, Storage, StorageClient};
use cocaine_node::Node;

use crate::{client, frame_client::FrameClient, group, node, service, store_group};

const RESOLVE: u64 = 0;
const CONNECT: u64 = 1;
const REFRESH: u64 = 2;
const PUBLISH: u64 = 4;
const ROUTING: u64 = 5;
const REVOKE: u64 = 65535;

async fn refusal(node: &Node, name: &str, seed: Option<&str>) -> Option<Code> {
    let error = service::<LocatorClient>(node).await.resolve(name, seed).await.unwrap_err();
    error.code()
}

#[tokio::test]
async fn services_resolve_with_version_and_control_entries() {
    let node = node().await;
    for (name, version) in
        [("locator", 3), ("logging", 2), ("logging::v2", 2), ("metrics", 1), ("storage", 1)]
    {
        let resolved = client(&node).resolve(name, None).await.unwrap();
        assert_eq!(resolved.version, version);
        assert_eq!(
            resolved.graph,
            resolved.graph.clone().with_controls(),
            "the control entries are announced"
        );
        let endpoints: Vec<_> = resolved.endpoints.iter().map(|endpoint| endpoint.ip().to_string()).collect();
        assert_eq!(endpoints, ["127.0.0.1"]);
    }
    assert_eq!(
        client(&node).resolve("locator", None).await.unwrap().endpoints,
        [Endpoint(node.locator_addr())]
    );
    node.shutdown().await;
}

#[tokio::test]
async fn group_resolves_to_one_member() {
    let node = node().await;
    let locator: LocatorClient = service(&node).await;
    group(&node, "any", &[("storage", 50), ("logging", 50)]).await;
    group(&node, "logging", &[("storage", 1)]).await;
    group(&node, "empty", &[("nobody", 1)]).await;
    let missing = Some(Code::SERVICE_NOT_AVAILABLE);
    assert_eq!(refusal(&node, "any", None).await, missing, "groups take effect with a refresh");
    locator.refresh(&["any", "logging", "empty"]).await.unwrap();

    let mut versions = BTreeSet::new();
    for number in 0..64 {
        let seed = number.to_string();
        let version = locator.resolve("any", Some(&seed)).await.unwrap().version;
        assert_eq!(
            version,
            locator.resolve("any", Some(&seed)).await.unwrap().version,
            "a seed always resolves to the same member"
        );
        versions.insert(version);
    }
    assert_eq!(versions, [1, 2].into(), "each member has seeds");
    let mut versions = BTreeSet::new();
    for _ in 0..64 {
        versions.insert(locator.resolve("any", None).await.unwrap().version);
    }
    assert_eq!(versions, [1, 2].into());
    assert_eq!(locator.resolve("logging", None).await.unwrap().version, 1, "a group shadows a service");
    assert_eq!(refusal(&node, "empty", Some("x")).await, missing);
    node.shutdown().await;
}

#[tokio::test]
async fn unusable_group_fails_refresh_without_change() {
    let node = node().await;
    let locator: LocatorClient = service(&node).await;
    group(&node, "good", &[("storage", 1)]).await;
    locator.refresh(&["good"]).await.unwrap();
    group(&node, "good", &[("logging", 1)]).await;
    let cases: [(&[u8], Category, i64, &str); 5] = [
        (b"\x81\xa7storage\x00", Category::LOCATOR, 2, "routing storage is unavailable"),
        (b"\x80", Category::LOCATOR, 2, "routing storage is unavailable"),
        (b"\xc1", Category::DISPATCH, 7, "parse error"),
        (b"\x81\xa7stor", Category::DISPATCH, 7, "insufficient bytes"),
        (b"\x93\x01\x02\x03", Category::DISPATCH, 7, "std::bad_cast"),
    ];
    for (blob, category, code, text) in cases {
        store_group(&node, "bad", blob).await;
        let error = locator.refresh(&["good", "bad"]).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::new(category, code)), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(locator.resolve("good", None).await.unwrap().version, 1, "the old group still applies");
    }
    locator.refresh(&["good"]).await.unwrap();
    assert_eq!(locator.resolve("good", None).await.unwrap().version, 2);
    node.shutdown().await;
}

#[tokio::test]
async fn untagged_group_is_removed_by_refresh() {
    let node = node().await;
    let (locator, storage): (LocatorClient, StorageClient) = (service(&node).await, service(&node).await);
    group(&node, "any", &[("storage", 1)]).await;
    locator.refresh(&["any"]).await.unwrap();
    storage.remove("groups", "any").await.unwrap();
    storage.write("groups", "any", &b"\x81\xa7storage\x01".into(), None).await.unwrap();
    assert_eq!(locator.resolve("any", None).await.unwrap().version, 1);
    locator.refresh(&["any"]).await.unwrap();
    assert_eq!(refusal(&node, "any", None).await, Some(Code::SERVICE_NOT_AVAILABLE));
    node.shutdown().await;
}

fn groups(table: &Value) -> Vec<&str> {
    let Value::Array(args) = table else { panic!("{table}") };
    let Value::Map(groups) = &args[0] else { panic!("{table}") };
    groups.iter().map(|(name, _)| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn table_precedes_refresh_answer_on_same_connection() {
    let node = node().await;
    group(&node, "any", &[("storage", 1)]).await;
    let mut raw = FrameClient::connect(node.locator_addr()).await;
    raw.send(1, ROUTING, ["router"]).await;
    let (channel, kind, table) = raw.recv().await;
    assert_eq!((channel, kind, groups(&table).len()), (1, 0, 0));
    for refresh in 2..50 {
        raw.send(refresh, REFRESH, [["any"]]).await;
        let (channel, kind, table) = raw.recv().await;
        assert_eq!((channel, kind), (1, 0), "{table}");
        assert_eq!(groups(&table), ["any"]);
        assert_eq!(raw.recv().await, (refresh, 0, Value::Array(Vec::new())));
    }
    node.shutdown().await;
}

#[tokio::test]
async fn routers_on_all_connections_get_tables() {
    let node = node().await;
    let mut first = FrameClient::connect(node.locator_addr()).await;
    let mut second = FrameClient::connect(node.locator_addr()).await;
    first.send(1, ROUTING, ["a"]).await;
    second.send(1, ROUTING, ["b"]).await;
    assert_eq!(groups(&first.recv().await.2), [""; 0]);
    assert_eq!(groups(&second.recv().await.2), [""; 0]);
    group(&node, "any", &[("storage", 1)]).await;
    service::<LocatorClient>(&node).await.refresh(&["any"]).await.unwrap();
    assert_eq!(groups(&first.recv().await.2), ["any"]);
    assert_eq!(groups(&second.recv().await.2), ["any"]);

    // The same router on another connection: the older stream gets nothing more, not even its end.
    let mut third = FrameClient::connect(node.locator_addr()).await;
    third.send(1, ROUTING, ["a"]).await;
    assert_eq!(groups(&third.recv().await.2), ["any"]);
    service::<LocatorClient>(&node).await.refresh(&[]).await.unwrap();
    assert_eq!(groups(&third.recv().await.2), ["any"]);
    assert_eq!(groups(&second.recv().await.2), ["any"]);
    first.expect_silence().await;
    node.shutdown().await;
}

#[tokio::test]
async fn closed_router_channel_is_not_answered() {
    let node = node().await;
    let mut raw = FrameClient::connect(node.locator_addr()).await;
    raw.send(1, ROUTING, ["a"]).await;
    raw.send(2, ROUTING, ["b"]).await;
    let (_, _) = (raw.recv().await, raw.recv().await);
    raw.send(1, 0, [(); 0]).await;
    raw.expect_silence().await;
    raw.send((1 << 20) + 10, REVOKE, (2, (7, 4))).await;
    assert_eq!(raw.recv().await.0, (1 << 20) + 10, "only the revoke is answered");
    service::<LocatorClient>(&node).await.refresh(&[]).await.unwrap();
    raw.send((1 << 20) + 11, RESOLVE, ["storage"]).await;
    assert_eq!(raw.recv().await.0, (1 << 20) + 11);
    node.shutdown().await;
}

fn announced_endpoints(chunk: &Value) -> BTreeMap<String, usize> {
    let Value::Array(args) = chunk else { panic!("{chunk}") };
    let Value::Map(services) = &args[1] else { panic!("{chunk}") };
    let count = |service: &Value| service.as_array().unwrap()[0].as_array().unwrap().len();
    services.iter().map(|(name, service)| (name.as_str().unwrap().to_owned(), count(service))).collect()
}

#[tokio::test]
async fn publication_ends_with_its_channel() {
    let node = node().await;
    let mut consumer = FrameClient::connect(node.locator_addr()).await;
    consumer.send(1, CONNECT, ["consumer"]).await;
    let all = announced_endpoints(&consumer.recv().await.2);
    assert_eq!(
        all,
        [
            "cache",
            "chrono",
            "echo",
            "geobase",
            "logging",
            "logging::v2",
            "metrics",
            "node",
            "storage",
            "unicorn",
            "uniresis",
            "urlfetch"
        ]
        .map(|name| (name.to_owned(), 1))
        .into()
    );
    let ext = |count| BTreeMap::from([("ext".to_owned(), count)]);
    let endpoints = [("127.0.0.1", 4567)];

    let mut publisher = FrameClient::connect(node.locator_addr()).await;
    publisher.send(1, PUBLISH, ("ext", endpoints)).await;
    assert_eq!(publisher.recv().await, (1, 0, Value::Array(Vec::new())));
    assert_eq!(announced_endpoints(&consumer.recv().await.2), ext(1));
    service::<LocatorClient>(&node).await.uuid().await.unwrap();
    consumer.expect_silence().await;
    publisher.send(1, 0, [(); 0]).await;
    assert_eq!(announced_endpoints(&consumer.recv().await.2), ext(0), "discarded");

    publisher.send(2, PUBLISH, ("ext", endpoints)).await;
    assert_eq!(publisher.recv().await.0, 2);
    assert_eq!(announced_endpoints(&consumer.recv().await.2), ext(1));
    publisher.send(3, REVOKE, (2, (7, 4))).await;
    assert_eq!(announced_endpoints(&consumer.recv().await.2), ext(0), "revoked");
    assert_eq!(publisher.recv().await.0, 3);
    publisher.expect_silence().await;

    publisher.send((1 << 20) + 10, PUBLISH, ("ext", endpoints)).await;
    assert_eq!(announced_endpoints(&consumer.recv().await.2), ext(1));
    drop(publisher);
    assert_eq!(announced_endpoints(&consumer.recv().await.2), ext(0), "disconnected");
    assert_eq!(refusal(&node, "ext", None).await, Some(Code::SERVICE_NOT_AVAILABLE));
    node.shutdown().await;
}

#[tokio::test]
async fn graph_without_version_closes_the_connection() {
    let node = node().await;
    let graph = msgpack::from_slice::<Graph>(b"\x81\x00\x93\xa4ping\x80\x80").unwrap();
    let endpoints = [("127.0.0.1", 4567)];
    let mut raw = FrameClient::connect(node.locator_addr()).await;
    raw.send(1, PUBLISH, ("ext", endpoints, (0, &graph))).await;
    raw.expect_end().await;
    let mut raw = FrameClient::connect(node.locator_addr()).await;
    raw.send(1, PUBLISH, ("ext", endpoints, (0, Graph::default()))).await;
    assert_eq!(raw.recv().await, (1, 0, Value::Array(Vec::new())), "an empty graph needs no version");
    let mut raw = FrameClient::connect(node.locator_addr()).await;
    raw.send(1, PUBLISH, ("ext", [("localhost", 4567)])).await;
    raw.expect_end().await;
    node.shutdown().await;
}

#[tokio::test]
async fn restricted_services_resolve_and_are_not_announced() {
    let node = Node::builder().listen("127.0.0.1:0").restrict(["storage"]).start().await.unwrap();
    let mut consumer = FrameClient::connect(node.locator_addr()).await;
    consumer.send(1, CONNECT, ["consumer"]).await;
    assert_eq!(
        announced_endpoints(&consumer.recv().await.2),
        [
            "cache",
            "chrono",
            "echo",
            "geobase",
            "logging",
            "logging::v2",
            "metrics",
            "node",
            "unicorn",
            "uniresis",
            "urlfetch"
        ]
        .map(|name| (name.to_owned(), 1))
        .into()
    );
    assert_eq!(client(&node).resolve("storage", None).await.unwrap().version, 1);
    node.shutdown().await;
}

#[tokio::test]
async fn unspecified_address_is_announced_as_connected_to() {
    // Names without addresses for others, such as Debian's `127.0.1.1`, change nothing.
    for hostname in [None, Some("localhost"), Some("no.such.host.invalid")] {
        let mut builder = Node::builder().listen("0.0.0.0:0");
        if let Some(hostname) = hostname {
            builder = builder.hostname(hostname);
        }
        let node = builder.start().await.unwrap();
        let port = node.locator_addr().port();
        for last in [1, 2] {
            let address: SocketAddr = ([127, 0, 0, last], port).into();
            let client = cocaine::Client::new(&address.to_string()).unwrap();
            let locator = client.resolve("locator", None).await.unwrap();
            assert_eq!(locator.endpoints, [Endpoint(address)]);
            let storage: StorageClient = client.service().await.unwrap();
            assert!(storage.find("c", &["t"]).await.unwrap().is_empty());
            let locator: LocatorClient = client.service().await.unwrap();
            let (_, services) = locator.connect("subscriber").recv().await.unwrap().unwrap();
            let storage = &services["storage"];
            assert!(storage.endpoints.iter().all(|endpoint| endpoint.0.ip() == address.ip()), "{storage:?}");
        }
        node.shutdown().await;
    }
}

#[tokio::test]
async fn configured_hostname_is_announced() {
    let node = Node::builder().listen("0.0.0.0:0").hostname("10.9.9.1").start().await.unwrap();
    let client = cocaine::Client::new(&format!("127.0.0.1:{}", node.locator_addr().port())).unwrap();
    let endpoints = client.resolve("storage", None).await.unwrap().endpoints;
    assert_eq!(
        endpoints.iter().map(|endpoint| endpoint.0.ip().to_string()).collect::<Vec<_>>(),
        ["10.9.9.1"]
    );
    node.shutdown().await;
}
