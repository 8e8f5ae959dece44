//! Replays the exchanges recorded with the original runtime against this node, and compares the bytes.

mod app_node;
mod apps;
mod expected;
mod http_server;
mod peer;
mod process;
mod wire;
mod worker_replay;

use std::collections::{BTreeMap, BTreeSet};

use cocaine::Client;
use cocaine_bindings::{Unicorn, UnicornClient};
use cocaine_node::{Node, config::UrlfetchConfig};
use test_support::recording::{self, Recording};
use tokio::net::TcpStream;

use self::{expected::Substitutes, peer::Peer};

/// A node that stands in for the recorded one.
struct Cloud {
    node: Node,
    client: Client,
    substitutes: Substitutes,
}

impl Cloud {
    async fn start(cluster: bool) -> Self {
        let urlfetch = UrlfetchConfig::default().allow(["127.0.0.0/8".parse().unwrap()]);
        let node = Node::builder().listen("127.0.0.1:0").in_memory().cluster(cluster).urlfetch(urlfetch);
        let node = node.start().await.unwrap();
        let client = Client::new(&node.locator_addr().to_string()).unwrap();
        let mut ports = BTreeMap::new();
        for (recorded, name) in SERVICES {
            ports.insert(*recorded, app_node::address(&client, name).await.port());
        }
        let uuid = client.dynamic("locator").await.unwrap().call("uuid", ()).await.unwrap();
        Self { node, client, substitutes: Substitutes { ports, uuid, http_server: None } }
    }

    async fn peer(&self, name: &'static str) -> Peer {
        let recording = Recording::read(name);
        let has_port = |port: &u64| recording.endpoint.ends_with(&format!(":{port}"));
        let is_recorded = |(port, service): &&(u64, &str)| match &recording.service {
            Some(name) => *name == service.replace("::", "_"),
            None => has_port(port),
        };
        let service = SERVICES.iter().find(is_recorded);
        let (_, service) = service.unwrap_or_else(|| panic!("{name}: no service at {}", recording.endpoint));
        let address = app_node::address(&self.client, service).await;
        Peer::new(name, TcpStream::connect(address).await.unwrap(), &self.substitutes)
    }

    async fn play(&self, name: &'static str) {
        self.peer(name).await.play().await;
    }
}

/// The recorded services: their ports, and their names in this node.
const SERVICES: &[(u64, &str)] = &[
    (10053, "locator"),
    (10054, "storage"),
    (10055, "logging"),
    (10057, "unicorn"),
    (10058, "echo"),
    (10059, "cache"),
    (10060, "chrono"),
    (10061, "logging::v2"),
    (10063, "uniresis"),
    (10064, "metrics"),
    (10066, "urlfetch"),
];

/// Exchanges that need no other, each played on a node of its own.
const STANDALONE: &[&str] = &[
    "cache/get_put",
    "chrono/int_for_double",
    "chrono/notify_after",
    "echo/ping",
    "echo/ping_trace",
    "locator/cluster",
    "locator/publish_external",
    "locator/publish_external_resolve",
    "locator/publish_with_graph",
    "locator/refresh",
    "locator/resolve_bad_args_int",
    "locator/resolve_no_args",
    "locator/resolve_ok",
    "locator/resolve_unknown",
    "locator/routing_empty",
    "locator/unknown_method",
    "locator/uuid",
    "logging/emit",
    "logging/emit_bad_args",
    "logging/emit_bad_severity_string",
    "logging/set_verbosity",
    "logging/verbosity",
    "logging_v2/emit_ack",
    "logging_v2/filters",
    "logging_v2/get_named",
    "metrics/fetch",
    "msgpack056/bytes_ext",
    "msgpack056/find_ok",
    "protocol/bytes_bin8",
    "protocol/bytes_c1",
    "protocol/bytes_ext",
    "protocol/bytes_str8",
    "protocol/channel_lower",
    "protocol/channel_negative",
    "protocol/channel_nonminimal",
    "protocol/channel_reuse_same",
    "protocol/channel_zero",
    "protocol/control_goaway",
    "protocol/control_ping",
    "protocol/control_revoke",
    "protocol/control_settings",
    "protocol/frame_args_map",
    "protocol/frame_args_not_array",
    "protocol/frame_map",
    "protocol/frame_not_array",
    "protocol/frame_two_elements",
    "protocol/headers_authorization",
    "protocol/headers_bad_shape",
    "protocol/headers_custom",
    "protocol/headers_index_out_of_range",
    "protocol/headers_index_zero",
    "protocol/headers_indexed",
    "protocol/headers_trace",
    "protocol/headers_trace_bit",
    "protocol/headers_trace_bit_bad",
    "protocol/headers_trace_decimal",
    "protocol/headers_trace_invalid",
    "protocol/headers_trace_short_value",
    "protocol/headers_value_int",
    "protocol/partial_then_close",
    "pyframework/client_conn_0",
    "pyframework/client_conn_1",
    "pyframework/client_conn_2",
    "pyframework/client_conn_3",
    "storage/cleanup",
    "storage/pipelined",
    "storage/read_bad_extra_arg",
    "storage/read_bad_int_arg",
    "storage/read_bad_nil_arg",
    "storage/read_bad_no_args",
    "storage/read_bad_one_arg",
    "storage/read_missing",
    "storage/unknown_method_4",
    "storage/write_read_find_remove",
    "unicorn/create_get_put_del",
    "unicorn/named_lock",
    "uniresis/all",
];

/// Exchanges of one node: a routing group is created, read and removed while a router is subscribed.
const ROUTING_GROUP: &[&str] = &[
    "locator/routing_updates",
    "locator/group_setup_storage",
    "locator/refresh_group",
    "locator/group_remove_storage",
];

