//! How requests are delimited: what could be understood in two ways, and what is not HTTP, never reaches an app.

use tokio::io::AsyncWriteExt;

use crate::{
    client::{Client, fetch},
    harness::{echoed_request, start_cloud},
};

#[tokio::test]
async fn smuggled_request_is_never_handled() {
    let mut cloud = start_cloud().await;
    let smuggled = "GET /app/smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    let line = "POST /app/web HTTP/1.1\r\nHost: h\r\n";
    for (headers, body) in [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
        ("Content-Length: 5, 6\r\n", "hello"),
        ("Content-Length: -5\r\n", "hello"),
        ("Content-Length: +5\r\n", "hello"),
        ("Content-Length: 5x\r\n", "hello"),
        ("Content-Length: 99999999999999999999999\r\n", "hello"),
        ("Content-Length : 5\r\n", "hello"),
        ("Transfer-Encoding: gzip\r\n", "hello"),
        ("Transfer-Encoding: chunked, gzip\r\n", "hello"),
        ("Transfer-Encoding: xchunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("X: a\r\n folded: b\r\n", ""),
        ("X: a\0b\r\n", ""),
        ("X: a\rb\r\n", ""),
        ("X y: a\r\n", ""),
        (": a\r\n", ""),
        ("no colon\r\n", ""),
        ("Transfer-Encoding: chunked;q=1\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: \u{b}chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(format!("{line}{headers}\r\n{body}{smuggled}")).await;
        let answer = client.try_read_response("POST", false).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{headers:?}");
        assert!(client.read_to_end().await.is_empty(), "{headers:?}: only one response");
        assert!(cloud.drain_events().is_empty(), "{headers:?}");
    }
    for (headers, body) in [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 100\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "2;x=\"y\"\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: t\r\n\r\n"),
    ] {
        let mut client = Client::connect(cloud.http_addr()).await;
        client
            .send(format!(
                "{line}{headers}\r\n{body}GET /app/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            ))
            .await;
        client.try_read_response("POST", false).await.unwrap();
        client.read_to_end().await;
        let asked = cloud.drain_events();
        assert_eq!(asked[0].request().body, "hello", "{headers:?}");
        let lengths: Vec<_> = asked[0]
            .request()
            .headers
            .iter()
            .filter(|(name, _)| *name == "Content-Length")
            .cloned()
            .collect();
        assert_eq!(lengths, [("Content-Length".into(), "5".into())], "{headers:?}");
        assert!(asked[0].request().headers.iter().all(|(name, _)| *name != "Transfer-Encoding"));
        assert!(asked.len() < 2 || (asked.len() == 2 && asked[1].event == "next"), "{headers:?}");
    }
}

#[tokio::test]
async fn ambiguous_request_is_refused() {
    let mut cloud = start_cloud().await;
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    for (headers, body, status) in [
        ("Transfer-Encoding: gzip, chunked\r\n", chunks, 501),
        ("Transfer-Encoding: identity, chunked\r\n", chunks, 501),
        ("Transfer-Encoding: chunked, chunked\r\n", chunks, 501),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks, 501),
        ("Host: other\r\n", "", 400),
    ] {
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(format!("POST /app/web HTTP/1.1\r\nHost: h\r\n{headers}\r\n{body}")).await;
        assert_eq!(client.read_response("POST").await.status, status, "{headers:?}");
        assert!(cloud.drain_events().is_empty(), "{headers:?}");
    }
}

#[tokio::test]
async fn malformed_chunked_body_is_refused() {
    let mut cloud = start_cloud().await;
    for chunks in [
        "-5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "x\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "5;a\nb=c\r\nhello\r\n0\r\n\r\n",
    ] {
        let request =
            format!("POST /app/web HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(request).await;
        let answer = client.try_read_response("POST", false).await.unwrap();
        assert_eq!(answer.status, 400, "{chunks:?}");
        assert!(client.read_to_end().await.is_empty());
        assert!(cloud.drain_events().is_empty(), "{chunks:?}");
    }
}

#[tokio::test]
async fn bytes_other_than_http1_are_refused() {
    let mut cloud = start_cloud().await;
    for bytes in [
        "GET /app/web\r\n\r\n",
        "GET /app/web HTTP/0.9\r\n\r\n",
        "GET /app/web HTTP/1.2\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}garbage\r\n\r\n",
        "GET  /app/web HTTP/1.1\r\n\r\n",
        "G@T /app/web HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(bytes).await;
        client.close_sending_side().await;
        let rest = client.read_to_end().await;
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 "),
            "{bytes:?}: {:?}",
            rest.escape_ascii()
        );
        assert!(cloud.drain_events().is_empty(), "{bytes:?}");
    }
    let bare = fetch(cloud.http_addr(), "GET /app/web HTTP/1.1\nHost: h\n\n").await;
    assert_eq!(echoed_request(&bare).headers[0], ("Host".into(), "h".into()), "a bare line feed ends a line");
}

#[tokio::test]
async fn oversized_request_head_is_refused() {
    let cloud = start_cloud().await;
    let many = (0..90).fold(String::new(), |all, n| all + &format!("X-{n}: {n}\r\n"));
    let answer = fetch(cloud.http_addr(), format!("GET /app/web HTTP/1.1\r\nHost: h\r\n{many}\r\n")).await;
    assert_eq!(echoed_request(&answer).headers[90], ("X-89".into(), "89".into()));
    let large = "x".repeat(100 << 10);
    let answer =
        fetch(cloud.http_addr(), format!("GET /app/web HTTP/1.1\r\nHost: h\r\nX: {large}\r\n\r\n")).await;
    assert_eq!(echoed_request(&answer).headers[1].1.len(), large.len());
    for headers in [format!("X: {}\r\n", "x".repeat(1 << 20)), "X: y\r\n".repeat(500)] {
        let mut client = Client::connect(cloud.http_addr()).await;
        let sent = format!("GET /app/web HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        // The gateway may close before it has read everything.
        let _ = client.stream.write_all(sent.as_bytes()).await;
        let answer = client.try_read_response("GET", false).await;
        assert!(answer.is_err() || answer.as_ref().is_ok_and(|answer| answer.status == 431), "{answer:?}");
    }
}
