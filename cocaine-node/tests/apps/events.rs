//! Events of apps whose workers behave.

use std::time::{Duration, Instant};

use cocaine::{Client, MemoryBudget, Value};
use cocaine_bindings::{App, AppClient, Node};
use cocaine_node::Node as LocalNode;
use futures_util::future::join_all;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    cloud::{Cloud, call, code, finish, number, open},
    program::Program,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_is_answered_by_a_worker() {
    let cloud = Cloud::start().await;
    let app = cloud.run("parrot", "", json!({})).await;
    assert_eq!(
        number(&cloud.info("parrot").await, &["pool", "total:spawned"]),
        0,
        "no worker before the first event"
    );
    assert_eq!(call(&app, "echo", "hello").await.unwrap(), "hello");
    let error = call(&app, "fail", "").await.unwrap_err();
    assert_eq!(code(&error), (43, 7));
    let error = call(&app, "no-such", "").await.unwrap_err();
    assert_eq!(code(&error), (42, 200));
    assert_eq!(
        call(&app, "storage", "").await.unwrap(),
        "parrot",
        "a worker calls the cloud that it runs in"
    );
    let info = cloud.info("parrot").await;
    assert_eq!(number(&info, &["pool", "total:spawned"]), 1);
    assert_eq!(number(&info, &["requests", "accepted"]), 4);
    cloud.apps.pause_app("parrot").await.unwrap();
    assert_eq!(cloud.apps.list().await.unwrap(), Value::Array(vec![]));
    let error = call(&app, "echo", "late").await.unwrap_err();
    assert_eq!(code(&error), (12, 32), "{error}");
    let error = app.info().await.unwrap_err();
    assert_eq!(code(&error), (10, 1), "asked again, the locator knows of none: {error}");
    cloud.node.shutdown().await;
}