/// Exchanges of one node: one waits for the lock of another, and two subscribe to the changes of others.
const UNICORN: &[&str] = &[
    "unicorn/lock",
    "unicorn/lock_waiter",
    "unicorn/subscribe",
    "unicorn/subscribe_other_side",
    "unicorn/children_subscribe",
    "unicorn/children_other_1",
];

/// Recorded with a runtime without a cluster, like a node with the option `--no-cluster`.
const WITHOUT_CLUSTER: &str = "locator/connect_no_cluster";

/// Played with an HTTP server.
const URLFETCH: &str = "urlfetch/get";

/// Deliberate differences, each of which must still differ: libmsgpack 0.5.6 closes the connection on `str8` and
/// `bin8`; 0.5.8 and this node read them.
const RAW_TYPE_DIFFERENCES: &[(&str, &str)] =
    &[("msgpack056/bytes_bin8", "protocol/bytes_bin8"), ("msgpack056/bytes_str8", "protocol/bytes_str8")];

#[tokio::test]
async fn standalone_recordings_match() {
    for name in STANDALONE {
        let cloud = Cloud::start(true).await;
        cloud.play(name).await;
        cloud.node.shutdown().await;
    }
}

#[tokio::test]
async fn router_recording_matches_refresh() {
    let cloud = Cloud::start(true).await;
    let mut router = cloud.peer(ROUTING_GROUP[0]).await;
    router.play_to_answer().await;
    cloud.play(ROUTING_GROUP[1]).await;
    cloud.play(ROUTING_GROUP[2]).await;
    router.play_to_answer().await;
    cloud.play(ROUTING_GROUP[3]).await;
    cloud.play(ROUTING_GROUP[2]).await;
    router.play().await;
    cloud.node.shutdown().await;
}

#[tokio::test]
async fn urlfetch_recording_matches() {
    let (port, server) = http_server::start().await;
    let mut cloud = Cloud::start(true).await;
    cloud.substitutes.http_server = Some(format!("127.0.0.1:{port}"));
    cloud.play(URLFETCH).await;
    cloud.node.shutdown().await;
    server.abort();
}

#[tokio::test]
async fn lock_recordings_match() {
    let cloud = Cloud::start(true).await;
    let (mut holder, mut waiter) = (cloud.peer(UNICORN[0]).await, cloud.peer(UNICORN[1]).await);
    holder.play_to_answer().await;
    waiter.play_to_note().await;
    waiter.expect_silence().await;
    holder.play().await;
    waiter.play().await;
    cloud.node.shutdown().await;
}

#[tokio::test]
async fn subscriber_recordings_match() {
    let cloud = Cloud::start(true).await;
    let mut subscriber = cloud.peer(UNICORN[2]).await;
    subscriber.play_to_answer().await;
    cloud.play(UNICORN[3]).await;
    subscriber.play().await;

    cloud.play(UNICORN[5]).await;
    let mut subscriber = cloud.peer(UNICORN[4]).await;
    subscriber.play_to_answer().await;
    // The client that made these changes was not recorded.
    let tree: UnicornClient = cloud.client.service().await.unwrap();
    tree.create("/t1795345856/dir/two", &1.into()).await.unwrap();
    tree.remove("/t1795345856/dir/one", -1).await.unwrap();
    subscriber.play().await;
    cloud.node.shutdown().await;
}

#[tokio::test]
async fn connect_without_cluster_is_closed() {
    let cloud = Cloud::start(false).await;
    cloud.play(WITHOUT_CLUSTER).await;
    cloud.node.shutdown().await;
}

#[tokio::test]
async fn connect_with_cluster_streams_services() {
    let cloud = Cloud::start(true).await;
    let client = Client::new(&cloud.node.locator_addr().to_string()).unwrap();
    let locator = client.dynamic("locator").await.unwrap();
    let mut services = locator.stream::<_, (String, cocaine::Value)>("connect", ("a router",));
    let (uuid, services) = services.recv().await.unwrap().unwrap();
    assert_eq!(uuid, cloud.substitutes.uuid);
    let cocaine::Value::Map(services) = services else { panic!("{services} is not a map") };
    let names: Vec<_> = services.iter().filter_map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
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
        ],
        "all but the locator"
    );
    cloud.node.shutdown().await;
}

#[tokio::test]
async fn newer_raw_types_are_read() {
    for (differs, same) in RAW_TYPE_DIFFERENCES {
        let (old, new) = (Recording::read(differs), Recording::read(same));
        assert_eq!(old.events[0].hex, new.events[0].hex, "the same request");
        assert_ne!(old.events[1].dir, new.events[1].dir, "a different outcome");
        let cloud = Cloud::start(true).await;
        cloud.play(same).await;
        cloud.node.shutdown().await;
    }
}

#[test]
fn every_recording_is_played() {
    let played = STANDALONE
        .iter()
        .chain(ROUTING_GROUP)
        .chain(UNICORN)
        .chain([&WITHOUT_CLUSTER, &URLFETCH])
        .chain(RAW_TYPE_DIFFERENCES.iter().map(|(name, _)| name));
    let played: BTreeSet<_> = played.copied().chain(apps::played()).map(str::to_owned).collect();
    // The exchanges over HTTP belong to the tests of the gateway.
    let groups = recording::groups().into_iter().filter(|group| group != "http");
    let recorded: Vec<_> = groups.flat_map(|group| recording::names(&group)).collect();
    assert_eq!(played.into_iter().collect::<Vec<_>>(), recorded);
}
