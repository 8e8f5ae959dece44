//! Responses: their order, their bodies and their headers.

use crate::{
    app::{Step, head, text},
    client::{Client, fetch, get},
    harness::{echoed_request, start_cloud},
};

#[tokio::test]
async fn response_does_not_wait_for_next_request() {
    let cloud = start_cloud().await;
    cloud.respond(text("first"));
    let mut client = Client::connect(cloud.http_addr()).await;
    let next = get("/app/next");
    let (begun, rest) = next.split_at(9);
    client.send(format!("{}{begun}", get("/app/a"))).await;
    assert_eq!(client.read_response("GET").await.text(), "first");
    client.send(rest).await;
    assert_eq!(echoed_request(&client.read_response("GET").await).uri, "/");
}

#[tokio::test]
async fn pipelined_responses_keep_request_order() {
    let cloud = start_cloud().await;
    for number in 0..3 {
        cloud.respond(text(&format!("answer {number}")));
    }
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send(format!("{}HEAD /app/a HTTP/1.1\r\nHost: h\r\n\r\n{}", get("/app/a"), get("/app/a"))).await;
    assert_eq!(client.read_response("GET").await.text(), "answer 0");
    assert_eq!(client.read_response("HEAD").await.header("content-length"), Some("8"));
    assert_eq!(client.read_response("GET").await.text(), "answer 2");
    cloud.respond([Step::Error(42, 7, "on purpose".into())]);
    let failed = client.fetch(get("/app/a")).await;
    assert_eq!((failed.status, failed.text()), (500, "service `app`, event `a`: [7]: on purpose\n"));
    cloud.respond(text("after an error"));
    assert_eq!(client.fetch(get("/app/a")).await.text(), "after an error");
}

#[tokio::test]
async fn half_closed_client_gets_its_response() {
    let cloud = start_cloud().await;
    cloud.respond(text("still here"));
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send(get("/app/a")).await;
    client.close_sending_side().await;
    assert_eq!(client.read_response("GET").await.text(), "still here");
    assert!(client.read_to_end().await.is_empty());
}

#[tokio::test]
async fn bodiless_statuses_have_no_body() {
    let cloud = start_cloud().await;
    let mut client = Client::connect(cloud.http_addr()).await;
    for (method, status, headers) in [
        ("GET", 204, &[][..]),
        ("GET", 204, &[("content-length", "0")]),
        ("GET", 205, &[]),
        ("GET", 205, &[("content-length", "7")]),
        ("GET", 304, &[("content-length", "1234"), ("etag", "\"v\"")]),
        ("HEAD", 200, &[("content-length", "1234")]),
        ("HEAD", 200, &[]),
        ("HEAD", 404, &[("transfer-encoding", "chunked")]),
    ] {
        cloud.respond([Step::Chunk(head(status, headers)), Step::Chunk("surplus".into()), Step::Close]);
        let answer = client.fetch(format!("{method} /app/a HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert_eq!((answer.status, answer.text()), (status, ""), "{method} {headers:?}");
        let declared = headers.first().filter(|(name, _)| *name == "content-length");
        let expected = match status {
            204 => None,
            205 => Some("0"),
            _ => declared.map(|(_, length)| *length),
        };
        assert_eq!(answer.header("content-length"), expected, "{method} {status}");
    }
}

#[tokio::test]
async fn http10_client_gets_length_or_close() {
    let cloud = start_cloud().await;
    let answer = async |request: &str| {
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(request).await;
        client.try_read_response("GET", true).await.unwrap()
    };
    let request = "GET /app/a HTTP/1.0\r\n\r\n";
    let hold = std::sync::Arc::new(tokio::sync::Notify::new());
    cloud.respond([
        Step::Chunk(head(200, &[])),
        Step::Chunk("one, ".into()),
        Step::Wait(hold.clone()),
        Step::Chunk("two".into()),
        Step::Close,
    ]);
    hold.notify_one();
    let whole = answer(request).await;
    assert_eq!((whole.text(), whole.header("content-length")), ("one, two", Some("8")));
    cloud.respond([Step::Chunk(head(200, &[])), Step::Flood(3 << 20), Step::Close]);
    let large = answer(request).await;
    assert_eq!((large.body.len(), large.until_end), (3 << 20, true));
    cloud.respond([
        Step::Chunk(head(200, &[])),
        Step::Chunk("part".into()),
        Step::Error(42, 7, "no more".into()),
    ]);
    assert_eq!(answer(request).await.status, 500);
}

#[tokio::test]
async fn response_header_count_is_limited() {
    let cloud = start_cloud().await;
    for (most, status) in [(8192, 200), (8193, 500), (40_000, 500)] {
        let headers: Vec<_> = (0..most).map(|number| (format!("x-{number}"), "v")).collect();
        let meta = cocaine::msgpack::to_vec(&(200, headers)).unwrap();
        cloud.respond([Step::Chunk(meta.into()), Step::Close]);
        let answer = fetch(cloud.http_addr(), get("/app/web")).await;
        assert_eq!(answer.status, status, "{most}: {}", answer.text());
    }
}
