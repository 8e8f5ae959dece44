//! Malformed requests and bodies of all sizes, for the service and the listener.

use std::time::Duration;

use axum::extract::DefaultBodyLimit;

use super::*;
use crate::Limits;

/// Encodes a request chunk without any validation.
fn chunk(method: &[u8], uri: &[u8], version: &[u8], headers: &[(&[u8], &[u8])], body: &[u8]) -> Bytes {
    let pairs: Vec<_> =
        headers.iter().map(|(name, value)| (Bytes::from(*name), Bytes::from(*value))).collect();
    let parts = (Bytes::from(method), Bytes::from(uri), Bytes::from(version), pairs, Bytes::from(body));
    crate::protocol::msgpack::to_vec(&parts).unwrap().into()
}

/// Method, URI, version, and the app's description of them; `None` if they are rejected.
type RequestLine<'a> = (&'a [u8], &'a [u8], &'a [u8], Option<&'a str>);

/// Sends a chunk to the service and to the listener, and returns status and text of both responses.
async fn request_both(node: &mut Node, id: u64, chunk: &Bytes) -> [(u16, String); 2] {
    let mut answers = Vec::new();
    for (id, event) in [(id, "service"), (id + 1, "listener")] {
        let response = node.request(id, event, chunk).await;
        let (status, _, body) = response.http();
        answers.push((status, String::from_utf8(body).unwrap()));
    }
    answers.try_into().unwrap()
}

