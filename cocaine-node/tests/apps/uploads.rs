//! Requests with large bodies, from HTTP clients to workers.

use std::{net::SocketAddr, time::Duration};

use cocaine::ServiceClient;
use cocaine_bindings::Node as _;
use cocaine_node::{Node, config::HttpConfig};
use serde_json::json;
use test_support::wait::{wait_for, wait_until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::cloud::{Cloud, PATIENCE};

/// A body that no limit of these tests has room for.
const HUGE: usize = 300 << 20;

/// Starts a node with an app `site`, and returns the address for HTTP clients.
async fn start_site(config: HttpConfig) -> (Cloud, SocketAddr) {
    let cloud = Cloud::with(Node::builder().http(config.listen("127.0.0.1:0"))).await;
    cloud.run("site", "site", json!({"pool-limit": 1, "concurrency": 200, "queue-limit": 200})).await;
    let address = cloud.node.http_addr().unwrap();
    (cloud, address)
}

/// One connection of an HTTP client.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    async fn send(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the bytes are sent").unwrap();
    }

    /// Sends the head of a request with a body of this length.
    async fn begin(&mut self, path: &str, length: usize) {
        self.send(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n").as_bytes())
            .await;
    }

    /// Sends a part of a body.
    async fn send_body(&mut self, length: usize) {
        let piece = vec![1; 1 << 20];
        for start in (0..length).step_by(piece.len()) {
            self.send(&piece[..piece.len().min(length - start)]).await;
        }
    }

    /// Reads the next response, which has a length or ends with its connection.
    async fn read(&mut self) -> (u16, String) {
        loop {
            let text = String::from_utf8_lossy(&self.unread).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                let length: usize = length.map_or(usize::MAX, |length| length.parse().unwrap());
                if body.len() >= length {
                    self.unread.drain(..head.len() + 4 + length);
                    return (head[9..12].parse().unwrap(), body[..length].to_owned());
                }
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
            assert_ne!(read.expect("a response").unwrap(), 0, "the connection ends after {text:?}");
        }
    }
}

/// Returns a mebibyte in the chunked coding.
fn mebibyte_chunk() -> Vec<u8> {
    [b"100000\r\n".as_slice(), &vec![1; 1 << 20], b"\r\n"].concat()
}

/// Sends a request without a body, and returns the text of its response.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut client = Client::connect(address).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await;
    client.read().await.1
}

