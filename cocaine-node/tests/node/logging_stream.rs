//! Following what is logged and printed, through the service.

use cocaine::{Bytes, Code, Receiver, Scalar, Session, Severity};
use cocaine_bindings::{
    App, AppClient, Logging, LoggingClient, LoggingStream, LoggingStreamClient, LoggingV2, LoggingV2Client,
    Node as _, NodeClient, Storage, StorageClient, logging_stream::LogLines,
};
use cocaine_node::Node;

use crate::{client, node, service};

/// Returns the next item with lines.
async fn next(lines: &mut Receiver<LogLines>) -> LogLines {
    lines.recv().await.expect("a line").unwrap()
}

fn texts(lines: &LogLines) -> Vec<&str> {
    lines.lines.iter().map(|line| line.message.as_str().unwrap()).collect()
}

async fn refusal(node: &Node, sources: &[&str]) -> Option<Code> {
    let stream: LoggingStreamClient = service(node).await;
    let mut lines = stream.follow(sources, Severity::Debug, 0);
    lines.recv().await.expect("an error").unwrap_err().code()
}

#[tokio::test]
async fn logged_messages_are_followed_by_source() {
    let node = node().await;
    let (logging, v2): (LoggingClient, LoggingV2Client) = client(&node).services().await.unwrap();
    let stream: LoggingStreamClient = service(&node).await;
    let attributes = [("k", Scalar::from("v")), ("n", 7_u64.into())];
    logging.emit(Severity::Warning, "app/echo", "before", Some(&attributes)).await.unwrap();
    logging.verbosity().await.unwrap();
    let mut lines = stream.follow(&["app/echo"], Severity::Info, 10);
    let first = next(&mut lines).await;
    assert_eq!((first.lost, texts(&first)), (0, vec!["before"]));
    let line = &first.lines[0];
    assert_eq!((line.severity, line.source.as_str(), &line.worker), (Severity::Warning, "app/echo", &None));
    let expected = attributes.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(line.attributes, expected);
    assert!(line.time > 1_700_000_000_000_000);

    logging.emit(Severity::Info, "app/other", "of another", None).await.unwrap();
    logging.emit(Severity::Debug, "app/echo", "too quiet", None).await.unwrap();
    logging.emit(Severity::Info, "app/echo/part", "one", None).await.unwrap();
    logging.verbosity().await.unwrap();
    assert!(v2.emit_ack(Severity::Error, "app/echo", "two", None).await.unwrap());
    let mut received = Vec::new();
    while received.len() < 2 {
        received.extend(texts(&next(&mut lines).await).into_iter().map(str::to_owned));
    }
    assert_eq!(received, ["one", "two"]);
    node.shutdown().await;
    assert!(lines.recv().await.is_none_or(|ended| ended.is_err()), "the stream ends with the node");
}

#[tokio::test]
async fn worker_output_is_followed_with_its_uuid() {
    let node = node().await;
    // An embedded worker prints the error with which it ends.
    node.embed_worker("frail", |worker| async move {
        let fails = worker.on("x", |session: Session| async move { session.finish() });
        drop(fails);
        Err(cocaine::Error::user(1, "no luck"))
    });
    let (storage, apps): (StorageClient, NodeClient) = client(&node).services().await.unwrap();
    let empty = |bytes: &[u8]| Bytes::from(cocaine::msgpack::to_vec(&Bytes::from(bytes)).unwrap());
    storage.write("apps", "frail", &empty(&[0; 1024]), None).await.unwrap();
    storage.write("manifests", "frail", &Bytes::from(&b"\x81\xa5slave\xa1x"[..]), None).await.unwrap();
    storage.write("profiles", "frail", &Bytes::from(&b"\x80"[..]), None).await.unwrap();
    let stream: LoggingStreamClient = service(&node).await;
    let mut lines = stream.follow(&["app/frail"], Severity::Info, 0);
    apps.start_app("frail", "frail").await.unwrap();
    let app: AppClient = client(&node).service_named("frail").await.unwrap();
    let _event = app.enqueue("x", None).await.unwrap();
    let first = next(&mut lines).await;
    assert!(texts(&first)[0].contains("no luck"), "{first:?}");
    assert_eq!(first.lines[0].severity, Severity::Info);
    assert_eq!(first.lines[0].worker.as_ref().map(String::len), Some(36));
    let mut again = stream.follow(&["app/frail"], Severity::Info, 1);
    assert!(texts(&next(&mut again).await)[0].contains("no luck"));
    node.shutdown().await;
}

#[tokio::test]
async fn too_many_sources_and_streams_are_refused() {
    let node = node().await;
    let too_big = Some(Code::posix(7));
    assert_eq!(refusal(&node, &["x"; 65]).await, too_big);
    assert_eq!(refusal(&node, &[&"x".repeat(65 << 10)]).await, too_big);
    let stream: LoggingStreamClient = service(&node).await;
    let logging: LoggingClient = service(&node).await;
    logging.emit(Severity::Info, "app/x", "x", None).await.unwrap();
    logging.verbosity().await.unwrap();
    let mut all = Vec::new();
    for _ in 0..64 {
        let mut lines = stream.follow(&[], Severity::Debug, 1);
        next(&mut lines).await;
        all.push(lines);
    }
    assert_eq!(refusal(&node, &[]).await, Some(Code::posix(11)));
    // One that is dropped makes room.
    all.pop();
    test_support::wait::wait_until("a stream may begin", async || {
        let mut lines = stream.follow(&[], Severity::Debug, 1);
        lines.recv().await.unwrap().is_ok()
    })
    .await;
    node.shutdown().await;
}

#[tokio::test]
async fn stream_is_not_announced_to_other_nodes() {
    let node = node().await;
    let resolved = client(&node).resolve("logging::stream", None).await.unwrap();
    assert_eq!(resolved.version, 1);
    let locator: cocaine_bindings::LocatorClient = service(&node).await;
    let mut services = cocaine_bindings::Locator::connect(&locator, "another");
    let (_, announced) = services.recv().await.unwrap().unwrap();
    assert!(announced.contains_key("logging") && !announced.contains_key("logging::stream"));
    node.shutdown().await;
}
