//! `curl`, as clients are in the world.

use std::{
    io::ErrorKind,
    path::Path,
    process::{Output, Stdio},
    sync::Arc,
};

use cocaine_node::config::HttpConfig;
use tempfile::TempDir;
use tokio::{
    fs,
    io::AsyncReadExt,
    process::{Child, Command},
    sync::Notify,
};

use crate::app::{Cloud, Step, head, text};

const LARGE: usize = 64 << 20;

/// What `curl` has printed, and its exit code.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs `curl`.
async fn curl(args: &[&str]) -> Ran {
    let output = start(args).wait_with_output().await.unwrap();
    let Output { status, stdout, stderr } = output;
    Ran {
        code: status.code().expect("curl ends by itself"),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

fn start(args: &[&str]) -> Child {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*"]).args(args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => {
            panic!("these tests run curl, which is missing: install it (apt-get install curl)")
        }
        _ => panic!("curl does not run: {error}"),
    })
}

async fn cloud() -> Cloud {
    // All that the app sends may wait for the client.
    Cloud::start(HttpConfig::default().response_buffer(LARGE + (1 << 20))).await
}

fn url(cloud: &Cloud, path: &str) -> String {
    format!("http://{}{path}", cloud.http_addr())
}

/// Writes a file of bytes that are not all alike.
async fn file(folder: &TempDir, size: usize) -> String {
    let path = folder.path().join(size.to_string());
    fs::write(&path, pattern(size)).await.unwrap();
    spelt(&path)
}

fn pattern(size: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..=250).cycle().take(251 << 10).collect();
    let mut pattern = block.repeat(size / block.len() + 1);
    pattern.truncate(size);
    pattern
}

fn spelt(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn curl_gets_and_heads() {
    let mut cloud = cloud().await;
    let page = url(&cloud, "/app/web/p?q=1");
    for (options, version) in [(&[][..], http::Version::HTTP_11), (&["--http1.0"], http::Version::HTTP_10)] {
        cloud.respond([
            Step::Chunk(head(200, &[])),
            Step::Chunk("in ".into()),
            Step::Chunk("pieces".into()),
            Step::Close,
        ]);
        let ran = curl(&[options, &[&page]].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, "in pieces"), "{ran:?}");
        let request = cloud.next_event().await.request();
        assert_eq!((&*request.method, &*request.uri), (&b"GET"[..], &b"/p?q=1"[..]));
        assert_eq!(request.version, version);
    }
    cloud.respond(text("no body goes out"));
    let ran = curl(&["--head", &page]).await;
    assert!(ran.out.starts_with("HTTP/1.1 200 OK\r\n"), "{ran:?}");
    assert!(ran.out.contains("Content-Length: 16\r\n") && ran.out.ends_with("\r\n\r\n"), "{ran:?}");
    assert_eq!(cloud.next_event().await.request().method, "HEAD");
}

#[tokio::test]
async fn curl_uploads_bodies() {
    let mut cloud = cloud().await;
    let folder = TempDir::new().unwrap();
    let (small, large) = (file(&folder, 5).await, file(&folder, LARGE).await);
    let expected = pattern(LARGE);
    let page = url(&cloud, "/app/web");
    let data = format!("@{large}");
    let chunked = "Transfer-Encoding: chunked";
    for (options, method, size) in [
        (&["--data-binary", ""][..], "POST", 0),
        (&["--upload-file", "/dev/null"], "PUT", 0),
        (&["--upload-file", &small], "PUT", 5),
        (&["--upload-file", &small, "--header", chunked], "PUT", 5),
        (&["--upload-file", &small, "--header", "Expect: 100-continue"], "PUT", 5),
        (&["--upload-file", &small, "--http1.0"], "PUT", 5),
        (&["--upload-file", &large], "PUT", LARGE),
        (&["--data-binary", &data], "POST", LARGE),
        (&["--upload-file", &large, "--header", chunked], "PUT", LARGE),
    ] {
        cloud.respond(text("taken"));
        let ran = curl(&[options, &[&page]].concat()).await;
        assert_eq!((ran.code, ran.out.as_str()), (0, "taken"), "{options:?}: {ran:?}");
        let request = cloud.next_event().await.request();
        assert_eq!(request.method, method);
        assert!(request.body.len() == size && *request.body == expected[..size], "{options:?}");
        let lengths =
            request.headers.iter().filter(|(name, _)| *name == "Content-Length").map(|(_, len)| len);
        assert!(lengths.eq([size.to_string().as_str()]), "{options:?}: {:?}", request.headers);
    }
}

