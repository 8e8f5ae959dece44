//! How the program stops.

use std::time::Duration;

use cocaine::Code;
use cocaine_bindings::App;
use cocaine_node::{Node, config::HttpConfig};
use serde_json::json;
use test_support::wait::wait_until;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    cloud::{Cloud, PATIENCE, finish, number},
    program::{Program, is_running},
};

/// Starts an app whose workers ignore terminate, with one event, and returns the process id of the worker.
async fn run_deaf_worker(program: &Program) -> String {
    let app = program.cloud.run("deaf", "deaf", json!({"terminate-timeout": 3600})).await;
    let mut event = app.enqueue("any", None).await.unwrap();
    let pid = timeout(PATIENCE, event.rx.recv()).await.unwrap().unwrap().unwrap();
    tokio::spawn(finish(event));
    pid.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_that_ignores_terminate_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["--shutdown-timeout", "1"]).await;
    let pid = run_deaf_worker(&program).await;
    program.signal("-TERM").await;
    assert_eq!(program.wait().await.code(), Some(0));
    assert!(program.log().contains("workers are killed"), "{}", program.log());
    wait_until("the worker is gone", async || !is_running(&pid)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_signal_ends_at_once() {
    for (second, code) in [("-TERM", 143), ("-INT", 130)] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::start(folder.path(), &["--shutdown-timeout", "3600"]).await;
        let pid = run_deaf_worker(&program).await;
        program.signal("-TERM").await;
        program.wait_for_log("told to terminate").await;
        program.signal(second).await;
        assert_eq!(program.wait().await.code(), Some(code));
        wait_until("the worker is gone", async || !is_running(&pid)).await;
    }
}

/// Sends a request that is answered in pieces until the worker is told to terminate, and reads the first piece.
async fn stream_page(address: impl tokio::net::ToSocketAddrs) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /site/page HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(6).any(|window| window == b"begun,") {
        assert_ne!(timeout(PATIENCE, client.read_buf(&mut seen)).await.unwrap().unwrap(), 0);
    }
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_are_terminated_while_requests_run() {
    let builder = Node::builder().http(HttpConfig::default().listen("127.0.0.1:0"));
    // Nothing is cut off in this time.
    let cloud = Cloud::with(builder.shutdown_timeout(Duration::from_hours(1))).await;
    cloud.run("site", "", json!({})).await;
    let mut client = stream_page(cloud.node.http_addr().unwrap()).await;
    let stopping = tokio::spawn(cloud.node.shutdown());
    let mut rest = String::new();
    timeout(PATIENCE, client.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.contains("ended") && rest.ends_with("\r\n0\r\n\r\n"), "{rest:?}");
    timeout(PATIENCE, stopping).await.expect("the node stops").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_killed_workers_get_errors() {
    let cloud = Cloud::with(Node::builder().shutdown_timeout(Duration::from_millis(200))).await;
    let app = cloud.run("deaf", "deaf", json!({"terminate-timeout": 3600})).await;
    let event = app.enqueue("any", None).await.unwrap();
    cloud.until("deaf", |info| number(info, &["load"]) == 1).await;
    let (ended, ()) = tokio::join!(finish(event), cloud.node.shutdown());
    assert_eq!(ended.unwrap_err().code(), Some(Code::CANCELLED));
}
