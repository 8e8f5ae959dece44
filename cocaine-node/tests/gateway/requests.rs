//! Requests: their forms, routes, headers and bodies.

use std::time::Duration;

use cocaine_node::config::{HttpConfig, Target};
use test_support::wait::wait_until;

use crate::{
    app::{Cloud, Step, head, text},
    client::{Client, fetch, get},
    harness::{echoed_request, metric_is, start_cloud},
};

#[tokio::test]
async fn request_becomes_event_and_reply_becomes_response() {
    let mut cloud = start_cloud().await;
    let request = "POST /app/web/a/b?x=1 HTTP/1.1\r\nHost: h\r\nX-Rep: 1\r\nx-rep: 2\r\ncookie: a=1\r\n\
                   Content-Length: 5\r\n\r\nhello";
    cloud.respond([
        Step::Chunk(head(
            201,
            &[
                ("x-kept", "k"),
                ("set-cookie", "a=1"),
                ("set-cookie", "b=2"),
                ("connection", "x-gone"),
                ("x-gone", "g"),
                ("upgrade", "h2c"),
            ],
        )),
        Step::Chunk("one, ".into()),
        Step::Chunk("".into()),
        Step::Chunk("two".into()),
        Step::Close,
    ]);
    let answer = fetch(cloud.http_addr(), request).await;
    assert_eq!((answer.status, answer.text()), (201, "one, two"));
    assert_eq!(answer.header_values("set-cookie"), [b"a=1", b"b=2"]);
    assert_eq!(
        (answer.header("x-kept"), answer.header("x-gone"), answer.header("upgrade")),
        (Some("k"), None, None)
    );
    assert_eq!(answer.header("x-cocaine-application"), Some("app"));
    let asked = cloud.next_event().await;
    let chunk = asked.request();
    assert_eq!((&*chunk.method, &*chunk.uri, &*chunk.body), (&b"POST"[..], &b"/a/b?x=1"[..], &b"hello"[..]));
    let id = answer.header("x-request-id").unwrap();
    let sent = [("Host", "h"), ("X-Rep", "1"), ("X-Rep", "2"), ("Cookie", "a=1"), ("Content-Length", "5")];
    let added = [
        ("X-Request-Id", id),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Real-Ip", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "h"),
        ("X-Forwarded-Prefix", "/app/web"),
    ];
    let pairs = [&sent[..], &added].concat();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    assert_eq!(chunk.headers, pairs);
    assert_eq!(asked.trace.unwrap().trace_id, u64::from_str_radix(id, 16).unwrap());
    assert_eq!((asked.event.as_str(), id.len()), ("web", 16));
}