#[tokio::test]
async fn curl_sees_body_limit_error() {
    let mut cloud = cloud().await;
    let folder = TempDir::new().unwrap();
    let huge = file(&folder, LARGE + 1).await;
    let page = url(&cloud, "/app/web");
    for options in [&[][..], &["--header", "Expect:"], &["--header", "Transfer-Encoding: chunked"]] {
        let ran = curl(&[options, &["--fail-with-body", "--upload-file", &huge, &page]].concat()).await;
        assert_eq!(ran.code, 22, "{options:?}: {ran:?}");
        assert!(ran.out.contains("longer than 67108864 bytes (`http.request_body`)"), "{options:?}: {ran:?}");
    }
    assert!(cloud.drain_events().is_empty());
}

#[tokio::test]
async fn curl_downloads_bodies() {
    let mut cloud = cloud().await;
    let folder = TempDir::new().unwrap();
    let path = spelt(&folder.path().join("taken"));
    let length = LARGE.to_string();
    for headers in [&[][..], &[("content-length", length.as_str())]] {
        cloud.respond([Step::Chunk(head(200, headers)), Step::Flood(LARGE), Step::Close]);
        let ran = curl(&["--output", &path, &url(&cloud, "/app/web")]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(fs::metadata(&path).await.unwrap().len(), LARGE as u64);
        assert!(cloud.flood_completed().await);
    }
}

#[tokio::test]
async fn curl_detects_truncated_response() {
    let cloud = cloud().await;
    let page = url(&cloud, "/app/web");
    for headers in [&[][..], &[("content-length", "100000")]] {
        let hold = Arc::new(Notify::new());
        cloud.respond([
            Step::Chunk(head(200, headers)),
            Step::Chunk("the beginning".into()),
            Step::Wait(hold.clone()),
            Step::Error(42, 7, "no more".into()),
        ]);
        let mut curl = start(&["--no-buffer", &page]);
        // The head and the beginning are there before the app fails.
        let mut begun = [0; 13];
        curl.stdout.as_mut().unwrap().read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"the beginning");
        hold.notify_one();
        let code = curl.wait().await.unwrap().code();
        // 18 is a part of a file, 56 a broken connection.
        assert!([Some(18), Some(56)].contains(&code), "{headers:?}: {code:?}");
    }
}

#[tokio::test]
async fn curl_reuses_its_connection() {
    let mut cloud = cloud().await;
    let page = url(&cloud, "/app/web");
    let missing = url(&cloud, "/nosuch/web");
    cloud.respond_always(text("x"));
    let ran = curl(&["--write-out", " %{http_code} %{num_connects}\n", &page, &missing, &page]).await;
    let codes: Vec<_> = ran.out.lines().filter_map(|line| line.rsplit_once(' ')).collect();
    assert_eq!(ran.out.lines().next(), Some("x 200 1"), "{ran:?}");
    assert_eq!(ran.out.lines().last(), Some("x 200 0"), "{ran:?}");
    assert_eq!(codes.iter().filter(|(rest, _)| rest.ends_with(" 503")).count(), 1, "{ran:?}");
    assert_eq!(cloud.drain_events().len(), 2);
}

#[tokio::test]
async fn curl_keeps_every_cookie() {
    let cloud = cloud().await;
    let folder = TempDir::new().unwrap();
    let jar = spelt(&folder.path().join("jar"));
    let cookies = [("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2; Path=/"), ("content-length", "0")];
    cloud.respond([Step::Chunk(head(200, &cookies)), Step::Close]);
    let ran = curl(&["--include", "--cookie-jar", &jar, &url(&cloud, "/app/web")]).await;
    assert_eq!(ran.out.matches("Set-Cookie: ").count(), 2, "{ran:?}");
    let kept = fs::read_to_string(&jar).await.unwrap();
    assert!(kept.contains("\ta\t1") && kept.contains("\tb\t2"), "{kept}");
}

#[tokio::test]
async fn curl_prints_the_error_cause() {
    let cloud = cloud().await;
    cloud.respond([Step::Error(42, 7, "on purpose".into())]);
    for (path, status, cause) in [
        ("/app/web", "500", "service `app`, event `web`: [7]: on purpose\n"),
        ("/nosuch/web", "503", "service `nosuch`, event `web`: service is not available\n"),
        ("/", "404", "no app is asked for: it is named by the path"),
    ] {
        let ran = curl(&["--fail-with-body", &url(&cloud, path)]).await;
        assert_eq!(ran.code, 22, "{ran:?}");
        assert!(ran.err.contains(status) && ran.out.starts_with(cause), "{ran:?}");
    }
}
