//! `logging::v2`: filters, named loggers, and the filters that a restart keeps.

use std::path::Path;

use cocaine::{Code, Duplex, Receiver, Scalar, Severity, Trace, Value};
use cocaine_bindings::{
    Logging, LoggingClient, LoggingV2, LoggingV2Client, Storage, StorageClient,
    logging_v2::{Disposition, GetSender},
};
use cocaine_node::{Node, log::Log};
use serde_json::json;

use crate::{client, frame_client::FrameClient, logging::lines, node, service};

const EMIT_ACK: u64 = 3;
const GET: u64 = 4;
const SET_FILTER: u64 = 6;
const REVOKE: u64 = 65535;

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(items.into_iter().collect())
}

fn severity(minimum: u64) -> Value {
    list(["severity".into(), minimum.into()])
}

async fn raw(node: &Node) -> FrameClient {
    let address = client(node).resolve("logging::v2", None).await.unwrap().endpoints[0].0;
    FrameClient::connect(address).await
}

async fn logger_names(logging: &LoggingV2Client) -> Vec<String> {
    logging.list_loggers().await.unwrap()
}

#[tokio::test]
async fn filter_applies_to_all_clients() {
    let node = node().await;
    let (first, second): (LoggingV2Client, LoggingV2Client) = (service(&node).await, service(&node).await);
    let passes = async |severity: i32| first.emit_ack(severity.into(), "app/x", "text", None).await.unwrap();
    assert!(passes(0).await);
    let id = second.set_filter("app/", &severity(2), 3600).await.unwrap();
    assert!(!passes(1).await && passes(2).await);
    let stricter = second.set_filter("app/x", &severity(3), 3600).await.unwrap();
    assert!(!passes(2).await && passes(3).await);
    assert_eq!(logger_names(&first).await, ["app/", "app/x", "core", "default"]);

    let filters = first.list_filters().await.unwrap();
    let ids: Vec<_> = filters.iter().map(|filter| (filter.logger.as_str(), filter.id)).collect();
    assert_eq!(ids[..2], [("app/", id), ("app/x", stricter)]);
    assert_eq!((&filters[0].filter, filters[0].disposition), (&severity(2), Disposition::Local));
    let default = &filters[2];
    assert_eq!((default.logger.as_str(), &default.filter), ("default", &list(["empty".into()])));
    assert_eq!(default.deadline, i64::MAX as u64);

    assert!(first.remove_filter(stricter).await.unwrap());
    assert!(!second.remove_filter(stricter).await.unwrap());
    assert!(passes(2).await && !passes(1).await);
    assert!(second.remove_filter(id).await.unwrap());
    assert!(passes(0).await);
    assert_eq!(logger_names(&first).await, ["core", "default"]);
    node.shutdown().await;
}

#[tokio::test]
async fn only_accepted_messages_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = Log::builder().file(&path).verbosity(3).start().unwrap();
    let node = Node::builder().listen("127.0.0.1:0").log(log.clone()).start().await.unwrap();
    let logging: LoggingV2Client = service(&node).await;
    assert_eq!(logging.verbosity().await.unwrap(), Severity::Debug);
    logging.set_verbosity(Severity::Error).await.unwrap();
    logging.set_filter("app/x", &list(["==".into(), "k".into(), "v".into()]), 3600).await.unwrap();
    let attributes = [("k", Scalar::from("v")), ("n", 7_u64.into())];
    logging.emit(Severity::Debug, "app/x", "accepted", Some(&attributes)).await.unwrap();
    logging.emit(Severity::Error, "app/x", "rejected", Some(&attributes[1..])).await.unwrap();
    logging.emit(Severity::Error, "app/x", "rejected", None).await.unwrap();
    assert!(logging.emit_ack(Severity::Other(7), "app/y", "acknowledged", None).await.unwrap());
    let Duplex { tx, mut rx } = logging.get("app/x/named").await.unwrap();
    let tx = tx.emit(Severity::Info, "by name", Some(&attributes)).await.unwrap();
    let _tx = tx.emit_ack(Severity::Info, "rejected", None).await.unwrap();
    assert!(!rx.recv().await.unwrap().unwrap());
    node.shutdown().await;
    log.close().await;
    let line = |severity: i32, level: &str, source: &str, message: &str| json!({"severity": severity, "level": level, "source": source, "message": message});
    let with_attributes = |mut line: serde_json::Value| {
        line["attributes"] = json!({"k": "v", "n": 7});
        line
    };
    let expected = [
        with_attributes(line(0, "debug", "app/x", "accepted")),
        line(7, "7", "app/y", "acknowledged"),
        with_attributes(line(1, "info", "app/x/named", "by name")),
    ];
    assert_eq!(lines(Path::new(&path)), expected);
}