#[tokio::test]
async fn running_app_replaces_a_plugin_service() {
    let cloud = Cloud::start().await;
    let ping = async || cloud.client.dynamic("echo").await?.call::<_, String>("ping", ("hi",)).await;
    assert_eq!(ping().await.unwrap(), "hi");
    let app = cloud.run("echo", "", json!({})).await;
    assert_eq!(call(&app, "echo", "hello").await.unwrap(), "hello");
    assert!(ping().await.unwrap_err().to_string().contains("a method `ping`"));
    cloud.apps.pause_app("echo").await.unwrap();
    assert_eq!(ping().await.unwrap(), "hi", "it is back");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_handle_thousand_concurrent_events() {
    let cloud = Cloud::start().await;
    let profile = json!({"pool-limit": 2, "concurrency": 600, "queue-limit": 2000, "grow-threshold": 1});
    let app = cloud.run("echo", "", profile).await;
    let control = app.control().await.unwrap();
    let cocaine::Duplex { mut tx, .. } = control;
    tx.send(2).await.unwrap();
    cloud
        .until("echo", |info| number(info, &["pool", "idle"]) == 2 && states(info) == ["active", "active"])
        .await;
    let opened = join_all((0..1000).map(|id| {
        let app = app.clone();
        async move { (id, open(&app, "echo", &format!("event {id}")).await.unwrap()) }
    }))
    .await;
    let info = cloud.until("echo", |info| number(info, &["load"]) == 1000).await;
    assert_eq!(number(&info, &["pool", "active"]), 2);
    let finished =
        join_all(opened.into_iter().map(|(id, channel)| async move { (id, finish(channel).await.unwrap()) }));
    for (id, answer) in finished.await {
        assert_eq!(answer, format!("event {id}"));
    }
    cloud.until("echo", |info| number(info, &["load"]) == 0).await;
    cloud.node.shutdown().await;
}

/// Returns the states of all workers.
pub(crate) fn states(info: &Value) -> Vec<&str> {
    let Some(Value::Map(slaves)) = info.get("pool").and_then(|pool| pool.get("slaves")) else {
        panic!("no workers in {info}")
    };
    slaves.iter().map(|(_, slave)| slave.get("state").and_then(Value::as_str).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminate_under_load_loses_no_taken_event() {
    let cloud = Cloud::start().await;
    let app = cloud.run("slow", "", json!({"concurrency": 50})).await;
    assert_eq!(call(&app, "echo", "up").await.unwrap(), "up");
    let taken: Vec<_> = join_all((0..20).map(|_| open(&app, "slow", "300"))).await;
    cloud.until("slow", |info| number(info, &["load"]) == 20).await;
    let answers = join_all(taken.into_iter().map(|channel| finish(channel.unwrap())));
    let (answers, paused) = tokio::join!(answers, cloud.apps.pause_app("slow"));
    paused.unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer == "slow")), "{answers:?}");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_of_departed_client_keeps_its_slot() {
    let cloud = Cloud::start().await;
    let app = cloud.run("one", "", json!({"pool-limit": 1, "concurrency": 1})).await;
    let pid = call(&app, "pid", "").await.unwrap();
    let leaving = Client::new(&cloud.node.locator_addr().to_string()).unwrap();
    let left: AppClient = leaving.service_named("one").await.unwrap();
    let started = Instant::now();
    let asked = open(&left, "slow", "500").await.unwrap().finish().unwrap();
    cloud.until("one", |info| number(info, &["load"]) == 1).await;
    drop((asked, left, leaving));
    assert_eq!(call(&app, "pid", "").await.unwrap(), pid);
    assert!(started.elapsed() >= Duration::from_millis(500), "it had to wait for its turn");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pool_follows_the_controlling_client() {
    let cloud = Cloud::start().await;
    let app: AppClient = cloud.run("pool", "", json!({"pool-limit": 3})).await;
    let cocaine::Duplex { mut tx, rx } = cloud.apps.control("pool").await.unwrap();
    tx.send(3).await.unwrap();
    cloud.until("pool", |info| states(info) == ["active"; 3]).await;
    tx.send(1).await.unwrap();
    cloud.until("pool", |info| states(info) == ["active"]).await;
    drop(rx);
    tx.finish().unwrap();
    assert_eq!(call(&app, "echo", "still").await.unwrap(), "still");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_worker_ends_and_comes_back() {
    let cloud = Cloud::start().await;
    let app = cloud.run("idle", "", json!({"idle-timeout": 0.2})).await;
    let first = call(&app, "pid", "").await.unwrap();
    cloud.until("idle", |info| states(info).is_empty()).await;
    assert_ne!(call(&app, "pid", "").await.unwrap(), first);
    assert_eq!(number(&cloud.info("idle").await, &["pool", "total:crashed"]), 0);
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_events_leave_with_their_client() {
    let cloud = Cloud::start().await;
    let profile = json!({"pool-limit": 1, "concurrency": 1});
    let app = cloud.run("busy", "", profile).await;
    let running = open(&app, "hold", "").await.unwrap();
    cloud.until("busy", |info| number(info, &["load"]) == 1).await;
    let address = cloud.client.resolve("busy", None).await.unwrap().endpoints[0].0;
    let mut leaving = TcpStream::connect(address).await.unwrap();
    for id in 1..=60 {
        // An event, with a chunk that waits with it.
        let frames = [&[0x93, id, 0, 0x91, 0xa4], &b"echo"[..], &[0x93, id, 0, 0x91, 0xa1, b'x']].concat();
        leaving.write_all(&frames).await.unwrap();
    }
    let depth = |info: &Value| number(info, &["queue", "depth"]);
    cloud.until("busy", |info| depth(info) == 60).await;
    let next = open(&app, "echo", "alive").await.unwrap();
    cloud.until("busy", |info| depth(info) == 61).await;
    drop(leaving);
    cloud.until("busy", |info| depth(info) == 1).await;
    drop(running);
    assert_eq!(finish(next).await.unwrap(), "alive");
    let info = cloud.info("busy").await;
    assert_eq!(number(&info, &["queue", "depth"]), 0);
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_without_a_chunk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let node = Program::start(folder.path(), &[]).await;
    let app = node.cloud.run("strict", "", json!({"request-timeout": 0.2})).await;
    // An event and a tag of any bytes concern this event alone.
    let tag = cocaine::text::from_bytes(b"\xff");
    let cocaine::Duplex { tx: _open, mut rx } = app.enqueue("echo", Some(&tag)).await.unwrap();
    assert_eq!(code(&rx.recv().await.unwrap().unwrap_err()), (20991, 3));
    let unanswered = open(&app, "slow", "60000").await.unwrap();
    assert_eq!(code(&finish(unanswered).await.unwrap_err()), (20991, 3));
    node.wait_for_log("\"slow\"").await;
    let text = node.log();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("an event has timed out")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("no chunk") && !lines[1].contains("no chunk"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_queue_refuses_events_while_memory_is_scarce() {
    let memory = MemoryBudget::new(256 << 20);
    let cloud = Cloud::with(LocalNode::builder().in_memory().memory(memory.clone())).await;
    let profile = json!({"pool-limit": 1, "concurrency": 1});
    let busy = cloud.run("busy", "", &profile).await;
    let other = cloud.run("other", "", &profile).await;
    let running = open(&busy, "hold", "").await.unwrap();
    cloud.until("busy", |info| number(info, &["load"]) == 1).await;
    let mut queued = Vec::new();
    for _ in 0..8 {
        queued.push(open(&busy, "echo", "queued").await.unwrap());
    }
    let depth = |info: &Value| number(info, &["queue", "depth"]);
    cloud.until("busy", |info| depth(info) == 8).await;
    let used = memory.charge(256 << 20);
    let error = call(&busy, "echo", "one too many").await.unwrap_err();
    assert!(error.is_queue_full(), "{error}");
    assert_eq!(call(&other, "echo", "alive").await.unwrap(), "alive", "an app with few events goes on");
    drop(used);
    queued.push(open(&busy, "echo", "queued").await.unwrap());
    cloud.until("busy", |info| depth(info) == 9).await;
    drop(running);
    for channel in queued {
        assert_eq!(finish(channel).await.unwrap(), "queued");
    }
    cloud.node.shutdown().await;
}
