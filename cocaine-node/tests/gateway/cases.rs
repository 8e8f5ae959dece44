//! What clients send, and what they are answered.

use std::time::Duration;

use cocaine_node::{
    config::{HttpConfig, Target},
    gateway::Gateway,
};
use tokio::io::AsyncWriteExt;

use crate::{
    app::{Cloud, Step, head, text},
    client::{Answer, Client, ask, get},
};

async fn cloud() -> Cloud {
    Cloud::start(HttpConfig::default()).await
}

/// Returns what the app got, by the echo of a request.
fn echoed(answer: &Answer) -> cocaine::http::RequestChunk {
    assert_eq!(answer.status, 200, "{}", answer.text());
    cocaine::http::RequestChunk::read(&answer.body.clone().into()).unwrap()
}

#[tokio::test]
async fn a_request_becomes_an_event_and_its_answer_http() {
    let mut cloud = cloud().await;
    let request = "POST /app/web/a/b?x=1 HTTP/1.1\r\nHost: h\r\nX-Rep: 1\r\nx-rep: 2\r\ncookie: a=1\r\n\
                   Content-Length: 5\r\n\r\nhello";
    cloud.answer([
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
    let answer = ask(cloud.http(), request).await;
    assert_eq!((answer.status, answer.text()), (201, "one, two"));
    assert_eq!(answer.all("set-cookie"), [b"a=1", b"b=2"]);
    assert_eq!(
        (answer.header("x-kept"), answer.header("x-gone"), answer.header("upgrade")),
        (Some("k"), None, None)
    );
    assert_eq!(answer.header("x-cocaine-application"), Some("app"));
    let asked = cloud.asked().await;
    let chunk = asked.request();
    assert_eq!((&*chunk.method, &*chunk.uri, &*chunk.body), (&b"POST"[..], &b"/a/b?x=1"[..], &b"hello"[..]));
    let pairs = [("Host", "h"), ("X-Rep", "1"), ("X-Rep", "2"), ("Cookie", "a=1"), ("Content-Length", "5")];
    assert_eq!(chunk.headers, pairs.map(|(name, value)| (name.into(), value.into())));
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(asked.trace.unwrap().trace_id, u64::from_str_radix(id, 16).unwrap());
    assert_eq!((asked.event.as_str(), id.len()), ("web", 16));
}

#[tokio::test]
async fn one_request_is_never_two() {
    let mut cloud = cloud().await;
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
        let mut client = Client::connect(cloud.http()).await;
        client.send(format!("{line}{headers}\r\n{body}{smuggled}")).await;
        let answer = client.next("POST", false).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{headers:?}");
        assert!(client.rest().await.is_empty(), "{headers:?}: only one answer");
        assert!(cloud.all_asked().is_empty(), "{headers:?}");
    }
    for (headers, body) in [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 100\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "2;x=\"y\"\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: t\r\n\r\n"),
    ] {
        let mut client = Client::connect(cloud.http()).await;
        client
            .send(format!(
                "{line}{headers}\r\n{body}GET /app/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            ))
            .await;
        client.next("POST", false).await.unwrap();
        client.rest().await;
        let asked = cloud.all_asked();
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
async fn what_could_be_understood_in_two_ways_is_refused() {
    let mut cloud = cloud().await;
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    for (headers, body, status) in [
        ("Transfer-Encoding: gzip, chunked\r\n", chunks, 501),
        ("Transfer-Encoding: identity, chunked\r\n", chunks, 501),
        ("Transfer-Encoding: chunked, chunked\r\n", chunks, 501),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks, 501),
        ("Host: other\r\n", "", 400),
    ] {
        let mut client = Client::connect(cloud.http()).await;
        client.send(format!("POST /app/web HTTP/1.1\r\nHost: h\r\n{headers}\r\n{body}")).await;
        assert_eq!(client.answer("POST").await.status, status, "{headers:?}");
        assert!(cloud.all_asked().is_empty(), "{headers:?}");
    }
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_next_request() {
    let cloud = cloud().await;
    cloud.answer(text("first"));
    let mut client = Client::connect(cloud.http()).await;
    let next = get("/app/next");
    let (begun, rest) = next.split_at(9);
    client.send(format!("{}{begun}", get("/app/a"))).await;
    assert_eq!(client.answer("GET").await.text(), "first");
    client.send(rest).await;
    assert_eq!(echoed(&client.answer("GET").await).uri, "/");
}

#[tokio::test]
async fn bodies_in_broken_chunks_are_refused() {
    let mut cloud = cloud().await;
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
        let mut client = Client::connect(cloud.http()).await;
        client.send(request).await;
        let answer = client.next("POST", false).await.unwrap();
        assert_eq!(answer.status, 400, "{chunks:?}");
        assert!(client.rest().await.is_empty());
        assert!(cloud.all_asked().is_empty(), "{chunks:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_1_is_refused() {
    let mut cloud = cloud().await;
    for bytes in [
        "GET /app/web\r\n\r\n",
        "GET /app/web HTTP/0.9\r\n\r\n",
        "GET /app/web HTTP/1.2\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}garbage\r\n\r\n",
        "GET  /app/web HTTP/1.1\r\n\r\n",
        "G@T /app/web HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        let mut client = Client::connect(cloud.http()).await;
        client.send(bytes).await;
        client.half_close().await;
        let rest = client.rest().await;
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 "),
            "{bytes:?}: {:?}",
            rest.escape_ascii()
        );
        assert!(cloud.all_asked().is_empty(), "{bytes:?}");
    }
    let bare = ask(cloud.http(), "GET /app/web HTTP/1.1\nHost: h\n\n").await;
    assert_eq!(echoed(&bare).headers, [("Host".into(), "h".into())], "a bare line feed ends a line");
}

#[tokio::test]
async fn heads_have_a_limit() {
    let cloud = cloud().await;
    let many = (0..90).fold(String::new(), |all, n| all + &format!("X-{n}: {n}\r\n"));
    let answer = ask(cloud.http(), format!("GET /app/web HTTP/1.1\r\nHost: h\r\n{many}\r\n")).await;
    assert_eq!(echoed(&answer).headers.len(), 91);
    let large = "x".repeat(100 << 10);
    let answer = ask(cloud.http(), format!("GET /app/web HTTP/1.1\r\nHost: h\r\nX: {large}\r\n\r\n")).await;
    assert_eq!(echoed(&answer).headers[1].1.len(), large.len());
    for headers in [format!("X: {}\r\n", "x".repeat(1 << 20)), "X: y\r\n".repeat(500)] {
        let mut client = Client::connect(cloud.http()).await;
        let sent = format!("GET /app/web HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        // The gateway may close before it has read all.
        let _ = client.stream.write_all(sent.as_bytes()).await;
        let answer = client.next("GET", false).await;
        assert!(answer.is_err() || answer.as_ref().is_ok_and(|answer| answer.status == 431), "{answer:?}");
    }
}

#[tokio::test]
async fn bodies_of_nothing_and_of_64_mebibytes_pass() {
    // All that the app sends may wait for the client.
    let config = HttpConfig::default().response_buffer(65 << 20);
    let mut cloud = Cloud::start(config).await;
    let answer = ask(cloud.http(), "POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
    assert!(echoed(&answer).body.is_empty());
    cloud.asked().await;
    let large = 64 << 20;
    cloud.answer(text("taken"));
    let mut client = Client::connect(cloud.http()).await;
    client.send(format!("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: {large}\r\n\r\n")).await;
    client.send(vec![b'u'; large]).await;
    assert_eq!(client.answer("POST").await.text(), "taken");
    let body = cloud.asked().await.request().body;
    assert!(body.len() == large && body.iter().all(|byte| *byte == b'u'));
    cloud.answer([Step::Chunk(head(200, &[])), Step::Flood(large), Step::Close]);
    assert_eq!(client.ask(get("/app/web")).await.body.len(), large);
    assert!(cloud.flooded().await);
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
        let answer = Client::connect(cloud.http()).await.ask(request).await;
        assert_eq!(answer.status, 413);
        assert!(answer.text().contains("67108864 bytes"), "{}", answer.text());
    }
}

#[tokio::test]
async fn all_bodies_together_have_a_limit() {
    let config = HttpConfig::default().request_body(1 << 20).buffer(1 << 20);
    let cloud = Cloud::start(config).await;
    let mut first = Client::connect(cloud.http()).await;
    first.send("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 800000\r\n\r\n").await;
    first.send(vec![b'x'; 799_999]).await;
    let large = [
        b"POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 800000\r\n\r\n".to_vec(),
        vec![b'y'; 800_000],
    ]
    .concat();
    let mut refused = false;
    for _ in 0..100 {
        let answer = ask(cloud.http(), &large).await;
        refused = answer.status == 503 && answer.text().contains("too many large requests");
        if refused {
            break;
        }
    }
    assert!(refused, "the first body was held");
    first.send("x").await;
    assert_eq!(first.answer("POST").await.status, 200);
    assert_eq!(ask(cloud.http(), &large).await.status, 200, "the room was given back");
}

#[tokio::test]
async fn expectations_are_met_here() {
    let cloud = cloud().await;
    let mut client = Client::connect(cloud.http()).await;
    client
        .send("POST /app/web HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.answer("POST").await.status, 100);
    client.send("hello").await;
    let chunk = echoed(&client.answer("POST").await);
    assert_eq!(chunk.body, "hello");
    assert!(chunk.headers.iter().all(|(name, _)| *name != "Expect"));
}

#[tokio::test]
async fn answers_come_in_the_order_of_their_requests() {
    let cloud = cloud().await;
    for number in 0..3 {
        cloud.answer(text(&format!("answer {number}")));
    }
    let mut client = Client::connect(cloud.http()).await;
    client.send(format!("{}HEAD /app/a HTTP/1.1\r\nHost: h\r\n\r\n{}", get("/app/a"), get("/app/a"))).await;
    assert_eq!(client.answer("GET").await.text(), "answer 0");
    assert_eq!(client.answer("HEAD").await.header("content-length"), Some("8"));
    assert_eq!(client.answer("GET").await.text(), "answer 2");
    cloud.answer([Step::Error(42, 7, "on purpose".into())]);
    let failed = client.ask(get("/app/a")).await;
    assert_eq!((failed.status, failed.text()), (500, "service `app`, event `a`: [7]: on purpose\n"));
    cloud.answer(text("after an error"));
    assert_eq!(client.ask(get("/app/a")).await.text(), "after an error");
}

#[tokio::test]
async fn who_has_closed_its_side_is_still_answered() {
    let cloud = cloud().await;
    cloud.answer(text("still here"));
    let mut client = Client::connect(cloud.http()).await;
    client.send(get("/app/a")).await;
    client.half_close().await;
    assert_eq!(client.answer("GET").await.text(), "still here");
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn statuses_without_bodies_have_none() {
    let cloud = cloud().await;
    let mut client = Client::connect(cloud.http()).await;
    for (method, status, headers) in [
        ("GET", 204, &[][..]),
        ("GET", 204, &[("content-length", "0")]),
        ("GET", 304, &[("content-length", "1234"), ("etag", "\"v\"")]),
        ("HEAD", 200, &[("content-length", "1234")]),
        ("HEAD", 200, &[]),
        ("HEAD", 404, &[("transfer-encoding", "chunked")]),
    ] {
        cloud.answer([Step::Chunk(head(status, headers)), Step::Chunk("surplus".into()), Step::Close]);
        let answer = client.ask(format!("{method} /app/a HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        assert_eq!((answer.status, answer.text()), (status, ""), "{method} {headers:?}");
        let kept = headers.first().filter(|(name, _)| *name == "content-length" && status != 204);
        assert_eq!(answer.header("content-length"), kept.map(|(_, length)| *length), "{method} {status}");
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_a_length_or_an_end() {
    let cloud = cloud().await;
    let answer = async |request: &str| {
        let mut client = Client::connect(cloud.http()).await;
        client.send(request).await;
        client.next("GET", true).await.unwrap()
    };
    let request = "GET /app/a HTTP/1.0\r\n\r\n";
    let hold = std::sync::Arc::new(tokio::sync::Notify::new());
    cloud.answer([
        Step::Chunk(head(200, &[])),
        Step::Chunk("one, ".into()),
        Step::Wait(hold.clone()),
        Step::Chunk("two".into()),
        Step::Close,
    ]);
    hold.notify_one();
    let whole = answer(request).await;
    assert_eq!((whole.text(), whole.header("content-length")), ("one, two", Some("8")));
    cloud.answer([Step::Chunk(head(200, &[])), Step::Flood(3 << 20), Step::Close]);
    let large = answer(request).await;
    assert_eq!((large.body.len(), large.until_end), (3 << 20, true));
    cloud.answer([
        Step::Chunk(head(200, &[])),
        Step::Chunk("part".into()),
        Step::Error(42, 7, "no more".into()),
    ]);
    assert_eq!(answer(request).await.status, 500);
}

#[tokio::test]
async fn other_forms_of_requests_are_understood() {
    let mut cloud = cloud().await;
    let headers = "X-Cocaine-Service: app\r\nX-Cocaine-Event: ev\r\n";
    for (request, uri, host) in [
        (format!("OPTIONS * HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "*", "h"),
        (format!("GET http://other:81/p?q HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "/p?q", "other:81"),
        (format!("GET /app/web/p HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "/app/web/p", "h"),
        (format!("PURGE /x HTTP/1.1\r\nHost: h\r\n{headers}\r\n"), "/x", "h"),
    ] {
        assert_eq!(ask(cloud.http(), &request).await.status, 200);
        let asked = cloud.asked().await;
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
        ask(cloud.http(), format!("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n{headers}\r\n")).await.status,
        405
    );
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: h\r\nX-Cocaine-Service: app\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nX-Cocaine-Event: ev\r\n\r\n", 400),
        ("GET /app/web HTTP/1.1\r\nHost: h\r\nX-Request-Id: not-hex\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("GET /one HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("GET /nosuch/ev HTTP/1.1\r\nHost: h\r\n\r\n", 503),
        ("GET /storage/read HTTP/1.1\r\nHost: h\r\n\r\n", 500),
    ] {
        let answer = ask(cloud.http(), request).await;
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        assert!(cloud.all_asked().is_empty());
    }
}

#[tokio::test]
async fn hosts_and_headers_of_the_configuration_are_heeded() {
    let target = |event: &str| Target::new("app", event);
    let config = HttpConfig::default()
        .host("shop.example", target("shop"))
        .host("*.example", target("any"))
        .headers([("x-ticket", "ticket"), ("authorization", "authorization")])
        .timeout_for("app/shop", Duration::from_millis(7500))
        .sampling(0.0);
    let mut cloud = Cloud::start(config).await;
    let request = "GET /ping?x HTTP/1.1\r\nHost: SHOP.example:80\r\nX-Ticket: t\r\nAuthorization: OAuth a\r\nX-Request-Id: ff\r\nX-Cocaine-Tracing-Policy: 1\r\n\r\n";
    let answer = ask(cloud.http(), request).await;
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("00000000000000ff")));
    let asked = cloud.asked().await;
    assert_eq!((asked.event.as_str(), &*asked.request().uri), ("shop", &b"/ping?x"[..]));
    let header = |name| asked.headers.get(name).map(|value| value.to_vec());
    assert_eq!(header("ticket"), Some(b"t".to_vec()));
    assert_eq!(header("authorization"), Some(b"OAuth a".to_vec()));
    assert_eq!(header("request_timeout"), Some(7500u64.to_le_bytes().to_vec()));
    assert_eq!(header("trace_bit"), Some(b"1".to_vec()));
    let trace = asked.trace.unwrap();
    assert_eq!((trace.trace_id, trace.parent_id), (0xff, 0xff));
    ask(cloud.http(), "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    let asked = cloud.asked().await;
    assert_eq!(
        (asked.event.as_str(), asked.headers.get("trace_bit"), asked.headers.get("request_timeout")),
        ("any", None, None)
    );
}

#[tokio::test]
async fn a_gateway_may_stand_alone() {
    let cloud = cloud().await;
    let config = HttpConfig::default().listen("127.0.0.1:0").admin("127.0.0.1:0");
    let gateway = Gateway::start(&cloud.locators(), &config).await.unwrap();
    cloud.answer(text("from afar"));
    assert_eq!(ask(gateway.local_addr(), get("/app/a")).await.text(), "from afar");
    assert_eq!(ask(gateway.local_addr(), get("/metrics")).await.status, 404, "it is elsewhere");
    let admin = gateway.admin_addr().unwrap();
    assert_eq!(ask(admin, get("/ping")).await.text(), "OK\n");
    let metrics = ask(admin, get("/metrics")).await;
    assert!(
        metrics.text().contains("cocaine_gateway_requests_total{service=\"app\",status=\"200\"} 1\n"),
        "{}",
        metrics.text()
    );
    gateway.shutdown().await;
}

#[tokio::test]
async fn what_happens_is_counted() {
    let cloud = cloud().await;
    let mut client = Client::connect(cloud.http()).await;
    client.ask(get("/app/a")).await;
    cloud.answer([Step::Error(0x52ff, 1, "full".into())]);
    client.ask("POST /app/a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").await;
    client.ask(get("/nosuch/a")).await;
    let metrics = client.ask(get("/metrics")).await;
    for line in [
        "cocaine_gateway_requests_total{service=\"app\",status=\"200\"} 2",
        "cocaine_gateway_requests_total{service=\"\",status=\"503\"} 1",
        "cocaine_gateway_retries_total{service=\"app\"} 1",
        "cocaine_gateway_received_bytes_total 5",
        "cocaine_gateway_in_flight 1",
        "cocaine_gateway_clients 1",
        "cocaine_gateway_seconds_count{service=\"app\"} 2",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}: {}", metrics.text());
    }
    let odd = |line: &&str| {
        !line.starts_with('#') && line.rsplit_once(' ').is_none_or(|(_, value)| value.parse::<f64>().is_err())
    };
    assert_eq!(metrics.text().lines().find(odd), None);
}

#[tokio::test]
async fn a_thousand_connections_get_their_own_answers() {
    let cloud = cloud().await;
    let address = cloud.http();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..1000 {
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            for round in 0..3 {
                let token = format!("{number}-{round}");
                let request = format!(
                    "POST /app/web?{token} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{token}",
                    token.len()
                );
                let chunk = echoed(&client.ask(request).await);
                assert_eq!((&*chunk.uri, &*chunk.body), (format!("/?{token}").as_bytes(), token.as_bytes()));
            }
        });
    }
    let all = tokio::time::timeout(Duration::from_mins(1), clients.join_all()).await;
    assert_eq!(all.expect("nothing hangs").len(), 1000);
}

#[tokio::test]
async fn an_answer_has_so_many_headers() {
    let cloud = cloud().await;
    for (most, status) in [(8192, 200), (8193, 500), (40_000, 500)] {
        let headers: Vec<_> = (0..most).map(|number| (format!("x-{number}"), "v")).collect();
        let meta = cocaine::msgpack::to_vec(&(200, headers)).unwrap();
        cloud.answer([Step::Chunk(meta.into()), Step::Close]);
        let answer = ask(cloud.http(), get("/app/web")).await;
        assert_eq!(answer.status, status, "{most}: {}", answer.text());
    }
}
