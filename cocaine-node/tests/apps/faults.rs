//! Apps whose workers or clients fail.

use std::{process::Command, time::Duration};

use cocaine::{Duplex, Value};
use cocaine_bindings::{App, Node};
use cocaine_node::{Node as Cocaine, config::NodeConfig};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cloud::{Cloud, call, code, finish, number, open};

fn kill(pid: &str) {
    // `kill` is a shell builtin; the program may be missing.
    assert!(Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_worker_fails_only_its_own_events() {
    let cloud = Cloud::start().await;
    let app = cloud.run("two", "", json!({"pool-limit": 2, "concurrency": 2})).await;
    let cocaine::Duplex { mut tx, .. } = app.control().await.unwrap();
    tx.send(2).await.unwrap();
    cloud.until("two", |info| crate::events::states(info) == ["active"; 2]).await;
    let mut lost = open(&app, "hold", "").await.unwrap();
    let pid = lost.recv().await.unwrap().unwrap();
    let kept = open(&app, "echo", "kept").await.unwrap();
    cloud.until("two", |info| number(info, &["load"]) == 2).await;
    kill(pid.as_str().unwrap());
    let error = finish(lost).await.unwrap_err();
    assert_eq!(code(&error), (5, 2));
    assert!(error.to_string().contains("slave has been discarded"), "{error}");
    assert_eq!(finish(kept).await.unwrap(), "kept");
    cloud.until("two", |info| number(info, &["pool", "total:spawned"]) == 3).await;
    cloud.until("two", |info| crate::events::states(info) == ["active"; 2]).await;
    assert_eq!(call(&app, "echo", "again").await.unwrap(), "again");
    assert_eq!(cloud.crashlogs("two").await.len(), 1);
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_learns_why_an_app_fails() {
    let cloud = Cloud::with(Cocaine::builder().startup_timeout(Duration::from_secs(1))).await;
    let app = cloud.run("broken", "exits", json!({})).await;
    let error = call(&app, "echo", "").await.unwrap_err();
    assert_eq!(code(&error), (0x53FF, 5));
    let text = error.to_string();
    assert!(text.contains("the app `broken` does not start"), "{text}");
    assert!(
        text.contains("exit status: 7") && text.contains("cannot find the library\nthat I need"),
        "{text}"
    );
    let info = cloud.until("broken", |info| number(info, &["pool", "total:crashed"]) >= 1).await;
    assert!(info.to_string().contains("cannot find the library"), "{info}");
    let logs = cloud.crashlogs("broken").await;
    assert!(logs[0].contains("cannot find the library\nthat I need"), "{logs:?}");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misbehaving_workers_are_discarded() {
    let cloud = Cloud::with(Cocaine::builder().startup_timeout(Duration::from_secs(1))).await;
    let quick = json!({"handshake-timeout": 0.3, "heartbeat-timeout": 0.5, "isolate": {"args": {"kill_timeout": 0.2}}});
    for (mode, expected, reason) in [
        ("mute", (0x53FF, 4), "it did not connect to its node within 300ms"),
        ("silent", (2, 125), ""),
        ("garbage", (6, 4), ""),
    ] {
        let app = cloud.run(mode, mode, &quick).await;
        let error = call(&app, "echo", "").await.unwrap_err();
        assert_eq!(code(&error), expected, "{mode}: {error}");
        assert!(error.to_string().contains(reason), "{mode}: {error}");
        cloud.until(mode, |info| number(info, &["pool", "total:crashed"]) >= 1).await;
        cloud.apps.pause_app(mode).await.unwrap();
    }
    // A worker that breaks the protocol at once may or may not have taken the event.
    let app = cloud.run("hasty", "hasty", &quick).await;
    let error = call(&app, "echo", "").await.unwrap_err();
    let (code, text) = (code(&error), error.to_string());
    assert!(code == (6, 4) || code == (0x53FF, 10) && text.contains("does not start: protocol"), "{text}");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flooding_worker_is_slowed_to_its_reader() {
    let cloud = Cloud::start().await;
    let app = cloud.run("flood", "flood", flood_profile()).await;
    let mut stream = open(&app, "any", "").await.unwrap();
    let mut read = 0;
    while read < 64 << 20 {
        read += stream.recv().await.unwrap().unwrap().len();
        if read < 1 << 20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let info = cloud.until("flood", |_| true).await;
    assert_eq!(number(&info, &["pool", "total:crashed"]), 0, "its heartbeats wait unread");
    cloud.node.shutdown().await;
}

/// The worker does not take part in its own end.
fn flood_profile() -> serde_json::Value {
    json!({"terminate-timeout": 0.3, "isolate": {"args": {"kill_timeout": 0.2}}})
}

/// The worker knows no credit, and the client has stopped reading.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_client_loses_its_event() {
    let limits = cocaine::Limits::default().stall_timeout(Duration::from_millis(500));
    let cloud = Cloud::with(Cocaine::builder().limits(limits)).await;
    let app = cloud.run("flood", "flood", flood_profile()).await;
    let mut stream = open(&app, "any", "").await.unwrap();
    cloud.until("flood", |info| number(info, &["load"]) == 1).await;
    cloud.until("flood", |info| number(info, &["load"]) == 0).await;
    let error = loop {
        if let Err(error) = stream.recv().await.expect("an error comes last") {
            break error;
        }
    };
    assert_eq!(code(&error), (12, 105), "{error}");
    assert!(error.to_string().contains("were not read for 500ms"), "{error}");
    cloud.node.shutdown().await;
}

/// The client knows no credit, and does not read while the worker has more to send than any buffer holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_client_gets_the_whole_stream() {
    let cloud = Cloud::start().await;
    let app = cloud.run("pour", "", json!({"pool-limit": 1, "concurrency": 2})).await;
    let pid = call(&app, "pid", "").await.unwrap();
    let resolved = cloud.client.resolve("pour", None).await.unwrap();
    let mut slow = tokio::net::TcpStream::connect(resolved.endpoints[0].0).await.unwrap();
    slow.write_all(b"\x93\x01\x00\x91\xa4pour\x93\x01\x00\x91\xa264\x93\x01\x02\x90").await.unwrap();
    cloud.until("pour", |info| number(info, &["load"]) == 1).await;
    for _ in 0..20 {
        assert_eq!(call(&app, "pid", "").await.unwrap(), pid, "others are served");
    }
    let mut read = Vec::new();
    let close =
        [b"\x94\x01\x02\x90\x93\x93\xc2\xa8trace_id".as_slice(), &[0xa8, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    while !read.windows(close.len()).any(|window| window == close) {
        let kept = read.len().saturating_sub(200);
        read.drain(..kept);
        assert!(slow.read_buf(&mut read).await.unwrap() > 0, "a close comes last");
    }
    call(&app, "poured", "").await.unwrap();
    assert_eq!(call(&app, "pid", "").await.unwrap(), pid, "the worker goes on");
    cloud.node.shutdown().await;
}

/// The client sends more than any buffer holds while its event is queued.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_sends_much_waits_for_worker() {
    let cloud = Cloud::start().await;
    let app = cloud.run("early", "", json!({"pool-limit": 1, "concurrency": 1})).await;
    let mut first = open(&app, "hold", "").await.unwrap();
    first.recv().await.unwrap().unwrap();
    let Duplex { mut tx, mut rx } = app.enqueue("echo", None).await.unwrap();
    let sending = tokio::spawn(async move {
        for _ in 0..10 {
            tx.send(vec![b'x'; 1 << 20]).await.unwrap();
        }
        tx.finish().unwrap();
    });
    cloud.until("early", |info| number(info, &["queue", "depth"]) == 1).await;
    drop(first);
    let mut read = 0;
    while let Some(chunk) = rx.recv().await {
        read += chunk.unwrap().len();
    }
    assert_eq!(read, 10 << 20);
    sending.await.unwrap();
    assert_eq!(call(&app, "echo", "goes on").await.unwrap(), "goes on");
    cloud.node.shutdown().await;
}

/// When a worker dies, its other clients get their errors although the first does not read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_client_delays_no_error_of_others() {
    let cloud = Cloud::start().await;
    let app = cloud.run("told", "", json!({"pool-limit": 1})).await;
    let pid = call(&app, "pid", "").await.unwrap();
    let resolved = cloud.client.resolve("told", None).await.unwrap();
    let mut slow = tokio::net::TcpStream::connect(resolved.endpoints[0].0).await.unwrap();
    slow.write_all(b"\x93\x01\x00\x91\xa4pour\x93\x01\x00\x91\xa18\x93\x01\x02\x90").await.unwrap();
    let mut held = open(&app, "hold", "").await.unwrap();
    held.recv().await.unwrap().unwrap();
    kill(&pid);
    assert_eq!(code(&finish(held).await.unwrap_err()), (5, 2));
    drop(slow);
    assert_eq!(call(&app, "echo", "again").await.unwrap(), "again");
    cloud.node.shutdown().await;
}

/// A worker that no longer reads can still be stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_that_does_not_read_can_be_stopped() {
    let cloud = Cloud::start().await;
    let profile = json!({"terminate-timeout": 0.3, "isolate": {"args": {"kill_timeout": 0.2}}});
    let app = cloud.run("stuck", "silent", profile).await;
    let Duplex { mut tx, mut rx } = open(&app, "any", "").await.unwrap();
    let sending = tokio::spawn(async move { while tx.send(vec![b'x'; 1 << 20]).await.is_ok() {} });
    cloud.until("stuck", |info| number(info, &["load"]) == 1).await;
    cloud.apps.pause_app("stuck").await.unwrap();
    assert_eq!(code(&rx.recv().await.unwrap().unwrap_err()), (2, 125));
    sending.abort();
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_node_leaves_no_worker() {
    let cloud = Cloud::start().await;
    let app = cloud.run("left", "", json!({})).await;
    let pid: i32 = call(&app, "pid", "").await.unwrap().parse().unwrap();
    cloud.node.shutdown().await;
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_runs_no_more_workers_than_configured() {
    let mut config = NodeConfig::default();
    config.apps.max_workers = Some(3);
    let builder = Cocaine::builder().in_memory().config(&config).startup_timeout(Duration::from_millis(100));
    let cloud = Cloud::with(builder).await;
    let greedy = cloud.run("greedy", "", json!({"pool-limit": -1, "queue-limit": 7})).await;
    let Duplex { mut tx, rx: _rx } = cloud.apps.control("greedy").await.unwrap();
    tx.send(i32::MAX).await.unwrap();
    let warned =
        |info: &Value| info.get("warnings").is_some_and(|all| all.to_string().contains("apps.max_workers"));
    let idle = |info: &Value| number(info, &["pool", "idle"]) == 3;
    let info = cloud.until("greedy", |info| idle(info) && warned(info)).await;
    assert_eq!(number(&info, &["pool", "total:spawned"]), 3);
    assert_eq!(call(&greedy, "echo", "still here").await.unwrap(), "still here");
    let other = cloud.run("other", "", json!({})).await;
    let error = call(&other, "echo", "").await.unwrap_err().to_string();
    assert!(error.contains("the node may run 3 workers, and does (`apps.max_workers`)"), "{error}");
    assert_eq!(number(&cloud.info("other").await, &["pool", "total:spawned"]), 0);
    // Once others have ended, those that wait start.
    cloud.apps.pause_app("greedy").await.unwrap();
    cloud.until("other", |info| number(info, &["pool", "idle"]) == 1 && !warned(info)).await;
    assert_eq!(call(&other, "echo", "here").await.unwrap(), "here");
    cloud.node.shutdown().await;
}
