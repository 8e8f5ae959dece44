//! The metrics that a node reports.

use cocaine::{Code, Severity, Value};
use cocaine_bindings::{LoggingV2, LoggingV2Client, Metrics, MetricsClient, Storage, StorageClient};
use cocaine_node::Node;
use test_support::wait::wait_until;

use crate::{client, frame_client::FrameClient, node, service};

async fn fetch_all(metrics: &MetricsClient) -> Value {
    metrics.fetch(None, None).await.unwrap()
}

fn count(metrics: &Value, name: &str) -> u64 {
    metrics.get(name).and_then(Value::as_u64).unwrap_or_else(|| panic!("{name} is not a count"))
}

/// Waits until a count reaches the expected value, and checks that it stays there.
async fn wait_for_count(metrics: &MetricsClient, name: &str, expected: u64) {
    wait_until(&format!("{name} is {expected}"), async || {
        let count = count(&fetch_all(metrics).await, name);
        assert!(count <= expected, "{name} is {count}");
        count == expected
    })
    .await;
    assert_eq!(count(&fetch_all(metrics).await, name), expected, "{name}");
}

fn map(name: &str, args: Vec<Value>) -> Value {
    Value::Map(vec![(name.into(), Value::Array(args))])
}

#[tokio::test]
async fn calls_are_counted() {
    let node = node().await;
    let (metrics, storage): (MetricsClient, StorageClient) = (service(&node).await, service(&node).await);
    let before = fetch_all(&metrics).await;
    assert_eq!(count(&before, "storage.meter.summary.count"), 0);
    assert_eq!(count(&before, "storage.load"), 0);
    for number in 1..=5 {
        storage.write("c", "k", &"v".into(), None).await.unwrap();
        storage.read("c", "k").await.unwrap();
        storage.read("c", "missing").await.unwrap_err();
        assert_eq!(count(&fetch_all(&metrics).await, "storage.meter.summary.count"), number * 3);
    }
    for (name, expected) in [("read", 10), ("write", 5), ("find", 0), ("remove", 0)] {
        wait_for_count(&metrics, &format!("storage.timer[{name}].count"), expected).await;
    }
    let after = fetch_all(&metrics).await;
    assert_eq!(count(&after, "storage.load"), 0);
    assert_eq!(count(&after, "storage.connections.accepted"), 1);
    let time = |name: &str| after.get(&format!("storage.timer[{name}].p50")).and_then(Value::as_f64).unwrap();
    assert!(time("read") > 0.0 && time("write") > 0.0 && time("find") == 0.0);
    let start = count(&before, "metrics.meter.summary.count");
    let first = count(&fetch_all(&metrics).await, "metrics.meter.summary.count") - start;
    let second = count(&fetch_all(&metrics).await, "metrics.meter.summary.count") - start;
    assert_eq!(second, first + 1, "a fetch counts itself");
    node.shutdown().await;
}

#[tokio::test]
async fn concurrent_calls_are_all_counted() {
    let node = node().await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let storage: StorageClient = service(&node).await;
        clients.spawn(async move {
            for _ in 0..100 {
                storage.read("c", "k").await.unwrap_err();
            }
        });
    }
    clients.join_all().await;
    let metrics: MetricsClient = service(&node).await;
    let fetched = fetch_all(&metrics).await;
    assert_eq!(count(&fetched, "storage.meter.summary.count"), 800);
    assert_eq!(count(&fetched, "storage.timer[read].count"), 800);
    assert_eq!(count(&fetched, "storage.connections.accepted"), 8);
    assert_eq!(count(&fetched, "storage.connections.rejected"), 0);
    node.shutdown().await;
}

#[tokio::test]
async fn open_sessions_count_as_load() {
    let node = node().await;
    let (metrics, logging): (MetricsClient, LoggingV2Client) = (service(&node).await, service(&node).await);
    let session = logging.get("app/x").await.unwrap();
    wait_for_count(&metrics, "logging::v2.load", 1).await;
    assert_eq!(count(&fetch_all(&metrics).await, "logging::v2.timer[get].count"), 0);
    drop(session);
    wait_for_count(&metrics, "logging::v2.timer[get].count", 1).await;
    assert_eq!(count(&fetch_all(&metrics).await, "logging::v2.load"), 0);
    node.shutdown().await;
}

