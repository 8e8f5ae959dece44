use std::{
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use futures_util::StreamExt;
use http::{Request, Response};
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::http::Body;

async fn node() -> Node {
    Node::start(worker_with_service_and_listener()).await
}

#[tokio::test(start_paused = true)]
async fn service_and_listener_respond_alike() {
    let mut node = node().await;
    let requests = [
        request("GET", "/hello", &[], b""),
        request("HEAD", "/hello", &[], b""),
        request("POST", "/echo", &[("content-length", "5")], b"hello"),
        request("POST", "/echo", &[("content-length", "0")], b""),
        request("POST", "/echo", &[], &vec![b'e'; 3 << 20]),
        request("GET", "/pieces", &[], b""),
        request("HEAD", "/pieces", &[], b""),
        request("GET", "/cookies", &[], b""),
        request("GET", "/hop", &[], b""),
        request("GET", "/nothing", &[], b""),
        request("GET", "/same", &[], b""),
        request("GET", "/empty", &[], b""),
        request("GET", "/large", &[], b""),
        request("HEAD", "/large", &[], b""),
        request("DELETE", "/hello", &[], b""),
    ];
    for (id, request) in (2..).step_by(3).zip(&requests) {
        let one = node.request(id, "service", request).await.http();
        let other = node.request(id + 1, "listener", request).await.http();
        let inline = node.request(id + 2, "inline", request).await.http();
        let comparable = |headers: &HeaderMap| {
            let mut headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
            headers.retain(|(name, _)| name != "date");
            headers.sort();
            headers
        };
        assert_eq!((one.0, comparable(&one.1)), (other.0, comparable(&other.1)), "{request:?}");
        assert_eq!((one.0, comparable(&one.1)), (inline.0, comparable(&inline.1)), "{request:?}");
        assert!(one.2 == other.2 && one.2 == inline.2, "{request:?}: the bodies differ");
    }
}

#[tokio::test(start_paused = true)]
async fn short_response_is_head_and_body_chunk() {
    let mut node = node().await;
    node.peer.send(2, 0, ("service",)).await;
    node.peer.send(2, 0, (request("GET", "/hello", &[], b""),)).await;
    node.peer.send(2, 2, ()).await;
    let EventResponse { chunks, end } = node.response(2).await;
    assert_eq!((chunks.len(), &end), (2, &EventEnd::Closed));
    let (status, headers) = decode_response_head(&chunks[0]).unwrap();
    assert_eq!(
        (status.as_u16(), &headers["content-length"], &*chunks[1]),
        (200, &"5".parse().unwrap(), &b"hello"[..])
    );
}

#[tokio::test(start_paused = true)]
async fn response_headers_follow_the_rfc() {
    let mut node = node().await;
    let mut get = async |id, method, uri| {
        let (status, headers, body) =
            node.request(id, "service", &request(method, uri, &[], b"")).await.http();
        (status, headers, body.len())
    };
    let (_, headers, len) = get(2, "HEAD", "/hello").await;
    assert_eq!((&headers["content-length"], len), (&"5".parse().unwrap(), 0));
    let (status, headers, len) = get(3, "GET", "/nothing").await;
    assert_eq!((status, headers.get("content-length"), len), (204, None, 0));
    let (status, headers, len) = get(4, "GET", "/same").await;
    assert_eq!((status, &headers["etag"], len), (304, &"\"v1\"".parse().unwrap(), 0));
    let (_, headers, _) = get(5, "GET", "/cookies").await;
    assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    let (_, headers, _) = get(6, "GET", "/hop").await;
    let left: Vec<_> = ["connection", "keep-alive", "x-private"]
        .iter()
        .filter(|name| headers.contains_key(**name))
        .collect();
    assert!(left.is_empty() && headers.contains_key("x-kept"), "{left:?}");
    let (_, headers, len) = get(7, "GET", "/empty").await;
    assert_eq!((&headers["content-length"], len), (&"0".parse().unwrap(), 0));
}

#[tokio::test(start_paused = true)]
async fn large_body_is_split_into_chunks() {
    let mut node = node().await;
    for (id, event) in [(2, "service"), (3, "listener")] {
        let response = node.request(id, event, &request("GET", "/large", &[], b"")).await;
        let longest = response.chunks.iter().map(|chunk| chunk.len()).max();
        assert!(longest <= Some(64 << 10), "{event}: {longest:?}");
        assert_eq!(response.http().2.len(), 5 << 20);
    }
}

#[tokio::test(start_paused = true)]
async fn body_pieces_are_sent_as_yielded() {
    let (pieces, source) = mpsc::unbounded_channel::<&str>();
    let source = Arc::new(tokio::sync::Mutex::new(source));
    let app = Router::new().route(
        "/",
        get(move || async move {
            AxumBody::from_stream(futures_util::stream::poll_fn(move |cx| {
                let mut source = source.try_lock().unwrap();
                source.poll_recv(cx).map(|piece| piece.map(Ok::<_, std::io::Error>))
            }))
        }),
    );
    let worker = worker().http("web", app);
    let mut node = Node::start(worker).await;
    node.peer.send(2, 0, ("web",)).await;
    node.peer.send(2, 0, (request("GET", "/", &[], b""),)).await;
    node.peer.send(2, 2, ()).await;
    let (status, headers) = decode_response_head(&node.frame(2).await.unwrap()).unwrap();
    assert_eq!((status.as_u16(), headers.get("content-length")), (200, None));
    for piece in ["one", "two"] {
        pieces.send(piece).unwrap();
        assert_eq!(node.frame(2).await.unwrap(), piece);
    }
    drop(pieces);
    assert_eq!(node.frame(2).await, Err(EventEnd::Closed));
}

#[tokio::test(start_paused = true)]
async fn failed_body_ends_event_with_an_error() {
    let mut node = node().await;
    for (id, event) in [(2, "service"), (3, "listener")] {
        let response = node.request(id, event, &request("GET", "/broken", &[], b"")).await;
        assert!(matches!(&response.end, EventEnd::Error(42, 100, _)), "{event}: {response:?}");
        // hyper may discard data that it has not written yet.
        assert!(event == "listener" || response.chunks[1] == "part", "{response:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_request_is_answered_with_400() {
    let mut node = node().await;
    let odd = crate::protocol::msgpack::to_vec(&("GET", "/a b", "1.1", [("a", "b")], "")).unwrap().into();
    let no_method = crate::protocol::msgpack::to_vec(&("G T", "/", "1.1", [("a", "b")], "")).unwrap().into();
    for (id, chunk) in (2..).step_by(2).zip([Bytes::from("\u{1}"), Bytes::new(), odd, no_method]) {
        for (id, event) in [(id, "service"), (id + 1, "listener")] {
            let (status, _, body) = node.request(id, event, &chunk).await.http();
            let body = String::from_utf8(body).unwrap();
            assert!(status == 400 && body.starts_with("malformed request"), "{event}: {status} {body}");
        }
    }
    node.peer.send(100, 0, ("service",)).await;
    node.peer.send(100, 2, ()).await;
    assert!(
        matches!(node.frame(100).await, Err(EventEnd::Error(42, 100, text)) if text.contains("without a request"))
    );
}

#[tokio::test(start_paused = true)]
async fn request_body_continues_in_chunks() {
    let mut node = node().await;
    for (id, event) in [(2, "service"), (3, "listener")] {
        node.peer.send(id, 0, (event,)).await;
        node.peer.send(id, 0, (request("POST", "/echo", &[], b"one, "),)).await;
        for piece in ["two, ", "", "three"] {
            tokio::task::yield_now().await;
            node.peer.send(id, 0, (piece,)).await;
        }
        node.peer.send(id, 2, ()).await;
        assert_eq!(node.response(id).await.http().2, b"one, two, three", "{event}");
    }
}

/// The handshake with its uuid and one more argument, and the first heartbeat.
fn handshake_with(streamed: &str) -> String {
    HELLO.replacen("91", "92", 1).replace(" 93010090", &format!(" {streamed} 93010090"))
}

#[tokio::test(start_paused = true)]
async fn handshake_names_events_with_streamed_bodies() {
    let worker = || worker().on("no", |session: crate::Session| async move { session.finish() });
    let mut all = worker();
    let _listener = all.listen("web");
    for (worker, handshake) in [
        (worker(), HELLO.to_owned()),
        // [{"web": true}, false]
        (worker().http("web", FailingService), handshake_with("92 81 a3776562 c3 c2")),
        (all, handshake_with("92 81 a3776562 c3 c2")),
        (worker().stream_body("no"), handshake_with("92 81 a26e6f c3 c2")),
        // [{"no": false}, true]
        (worker().http_fallback(FailingService), handshake_with("92 81 a26e6f c2 c3")),
    ] {
        let (mut node, _served) = serve_with_credit(worker);
        node.expect(&handshake).await;
    }
    let (mut node, _served) = serve_over(worker().http("web", FailingService), ());
    node.expect(HELLO).await;
}

#[tokio::test(start_paused = true)]
async fn incomplete_body_never_ends_well() {
    let worker = worker().http(
        "web",
        Router::new().fallback(|body: AxumBody| async move {
            match axum::body::to_bytes(body, usize::MAX).await {
                Ok(body) => format!("complete: {}", body.len()),
                Err(error) => format!("failed: {error}"),
            }
        }),
    );
    let mut node = Node::start(worker).await;
    node.peer.send(2, 0, ("web",)).await;
    node.peer.send(2, 0, (request("POST", "/", &[("content-length", "8")], b"part"),)).await;
    tokio::task::yield_now().await;
    node.peer.send(2, 0, ("more",)).await;
    node.peer.send(2, 1, ((12, 125), "the client is gone")).await;
    let (_, _, body) = node.response(2).await.http();
    let body = String::from_utf8(body).unwrap();
    assert!(body.starts_with("failed: ") && body.contains("the client is gone"), "{body}");
}

/// Notifies when it is dropped.
struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test(start_paused = true)]
async fn disconnected_client_drops_the_handler() {
    let (started, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let signals = (started.clone(), dropped.clone());
    let worker = worker().http(
        "web",
        Router::new().fallback(move |body: AxumBody| {
            let (started, dropped) = signals.clone();
            async move {
                let _notify = NotifyOnDrop(dropped);
                started.notify_one();
                body.into_data_stream().for_each(|_| async {}).await;
                std::future::pending::<()>().await;
            }
        }),
    );
    let mut node = Node::start(worker).await;
    node.peer.send(2, 0, ("web",)).await;
    node.peer.send(2, 0, (request("POST", "/", &[], b"part"),)).await;
    started.notified().await;
    node.peer.send(2, 1, ((42, 1), "gone")).await;
    dropped.notified().await;
}

#[derive(Clone)]
struct FailingService;

impl tower_service::Service<Request<Body>> for FailingService {
    type Response = Response<String>;
    type Error = String;
    type Future = std::future::Ready<Result<Response<String>, String>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), String>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let context = request.extensions().get::<crate::Context>().unwrap();
        std::future::ready(Err(format!("not {}", context.event())))
    }
}

#[tokio::test(start_paused = true)]
async fn service_error_ends_the_event() {
    let worker = worker().http_fallback(FailingService);
    let mut node = Node::start(worker).await;
    let response = node.request(2, "today", &request("GET", "/", &[], b"")).await;
    assert_eq!(response.end, EventEnd::Error(42, 100, "the service failed: not today".into()));
    assert!(response.chunks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn inline_service_needs_no_task() {
    let task = || Router::new().route("/", get(|| async { format!("{:?}", tokio::task::try_id()) }));
    let worker = worker().http("spawned", task()).http_inline("inline", task());
    let mut node = Node::start(worker).await;
    for (id, event, is_same) in [(2, "spawned", false), (4, "inline", true)] {
        let one = node.request(id, event, &request("GET", "/", &[], b"")).await.http();
        let other = node.request(id + 1, event, &request("GET", "/", &[], b"")).await.http();
        assert_eq!(one.2 == other.2, is_same, "{event}");
    }
}
