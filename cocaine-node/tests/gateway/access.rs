//! Who may do what: administrators, other callers of JSON-RPC, and web pages.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use cocaine_node::{
    config::{HttpConfig, Target},
    gateway::Gateway,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use crate::{
    app::Cloud,
    client::{Response, fetch, parse},
    json_rpc::{Stage, call_of, gist, json_of, post},
};

const TOKEN: &str = "correct horse battery staple";

/// Returns a call that reads a blob.
fn read_blob() -> String {
    call_of("storage.read", json!(["httptest", "key"])).to_string()
}

fn denied(answer: &Json) -> bool {
    gist(answer) == "-32004" && answer["error"]["data"].as_str().unwrap().contains("http.json_rpc_services")
}

/// Writes the token to a file, and returns the setting that names it.
fn token_file(folder: &TempDir) -> String {
    let path = folder.path().join("token");
    fs::write(&path, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    format!("file:{}", path.display())
}

/// Sends a request through a unix socket.
async fn fetch_from_socket(path: &Path, request: &str) -> Response {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream.write_all(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    parse(&answer, "POST", false, true).unwrap().unwrap().0
}

#[tokio::test]
async fn clients_reach_apps_alone_by_default() {
    let stage = Stage::with(HttpConfig::default()).await;
    for method in
        ["storage.read", "storage.nosuch", "locator.uuid", "logging.get_verbosity", "httpraw.control"]
    {
        let answer = stage.call(method, json!([])).await;
        assert!(denied(&answer), "{method}: {answer}");
    }
    assert_eq!(gist(&stage.call("httpraw.info", json!([])).await), r#"{"bytes":{"$bytes":"/w=="}}"#);
    assert_eq!(gist(&stage.call("httpraw.enqueue", json!(["plain-text"])).await), r#"["pong ","two"]"#);
    assert_eq!(gist(&stage.call("httpraw.nosuch", json!([])).await), "-32601");
    assert_eq!(gist(&stage.call("nosuch.method", json!([])).await), "-32001");

    stage.gateway().reload(&HttpConfig::default().json_rpc_services(["storage"])).unwrap();
    assert_eq!(gist(&stage.call("storage.read", json!(["httptest", "key"])).await), "\"value\"");
    assert!(denied(&stage.call("locator.uuid", json!([])).await), "it is not listed");
}

#[tokio::test]
async fn token_opens_every_service() {
    let folder = TempDir::new().unwrap();
    let stage = Stage::with(HttpConfig::default().admin_token(token_file(&folder))).await;
    let with_token = |token: &str| post(&format!("Authorization: Bearer {token}\r\n"), &read_blob());
    let answer = json_of(&fetch(stage.http_addr(), with_token(TOKEN)).await);
    assert_eq!(gist(&answer), "\"value\"");
    for wrong in ["", "correct horse battery stapl", "correct horse battery staplE", "wrong"] {
        assert!(denied(&json_of(&fetch(stage.http_addr(), with_token(wrong)).await)), "{wrong}");
    }
    // No page knows the token, whatever its origin.
    let page = format!("Origin: http://evil.example\r\nAuthorization: Bearer {TOKEN}\r\n");
    assert_eq!(gist(&json_of(&fetch(stage.http_addr(), post(&page, &read_blob())).await)), "\"value\"");
}

#[tokio::test]
async fn token_is_not_forwarded_to_apps() {
    let folder = TempDir::new().unwrap();
    let mut cloud = Cloud::start(HttpConfig::default().admin_token(token_file(&folder))).await;
    for (token, passes) in [(TOKEN, false), ("of the app", true)] {
        let request = format!("GET /app/web HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n");
        assert_eq!(fetch(cloud.http_addr(), request).await.status, 200);
        let event = cloud.next_event().await;
        let in_request = event.request().headers.iter().any(|(name, _)| *name == "Authorization");
        assert_eq!((event.headers.get("authorization").is_some(), in_request), (passes, passes), "{token}");
    }
}

#[tokio::test]
async fn unusable_token_stops_the_start() {
    let config = HttpConfig::default().listen("127.0.0.1:0").admin_token(TOKEN);
    let error = Gateway::start("127.0.0.1:1", &config).await.unwrap_err().to_string();
    assert!(error.starts_with("http.admin_token: ") && !error.contains(TOKEN), "{error}");
}

#[tokio::test]
async fn private_socket_opens_every_service() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("admin");
    // A socket that nobody listens on any more is replaced.
    drop(UnixListener::bind(&path).unwrap());
    let stage = Stage::with(HttpConfig::default().admin_socket(&path)).await;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(gist(&json_of(&fetch_from_socket(&path, &post("", &read_blob())).await)), "\"value\"");
    assert!(denied(&stage.call("storage.read", json!(["httptest", "key"])).await), "the port stays closed");

    let config = HttpConfig::default().listen("127.0.0.1:0").admin_socket(&path);
    let error = Gateway::start("127.0.0.1:1", &config).await.unwrap_err().to_string();
    assert!(error.contains("another process listens there"), "{error}");
    stage.shutdown().await;
    assert!(!path.exists(), "the socket is removed");
    fs::write(&path, "not a socket").unwrap();
    let error = Gateway::start("127.0.0.1:1", &config).await.unwrap_err().to_string();
    assert!(error.contains("no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a socket");
}

#[tokio::test]
async fn web_pages_cannot_call_json_rpc() {
    let stage = Stage::with(HttpConfig::default().json_rpc_services(["storage"])).await;
    let call = |host: &str, headers: &str| {
        post(headers, &read_blob()).replace("Host: h\r\n", &format!("Host: {host}\r\n"))
    };
    let own = stage.http_addr().to_string();
    let same_page = format!("Origin: http://{own}\r\n");
    for (host, headers) in [
        (own.as_str(), ""),
        (own.as_str(), same_page.as_str()),
        ("localhost", "Origin: http://localhost:3000\r\n"),
    ] {
        let answer = fetch(stage.http_addr(), call(host, headers)).await;
        assert_eq!(gist(&json_of(&answer)), "\"value\"", "{host} {headers}");
    }
    for (host, headers, reason) in [
        ("evil.example", "", "http.names"),
        ("evil.example", "Origin: http://evil.example\r\n", "http.names"),
        (own.as_str(), "Origin: http://evil.example\r\nContent-Type: text/plain\r\n", "http.origins"),
        (own.as_str(), "Origin: null\r\n", "http.origins"),
    ] {
        let answer = fetch(stage.http_addr(), call(host, headers)).await;
        assert_eq!(answer.status, 403, "{host} {headers}");
        assert!(answer.text().contains(reason), "{}", answer.text());
    }
    let open = HttpConfig::default().json_rpc_services(["storage"]).names(["cloud.example"]);
    stage.gateway().reload(&open.origins(["https://shop.example"])).unwrap();
    let answer = fetch(stage.http_addr(), call("cloud.example", "Origin: https://shop.example\r\n")).await;
    assert_eq!(gist(&json_of(&answer)), "\"value\"");
}

#[tokio::test]
async fn web_pages_cannot_change_apps_on_loopback() {
    let config = HttpConfig::default().host("shop.example", Target::new("app", "web"));
    let mut cloud = Cloud::start(config.origins(["https://friend.example"])).await;
    let request = |method: &str, host: &str, origin: &str| {
        format!(
            "{method} /app/web HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nContent-Type: text/plain\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    for (method, host, origin) in [
        ("POST", "127.0.0.1", "http://evil.example"),
        ("DELETE", "localhost:8080", "null"),
        ("POST", "evil.example:8080", "http://evil.example:8080"),
        ("POST", "shop.example", "http://evil.example"),
    ] {
        let answer = fetch(cloud.http_addr(), request(method, host, origin)).await;
        assert_eq!(answer.status, 403, "{method} {host} {origin}");
        assert!(answer.text().contains("http.origins"), "{}", answer.text());
    }
    assert!(cloud.drain_events().is_empty());
    for (method, host, origin) in [
        ("GET", "127.0.0.1", "http://evil.example"),
        ("OPTIONS", "127.0.0.1", "http://evil.example"),
        ("POST", "shop.example", "http://shop.example"),
        ("POST", "127.0.0.1", "https://friend.example"),
        ("POST", "127.0.0.1:8080", "http://localhost:3000"),
    ] {
        let answer = fetch(cloud.http_addr(), request(method, host, origin)).await;
        assert_eq!(answer.status, 200, "{method} {host} {origin}: {}", answer.text());
    }
    assert_eq!(cloud.drain_events().len(), 5);
}
