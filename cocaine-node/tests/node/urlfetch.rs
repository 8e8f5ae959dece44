//! Fetching over HTTP: responses, limits, redirects and denied addresses.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use cocaine::{Category, Code, Result};
use cocaine_bindings::{Urlfetch, UrlfetchClient, urlfetch::Fetched};
use cocaine_node::{Node, config::UrlfetchConfig};
use futures_util::future::join_all;
use tokio::sync::Notify;

use crate::{
    http_server::{HttpServer, Reply, redirect, response},
    service,
};

/// No cookies or no headers, where a later option is set.
const NONE: &BTreeMap<String, String> = &BTreeMap::new();

/// A timeout that only endless responses reach, in milliseconds.
const TIMEOUT_MS: i32 = 20_000;

/// Starts a node that may fetch from 127.0.0.1, and from no other address of this machine.
async fn node(config: UrlfetchConfig) -> (Node, UrlfetchClient) {
    let config = config.allow(["127.0.0.1/32".parse().unwrap()]);
    let node = Node::builder().listen("127.0.0.1:0").urlfetch(config).start().await.unwrap();
    let urlfetch = service(&node).await;
    (node, urlfetch)
}

async fn get(urlfetch: &UrlfetchClient, url: &str) -> Result<Fetched> {
    urlfetch.get(url, Some(TIMEOUT_MS), None, None, None).await
}

async fn refusal(urlfetch: &UrlfetchClient, url: &str) -> (Option<i64>, String) {
    let error = get(urlfetch, url).await.unwrap_err();
    let code = error.code().expect("a code");
    assert_eq!(code.category, Category::GENERIC, "{error}");
    (Some(code.code), error.to_string())
}

fn pairs(name: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), value.to_owned())])
}