#[tokio::test]
async fn filters_see_logger_name_and_trace() {
    let node = node().await;
    let logging: LoggingV2Client = service(&node).await;
    logging
        .set_filter("by name", &list(["==".into(), "source".into(), "by name/a".into()]), 60)
        .await
        .unwrap();
    assert!(logging.emit_ack(Severity::Info, "by name/a", "text", None).await.unwrap());
    assert!(!logging.emit_ack(Severity::Info, "by name/b", "text", None).await.unwrap());
    let own = [("source", Scalar::from("by name/a"))];
    assert!(logging.emit_ack(Severity::Info, "by name/b", "text", Some(&own)).await.unwrap());

    logging.set_filter("traced", &list(["traced".into()]), 60).await.unwrap();
    let call = || logging.emit_ack(Severity::Info, "traced", "text", None);
    assert!(!call().await.unwrap());
    assert!(Trace::root(7).scope(call()).await.unwrap());
    let mut raw = raw(&node).await;
    for (channel, bit, passes) in [(1, "1", true), (2, "0", false)] {
        let id =
            |name: &'static str| Value::Array(vec![false.into(), name.into(), Value::Raw([1; 8][..].into())]);
        let bit = Value::Array(vec![false.into(), "trace_bit".into(), bit.into()]);
        let headers = Value::Array(vec![id("trace_id"), id("span_id"), id("parent_id"), bit]);
        let args = list([1_u64.into(), "traced".into(), "text".into()]);
        let frame = Value::Array(vec![channel.into(), EMIT_ACK.into(), args, headers]);
        raw.send_bytes(&cocaine::msgpack::to_vec(&frame).unwrap()).await;
        assert_eq!(raw.recv().await, (channel, 0, list([passes.into()])));
    }
    node.shutdown().await;
}

async fn acks(rx: &mut Receiver<bool>, count: usize) -> Vec<bool> {
    let mut acks = Vec::new();
    for _ in 0..count {
        acks.push(rx.recv().await.unwrap().unwrap());
    }
    acks
}

#[tokio::test]
async fn named_logger_applies_later_filters_in_order() {
    let node = node().await;
    let (first, second): (LoggingV2Client, LoggingV2Client) = (service(&node).await, service(&node).await);
    let Duplex { mut tx, mut rx } = first.get("app/named").await.unwrap();
    tx = tx.emit_ack(Severity::Debug, "before", None).await.unwrap();
    assert_eq!(acks(&mut rx, 1).await, [true]);
    let id = second.set_filter("app/named", &severity(2), 3600).await.unwrap();
    let mut expected = Vec::new();
    for number in 0..1000 {
        let severity = number % 4;
        tx = tx.emit_ack(severity.into(), "text", None).await.unwrap();
        tx = tx.emit(Severity::Error, "unanswered", None).await.unwrap();
        expected.push(severity >= 2);
    }
    assert_eq!(acks(&mut rx, 1000).await, expected);
    second.remove_filter(id).await.unwrap();
    let _tx = tx.emit_ack(Severity::Debug, "after", None).await.unwrap();
    assert_eq!(acks(&mut rx, 1).await, [true]);
    node.shutdown().await;
}

