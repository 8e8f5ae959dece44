//! The access log, in a file.

use std::{fs, path::Path, sync::Arc};

use cocaine_node::config::{AccessLogKind, HttpConfig};
use serde_json::Value as Json;
use tempfile::TempDir;
use test_support::wait::wait_until;
use tokio::sync::Notify;

use crate::{
    app::{Cloud, Step, head, text},
    client::{Client, fetch, get},
    harness::{SHORT, paused_response},
};

/// Waits until a file has this many lines, and returns them.
async fn lines(path: &Path, count: usize) -> Vec<String> {
    let read = || fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
    wait_until("the lines are written", async || read().len() >= count).await;
    let lines = read();
    assert_eq!(lines.len(), count, "{lines:#?}");
    lines
}

fn json(line: &str) -> Json {
    line.parse().unwrap()
}

#[tokio::test]
async fn each_request_has_a_line_of_json() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("access");
    let config = HttpConfig::default().access_log(AccessLogKind::Json).access_log_file(&path);
    let mut cloud = Cloud::start(config).await;
    cloud.respond(text("hello"));
    let request =
        "GET /app/web/order/17?q=1 HTTP/1.1\r\nHost: h\r\nX-Request-Id: r-1\r\nUser-Agent: curl\r\n\r\n";
    fetch(cloud.http_addr(), request).await;
    fetch(cloud.http_addr(), "HEAD /app/web HTTP/1.1\r\nHost: h\r\n\r\n").await;
    fetch(cloud.http_addr(), get("/nosuch/web")).await;
    fetch(cloud.http_addr(), "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let lines: Vec<_> = lines(&path, 4).await.iter().map(|line| json(line)).collect();
    let found = |line: &Json| {
        ["method", "uri", "service", "status", "bytes", "complete", "client"].map(|name| line[name].clone())
    };
    let expected = |method: &str, uri: &str, service: Json, status: u16, bytes: usize| {
        [method.into(), uri.into(), service, status.into(), bytes.into(), true.into(), "127.0.0.1".into()]
    };
    assert_eq!(found(&lines[0]), expected("GET", "/app/web/order/17?q=1", "app".into(), 200, 5));
    assert_eq!((&lines[0]["request_id"], &lines[0]["user_agent"]), (&"r-1".into(), &"curl".into()));
    assert!(lines[0]["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    assert_eq!(found(&lines[1]), expected("HEAD", "/app/web", "app".into(), 200, 0));
    let text = "service `nosuch`, event `web`: service is not available\n";
    assert_eq!(found(&lines[2]), expected("GET", "/nosuch/web", "nosuch".into(), 503, text.len()));
    assert_eq!(lines[3]["status"], 405);
    cloud.drain_events();
}

#[tokio::test]
async fn unfinished_requests_are_marked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("access");
    let config = HttpConfig::default().access_log(AccessLogKind::Json).access_log_file(&path);
    let mut cloud = Cloud::start(config).await;
    let (steps, hold) = paused_response(&[], [Step::Error(42, 7, "on purpose".into())]);
    cloud.respond(steps);
    let mut cut = Client::connect(cloud.http_addr()).await;
    cut.send(get("/app/cut")).await;
    cut.read_until(b"begun, ").await;
    hold.notify_one();
    cut.wait_for_close().await;
    let line = json(&lines(&path, 1).await[0]);
    assert_eq!((&line["status"], &line["bytes"], &line["complete"]), (&200.into(), &7.into(), &false.into()));
    cloud.drain_events();
    cloud.respond([Step::Wait(Arc::new(Notify::new()))]);
    let mut waiting = Client::connect(cloud.http_addr()).await;
    waiting.send(get("/app/cut")).await;
    cloud.next_event().await;
    cloud.shutdown_within(SHORT).await;
    let line = json(&lines(&path, 2).await[1]);
    assert_eq!((&line["status"], &line["complete"]), (&499.into(), &false.into()));
}

#[tokio::test]
async fn text_has_the_configured_format() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("access");
    let mut config = HttpConfig::default().access_log(AccessLogKind::Text).access_log_file(&path);
    config.access_log.format = Some("{status} {service} \"{user_agent}\"".into());
    let cloud = Cloud::start(config.clone()).await;
    let request = "GET /app/web HTTP/1.1\r\nHost: h\r\nUser-Agent: a\" \t200\r\n\r\n";
    fetch(cloud.http_addr(), request).await;
    assert_eq!(lines(&path, 1).await, ["200 app \"a\\\" \\x09200\""]);

    // Whoever rotates logs moves the file away.
    fs::rename(&path, folder.path().join("former")).unwrap();
    cloud.gateway().reopen_access_log();
    cloud.respond([Step::Chunk(head(201, &[])), Step::Close]);
    fetch(cloud.http_addr(), request).await;
    assert!(lines(&path, 1).await[0].starts_with("201 app"));
    fs::rename(&path, folder.path().join("former")).unwrap();
    cloud.gateway().reload(&config).unwrap();
    cloud.respond([Step::Chunk(head(202, &[])), Step::Close]);
    fetch(cloud.http_addr(), request).await;
    assert!(lines(&path, 1).await[0].starts_with("202 app"));
    config.access_log.format = Some("{nosuch}".into());
    let error = cloud.gateway().reload(&config).unwrap_err().to_string();
    assert!(error.contains("http.access_log.format") && error.contains("{request_id}"), "{error}");
}
