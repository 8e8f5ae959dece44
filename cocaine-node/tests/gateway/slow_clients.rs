//! Clients that are slow, leave early, or do not read.

use std::{sync::Arc, time::Duration};

use cocaine_node::config::HttpConfig;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Notify, time::timeout};

use crate::{
    app::{Cloud, Step, head, text},
    client::{Client, fetch, get},
    harness::{SHORT, assert_idle, paused_response, read_beginning, start_cloud, start_impatient_cloud},
};

/// Sends a byte every 10 ms until the connection is closed.
async fn dribble(stream: &mut TcpStream) {
    let sends = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), sends).await.expect("the connection ends");
}

#[tokio::test]
async fn slow_request_head_closes_connection() {
    let mut cloud = start_impatient_cloud().await;
    for begin in ["", "G", "GET /app/web HTTP/1.1\r\n", "GET /app/web HTTP/1.1\r\nHost: h\r\nX: y"] {
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(begin).await;
        let rest = client.read_to_end().await;
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{begin:?}: {}", rest.escape_ascii());
    }
    let mut idle = Client::connect(cloud.http_addr()).await;
    idle.fetch(get("/app/web")).await;
    assert!(idle.read_to_end().await.is_empty(), "an idle connection ends too");
    let mut dribbling = Client::connect(cloud.http_addr()).await;
    dribbling.send("GET /app/web HTTP/1.1\r\nHost: h\r\nX: ").await;
    dribble(&mut dribbling.stream).await;
    assert_eq!(cloud.drain_events().len(), 1);
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn idle_connections_outlast_slow_heads() {
    let config = HttpConfig::default().header_timeout(SHORT).idle_timeout(Duration::from_hours(1));
    let mut cloud = Cloud::start(config).await;
    let mut idle = Client::connect(cloud.http_addr()).await;
    idle.fetch(get("/app/web")).await;
    // It has less time than the idle one has had.
    let mut slow = Client::connect(cloud.http_addr()).await;
    slow.send("GET /app/web HTTP/1.1\r\n").await;
    slow.wait_for_close().await;
    assert_eq!(idle.fetch(get("/app/web")).await.status, 200);
    idle.send("GET /app/web HTTP/1.1\r\n").await;
    idle.wait_for_close().await;
    // While an app takes its time, the client need not send anything.
    let (steps, hold) = paused_response(&[], [Step::Chunk("and ended".into()), Step::Close]);
    cloud.respond(steps);
    let mut reading = Client::connect(cloud.http_addr()).await;
    reading.send(get("/app/web")).await;
    read_beginning(&mut reading, "begun, ").await;
    let mut slow = Client::connect(cloud.http_addr()).await;
    slow.send("G").await;
    slow.wait_for_close().await;
    hold.notify_one();
    assert_eq!(reading.read_response("GET").await.text(), "begun, and ended");
    drop(reading);
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn slow_heads_outlast_idle_connections() {
    let config = HttpConfig::default().idle_timeout(SHORT).header_timeout(Duration::from_hours(1));
    let cloud = Cloud::start(config).await;
    let mut slow = Client::connect(cloud.http_addr()).await;
    slow.fetch(get("/app/web")).await;
    slow.send("GET /app/web HTTP/1.1\r\n").await;
    let mut idle = Client::connect(cloud.http_addr()).await;
    idle.fetch(get("/app/web")).await;
    idle.wait_for_close().await;
    slow.send("Host: h\r\n\r\n").await;
    assert_eq!(slow.read_response("GET").await.status, 200);
}

#[tokio::test]
async fn slow_request_body_is_reported_as_408() {
    let mut cloud = start_impatient_cloud().await;
    for (headers, begin) in [
        ("Content-Length: 10\r\n", ""),
        ("Content-Length: 10\r\n", "hello"),
        ("Content-Length: 10\r\nExpect: 100-continue\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhel"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
    ] {
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(format!("POST /app/web HTTP/1.1\r\nHost: h\r\n{headers}\r\n{begin}")).await;
        let mut answer = client.read_response("POST").await;
        if answer.status == 100 {
            answer = client.read_response("POST").await;
        }
        assert_eq!(answer.status, 408, "{headers:?}");
        assert!(answer.text().contains("the body of the request is too slow"), "{}", answer.text());
        assert!(client.read_to_end().await.is_empty(), "{headers:?}: the connection ends");
    }
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n").await;
    dribble(&mut client.stream).await;
    assert!(cloud.drain_events().is_empty());
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn early_disconnect_leaves_nothing_behind() {
    let mut cloud = start_cloud().await;
    for part in [
        "",
        "POST /app",
        "POST /app/web HTTP/1.1\r\nHost: h\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhello",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        "POST /app/web HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        for _ in 0..3 {
            Client::connect(cloud.http_addr()).await.send(part).await;
        }
    }
    assert_idle(&mut cloud).await;
    assert_eq!(cloud.drain_events().len(), 1, "a partial request is not an event");

    let hold = Arc::new(Notify::new());
    cloud.respond([vec![Step::Wait(hold.clone())], text("too late")].concat());
    let mut waiting = Client::connect(cloud.http_addr()).await;
    waiting.send(get("/app/web")).await;
    cloud.next_event().await;
    drop(waiting);
    hold.notify_one();
    assert_idle(&mut cloud).await;

    let (steps, hold) = paused_response(&[], [Step::Flood(8 << 20), Step::Close]);
    cloud.respond(steps);
    let mut reading = Client::connect(cloud.http_addr()).await;
    reading.send(get("/app/web")).await;
    read_beginning(&mut reading, "begun, ").await;
    drop(reading);
    hold.notify_one();
    cloud.flood_completed().await;
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn client_that_never_reads_is_disconnected() {
    let config = HttpConfig::default().response_buffer(1 << 20).client_timeout(SHORT);
    let mut cloud = Cloud::start(config).await;
    cloud.respond([Step::Chunk(head(200, &[])), Step::Flood(64 << 20), Step::Close]);
    let mut deaf = Client::connect(cloud.http_addr()).await;
    deaf.send(get("/app/flood")).await;
    cloud.next_event().await;
    cloud.flood_completed().await;
    for _ in 0..10 {
        assert_eq!(fetch(cloud.http_addr(), get("/app/web")).await.status, 200, "others are answered");
    }
    // The client is still connected, and has not read a byte.
    assert_idle(&mut cloud).await;
    let taken = deaf.try_read_response("GET", false).await.unwrap_err();
    assert!(taken.contains("without an end"), "{taken}");
}

#[tokio::test]
async fn slow_reader_gets_whole_response() {
    let mut cloud = Cloud::start(HttpConfig::default()).await;
    cloud.respond([Step::Chunk(head(200, &[])), Step::Flood(64 << 20), Step::Close]);
    let mut slow = Client::connect(cloud.http_addr()).await;
    slow.send(get("/app/flood")).await;
    // The app has to wait for the client, and nothing is cut off.
    assert_eq!(slow.read_response("GET").await.body.len(), 64 << 20);
    assert!(cloud.flood_completed().await);
    drop(slow);
    assert_idle(&mut cloud).await;
}