#[tokio::test]
async fn fetches_of_departed_clients_are_cancelled() {
    let asked = Arc::new(Notify::new());
    let server = HttpServer::start("127.0.0.1", {
        let asked = asked.clone();
        move |request| match request.split(' ').nth(1) {
            Some("/slow") => {
                asked.notify_one();
                Reply::Hang(Vec::new())
            }
            _ => response("200 OK", "hello"),
        }
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default().max_fetches(1)).await;
    let departed: UrlfetchClient = service(&node).await;
    {
        let url = server.url("/slow");
        let mut slow = pin!(departed.get(&url, Some(i32::MAX), None, None, None));
        tokio::select! {
            () = asked.notified() => {}
            answer = &mut slow => panic!("{answer:?}"),
        }
    }
    drop(departed);
    // Its place is free long before its time-out.
    let fetched = get(&urlfetch, &server.url("/ok")).await.unwrap();
    assert_eq!(fetched.body, "hello");
    node.shutdown().await;
}

#[tokio::test]
async fn response_of_any_status_is_returned() {
    let server = HttpServer::start("127.0.0.1", |request| match request.split(' ').nth(1) {
        Some("/ok") => response("200 OK\r\nx-one: 1\r\nX-Two: a\r\nX-Two: b", "hello"),
        Some("/missing") => response("404 Not Found", "nothing"),
        Some("/broken") => response("599 Broken", ""),
        Some("/odd") => response("700 Odd", ""),
        _ => response("200 OK\r\nContent-Encoding: gzip", "\x1f not unpacked"),
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default()).await;
    let ok = get(&urlfetch, &server.url("/ok")).await.unwrap();
    assert_eq!((ok.ok, ok.code, &ok.body), (true, 200, &"hello".into()));
    let headers: Vec<_> =
        ok.headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    assert_eq!(headers, [("Content-Length", "5"), ("X-One", "1"), ("X-Two", "a")]);
    for (path, ok, code) in [("/missing", false, 404), ("/broken", false, 599), ("/odd", true, 700)] {
        let fetched = get(&urlfetch, &server.url(path)).await.unwrap();
        assert_eq!((fetched.ok, fetched.code), (ok, code));
    }
    let packed = get(&urlfetch, &server.url("/packed")).await.unwrap();
    assert_eq!(
        (packed.body, &packed.headers["Content-Encoding"]),
        ("\x1f not unpacked".into(), &"gzip".into())
    );
    for _ in 0..20 {
        get(&urlfetch, &server.url("/ok")).await.unwrap();
    }
    assert!(server.connections() < 20, "connections are reused");
    node.shutdown().await;
}

#[tokio::test]
async fn post_carries_body_headers_and_cookies() {
    let server = HttpServer::start("127.0.0.1", |request| response("200 OK", request)).await;
    let (node, urlfetch) = node(UrlfetchConfig::default()).await;
    let (cookies, headers) = (pairs("session", "s3"), pairs("X-Own", "yes"));
    let url = server.url("/form?a=1");
    let sent = urlfetch
        .post(&url, &"the body".into(), Some(TIMEOUT_MS), Some(&cookies), Some(&headers), None)
        .await
        .unwrap();
    let sent = sent.body.as_str().unwrap().to_owned();
    assert!(sent.starts_with("POST /form?a=1 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nthe body"), "{sent}");
    for header in
        ["x-own: yes", "cookie: session=s3", "content-length: 8", &format!("host: {}", server.address)]
    {
        assert!(sent.contains(&format!("\r\n{header}\r\n")), "{header} is not in {sent}");
    }
    let smuggled = pairs("X-Own", "a\r\nX-Other: b");
    let bad = urlfetch.get(&url, Some(TIMEOUT_MS), Some(NONE), Some(&smuggled), None).await.unwrap_err();
    assert_eq!(bad.code(), Some(Code::INVALID_VALUE), "{bad}");
    node.shutdown().await;
}

#[tokio::test]
async fn endless_responses_time_out() {
    let server = HttpServer::start("127.0.0.1", |request| match request.split(' ').nth(1) {
        Some("/silent") => Reply::Hang(Vec::new()),
        Some("/head") => Reply::Hang("HTTP/1.1 200 OK\r\nX-A:".into()),
        Some("/body") => Reply::Hang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into()),
        _ => redirect(302, "/again"),
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default().max_redirects(usize::MAX)).await;
    for path in ["/silent", "/head", "/body", "/again"] {
        let url = server.url(path);
        let late = urlfetch.get(&url, Some(50), None, None, None).await.unwrap_err();
        assert_eq!(late.code(), Some(Code::TIMED_OUT), "{path}");
        assert!(
            late.to_string().contains(&format!("Unable to download {url}, error Connection timed out")),
            "{late}"
        );
    }
    node.shutdown().await;
    let (node, urlfetch) =
        self::node(UrlfetchConfig::default().max_timeout(std::time::Duration::from_millis(50))).await;
    assert_eq!(
        refusal(&urlfetch, &server.url("/silent")).await.0,
        Some(110),
        "the maximum applies to the default"
    );
    node.shutdown().await;
}

#[tokio::test]
async fn invalid_responses_are_errors() {
    let server = HttpServer::start("127.0.0.1", |request| match request.split(' ').nth(1) {
        Some("/garbage") => Reply::Close("\0\x01\x02 garbage\r\n\r\n".into()),
        Some("/nothing") => Reply::Close(Vec::new()),
        Some("/short") => Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into()),
        Some("/length") => Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\nabc".into()),
        Some("/lengths") => {
            Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd".into())
        }
        Some("/chunks") => {
            Reply::Close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".into())
        }
        Some("/headers") => response(&format!("200 OK\r\n{}", "X-A: b\r\n".repeat(10_000)), ""),
        Some("/header") => Reply::Endless("HTTP/1.1 200 OK\r\nX-A: ".into(), vec![b'a'; 1 << 16]),
        _ => redirect(302, "file:///etc/passwd"),
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default()).await;
    let paths = [
        "/garbage",
        "/nothing",
        "/short",
        "/length",
        "/lengths",
        "/chunks",
        "/headers",
        "/header",
        "/elsewhere",
    ];
    for path in paths {
        let (code, text) = refusal(&urlfetch, &server.url(path)).await;
        assert_eq!(code, Some(71), "{path}: {text}");
        assert!(text.contains("Unable to download "), "{text}");
    }
    for url in ["", "no url", "file:///etc/passwd", "http://user:password@host/"] {
        assert_eq!(refusal(&urlfetch, url).await.0, Some(22), "{url}");
    }
    assert_eq!(refusal(&urlfetch, "http://nobody.invalid/").await.0, Some(113));
    let nobody = HttpServer::start("127.0.0.1", |_| Reply::Hang(Vec::new())).await.url("/");
    assert_eq!(refusal(&urlfetch, &nobody).await.0, Some(111));
    node.shutdown().await;
}

#[tokio::test]
async fn body_size_is_limited() {
    let server = HttpServer::start("127.0.0.1", |request| match request.split(' ').nth(1) {
        Some("/fits") => response("200 OK", &"a".repeat(1000)),
        Some("/no-length") => Reply::Close(format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(1001)).into()),
        Some("/long") => response("200 OK", &"a".repeat(1001)),
        Some("/huge-length") => Reply::Hang("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".into()),
        Some("/close") => Reply::Endless("HTTP/1.1 200 OK\r\n\r\n".into(), vec![b'a'; 1000]),
        _ => Reply::Endless(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            "3\r\nabc\r\n".into(),
        ),
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default().max_body(1000)).await;
    assert_eq!(get(&urlfetch, &server.url("/fits")).await.unwrap().body.len(), 1000);
    for path in ["/long", "/no-length", "/huge-length", "/close", "/chunks"] {
        let (code, text) = refusal(&urlfetch, &server.url(path)).await;
        assert_eq!(code, Some(27), "{path}: {text}");
        assert!(text.contains("more than 1000 bytes (`urlfetch.max_body`)"), "{text}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn redirects_are_limited() {
    let server = HttpServer::start("127.0.0.1", |request| match request.split(' ').nth(1) {
        Some("/end") => response("200 OK", request),
        Some("/temporary") => redirect(307, "/end"),
        Some(path) => match path.trim_start_matches('/').parse::<usize>() {
            Ok(0) => redirect(303, "/end"),
            Ok(left) => redirect(302, &(left - 1).to_string()),
            Err(_) => redirect(301, "/endless"),
        },
        None => Reply::Close(Vec::new()),
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default().max_redirects(3)).await;
    assert!(get(&urlfetch, &server.url("/2")).await.unwrap().body.starts_with(b"GET /end "));
    for path in ["/3", "/endless"] {
        let (code, text) = refusal(&urlfetch, &server.url(path)).await;
        assert_eq!(code, Some(40), "{text}");
        assert!(text.contains("more than 3 redirects (`urlfetch.max_redirects`)"), "{text}");
    }
    let post = |path| {
        let url = server.url(path);
        let urlfetch = urlfetch.clone();
        async move { urlfetch.post(&url, &"body".into(), None, None, None, None).await.unwrap().body }
    };
    assert!(post("/0").await.starts_with(b"GET /end "));
    let again = post("/temporary").await;
    assert!(again.starts_with(b"POST /end ") && again.ends_with(b"body"), "{again:?}");
    let unfollowed =
        urlfetch.get(&server.url("/2"), Some(TIMEOUT_MS), Some(NONE), Some(NONE), Some(false)).await.unwrap();
    assert_eq!((unfollowed.ok, unfollowed.code, &unfollowed.headers["Location"]), (true, 302, &"1".into()));
    node.shutdown().await;
}

#[tokio::test]
async fn credentials_are_not_sent_elsewhere() {
    let other = HttpServer::start("127.0.0.1", |request| match request.split(' ').nth(1) {
        Some("/hop") => redirect(307, "/end"),
        _ => response("200 OK", request),
    })
    .await;
    let elsewhere = other.url("/hop");
    let server = HttpServer::start("127.0.0.1", move |request| match request.split(' ').nth(1) {
        Some("/same") => redirect(307, "/end"),
        Some("/other") => redirect(307, &elsewhere),
        _ => response("200 OK", request),
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default()).await;
    let (cookies, headers) = (pairs("session", "secret"), pairs("Authorization", "secret"));
    let fetch = async |path| {
        let fetched =
            urlfetch.get(&server.url(path), Some(TIMEOUT_MS), Some(&cookies), Some(&headers), None).await;
        fetched.unwrap().body.as_str().unwrap().to_owned()
    };
    let same = fetch("/same").await;
    assert!(same.contains("cookie: session=secret") && same.contains("authorization: secret"), "{same}");
    let other = fetch("/other").await;
    assert!(other.starts_with("GET /end ") && !other.contains("secret"), "{other}");
    node.shutdown().await;
}

#[tokio::test]
async fn denied_addresses_are_never_connected_to() {
    let denied = HttpServer::start("127.0.0.2", |_| response("200 OK", "secret")).await;
    let port = denied.address.port();
    let target = denied.url("/");
    let server = HttpServer::start("127.0.0.1", move |request| match request.split(' ').nth(1) {
        Some("/literal") => redirect(302, &target),
        Some("/mapped") => redirect(302, &format!("http://[::ffff:127.0.0.2]:{port}/")),
        _ => redirect(302, "/literal"),
    })
    .await;
    let (node, urlfetch) = node(UrlfetchConfig::default()).await;
    let urls = [
        denied.url("/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        format!("http://2130706434:{port}/"),
        format!("http://0x7f.2:{port}/"),
        server.url("/literal"),
        server.url("/mapped"),
        server.url("/twice"),
        format!("https://127.0.0.2:{port}/"),
    ];
    for url in urls {
        let (code, text) = refusal(&urlfetch, &url).await;
        assert_eq!(code, Some(13), "{url}: {text}");
        assert!(text.contains("error 127.0.0.2 is denied by 127.0.0.0/8 of `urlfetch.deny`"), "{text}");
    }
    assert_eq!(denied.connections(), 0);
    node.shutdown().await;
}

#[tokio::test]
async fn host_is_denied_by_resolved_address() {
    let server = HttpServer::start("127.0.0.1", |_| response("200 OK", "secret")).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let node = Node::builder().listen("127.0.0.1:0").start().await.unwrap();
    let urlfetch: UrlfetchClient = service(&node).await;
    let (code, text) = refusal(&urlfetch, &url).await;
    assert_eq!(code, Some(13), "{text}");
    assert!(
        text.contains("is denied by 127.0.0.0/8 of `urlfetch.deny`") || text.contains("by ::1/128"),
        "{text}"
    );
    assert_eq!(server.connections(), 0);
    node.shutdown().await;
    let (node, urlfetch) = self::node(UrlfetchConfig::default()).await;
    assert_eq!(get(&urlfetch, &url).await.unwrap().body, "secret", "one of its addresses is allowed");
    node.shutdown().await;
}

#[tokio::test]
async fn concurrent_fetches_are_limited() {
    let (now, peak) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (count, max) = (now.clone(), peak.clone());
    let server = HttpServer::start("127.0.0.1", move |request| {
        if request.starts_with("GET /begin ") {
            max.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            return redirect(302, "/end");
        }
        count.fetch_sub(1, Ordering::SeqCst);
        response("200 OK", "")
    })
    .await;
    let (node, _) = node(UrlfetchConfig::default().max_fetches(3)).await;
    let clients = join_all((0..10).map(|_| service::<UrlfetchClient>(&node))).await;
    let url = server.url("/begin");
    let fetches = clients.iter().flat_map(|client| (0..20).map(|_| get(client, &url)));
    for fetched in join_all(fetches).await {
        assert_eq!(fetched.unwrap().code, 200);
    }
    assert!(peak.load(Ordering::SeqCst) <= 3, "{peak:?} at once");
    assert_eq!(now.load(Ordering::SeqCst), 0);
    node.shutdown().await;
}
