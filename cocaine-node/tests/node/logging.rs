//! Log messages from a client to the log file.

use std::{fs, path::Path};

use cocaine::{Scalar, Severity};
use cocaine_bindings::{Logging, LoggingClient};
use cocaine_node::{Node, log::Log};
use serde_json::{Value, json};

use crate::{client, frame_client::FrameClient, service};

async fn node(path: &Path, verbosity: i32) -> (Node, Log) {
    let log = Log::builder().file(path).verbosity(verbosity).start().unwrap();
    let node = Node::builder().listen("127.0.0.1:0").log(log.clone()).start().await.unwrap();
    (node, log)
}

/// Returns the records of a log file without their times.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("time").expect("a time");
    }
    lines
}

#[tokio::test]
async fn emitted_messages_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (node, log) = node(&path, 1).await;
    let logging: LoggingClient = service(&node).await;
    assert_eq!(logging.verbosity().await.unwrap(), Severity::Info);
    let attributes = [("k", Scalar::from("v")), ("n", 7_u64.into())];
    logging.emit(Severity::Info, "app/echo", "hello", Some(&attributes)).await.unwrap();
    logging.emit(Severity::Debug, "app/echo", "too quiet", None).await.unwrap();
    logging.emit(Severity::Other(-5), "app/echo", "quieter", None).await.unwrap();
    logging.emit(Severity::Other(40), "app/echo", "loud", None).await.unwrap();
    // The answer to a later call on the same connection proves that the earlier ones have arrived.
    logging.verbosity().await.unwrap();
    node.shutdown().await;
    log.close().await;
    let expected = [
        json!({"severity": 1, "level": "info", "source": "app/echo", "message": "hello", "attributes": {"k": "v", "n": 7}}),
        json!({"severity": 40, "level": "40", "source": "app/echo", "message": "loud"}),
    ];
    assert_eq!(lines(&path), expected);
}

#[tokio::test]
async fn invalid_utf8_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (node, log) = node(&path, 0).await;
    let address = client(&node).resolve("logging", None).await.unwrap().endpoints[0].0;
    let mut raw = FrameClient::connect(address).await;
    raw.send_bytes(b"\x93\x01\x00\x93\x03\xa3app\xa4caf\xe9").await;
    raw.expect_silence().await;
    node.shutdown().await;
    log.close().await;
    assert_eq!(lines(&path)[0]["message"], "caf\u{fffd}");
}
