use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::http::HttpStream;

/// Returns the response to one request, for which the server writes `pieces`.
async fn respond_with(method: &str, pieces: &'static [&'static str]) -> EventResponse {
    let mut worker = worker();
    let mut listener = worker.listen("web");
    let mut node = Node::start(worker).await;
    tokio::spawn(async move {
        let (mut stream, peer) = listener.accept().await.unwrap();
        assert_eq!((peer.event(), peer.context().unwrap().event()), ("web", "web"));
        for piece in pieces {
            if stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    node.request(2, "web", &request(method, "/", &[], b"")).await
}

#[tokio::test(start_paused = true)]
async fn all_response_framings_are_parsed() {
    let ways: [(&str, &'static [&'static str], &[u8]); 7] = [
        ("GET", &["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], b"hello"),
        ("GET", &["HTTP/1.1 2", "00 OK\r\nContent-Le", "ngth: 5\r\n\r", "\nhe", "llo", "surplus"], b"hello"),
        ("GET", &["HTTP/1.0 200 OK\r\n\r\nhel", "lo"], b"hello"),
        (
            "GET",
            &[
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            ],
            b"ok",
        ),
        (
            "GET",
            &[
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhel",
                "lo\r\n",
                "1\r\n!\r\n0\r",
                "\nTrailer: t\r\n\r\n",
            ],
            b"hello!",
        ),
        ("HEAD", &["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"], b""),
        ("GET", &["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"], b""),
    ];
    for (method, pieces, expected) in ways {
        let (_, headers, body) = respond_with(method, pieces).await.http();
        assert_eq!(body, expected, "{pieces:?}");
        assert!(!headers.contains_key("transfer-encoding"));
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_response_ends_event_with_an_error() {
    let ways: [(&'static [&'static str], &str); 12] = [
        (&[], "without a response"),
        (&["HTTP/1.1 200"], "within the head"),
        (&["garbage\r\n\r\n"], "not write a valid response"),
        (&["HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"], "switch protocols"),
        (&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"], "3 bytes shorter"),
        (&["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"], "Content-Length"),
        (&["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"], "several"),
        (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"], "gzip"),
        (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"], "last chunk"),
        (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n"], "longer than its size"),
        (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n"], "no size"),
        (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n"], "no size"),
    ];
    for (pieces, expected) in ways {
        let response = respond_with("GET", pieces).await;
        assert!(
            matches!(&response.end, EventEnd::Error(42, 100, text) if text.contains(expected)),
            "{pieces:?}: {response:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn oversized_response_head_is_rejected() {
    let mut worker = worker();
    let mut listener = worker.listen("web");
    let mut node = Node::start(worker).await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await.unwrap();
        stream.write_all(&vec![b'x'; 1 << 20]).await.unwrap_err().to_string()
    });
    let response = node.request(2, "web", &request("GET", "/", &[], b"")).await;
    assert!(
        matches!(&response.end, EventEnd::Error(42, 100, text) if text.contains("longer than")),
        "{response:?}"
    );
    assert!(!server.await.unwrap().is_empty());
}

/// Returns everything that the server reads of a request whose chunks follow one by one.
async fn read_request(chunk: Bytes, more: &[&str]) -> String {
    let mut worker = worker();
    let mut listener = worker.listen("web");
    let mut node = Node::start(worker).await;
    node.peer.send(2, 0, ("web",)).await;
    node.peer.send(2, 0, (chunk,)).await;
    let (mut stream, _): (HttpStream, _) = listener.accept().await.unwrap();
    for piece in more {
        node.peer.send(2, 0, (*piece,)).await;
    }
    node.peer.send(2, 2, ()).await;
    let reading = tokio::spawn(async move {
        let mut read = Vec::new();
        let mut piece = [0; 1024];
        while let Ok(Ok(len @ 1..)) =
            tokio::time::timeout(std::time::Duration::from_secs(1), stream.read(&mut piece)).await
        {
            read.extend_from_slice(&piece[..len]);
        }
        (stream, read)
    });
    let (_stream, read) = reading.await.unwrap();
    String::from_utf8(read).unwrap()
}

fn request_chunk(headers: &[(&str, &str)], body: &str) -> Bytes {
    crate::protocol::msgpack::to_vec(&("POST", "/x?y", "1.1", headers, body)).unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn request_is_written_with_one_content_length() {
    let head = "POST /x?y HTTP/1.1\r\nhost: h\r\n";
    let close = "connection: close\r\n";
    for (headers, body, expected) in [
        (&[("Host", "h")][..], "hello", format!("{head}{close}content-length: 5\r\n\r\nhello")),
        (
            &[("Host", "h"), ("Content-Length", "99")],
            "hello",
            format!("{head}{close}content-length: 5\r\n\r\nhello"),
        ),
        (
            &[
                ("Host", "h"),
                ("Content-Length", "1"),
                ("Content-Length", "2"),
                ("Transfer-Encoding", "chunked"),
            ],
            "hello",
            format!("{head}{close}content-length: 5\r\n\r\nhello"),
        ),
        (
            &[
                ("Host", "h"),
                ("X-A", "a\r\nX-Smuggled: 1"),
                ("X Space", "a"),
                ("X-Ok", "b\tc"),
                ("a=b; c", "d"),
            ],
            "",
            format!("{head}x-ok: b\tc\r\n{close}\r\n"),
        ),
        (&[("Expect", "100-continue"), ("Host", "h")], "", format!("{head}{close}\r\n")),
    ] {
        let closed = read_closed_request(request_chunk(headers, body)).await;
        assert_eq!(closed, expected);
    }
}

/// Like [`read_request`], for an event that the client has closed before the worker reads it.
async fn read_closed_request(chunk: Bytes) -> String {
    let mut worker = worker();
    let mut listener = worker.listen("web");
    let mut node = Node::start(worker).await;
    let reading = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 4096];
        let mut len = 0;
        while let Ok(Ok(more @ 1..)) =
            tokio::time::timeout(std::time::Duration::from_secs(1), stream.read(&mut read[len..])).await
        {
            len += more;
        }
        read.truncate(len);
        String::from_utf8(read).unwrap()
    });
    let response = node.request(2, "web", &chunk).await;
    assert!(matches!(response.end, EventEnd::Error(42, 100, text) if text.contains("without a response")));
    reading.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn open_request_is_written_as_it_arrives() {
    let head = "POST /x?y HTTP/1.1\r\nhost: h\r\n";
    let chunked = read_request(request_chunk(&[("Host", "h")], "one"), &["twelve bytes", ""]).await;
    let expected = format!(
        "{head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\nc\r\ntwelve bytes\r\n0\r\n\r\n"
    );
    assert_eq!(chunked, expected);
    let counted =
        read_request(request_chunk(&[("Host", "h"), ("Content-Length", "6")], "one"), &["two", "surplus"])
            .await;
    assert_eq!(counted, format!("{head}connection: close\r\ncontent-length: 6\r\n\r\nonetwo"));
}

#[tokio::test(start_paused = true)]
async fn dropped_listener_fails_its_events() {
    let mut worker = worker();
    drop(worker.listen("web"));
    let mut node = Node::start(worker).await;
    let response = node.request(2, "web", &request("GET", "/", &[], b"")).await;
    assert!(
        matches!(&response.end, EventEnd::Error(42, 100, text) if text.contains("stopped listening")),
        "{response:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn raw_stream_closes_each_direction_separately() {
    let mut worker = worker();
    let mut listener = worker.listen_raw("raw");
    let mut node = Node::start(worker).await;
    node.peer.send(2, 0, ("raw",)).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"first").await.unwrap();
    assert_eq!(node.frame(2).await.unwrap(), "first");
    stream.shutdown().await.unwrap();
    assert_eq!(node.frame(2).await, Err(EventEnd::Closed));
    stream.write_all(b"late").await.unwrap_err();
    node.peer.send(2, 0, ("still ",)).await;
    node.peer.send(2, 0, ("read",)).await;
    node.peer.send(2, 2, ()).await;
    let mut read = String::new();
    stream.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "still read");

    node.peer.send(3, 0, ("raw",)).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    node.peer.send(3, 2, ()).await;
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    stream.write_all(b"answer").await.unwrap();
    assert_eq!(node.frame(3).await.unwrap(), "answer");
    drop(stream);
    assert!(matches!(node.frame(3).await, Err(EventEnd::Error(42, 100, _))));
}

#[tokio::test(start_paused = true)]
async fn raw_stream_reports_a_disconnected_client() {
    let mut worker = worker();
    let mut listener = worker.listen_raw("raw");
    let mut node = Node::start(worker).await;
    node.peer.send(2, 0, ("raw",)).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    node.peer.send(2, 1, ((42, 1), "gone")).await;
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn raw_stream_applies_backpressure_to_the_server() {
    let mut worker = worker();
    let mut listener = worker.listen_raw("raw");
    let mut node = Node::start(worker).await;
    node.peer.send(2, 0, ("raw",)).await;
    let (mut stream, _) = listener.accept().await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    let mut written = 0;
    while tokio::time::timeout(std::time::Duration::from_millis(1), stream.write_all(&piece)).await.is_ok() {
        written += piece.len();
        assert!(written < 64 << 20, "nothing held the server back");
    }
    let mut read = 0;
    while read < written {
        read += node.frame(2).await.unwrap().len();
    }
}