#[tokio::test]
async fn log_messages_and_lines_are_counted() {
    let node = node().await;
    let (metrics, logging): (MetricsClient, LoggingV2Client) = (service(&node).await, service(&node).await);
    let severe = Value::Array(vec!["severity".into(), 2_u64.into()]);
    let emit = async |name: &str, severity: i32| {
        logging.emit_ack(Severity::from(severity), name, "text", None).await.unwrap();
    };
    emit("app/x", 1).await;
    let id = logging.set_filter("app/x", &severe, 60).await.unwrap();
    for severity in 0..3 {
        emit("app/x", severity).await;
    }
    let fetched = fetch_all(&metrics).await;
    let expected = [
        ("logging.app/x.accepted.count", 1),
        ("logging.app/x.rejected.count", 2),
        ("logging.app/x.rejected.count_since_change", 2),
        ("logging.app/x.sum.count", 3),
        ("logging.core.sum.count", 0),
        ("logging.default.accepted.count", 1),
        ("node.log.accepted", 2),
        ("node.log.rejected", 0),
        ("node.uptime", 0),
    ];
    for (name, number) in &expected[..8] {
        assert_eq!(count(&fetched, name), *number, "{name}");
    }
    count(&fetched, expected[8].0);
    logging.remove_filter(id).await.unwrap();
    assert!(fetch_all(&metrics).await.get("logging.app/x.sum.count").is_none());
    node.shutdown().await;
}

#[tokio::test]
async fn plain_and_json_formats_agree() {
    let node = node().await;
    let metrics: MetricsClient = service(&node).await;
    service::<StorageClient>(&node).await.read("c", "k").await.unwrap_err();
    let storage = map("contains", vec![map("name", Vec::new()), map("const", vec!["storage.".into()])]);
    let plain = metrics.fetch(Some("plain"), Some(&storage)).await.unwrap();
    assert_eq!(metrics.fetch(Some(""), Some(&storage)).await.unwrap(), plain);
    let tree = metrics.fetch(Some("json"), Some(&storage)).await.unwrap();
    let plain = plain.as_map().unwrap();
    assert_eq!(plain.len(), 3 + 4 + 4 * 12);
    for (name, value) in plain {
        let name = name.as_str().unwrap();
        let found = name.split('.').try_fold(&tree, |node, part| node.get(part));
        assert_eq!(found, Some(value), "{name}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn invalid_query_is_refused() {
    let node = node().await;
    let address = client(&node).resolve("metrics", None).await.unwrap().endpoints[0].0;
    let mut raw = FrameClient::connect(address).await;
    raw.send(1, 0, ("plain", Value::Nil)).await;
    let (_, kind, fetched) = raw.recv().await;
    assert_eq!(kind, 0);
    assert!(fetched.as_array().unwrap()[0].get("metrics.load").is_some());
    let metrics: MetricsClient = service(&node).await;
    let invalid = [
        (Some("xml"), None, "unknown output type: Invalid argument"),
        (Some(""), Some(map("foo", Vec::new())), "unknown filter 'foo': Invalid argument"),
        (Some(""), Some("x".into()), "AST filter node must be an object: Invalid argument"),
        (
            Some("json"),
            Some(map("contains", vec![map("name", Vec::new())])),
            "expected 2 arguments for filter 'contains', found 1: Invalid argument",
        ),
    ];
    for (format, query, text) in invalid {
        let error = metrics.fetch(format, query.as_ref()).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::INVALID_VALUE));
        assert!(error.to_string().contains(text), "{error}");
    }
    raw.send(2, 0, [Value::Nil]).await;
    raw.expect_end().await;
    node.shutdown().await;
}

#[tokio::test]
async fn nodes_count_separately() {
    let (first, second) = (node().await, node().await);
    service::<StorageClient>(&first).await.read("c", "k").await.unwrap_err();
    let calls =
        async |node: &Node| count(&fetch_all(&service(node).await).await, "storage.meter.summary.count");
    assert_eq!((calls(&first).await, calls(&second).await), (1, 0));
    first.shutdown().await;
    second.shutdown().await;
}
