//! Events that the gateway of a node sends to its own apps without a connection have the outcomes of those that come by one.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use cocaine::{Bytes, Code, Error, Result, Session, http::RequestChunk, msgpack};
use cocaine_bindings::Storage as _;
use cocaine_node::{Node, config::HttpConfig, gateway::Gateway};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::cloud::{Cloud, PATIENCE, number};

/// What a worker does in response to an event.
#[derive(Clone, Debug)]
enum Step {
    /// Sends the head of a response with this status.
    Head(u16),
    /// Sends a chunk of this many bytes.
    Chunk(usize),
    /// Sends a chunk that is no head.
    Garbage,
    /// Lets what was sent so far arrive by itself.
    Pause,
    /// Ends the event with an error.
    Fail(i64, i32),
    /// Does nothing more.
    Hang,
    /// Ends the process.
    Exit,
}

impl Step {
    fn parse(text: &str) -> Self {
        let (name, number) = text.split_at(1);
        let (category, code) = number.split_once('.').unwrap_or((number, "0"));
        match name {
            "h" => Self::Head(number.parse().unwrap()),
            "c" => Self::Chunk(number.parse().unwrap()),
            "g" => Self::Garbage,
            "p" => Self::Pause,
            "w" => Self::Hang,
            "e" => Self::Fail(category.parse().unwrap(), code.parse().unwrap()),
            _ => Self::Exit,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Head(status) => format!("h{status}"),
            Self::Chunk(length) => format!("c{length}"),
            Self::Garbage => "g".into(),
            Self::Pause => "p".into(),
            Self::Hang => "w".into(),
            Self::Fail(category, code) => format!("e{category}.{code}"),
            Self::Exit => "x".into(),
        }
    }
}

/// Does what the path of the request says.
pub(crate) async fn perform(mut session: Session) -> Result<()> {
    let chunk = session.recv().await.transpose()?.unwrap_or_default();
    let request = RequestChunk::decode(&chunk)?;
    let path = request.uri.as_str().unwrap_or_default().trim_start_matches('/').to_owned();
    let named = |name: &str| session.context().headers().get(name).map_or(0, |value| value.len());
    let headers = [("X-Bit", named("trace_bit").to_string()), ("X-Body", request.body.len().to_string())];
    for step in path.split(',').filter(|step| !step.is_empty()).map(Step::parse) {
        match step {
            Step::Head(status) => session.send(msgpack::to_vec(&(status, &headers))?).await?,
            Step::Chunk(length) => session.send(vec![b'c'; length]).await?,
            Step::Garbage => session.send("garbage").await?,
            Step::Pause => tokio::time::sleep(Duration::from_millis(3)).await,
            Step::Hang => std::future::pending().await,
            Step::Fail(category, code) => {
                let code = Code::new(cocaine::Category(category), code.into());
                return session.fail(&Error::service(code, "on purpose"));
            }
            Step::Exit => std::process::exit(5),
        }
    }
    session.finish()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..70_000_usize).prop_map(Step::Chunk),
        3 => (0..3_usize).prop_map(Step::Chunk),
        1 => Just(Step::Garbage),
        3 => Just(Step::Pause),
        2 => (prop_oneof![Just(42), Just(1), Just(0x54FF), Just(12_345)], 1..200).prop_map(|(a, b)| Step::Fail(a, b)),
    ]
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let head = prop_oneof![Just(200_u16), Just(204), Just(404), Just(500)].prop_map(Step::Head);
    (proptest::option::weighted(0.9, head), vec(step(), 0..6))
        .prop_map(|(head, steps)| head.into_iter().chain(steps).collect())
}

/// A response, without what depends on the moment at which its pieces arrive.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    is_complete: bool,
}

async fn fetch(address: SocketAddr, request: &str) -> Outcome {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    // A response that is cut off may end with a reset.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut response)).await.expect("a response in time");
    let head_length = response.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    let body = response.split_off(head_length);
    let head = String::from_utf8(response).unwrap();
    let mut lines = head.trim_end().lines();
    let status = lines.next().unwrap().to_owned();
    let mut headers: BTreeMap<_, _> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    for name in ["Date", "X-Request-Id", "Connection"] {
        headers.remove(name);
    }
    let length: Option<String> = headers.remove("Content-Length");
    let (body, is_complete) = match (headers.remove("Transfer-Encoding"), length) {
        (Some(_), _) => join_chunks(&body),
        (None, Some(length)) => (body.clone(), body.len() == length.parse::<usize>().unwrap()),
        (None, None) => (body, true),
    };
    Outcome { status, headers, body, is_complete }
}

