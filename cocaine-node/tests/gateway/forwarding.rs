//! What an app learns of a request beyond what the client has sent: where it comes from, and its id.

use cocaine_node::config::{HttpConfig, Target};

use crate::{
    app::{Cloud, ReceivedEvent},
    client::{Client, fetch},
    harness::start_cloud,
};

/// Returns the values of a header that an app has received.
fn values(event: &ReceivedEvent, name: &str) -> Vec<String> {
    let headers = event.request().headers;
    let named = headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap()).collect()
}

/// Sends a request with these headers, and returns the event and the values of the named ones.
async fn received<const N: usize>(
    cloud: &mut Cloud,
    path: &str,
    headers: &str,
    names: [&str; N],
) -> [Vec<String>; N] {
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop.example:81\r\n{headers}\r\n");
    assert_eq!(fetch(cloud.http_addr(), request).await.status, 200);
    let event = cloud.next_event().await;
    names.map(|name| values(&event, name))
}

const NAMES: [&str; 7] = [
    "x-forwarded-for",
    "x-real-ip",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-forwarded-port",
    "forwarded",
];

const SAID: &str = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.8\r\nX-Forwarded-Proto: https\r\n\
                    X-Forwarded-Host: www.example\r\nX-Forwarded-Prefix: /outer\r\nX-Forwarded-Port: 443\r\n\
                    Forwarded: for=203.0.113.7\r\n";

#[tokio::test]
async fn untrusted_clients_cannot_pretend_to_be_others() {
    let config = HttpConfig::default().trusted_proxies(["192.0.2.0/24"]);
    let mut cloud = Cloud::start(config).await;
    let expected = ["127.0.0.1", "127.0.0.1", "http", "shop.example:81", "/app/web", "", ""];
    for headers in ["", SAID] {
        let found = received(&mut cloud, "/app/web/x", headers, NAMES).await;
        assert_eq!(found.map(|values| values.join("|")), expected.map(str::to_owned), "{headers}");
    }
}

#[tokio::test]
async fn trusted_proxies_are_believed() {
    let config = HttpConfig::default()
        .trusted_proxies(["127.0.0.1", "203.0.113.8/32"])
        .host("shop.example", Target::new("app", "web"));
    let mut cloud = Cloud::start(config).await;
    let expected = [
        "203.0.113.7, 203.0.113.8, 127.0.0.1",
        "203.0.113.7",
        "https",
        "www.example",
        "/outer",
        "443",
        "for=203.0.113.7",
    ];
    let found = received(&mut cloud, "/x/y/z", SAID, NAMES).await;
    assert_eq!(
        found.map(|values| values.join("|")),
        expected.map(str::to_owned),
        "the host is routed, and no path cut"
    );
    let dispatch = "X-Cocaine-Service: app\r\nX-Cocaine-Event: web\r\n";
    let expected = ["127.0.0.1", "127.0.0.1", "http", "shop.example:81", "", "", ""];
    let found = received(&mut cloud, "/x/y/z", dispatch, NAMES).await;
    assert_eq!(found.map(|values| values.join("|")), expected.map(str::to_owned), "what is missing is added");
}

#[tokio::test]
async fn any_request_id_is_passed_and_echoed() {
    let mut cloud = start_cloud().await;
    let mut client = Client::connect(cloud.http_addr()).await;
    for id in [
        "req_01HV6Z9Y3K8Q2W4E5R6T7Y8U9I",
        "1-67891233-abcdef012345678912345678",
        "0",
        "7b2a6c1e-0d7f-4c53-9b62-0a1f2e3d4c5b",
    ] {
        let answer =
            client.fetch(format!("GET /app/web HTTP/1.1\r\nHost: h\r\nX-Request-Id: {id}\r\n\r\n")).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (200, Some(id)));
        assert_eq!(values(&cloud.next_event().await, "x-request-id"), [id]);
    }
    let answer = client
        .fetch("GET /app/web HTTP/1.1\r\nHost: h\r\nX-Request-Id: a1\r\nX-Request-Id: b2\r\n\r\n")
        .await;
    assert_eq!(answer.header("x-request-id"), Some("a1"));
    assert_eq!(values(&cloud.next_event().await, "x-request-id"), ["a1", "b2"]);
    let answer = client.fetch("GET /none HTTP/1.1\r\nHost: h\r\nX-Request-Id: of a page\r\n\r\n").await;
    let replaced = answer.header("x-request-id").unwrap();
    assert!(answer.status == 404 && replaced.len() == 16, "{replaced}");
    let refused = client.fetch("CONNECT h:1 HTTP/1.1\r\nHost: h\r\nX-Request-Id: a/b\r\n\r\n").await;
    assert_eq!((refused.status, refused.header("x-request-id")), (405, Some("a/b")));
}

#[tokio::test]
async fn traceparent_is_passed_echoed_and_traced() {
    let mut cloud = Cloud::start(HttpConfig::default().sampling(0.0)).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = format!("GET /app/web HTTP/1.1\r\nHost: h\r\ntraceparent: {parent}\r\n\r\n");
    let answer = fetch(cloud.http_addr(), request).await;
    assert_eq!(
        (answer.header("traceparent"), answer.header("x-request-id")),
        (Some(parent), Some("8448eb211c80319c"))
    );
    let event = cloud.next_event().await;
    assert_eq!(values(&event, "traceparent"), [parent]);
    let trace = event.trace.unwrap();
    assert_eq!((trace.trace_id, trace.parent_id), (0x8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331));
    assert_eq!(
        event.headers.get("trace_bit").map(|bit| bit.to_vec()),
        Some(b"1".to_vec()),
        "the client samples"
    );
}