#[tokio::test]
async fn other_request_forms_are_understood() {
    let mut cloud = start_cloud().await;
    let headers = "X-Cocaine-Service: app\r\nX-Cocaine-Event: ev\r\n";
    let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    for (request, uri, host) in [
        (format!("GET /offer HTTP/1.1\r\nHost: h\r\n{offer}{headers}\r\n"), "/offer", "h"),
        (format!("OPTIONS * HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "*", "h"),
        (format!("GET http://other:81/p?q HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "/p?q", "other:81"),
        (format!("GET /app/web/p HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "/app/web/p", "h"),
        (format!("PURGE /x HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "/x", "h"),
    ] {
        assert_eq!(fetch(cloud.http_addr(), &request).await.status, 200);
        let asked = cloud.next_event().await;
        let chunk = asked.request();
        let hosts: Vec<_> =
            chunk.headers.iter().filter(|(name, _)| *name == "Host").map(|(_, host)| host.clone()).collect();
        assert_eq!(
            (asked.event.as_str(), &*chunk.uri, hosts),
            ("ev", uri.as_bytes(), vec![host.into()]),
            "{request}"
        );
    }
    assert_eq!(
        fetch(cloud.http_addr(), format!("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n{headers}\r\n")).await.status,
        405
    );
    for (request, status) in [
        (
            "GET /app/web HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            501,
        ),
        ("GET / HTTP/1.1\r\nHost: h\r\nX-Cocaine-Service: app\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX-Cocaine-Event: ev\r\n\r\n", 400),
        ("GET /app/web HTTP/1.1\r\nHost: h\r\nX-Cocaine-Tracing-Policy: often\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("GET /one HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("GET /nosuch/ev HTTP/1.1\r\nHost: h\r\n\r\n", 503),
        ("GET /storage/read HTTP/1.1\r\nHost: h\r\n\r\n", 500),
    ] {
        let answer = fetch(cloud.http_addr(), request).await;
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        assert!(cloud.drain_events().is_empty());
    }
}

#[tokio::test]
async fn configured_hosts_and_headers_are_used() {
    let target = |event: &str| Target::new("app", event);
    let config = HttpConfig::default()
        .host("shop.example", target("shop"))
        .host("*.example", target("any"))
        .headers([("x-ticket", "ticket"), ("authorization", "authorization")])
        .timeout_for("app/shop", Duration::from_millis(7500))
        .sampling(0.0);
    let mut cloud = Cloud::start(config).await;
    let request = "GET /ping?x HTTP/1.1\r\nHost: SHOP.example:80\r\nX-Ticket: t\r\nAuthorization: OAuth a\r\nX-Request-Id: ff\r\nX-Cocaine-Tracing-Policy: 1\r\n\r\n";
    let answer = fetch(cloud.http_addr(), request).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("ff")));
    let asked = cloud.next_event().await;
    assert_eq!((asked.event.as_str(), &*asked.request().uri), ("shop", &b"/ping?x"[..]));
    let header = |name| asked.headers.get(name).map(|value| value.to_vec());
    assert_eq!(header("ticket"), Some(b"t".to_vec()));
    assert_eq!(header("authorization"), Some(b"OAuth a".to_vec()));
    assert_eq!(header("request_timeout"), None, "the node would cut the response after it, as a whole");
    assert_eq!(header("trace_bit"), Some(b"1".to_vec()));
    let trace = asked.trace.unwrap();
    assert_eq!((trace.trace_id, trace.parent_id), (0xff, 0xff));
    fetch(cloud.http_addr(), "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    let asked = cloud.next_event().await;
    assert_eq!((asked.event.as_str(), asked.headers.get("trace_bit")), ("any", None));
}

#[tokio::test]
async fn expect_continue_is_answered_by_the_gateway() {
    let cloud = start_cloud().await;
    let mut client = Client::connect(cloud.http_addr()).await;
    client
        .send("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.read_response("POST").await.status, 100);
    client.send("hello").await;
    let chunk = echoed_request(&client.read_response("POST").await);
    assert_eq!(chunk.body, "hello");
    assert!(chunk.headers.iter().all(|(name, _)| *name != "Expect"));
}

#[tokio::test]
async fn bodies_up_to_64_mebibytes_pass() {
    // The whole response may wait for the client.
    let config = HttpConfig::default().response_buffer(65 << 20);
    let mut cloud = Cloud::start(config).await;
    let answer =
        fetch(cloud.http_addr(), "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
    assert!(echoed_request(&answer).body.is_empty());
    cloud.next_event().await;
    let large = 64 << 20;
    cloud.respond(text("taken"));
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send(format!("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: {large}\r\n\r\n")).await;
    client.send(vec![b'u'; large]).await;
    assert_eq!(client.read_response("POST").await.text(), "taken");
    let body = cloud.next_event().await.request().body;
    assert!(body.len() == large && body.iter().all(|byte| *byte == b'u'));
    cloud.respond([Step::Chunk(head(200, &[])), Step::Flood(large), Step::Close]);
    assert_eq!(client.fetch(get("/app/web")).await.body.len(), large);
    assert!(cloud.flood_completed().await);
    let line = "POST /app/web HTTP/1.1\r\nHost: h\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "u".repeat(1 << 20)).repeat(65);
    for request in [
        format!("{line}Content-Length: {}\r\n\r\n", large + 1),
        format!("{line}Content-Length: {}\r\n\r\n{}", large + 1, "u".repeat(large + 1)),
        format!("{line}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"),
        format!(
            "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            large + 1
        ),
    ] {
        let answer = Client::connect(cloud.http_addr()).await.fetch(request).await;
        assert_eq!(answer.status, 413);
        assert!(answer.text().contains("67108864 bytes"), "{}", answer.text());
    }
}

#[tokio::test]
async fn full_body_buffer_is_reported_as_503() {
    let config = HttpConfig::default().request_body(1 << 20).buffer(1 << 20);
    let cloud = Cloud::start(config).await;
    let mut first = Client::connect(cloud.http_addr()).await;
    first.send("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 800000\r\n\r\n").await;
    first.send(vec![b'x'; 799_999]).await;
    let large = [
        b"POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 800000\r\n\r\n".to_vec(),
        vec![b'y'; 800_000],
    ]
    .concat();
    wait_until("the first body is buffered", async || metric_is(&cloud, "buffered_bytes", 799_999).await)
        .await;
    let refused = fetch(cloud.http_addr(), &large).await;
    assert_eq!((refused.status, refused.text().contains("too many large requests")), (503, true));
    first.send("x").await;
    assert_eq!(first.read_response("POST").await.status, 200);
    assert_eq!(fetch(cloud.http_addr(), &large).await.status, 200, "the buffer is released");
}

#[tokio::test]
async fn too_many_headers_are_reported_as_431() {
    let mut cloud = Cloud::start(HttpConfig::default()).await;
    let request = |count: usize| {
        let headers: Vec<_> = (1..count).map(|number| format!("X-{number}: {number}\r\n")).collect();
        let headers = headers.concat();
        format!("GET /app/web HTTP/1.1\r\nHost: h\r\n{headers}\r\n")
    };
    assert_eq!(fetch(cloud.http_addr(), request(256)).await.status, 200);
    assert!(cloud.next_event().await.request().headers.len() > 256, "the gateway has added some");
    assert_eq!(fetch(cloud.http_addr(), request(257)).await.status, 431);
    let cloud = Cloud::start(HttpConfig::default().max_headers(10_000)).await;
    assert_eq!(fetch(cloud.http_addr(), request(5_000)).await.status, 200);
}
