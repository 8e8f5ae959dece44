//! JSON-RPC through a node's own gateway, to its services and to an app that others serve.

use std::{
    net::SocketAddr,
    str::FromStr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cocaine::{
    Bytes, Category, Client as Cloud, Code, Error, Receiver, ReplySender, Result, Sender, Value,
    http::encode_response_head,
    server::{Dispatch, Server},
};
use cocaine_bindings::{AppServer, NodeClient, ServeApp, Storage, StorageClient};
use cocaine_node::{Node, config::HttpConfig, gateway::Gateway};
use http::{HeaderMap, StatusCode};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use crate::{
    client::{Client, Response, fetch, get},
    locator::{FakeLocator, resolved_at},
};

/// The app of the recorded exchanges.
#[derive(Clone, Default)]
struct App {
    /// Tells that the event `wait` has come.
    waiting: Arc<Notify>,
    go_on: Arc<Notify>,
    /// How many connections there were.
    connections: Arc<AtomicUsize>,
}

impl AppServer for App {
    async fn enqueue(
        &self,
        event: &str,
        _tag: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        let mut data = b"pong ".to_vec();
        while let Some(chunk) = input.recv().await {
            data.extend_from_slice(&chunk?);
        }
        match event {
            "plain-text" => {
                output.send(data).await?;
                output.send("two").await?;
                output.finish()
            }
            "plain" => {
                output.send(&b"\x01\xff not utf8"[..]).await?;
                output.send("two").await?;
                output.finish()
            }
            "error-after-body" => {
                output.send("part").await?;
                output.fail(&Error::service(Code::new(Category::WORKER, 7), "after body"))
            }
            "flood" => loop {
                output.send(vec![b'x'; 1 << 16]).await?;
            },
            "wait" => {
                self.waiting.notify_one();
                self.go_on.notified().await;
                output.send(encode_response_head(StatusCode::OK, &HeaderMap::new())).await?;
                output.send("done").await?;
                output.finish()
            }
            "full" => output.fail(&Error::service(Code::QUEUE_FULL, "the queue is full")),
            _ => output.fail(&Error::service(Code::new(Category::WORKER, 7), "on purpose")),
        }
    }

    async fn info(&self) -> Result<Value> {
        Ok(Value::Map(vec![("bytes".into(), Value::from(&[0xff_u8][..]))]))
    }

    async fn control(&self, _input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        output.abandon();
        Ok(())
    }
}

/// A gateway in front of a node's services, with the blobs of the recorded exchanges, and of the app.
pub(crate) struct Stage {
    gateway: Gateway,
    pub(crate) storage: StorageClient,
    pub(crate) apps: NodeClient,
    app: App,
    _node: Node,
    _servers: [Server; 2],
}

impl Stage {
    /// Starts a gateway whose JSON-RPC reaches every service.
    async fn start() -> Self {
        // Nothing ever ends a stream of the locator.
        Self::open(HttpConfig::default().timeout_for("locator", Duration::from_millis(200))).await
    }

    /// Starts a gateway with these settings, whose JSON-RPC reaches every service.
    async fn open(http: HttpConfig) -> Self {
        Self::with(http.json_rpc_services(["storage", "logging", "locator"])).await
    }

    /// Starts a gateway with these settings.
    pub(crate) async fn with(http: HttpConfig) -> Self {
        let node = Node::builder().listen("127.0.0.1:0").in_memory().start().await.unwrap();
        let cloud = Cloud::new(&node.locator_addr().to_string()).unwrap();
        let storage: StorageClient = cloud.service().await.unwrap();
        let apps: NodeClient = cloud.service().await.unwrap();
        storage.write("httptest", "key", &Bytes::from("value"), Some(&["tag"])).await.unwrap();
        let app = App::default();
        let serving = app.clone();
        let serve = ServeApp::new(move |caller| {
            let is_counted = caller.connection_state::<OnceLock<()>>();
            is_counted.get_or_init(|| _ = serving.connections.fetch_add(1, Ordering::Relaxed));
            serving.clone()
        });
        let graph = serve.spec().graph();
        let server = Server::bind("127.0.0.1:0", serve).await.unwrap();
        let names = FakeLocator::default();
        names.add("httpraw", resolved_at(&server, graph));
        for name in ["storage", "logging", "node"] {
            names.add(name, cloud.resolve(name, None).await.unwrap());
        }
        let locator = names.serve().await;
        let http = http.listen("127.0.0.1:0");
        let gateway = Gateway::start(&locator.local_addr().to_string(), &http).await.unwrap();
        Self { gateway, storage, apps, app, _node: node, _servers: [server, locator] }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(crate) fn http_addr(&self) -> SocketAddr {
        self.gateway.local_addr()
    }

    /// Stops the gateway.
    pub(crate) async fn shutdown(self) {
        self.gateway.shutdown().await;
    }

    /// Posts a body, and returns the answer.
    async fn post(&self, body: &str) -> Response {
        fetch(self.http_addr(), post("", body)).await
    }

    /// Returns what a request is answered with.
    async fn rpc(&self, request: &Json) -> Json {
        json_of(&self.post(&request.to_string()).await)
    }

    /// Calls a method with these parameters.
    pub(crate) async fn call(&self, method: &str, params: Json) -> Json {
        self.rpc(&call_of(method, params)).await
    }
}

/// Returns a call of a method with these parameters.
pub(crate) fn call_of(method: &str, params: impl Into<Json>) -> Json {
    json!({"jsonrpc": "2.0", "method": method, "params": params.into(), "id": 1})
}

/// Returns a request of JSON-RPC with these headers.
pub(crate) fn post(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: h\r\nX-Cocaine-JSON-RPC: Yes\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Returns the JSON of an answer.
pub(crate) fn json_of(answer: &Response) -> Json {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    Json::from_str(answer.text()).unwrap()
}

/// The original aborts at every reply of a service.
const ABORTS: &str = "the process aborts";
const HANGS: &str = "nobody closes the stream, or answers, and the client waits";
const TOP_LEVEL: &str = "chunks beside `params` are an invalid request";
const JSON_RPC_WINS: &str = "the app is asked; with the header of JSON-RPC that is nobody's wish";
const TEXT: &str = "500 and an error that is a text, where JSON-RPC asks for an object";

/// What is answered otherwise than by an original proxy: ours in short, and what the original does.
const DIFFERENT: [(&str, &str, &str, &str); 46] = [
    (
        "rust",
        "batch",
        r#"[{"id":1,"jsonrpc":"2.0","result":"value"},{"id":1,"jsonrpc":"2.0","result":"value"}]"#,
        ABORTS,
    ),
    ("rust", "enqueue-bad-chunk", "-32602", TOP_LEVEL),
    ("rust", "enqueue-binary", r#"[{"$bytes":"Af8gbm90IHV0Zjg="},"two"]"#, TOP_LEVEL),
    ("rust", "enqueue-chunks-objects", r#"["pong data","two"]"#, TOP_LEVEL),
    ("rust", "enqueue-error-after-chunk", "7", TOP_LEVEL),
    ("rust", "enqueue-error", "7", TOP_LEVEL),
    ("rust", "enqueue-no-chunks", r#"["pong ","two"]"#, HANGS),
    (
        "rust",
        "enqueue-params-object",
        r#"[{"event":"write","value":["pong data"]},{"event":"write","value":["two"]},{"event":"close","value":[]}]"#,
        ABORTS,
    ),
    ("rust", "enqueue-two-writes", r#"["pong data","two"]"#, TOP_LEVEL),
    ("rust", "id-null", r#""value""#, ABORTS),
    ("rust", "locator", "-32003", ABORTS),
    ("rust", "mute", "null", HANGS),
    ("rust", "on-app-path", r#""value""#, JSON_RPC_WINS),
    ("rust", "rs-args-only", r#"[{"event":"value","value":["value"]}]"#, ABORTS),
    ("rust", "rs-bad-chunk", "-32602", ABORTS),
    (
        "rust",
        "rs-binary",
        r#"[{"event":"write","value":[{"$bytes":"Af8gbm90IHV0Zjg="}]},{"event":"write","value":["two"]},{"event":"close","value":[]}]"#,
        ABORTS,
    ),
    ("rust", "rs-error", r#"[{"event":"error","value":[[42,7],"on purpose"]}]"#, ABORTS),
    ("rust", "storage-find", r#"["key"]"#, ABORTS),
    ("rust", "storage-missing", "2", ABORTS),
    ("rust", "storage-read", r#""value""#, ABORTS),
    ("rust", "storage-unicode", "[]", ABORTS),
    ("rust", "storage-unicode-read", r#""café €""#, ABORTS),
    ("rust", "storage-write", "[]", ABORTS),
    ("rust", "trace", r#""value""#, ABORTS),
    ("rust", "with-dispatch-headers", r#""value""#, JSON_RPC_WINS),
    (
        "tornado",
        "batch",
        r#"[{"id":1,"jsonrpc":"2.0","result":"value"},{"id":1,"jsonrpc":"2.0","result":"value"}]"#,
        "has no batches",
    ),
    ("tornado", "disabled", r#""value""#, "has a switch, which was off; ours is `json_rpc`"),
    ("tornado", "enqueue-bad-chunk", "-32602", "passes the unknown message over"),
    ("tornado", "enqueue-binary", r#"[{"$bytes":"Af8gbm90IHV0Zjg="},"two"]"#, "500, `unknown error`"),
    ("tornado", "enqueue-chunks-objects", r#"["pong data","two"]"#, "does not know this form"),
    ("tornado", "enqueue-error", "7", TEXT),
    ("tornado", "enqueue-error-after-chunk", "7", TEXT),
    ("tornado", "enqueue-no-chunks", r#"["pong ","two"]"#, HANGS),
    (
        "tornado",
        "enqueue-params-object",
        r#"[{"event":"write","value":["pong data"]},{"event":"write","value":["two"]},{"event":"close","value":[]}]"#,
        "takes the names of the members for arguments",
    ),
    ("tornado", "locator", "-32003", "refuses streams without chunks; ours ends them with the time-out"),
    ("tornado", "no-dot", "-32000", "500, `unknown error`"),
    ("tornado", "no-id", "-", "has no notifications"),
    ("tornado", "no-params", "-32099", "insists on `params`, which JSON-RPC leaves open"),
    ("tornado", "not-object", "-32600", "500, `unknown error`"),
    ("tornado", "params-object", "-32602", "takes the names of the members for arguments"),
    ("tornado", "params-too-few", "-32099", TEXT),
    ("tornado", "params-wrong-type", "-32099", TEXT),
    ("tornado", "storage-missing", "2", TEXT),
    ("tornado", "two-dots", "-32601", "500, `unknown error`"),
    ("tornado", "unknown-service", "-32001", TEXT),
    ("tornado", "version-1", "-32600", "does not look at the version"),
];

/// One recorded exchange.
struct Recorded {
    proxy: String,
    scenario: String,
    sent: String,
    /// What the proxy has answered with, if it is JSON.
    answered: Option<Json>,
}

fn recorded() -> Vec<Recorded> {
    let all: Json = test_support::recording::read_json("http/jsonrpc");
    let text = |exchange: &Json, key: &str| exchange[key].as_str().unwrap().to_owned();
    let each = |exchange: &Json| {
        let answered = text(exchange, "answered");
        let body = answered.split_once("\r\n\r\n").map(|(_, body)| body);
        Recorded {
            proxy: text(exchange, "proxy"),
            scenario: text(exchange, "scenario"),
            sent: text(exchange, "sent"),
            answered: body.and_then(|body| body.parse().ok()),
        }
    };
    all.as_array().unwrap().iter().map(each).collect()
}

/// Returns what an answer says, in one word: its result, the code of its error, or nothing.
pub(crate) fn gist(answer: &Json) -> String {
    let error = answer.get("error").unwrap_or(answer);
    match (answer.get("result"), error.get("code")) {
        (Some(result), _) => result.to_string(),
        (None, Some(code)) => code.to_string(),
        (None, None) => answer.to_string(),
    }
}

#[tokio::test]
async fn recorded_calls_are_answered_as_expected() {
    let stage = Stage::start().await;
    let storage = &stage.storage;
    let mut unused = DIFFERENT.to_vec();
    let recorded = recorded();
    assert_eq!(recorded.len(), 76);
    for Recorded { proxy, scenario, sent, answered } in recorded {
        // An earlier exchange may have written it with a tag.
        storage.remove("httptest", "uni").await.unwrap();
        storage.write("httptest", "uni", &Bytes::from("caf\u{e9} \u{20ac}"), None).await.unwrap();
        let ours = Client::connect(stage.http_addr()).await.fetch(sent).await;
        let gists = [answered, ours.text().parse().ok()]
            .map(|answer: Option<Json>| answer.map_or_else(|| "-".to_owned(), |answer| gist(&answer)));
        let listed = unused.iter().position(|row| (row.0, row.1) == (&*proxy, &*scenario));
        let expected = listed.map_or_else(|| gists[0].clone(), |at| unused.swap_remove(at).2.to_owned());
        assert_eq!(gists[1], expected, "{proxy}/{scenario}: {}", ours.text());
        assert!(listed.is_none() || gists[0] != gists[1], "{proxy}/{scenario} is no different");
        let status = match &*gists[1] {
            "-32700" => 400,
            "-" => 204,
            _ => 200,
        };
        assert_eq!(ours.status, status, "{proxy}/{scenario}");
    }
    assert!(unused.is_empty(), "not recorded: {unused:?}");
}

#[tokio::test]
async fn batch_answers_keep_order_without_notifications() {
    let stage = Stage::start().await;
    let call = |id: Json, key: &str| json!({"jsonrpc": "2.0", "method": "storage.read", "params": ["httptest", key], "id": id});
    let mut notification = call(json!(0), "key");
    notification.as_object_mut().unwrap().remove("id");
    let batch = json!([call(json!("a"), "key"), notification, call(json!(2.5), "missing"), 42]);
    let answers = stage.rpc(&batch).await;
    let answers: Vec<_> = answers.as_array().unwrap().iter().map(|a| (a["id"].clone(), gist(a))).collect();
    let expected = [(json!("a"), "\"value\""), (json!(2.5), "2"), (Json::Null, "-32600")];
    assert_eq!(answers, expected.map(|(id, gist)| (id, gist.to_owned())));
    let silent = stage.post(&json!([notification, notification]).to_string()).await;
    assert_eq!((silent.status, silent.text()), (204, ""));
}

#[tokio::test]
async fn bytes_and_maps_round_trip_as_json() {
    let stage = Stage::start().await;
    let blob = json!({"$bytes": "AP+A"});
    assert_eq!(gist(&stage.call("storage.write", json!(["httptest", "bin", blob])).await), "[]");
    assert_eq!(stage.storage.read("httptest", "bin").await.unwrap(), &b"\0\xff\x80"[..]);
    assert_eq!(stage.call("storage.read", json!(["httptest", "bin"])).await["result"], blob);
    assert_eq!(stage.call("httpraw.info", json!([])).await["result"], json!({"bytes": {"$bytes": "/w=="}}));
}

#[tokio::test]
async fn full_queue_is_retried() {
    let stage = Stage::start().await;
    let answer = stage.call("httpraw.enqueue", json!(["full"])).await;
    assert_eq!(
        answer["error"],
        json!({"code": 1, "message": "the queue is full", "data": {"category": 0x52ff, "code": 1}})
    );
    let metrics = fetch(stage.http_addr(), get("/metrics")).await;
    let retried = "cocaine_gateway_retries_total{service=\"httpraw\"} 2";
    assert!(metrics.text().lines().any(|line| line == retried), "{}", metrics.text());
}

#[tokio::test]
async fn request_and_result_sizes_are_limited() {
    let http = HttpConfig::default().response_buffer(1 << 20).request_body(1 << 10);
    let stage = Stage::open(http).await;
    let answer = stage.call("httpraw.enqueue", json!(["flood"])).await;
    assert!(answer["error"]["data"].as_str().unwrap().contains("1048576 bytes"), "{answer}");
    let long = stage.post(&" ".repeat(2000)).await;
    assert_eq!(long.status, 413);
    let deep = stage.post(&format!("{}{}", "[".repeat(500), "]".repeat(500))).await;
    assert_eq!((deep.status, gist(&deep.text().parse().unwrap())), (400, "-32700".into()));
    let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let nested = stage.call("httpraw.info", nested.parse().unwrap()).await;
    assert_eq!(gist(&nested), "-32602", "{nested}");
}

#[tokio::test]
async fn wrong_arguments_end_no_other_call() {
    let stage = Stage::start().await;
    let mut event = Client::connect(stage.http_addr()).await;
    event.send("GET /httpraw/wait HTTP/1.1\r\nHost: h\r\n\r\n").await;
    stage.app.waiting.notified().await;
    let mut call = Client::connect(stage.http_addr()).await;
    call.send(post("", &call_of("httpraw.enqueue", json!(["wait"])).to_string())).await;
    stage.app.waiting.notified().await;
    assert_eq!(gist(&stage.call("httpraw.enqueue", json!([1])).await), "-32099");
    stage.app.go_on.notify_one();
    let answer = event.read_response("GET").await;
    assert_eq!((answer.status, answer.text()), (200, "done"));
    stage.app.go_on.notify_one();
    let answer = json_of(&call.read_response("POST").await);
    assert_eq!(answer["result"][1], "done", "{answer}");
}

#[tokio::test]
async fn ended_call_leaves_its_connection_to_next() {
    let stage = Stage::start().await;
    for _ in 0..3 {
        assert_eq!(gist(&stage.call("httpraw.info", json!([])).await), r#"{"bytes":{"$bytes":"/w=="}}"#);
    }
    assert_eq!(stage.app.connections.load(Ordering::Relaxed), 1);
    // A stream that never ends takes its connection with it.
    assert_eq!(gist(&stage.call("locator.connect", json!(["u"])).await), "-32003");
    assert_eq!(gist(&stage.call("locator.uuid", json!([])).await), "\"test\"");
}

#[tokio::test]
async fn disabled_json_rpc_ignores_the_header() {
    let stage = Stage::with(HttpConfig::default().json_rpc(false)).await;
    assert_eq!(stage.post("{}").await.status, 404);
}