/// Returns the bytes of a body in the chunked coding, and whether it is complete.
fn join_chunks(mut coded: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = coded.windows(2).position(|bytes| bytes == b"\r\n") else { return (body, false) };
        let length = usize::from_str_radix(std::str::from_utf8(&coded[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return (body, true);
        }
        let chunk = &coded[end + 2..];
        if chunk.len() < length + 2 {
            body.extend(&chunk[..length.min(chunk.len())]);
            return (body, false);
        }
        body.extend(&chunk[..length]);
        coded = &chunk[length + 2..];
    }
}

/// A node with a gateway of its own, and another gateway in front of the node.
struct Stage {
    cloud: Cloud,
    remote: Gateway,
}

impl Stage {
    async fn start(config: HttpConfig) -> Self {
        let config = config.listen("127.0.0.1:0").sampling(1.0);
        let cloud = Cloud::with(Node::builder().http(config.clone())).await;
        let profile = json!({"pool-limit": 1, "concurrency": 2});
        cloud.run("app", "performer", profile).await;
        let remote = Gateway::start(&cloud.node.locator_addr().to_string(), &config).await.unwrap();
        Self { cloud, remote }
    }

    /// Returns the outcomes of the same request through both gateways: the node's own, and the other.
    async fn fetch(&self, request: &str) -> [Outcome; 2] {
        let local = fetch(self.cloud.node.http_addr().unwrap(), request).await;
        [local, fetch(self.remote.local_addr(), request).await]
    }
}

fn request(script: &[Step], body: usize) -> String {
    let script: Vec<_> = script.iter().map(Step::text).collect();
    let (script, body) = (script.join(","), "b".repeat(body));
    let length = body.len();
    format!(
        "POST /app/perform/{script} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Returns what both outcomes of a script must have in common. An error that comes with the head has its own status, and one that
/// comes later cuts the response off.
fn comparable(script: &[Step], outcome: Outcome) -> Option<Outcome> {
    let fails = script.iter().any(|step| matches!(step, Step::Fail(..)));
    let has_head = matches!(script.first(), Some(Step::Head(_)));
    let is_error = outcome.headers.contains_key("X-Error-Generated-By") || !outcome.is_complete;
    (!(fails && has_head && is_error)).then_some(outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_have_same_outcomes() {
    let stage = Stage::start(HttpConfig::default()).await;
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..60 {
        let (script, body) = (script(), 0..2_000_usize).new_tree(&mut runner).unwrap().current();
        let [local, remote] = stage.fetch(&request(&script, body)).await;
        let [local, remote] = [local, remote].map(|outcome| comparable(&script, outcome));
        assert_eq!(local, remote, "{script:?}");
    }
    let served = stage.cloud.until("app", |info| number(info, &["load"]) == 0).await;
    assert!(number(&served, &["requests", "accepted"]) >= 120, "{served}");
}

#[tokio::test]
async fn crash_is_reported_by_both() {
    let stage = Stage::start(HttpConfig::default()).await;
    let [local, remote] = stage.fetch(&request(&[Step::Exit], 0)).await;
    assert_eq!(local, remote);
    assert!(local.status.contains("500"), "{local:?}");
}

/// Returns the value of a metric of the node.
async fn metric(cloud: &Cloud, name: &str) -> i64 {
    let metrics = cloud.client.dynamic("metrics").await.unwrap();
    let found: BTreeMap<String, cocaine::Value> = metrics.call("fetch", ("plain",)).await.unwrap();
    found[name].as_i64().unwrap()
}

#[tokio::test]
async fn calls_without_connection_are_counted() {
    let stage = Stage::start(HttpConfig::default()).await;
    let before = metric(&stage.cloud, "app.timer[enqueue].count").await;
    for _ in 0..3 {
        let [local, remote] = stage.fetch(&request(&[Step::Head(200)], 0)).await;
        assert_eq!(local, remote);
    }
    let counts = async |name| metric(&stage.cloud, name).await;
    assert_eq!(counts("app.timer[enqueue].count").await - before, 6);
    assert_eq!(counts("app.load").await, 0);
    assert_eq!(counts("app.connections.accepted").await, 2, "one of the test, one of the other gateway");
}

#[tokio::test]
async fn event_goes_on_without_its_client() {
    let stage = Stage::start(HttpConfig::default()).await;
    let address = stage.cloud.node.http_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /app/page HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut beginning = [0; 15];
    client.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200 OK");
    drop(client);
    // The worker has room for one more.
    let [local, remote] = stage.fetch(&request(&[Step::Head(200)], 0)).await;
    assert_eq!(local, remote);
    assert_eq!(number(&stage.cloud.info("app").await, &["load"]), 1);
    stage.cloud.node.shutdown().await;
}

#[tokio::test]
async fn silent_worker_is_cut_off_by_both() {
    let config = HttpConfig::default().listen("127.0.0.1:0");
    let cloud = Cloud::with(Node::builder().http(config.clone())).await;
    cloud.run("app", "performer", json!({"request-timeout": 0.5})).await;
    // The worker may need longer to start than an event may take.
    while fetch(cloud.node.http_addr().unwrap(), &request(&[Step::Head(200)], 0)).await.status
        != "HTTP/1.1 200 OK"
    {}
    let remote = Gateway::start(&cloud.node.locator_addr().to_string(), &config).await.unwrap();
    let stage = Stage { cloud, remote };
    let [local, remote] = stage.fetch(&request(&[Step::Hang], 0)).await;
    assert_eq!(local, remote);
    assert!(local.status.contains("500"), "{local:?}");
}

#[tokio::test]
async fn group_comes_before_app_of_its_name() {
    let stage = Stage::start(HttpConfig::default()).await;
    let group = Bytes::from(msgpack::to_vec(&BTreeMap::from([("elsewhere", 1)])).unwrap());
    stage.cloud.storage.write("groups", "app", &group, Some(&["group", "active"])).await.unwrap();
    let locator = stage.cloud.client.dynamic("locator").await.unwrap();
    let () = locator.call("refresh", (["app"],)).await.unwrap();
    let local = fetch(stage.cloud.node.http_addr().unwrap(), &request(&[Step::Head(200)], 0)).await;
    assert!(local.status.contains("503"), "{local:?}");
}