#[tokio::test]
async fn closing_named_logger_is_not_answered() {
    let node = node().await;
    let mut raw = raw(&node).await;
    raw.send(1, GET, ["app/x"]).await;
    raw.send(1, 1, (1, "text")).await;
    assert_eq!(raw.recv().await, (1, 0, list([true.into()])));
    raw.send(2, REVOKE, (1, (7, 4))).await;
    assert_eq!(raw.recv().await.0, 2, "only the revoke is answered");
    raw.expect_silence().await;
    let logging: LoggingV2Client = service(&node).await;
    drop(logging.get("app/x").await.unwrap());
    assert!(
        logging.emit_ack(Severity::Info, "app/x", "text", None).await.unwrap(),
        "revoked, not disconnected"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn malformed_arguments_close_the_connection() {
    let node = node().await;
    let set = |filter: Value, ttl: Value| list(["x".into(), filter, ttl]);
    let malformed = [
        (0, list([(-1_i64).into(), "x".into(), "text".into()])),
        (2, list([(-1_i64).into()])),
        (EMIT_ACK, list([(-1_i64).into(), "x".into(), "text".into()])),
        (EMIT_ACK, list([1_u64.into(), "x".into(), "text".into(), Value::Nil])),
        (SET_FILTER, set(severity(2), (-1_i64).into())),
        (SET_FILTER, set(list(["bogus".into()]), 60_u64.into())),
        (SET_FILTER, set(list(["severity".into(), (-1_i64).into()]), 60_u64.into())),
        (9, set(list(["&&".into(), severity(1), list([])]), 60_u64.into())),
    ];
    for (kind, args) in malformed {
        let mut raw = raw(&node).await;
        raw.send(1, kind, args).await;
        raw.expect_end().await;
    }
    for args in [list([(-1_i64).into(), "text".into()]), list(["x".into(), "text".into()])] {
        for kind in [0, 1] {
            let mut raw = raw(&node).await;
            raw.send(1, GET, ["x"]).await;
            raw.send(1, kind, &args).await;
            raw.expect_end().await;
        }
    }
    node.shutdown().await;
}

#[tokio::test]
async fn oversized_arguments_are_refused() {
    let node = node().await;
    let logging: LoggingV2Client = service(&node).await;
    let too_large = Some(Code::posix(7));
    let long = list(["e".into(), "x".repeat(5000).into()]);
    let error = logging.set_filter("x", &long, 60).await.unwrap_err();
    assert_eq!(error.code(), too_large, "{error}");
    let error = logging.set_cluster_filter(&"x".repeat(1025), &severity(1), 60).await.unwrap_err();
    assert_eq!(error.code(), too_large, "{error}");
    let Duplex { tx: _tx, mut rx } = logging.get(&"x".repeat(1025)).await.unwrap();
    let error = rx.recv().await.unwrap().unwrap_err();
    assert_eq!(error.code(), too_large, "{error}");
    assert!(logging.emit_ack(Severity::Info, &"x".repeat(1025), "text", None).await.unwrap());
    node.shutdown().await;
}

#[tokio::test]
async fn named_loggers_are_limited() {
    let node = node().await;
    let mut raw = raw(&node).await;
    for channel in 1..=1024 {
        raw.send(channel, GET, ["x"]).await;
    }
    raw.send(1025, GET, ["x"]).await;
    let (channel, kind, args) = raw.recv().await;
    assert_eq!((channel, kind), (1025, 1), "{args}");
    assert_eq!(args.as_array().unwrap()[0], list([12_u64.into(), 11_u64.into()]));
    // Messages for the refused logger may have been on their way, so they are ignored.
    raw.send(1025, 1, (1, "text")).await;
    raw.expect_silence().await;
    raw.send((1 << 20) + 10, REVOKE, (1, (7, 4))).await;
    raw.recv().await;
    raw.send((1 << 20) + 11, GET, ["x"]).await;
    raw.send((1 << 20) + 11, 1, (1, "text")).await;
    assert_eq!(raw.recv().await, ((1 << 20) + 11, 0, list([true.into()])));
    node.shutdown().await;
}

#[tokio::test]
async fn only_cluster_filters_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || Node::builder().listen("127.0.0.1:0").data(folder.path()).start().await.unwrap();
    let node = start().await;
    let logging: LoggingV2Client = service(&node).await;
    let remaining = logging.set_cluster_filter("app/x", &severity(2), 3600).await.unwrap();
    logging.set_filter("app/y", &severity(2), 3600).await.unwrap();
    let removed = logging.set_cluster_filter("app/z", &severity(2), 3600).await.unwrap();
    assert!(logging.remove_filter(removed).await.unwrap());
    let before = logging.list_filters().await.unwrap();
    node.shutdown().await;

    let node = start().await;
    let logging: LoggingV2Client = service(&node).await;
    assert_eq!(logger_names(&logging).await, ["app/x", "core", "default"]);
    let filters = logging.list_filters().await.unwrap();
    assert_eq!((&filters[0], filters[0].id), (&before[0], remaining));
    assert_eq!(filters[0].disposition, Disposition::Cluster);
    assert!(!logging.emit_ack(Severity::Info, "app/x", "text", None).await.unwrap());
    assert!(logging.remove_filter(remaining).await.unwrap());
    node.shutdown().await;

    let node = start().await;
    assert_eq!(logger_names(&service(&node).await).await, ["core", "default"]);
    let storage: StorageClient = service(&node).await;
    assert!(storage.find("cocaine/logging_v2/filters", &["filter"]).await.unwrap().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn filters_change_concurrently_with_logging() {
    let node = node().await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..16_u64 {
        let logging: LoggingV2Client = service(&node).await;
        clients.spawn(async move {
            let name = format!("app/{number}/");
            for _ in 0..20 {
                let id = logging.set_filter(&name, &severity(2), 60).await.unwrap();
                assert!(!logging.emit_ack(Severity::Info, &name, "text", None).await.unwrap());
                assert!(logging.remove_filter(id).await.unwrap());
                assert!(logging.emit_ack(Severity::Info, &name, "text", None).await.unwrap());
            }
        });
    }
    clients.join_all().await;
    let logging: LoggingV2Client = service(&node).await;
    assert_eq!(logging.list_filters().await.unwrap().len(), 1);
    node.shutdown().await;
}

/// The node stops reading from a client that does not read its acknowledgements, until the client reads them. Other
/// clients are not affected.
#[tokio::test]
async fn slow_reader_does_not_block_others() {
    let limits = cocaine::Limits::default().max_queued_bytes(4096);
    let node = Node::builder().listen("127.0.0.1:0").limits(limits).start().await.unwrap();
    let logging: LoggingV2Client = service(&node).await;
    let Duplex { tx, mut rx } = logging.get("app/slow").await.unwrap();
    let sent = tokio::spawn(async move {
        let mut tx: GetSender = tx;
        for _ in 0..20_000 {
            tx = tx.emit_ack(Severity::Info, "text", None).await.unwrap();
        }
        tx
    });
    let other: LoggingClient = service(&node).await;
    other.verbosity().await.unwrap();
    assert!(
        service::<LoggingV2Client>(&node).await.emit_ack(Severity::Info, "x", "text", None).await.unwrap()
    );
    assert_eq!(acks(&mut rx, 20_000).await, vec![true; 20_000]);
    drop(sent.await.unwrap());
    node.shutdown().await;
}