#[tokio::test(start_paused = true)]
async fn unusual_request_lines_are_passed_or_rejected() {
    let mut node = Node::start(worker_with_service_and_listener()).await;
    let long = [b"/".to_vec(), vec![b'x'; 70_000]].concat();
    let (get, path, version) = (&b"GET"[..], &b"/odd"[..], &b"1.1"[..]);
    let lines: [RequestLine<'_>; 26] = [
        (get, path, version, Some("GET /odd")),
        (b"get", path, version, Some("get /odd")),
        (b"PURGE", path, version, Some("PURGE /odd")),
        (get, b"/odd?a=b&c", version, Some("GET /odd?a=b&c")),
        (get, b"//odd//", version, Some("GET //odd//")),
        (get, b"/%00%0d%0a", version, Some("GET /%00%0d%0a")),
        (get, path, b"1.0", Some("GET /odd")),
        (get, path, b"HTTP/1.1", Some("GET /odd")),
        (get, path, b"HTTP/1.0", Some("GET /odd")),
        (get, path, b"1.7", Some("GET /odd")),
        (b"", path, version, None),
        (b"G T", path, version, None),
        (b"GET\r\nX-Smuggled: 1", path, version, None),
        (b"G\0T", path, version, None),
        (b"G\xc3\x84T", path, version, None),
        (b"GET:", path, version, None),
        (get, b"", version, None),
        (get, b" ", version, None),
        (get, b"/o dd", version, None),
        (get, b"/odd HTTP/1.1\r\nX-Smuggled: 1", version, None),
        (get, b"/\0", version, None),
        (get, b"/\x7f", version, None),
        (get, &long, version, None),
        (get, path, b"", None),
        (get, path, b"2.0", None),
        (get, path, b"1.1\r\nX-Smuggled: 1", None),
    ];
    for (id, (method, uri, version, expected)) in (2..).step_by(2).zip(lines) {
        let chunk = chunk(method, uri, version, &[(b"Host", b"h")], b"");
        let shown = (method.escape_ascii().to_string(), uri.escape_ascii().to_string());
        for (status, text) in request_both(&mut node, id, &chunk).await {
            if expected.is_some() {
                assert_eq!((status, text.lines().next()), (200, expected), "{shown:?}");
            } else {
                assert!(status == 400 && text.starts_with("malformed request"), "{shown:?}: {status} {text}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_headers_are_not_passed_on() {
    let mut node = Node::start(worker_with_service_and_listener()).await;
    let huge = vec![b'x'; 1 << 20];
    let rows: [(&[u8], &[u8], Option<&str>); 17] = [
        (b"X-A", b"a", Some("x-a: a")),
        (b"X-A", b"\t a \t", Some("x-a: a")),
        (b"X-A", b"a\tb", Some("x-a: a\\tb")),
        (b"X-A", b"\xfc\xff", Some("x-a: \\xfc\\xff")),
        (b"X-A", b"", Some("x-a: ")),
        (b"", b"a", None),
        (b"X A", b"a", None),
        (b"X-A:", b"a", None),
        (b" X-A", b"a", None),
        (b"X-A\r\nX-B", b"a", None),
        (b"X-\xfc", b"a", None),
        (b"X-A", b"a\r\nX-B: b", None),
        (b"X-A", b"a\r\n folded", None),
        (b"X-A", b"a\nb", None),
        (b"X-A", b"a\0b", None),
        (b"X-A", b"a\x7fb", None),
        (b"Transfer-Encoding", b"chunked", None),
    ];
    for (id, (name, value, expected)) in (2..).step_by(2).zip(rows) {
        let around: [(&[u8], &[u8]); 3] = [(b"Host", b"h"), (name, value), (b"X-Last", b"l")];
        let chunk = chunk(b"POST", b"/odd", b"1.1", &around, b"hello");
        for (status, text) in request_both(&mut node, id, &chunk).await {
            let (head, body) = text.split_once("\n\n").unwrap();
            let own = ["POST ", "host: ", "connection: close", "content-length: 5", "x-last: l"];
            let odd: Vec<_> =
                head.lines().filter(|line| !own.iter().any(|own| line.starts_with(own))).collect();
            assert_eq!(
                (status, odd, body),
                (200, expected.into_iter().collect(), "hello"),
                "{}",
                name.escape_ascii()
            );
            assert!(head.contains("x-last: l"), "{head}");
        }
    }
    let large = chunk(b"GET", b"/odd", b"1.1", &[(b"Host", b"h"), (b"X-A", &huge)], b"");
    let [service, listener] = request_both(&mut node, 100, &large).await;
    assert!(service.0 == 200 && service.1.len() > huge.len());
    // hyper limits the head itself.
    assert!(listener.0 == 431 || listener.1.len() > huge.len(), "{}", listener.0);
    let names: Vec<_> = (0..8193).map(|number| format!("x-{number}").into_bytes()).collect();
    let many: Vec<(&[u8], &[u8])> = names.iter().map(|name| (name.as_slice(), &b"v"[..])).collect();
    let [service, listener] = request_both(&mut node, 102, &chunk(b"GET", b"/odd", b"1.1", &many, b"")).await;
    assert_eq!((service.0, listener.0), (400, 400), "{}", service.1);
    assert!(service.1.contains("8193 headers"), "{}", service.1);
    let [service, listener] =
        request_both(&mut node, 106, &chunk(b"GET", b"/odd", b"1.1", &many[1..], b"")).await;
    // hyper limits the head itself.
    assert_eq!((service.0, listener.0), (200, 431));
    let [service, listener] = request_both(&mut node, 108, &request("GET", "/hello", &[], b"")).await;
    assert_eq!((service.1.as_str(), listener.1.as_str()), ("hello", "hello"), "others go on");
}

#[tokio::test(start_paused = true)]
async fn conflicting_content_lengths_are_replaced() {
    let mut node = Node::start(worker_with_service_and_listener()).await;
    for (id, lengths) in (2..).step_by(2).zip([
        &[&b"5"[..], b"6"][..],
        &[b"6", b"5"],
        &[b"5", b"5"],
        &[b"0"],
        &[b"99999999999999999999"],
        &[b"-1"],
        &[b"5, 6"],
    ]) {
        let headers: Vec<(&[u8], &[u8])> =
            lengths.iter().map(|length| (&b"Content-Length"[..], *length)).collect();
        let chunk = chunk(b"POST", b"/echo", b"1.1", &headers, b"hello");
        let [_, listener] = request_both(&mut node, id, &chunk).await;
        assert_eq!(listener, (200, "hello".into()), "{lengths:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_and_64_mib_bodies_are_echoed() {
    let large: Vec<u8> = [b"body", &[0, 255, b'\r', b'\n'][..]].concat().repeat(8 << 20);
    let app = Router::new()
        .route("/", post(|body: bytes::Bytes| async { body }))
        .layer(DefaultBodyLimit::disable());
    let mut worker = worker().http("service", app.clone());
    let listener = worker.listen("listener");
    tokio::spawn(axum::serve(listener, app).into_future());
    let mut node = Node::start(worker).await;
    for (id, event, body) in
        [(2, "service", &[][..]), (3, "listener", &[]), (4, "service", &large), (5, "listener", &large)]
    {
        let (status, headers, answer) =
            node.request(id, event, &request("POST", "/", &[], body)).await.http();
        assert!(status == 200 && answer == body, "{event}: {} bytes", answer.len());
        assert_eq!(headers["content-length"], body.len().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn disconnected_client_does_not_disturb_others() {
    let mut node = Node::start(worker_with_service_and_listener().limits(Limits::default())).await;
    let mut id = 2;
    for event in ["service", "listener"] {
        for chunks in [
            &[][..],
            &[request("POST", "/echo", &[("content-length", "100")], b"part")],
            &[request("POST", "/echo", &[("content-length", "100")], b"part"), "more".into()],
            &[request("GET", "/large", &[], b"")],
        ] {
            node.peer.send(id, 0, (event,)).await;
            for chunk in chunks {
                node.peer.send(id, 0, (chunk,)).await;
                tokio::task::yield_now().await;
            }
            node.peer.send(id, 1, ((5, 2), "End of file")).await;
            id += 1;
        }
    }
    // Discard the responses to the disconnected clients.
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.read.clear();
    let mut received = Vec::new();
    node.peer.send(id, 0, ("service",)).await;
    node.peer.send(id, 0, (request("GET", "/hello", &[], b""),)).await;
    node.peer.send(id, 2, ()).await;
    while !received.ends_with(b"hello") {
        let mut more = vec![0; 1 << 16];
        let len = node.peer.io.read(&mut more).await.unwrap();
        assert_ne!(len, 0, "the worker has left");
        received.extend_from_slice(&more[..len]);
        if let Some(at) = received.windows(5).position(|found| found == b"hello") {
            received.truncate(at + 5);
        }
    }
}