/// Returns how many bytes of bodies the gateway has in memory.
async fn buffered(address: SocketAddr) -> usize {
    let metrics = get(address, "/metrics").await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("cocaine_gateway_buffered_bytes "));
    line.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_body_reaches_handler_in_pieces() {
    let config = HttpConfig::default().request_body(1 << 30).buffer(1 << 20);
    let (cloud, address) = start_site(config).await;
    let mut client = Client::connect(address).await;
    // The listener's server sees the framing, which is not a part of a request otherwise.
    for (event, chunked) in [("web", "none none"), ("listener", "none chunked")] {
        let length = 40 << 20;
        client.begin(&format!("/site/{event}/count"), length).await;
        client.send_body(length).await;
        assert_eq!(client.read().await, (200, format!("{length} {length} {length} none")));
        let head =
            format!("POST /site/{event}/count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(head.as_bytes()).await;
        for _ in 0..5 {
            client.send(&mebibyte_chunk()).await;
        }
        client.send(b"0\r\nX-Trailer: t\r\n\r\n").await;
        let length = 5 << 20;
        assert_eq!(client.read().await, (200, format!("{length} {length} {chunked}")));
        // On the same connection, a body that is small enough for one chunk.
        client.begin(&format!("/site/{event}/count"), 5).await;
        client.send(&[2; 5]).await;
        assert_eq!(client.read().await, (200, "5 10 5 none".into()));
    }
    assert_eq!(buffered(address).await, 0);
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_stalled_uploads_take_bounded_memory() {
    const CLIENTS: usize = 100;
    // What the gateway reads before it knows how to go on, or at once.
    const SHARE: usize = 256 << 10;
    let config = HttpConfig::default().request_body(1 << 30).buffer(CLIENTS * SHARE).clients(CLIENTS + 10);
    let (cloud, address) = start_site(config).await;
    // From here on it is known that pieces are taken.
    let mut first = Client::connect(address).await;
    first.begin("/site/web/count", 4 << 20).await;
    first.send_body(4 << 20).await;
    assert_eq!(first.read().await.0, 200);
    let uploads = (0..CLIENTS).map(|_| {
        tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            client.begin("/site/web/hold", HUGE).await;
            let piece = vec![1; 1 << 20];
            let mut sent = 0;
            // Ends when the test does.
            while sent < HUGE && client.stream.write_all(&piece).await.is_ok() {
                sent += piece.len();
            }
            client.read().await
        })
    });
    let uploads: Vec<_> = uploads.collect();
    wait_until("all requests are held", async || get(address, "/site/web/held").await == CLIENTS.to_string())
        .await;
    for _ in 0..20 {
        let buffered = buffered(address).await;
        assert!(buffered <= CLIENTS * SHARE, "{buffered} bytes are buffered");
    }
    // The others end unfinished.
    uploads[1..].iter().for_each(tokio::task::JoinHandle::abort);
    get(address, "/site/web/release").await;
    let first = timeout(PATIENCE, uploads.into_iter().next().unwrap()).await.unwrap().unwrap();
    assert_eq!(first, (200, format!("{HUGE} {HUGE} {HUGE} none")));
    let outcomes = wait_for("all have ended", async || {
        let outcomes = get(address, "/site/web/outcomes").await;
        (outcomes.lines().count() == CLIENTS + 1).then_some(outcomes)
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.lines().filter(|outcome| *outcome == "complete").count(), 2, "{outcomes}");
    wait_until("nothing is buffered", async || buffered(address).await == 0).await;
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incomplete_body_is_an_error_for_handler() {
    let config = HttpConfig::default().request_body(2 << 20).client_timeout(Duration::from_millis(300));
    let (cloud, address) = start_site(config).await;
    let chunk = mebibyte_chunk();
    for (end, status) in [(None, 408), (Some(b"nonsense\r\n".to_vec()), 400), (Some(chunk.repeat(2)), 413)] {
        let mut client = Client::connect(address).await;
        client.send(b"POST /site/web/count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        client.send(&chunk).await;
        if let Some(end) = end {
            client.send(&end).await;
        }
        assert_eq!(client.read().await.0, status);
    }
    let mut leaving = Client::connect(address).await;
    leaving.begin("/site/web/count", 1 << 20).await;
    leaving.send_body(900_000).await;
    drop(leaving);
    let outcomes = wait_for("all have ended", async || {
        let outcomes = get(address, "/site/web/outcomes").await;
        (outcomes.lines().count() == 4).then_some(outcomes)
    });
    let outcomes = outcomes.await;
    assert!(outcomes.lines().all(|outcome| outcome.starts_with("failed: ")), "{outcomes}");
    for (reason, count) in [("too slow", 1), ("longer than 2097152", 1), ("malformed", 2)] {
        assert_eq!(outcomes.matches(reason).count(), count, "{reason}: {outcomes}");
    }
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_response_ends_unread_upload() {
    let (cloud, address) = start_site(HttpConfig::default().request_body(1 << 30)).await;
    for event in ["web", "listener"] {
        let mut client = Client::connect(address).await;
        client.begin(&format!("/site/{event}/early"), HUGE).await;
        client.send_body(1 << 20).await;
        assert_eq!(client.read().await, (401, "not you".into()));
        // The rest is not read to its end.
        let mut last = Vec::new();
        let read =
            timeout(PATIENCE, client.stream.read_to_end(&mut last)).await.expect("the connection ends");
        assert!(read.is_err() || last.is_empty(), "{last:?}");
        assert_eq!(get(address, &format!("/site/{event}/held")).await, "0", "others are served");
    }
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn body_may_be_answered_while_it_arrives() {
    let (cloud, address) = start_site(HttpConfig::default()).await;
    let mut client = Client::connect(address).await;
    let length = 8 << 20;
    client.begin("/site/web/echo", length).await;
    let (mut reading, mut writing) = client.stream.split();
    let sending = async {
        for _ in 0..8 {
            writing.write_all(&vec![1; 1 << 20]).await.unwrap();
        }
    };
    let receiving = async {
        let (mut seen, mut buffer) = (0, vec![0; 1 << 16]);
        while seen < length {
            let read = reading.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "the connection ends");
            seen += buffer[..read].split(|byte| *byte != 1).map(<[u8]>::len).sum::<usize>();
        }
    };
    timeout(PATIENCE, async { tokio::join!(sending, receiving) }).await.expect("everything comes back");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handler_of_one_chunk_gets_whole_request() {
    let (cloud, address) = start_site(HttpConfig::default()).await;
    let mut client = Client::connect(address).await;
    for length in [5, 3 << 20] {
        client.begin("/site/whole/x", length).await;
        client.send_body(length).await;
        let text = format!("{length} and 0, \"Content-Length\": \"{length}\", 0 offers");
        assert_eq!(client.read().await, (200, text));
    }
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deploy_changes_how_bodies_are_taken() {
    let (cloud, address) = start_site(HttpConfig::default()).await;
    let mut client = Client::connect(address).await;
    let length = 1 << 20;
    for (mode, answer) in [
        ("site", format!("{length} {length} {length} none")),
        ("whole-site", format!("{length} and 0, \"Content-Length\": \"{length}\", 0 offers")),
        ("site", format!("{length} {length} {length} none")),
    ] {
        cloud.upload("site", mode, json!({"pool-limit": 1})).await;
        cloud.apps.with_header("replace", "1").start_app("site", "site").await.unwrap();
        client.begin("/site/web/count", length).await;
        client.send_body(length).await;
        assert_eq!(client.read().await, (200, answer));
    }
    cloud.node.shutdown().await;
}
