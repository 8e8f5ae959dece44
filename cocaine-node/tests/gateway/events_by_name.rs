//! JSON-RPC that calls events of apps by their names: by schemas of a node of this project, and of an original one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use cocaine::{
    Bytes, Category, Code, Error, Receiver, ReplySender, Result, Sender, Value, msgpack,
    schema::{AppSchema, HASH_HEADER, MANIFEST_KEY, hash_text},
    server::{Caller, Dispatch, Server},
};
use cocaine_bindings::{AppServer, ServeApp, ServeStorage, Storage};
use cocaine_node::{config::HttpConfig, gateway::Gateway};
use serde_json::{Value as Json, json};
use test_support::wait::wait_until;

use crate::{
    client::fetch,
    json_rpc::{call_of, gist, json_of, post},
    locator::{FakeLocator, resolved_at},
};

/// What the node of an app says of its schema.
#[derive(Clone, Default)]
struct Manifests {
    /// The manifest that the app has been started with; `None` for an app of an original node, which gives none.
    running: Arc<Mutex<Option<Bytes>>>,
    stored: Arc<Mutex<BTreeMap<String, Bytes>>>,
}

/// An app whose events answer with what they have received.
#[derive(Clone)]
struct App {
    manifests: Manifests,
    caller: Caller,
    /// The hash that its worker was made for, if it refuses others.
    accepted: Arc<Mutex<Option<String>>>,
}

impl AppServer for App {
    async fn enqueue(
        &self,
        event: &str,
        _tag: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        let mut chunks = Vec::new();
        while let Some(chunk) = input.recv().await {
            chunks.push(chunk?);
        }
        let hash = self.caller.headers().get(HASH_HEADER).map(|hash| hash.escape_ascii().to_string());
        let refused =
            self.accepted.lock().unwrap().as_ref().is_some_and(|accepted| Some(accepted) != hash.as_ref());
        if refused {
            let code = Code::new(Category::WORKER, 101);
            return output.fail(&Error::service(code, "made for another schema"));
        }
        match event {
            "nothing" => {}
            "taken" => {
                return output.fail(&Error::service(Code::new(Category::WORKER_USER, 7), "it is taken"));
            }
            "hash" => output.send(msgpack::to_vec(&hash)?).await?,
            "garbage" => output.send(msgpack::to_vec(&Value::from(1_u8))?).await?,
            "twice" => {
                output.send(msgpack::to_vec(&1)?).await?;
                output.send(msgpack::to_vec(&2)?).await?;
            }
            "full" => return output.fail(&Error::service(Code::QUEUE_FULL, "the queue is full")),
            "flood" => loop {
                output.send(msgpack::to_vec("x".repeat(1 << 16).as_str())?).await?;
            },
            _ => {
                for chunk in chunks {
                    output.send(chunk).await?;
                }
            }
        }
        output.finish()
    }

    async fn info(&self) -> Result<Value> {
        let Some(manifest) = self.manifests.running.lock().unwrap().clone() else {
            return Ok(Value::Map(vec![("uptime".into(), 1_u8.into())]));
        };
        if self.caller.headers().get(HASH_HEADER).is_none() {
            return Ok(Value::Map(vec![]));
        }
        Ok(Value::Map(vec![(MANIFEST_KEY.into(), manifest.into())]))
    }

    async fn control(&self, _input: Receiver<i32>, output: ReplySender<()>) -> Result<()> {
        output.abandon();
        Ok(())
    }
}

impl Storage for Manifests {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        let stored = self.stored.lock().unwrap().get(key).cloned();
        stored
            .filter(|_| collection == "manifests")
            .ok_or_else(|| Error::service(Code::NOT_FOUND, "No such file or directory"))
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Err(Error::service(Code::NOT_SUPPORTED, "nothing is written"))
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Err(Error::service(Code::NOT_SUPPORTED, "nothing is removed"))
    }

    async fn find(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// A gateway in front of the app and of the storage.
struct Stage {
    gateway: Gateway,
    manifests: Manifests,
    accepted: Arc<Mutex<Option<String>>>,
    _servers: [Server; 3],
}

impl Stage {
    async fn start(http: HttpConfig) -> Self {
        let (manifests, accepted) = (Manifests::default(), Arc::new(Mutex::new(None)));
        let serving = (manifests.clone(), accepted.clone());
        let serve = ServeApp::new(move |caller| App {
            manifests: serving.0.clone(),
            caller: caller.clone(),
            accepted: serving.1.clone(),
        });
        let graph = serve.spec().graph();
        let app = Server::bind("127.0.0.1:0", serve).await.unwrap();
        let stored = manifests.clone();
        let serve = ServeStorage::new(move |_| stored.clone());
        let storage_graph = serve.spec().graph();
        let storage = Server::bind("127.0.0.1:0", serve).await.unwrap();
        let names = FakeLocator::default();
        names.add("links", resolved_at(&app, graph));
        names.add("storage", resolved_at(&storage, storage_graph));
        let locator = names.serve().await;
        let http = http.listen("127.0.0.1:0");
        let gateway = Gateway::start(&locator.local_addr().to_string(), &http).await.unwrap();
        Self { gateway, manifests, accepted, _servers: [app, storage, locator] }
    }

    /// Sets the manifest with which the app runs.
    fn run(&self, schema: &Json) {
        *self.manifests.running.lock().unwrap() = Some(manifest(schema));
    }

    /// Stores a manifest, which the original node of the app runs.
    fn store(&self, schema: &Json) {
        self.manifests.stored.lock().unwrap().insert("links".into(), manifest(schema));
    }

    async fn rpc(&self, request: &Json) -> Json {
        json_of(&fetch(self.gateway.local_addr(), post("", &request.to_string())).await)
    }

    async fn call(&self, method: &str, params: Json) -> Json {
        self.rpc(&call_of(method, params)).await
    }
}

/// Starts a gateway in front of an app that runs with the schema of these tests.
async fn start() -> Stage {
    let stage = Stage::start(HttpConfig::default()).await;
    stage.run(&schema());
    stage
}

fn manifest(schema: &Json) -> Bytes {
    let value: Value = serde_json::from_value(json!({"slave": "app", "schema": schema})).unwrap();
    msgpack::to_vec(&value).unwrap().into()
}

/// A schema whose events answer with what they receive, if nothing else is said.
fn schema() -> Json {
    json!({
        "schema": 1,
        "events": {
            "shorten": {
                "arguments": [{"name": "link", "type": {"named": "Link"}}],
                "output": {"reply": {"named": "Link"}},
                "error": "ShortenError",
            },
            "raw": {"arguments": [{"name": "blob", "type": "bytes"}], "output": {"reply": "bytes"}},
            "number": {"arguments": [{"name": "number", "type": "u64"}], "output": {"reply": "u64"}},
            "maybe": {"arguments": [{"name": "x", "type": {"option": "u8"}}], "output": {"reply": {"option": "u8"}}},
            "party": {"input": "text", "output": {"stream": "text"}},
            "nothing": {},
            "silent": {"output": {"reply": "text"}},
            "taken": {"error": "ShortenError"},
            "hash": {"output": {"reply": "text"}},
            "garbage": {"output": {"reply": {"named": "Link"}}},
            "twice": {"output": {"reply": "u8"}},
            "flood": {"output": {"stream": "text"}},
            "full": {},
            "page": {"kind": "http"},
            "info": {},
        },
        "errors": {"ShortenError": {"variants": [{"name": "Other", "code": 1}, {"name": "Taken", "code": 7}]}},
        "types": {"Link": {"shape": {"struct": {"fields": [
            {"name": "slug", "type": "text"},
            {"name": "$id", "type": "bytes", "read": "sometimes"},
        ]}}}},
    })
}

#[tokio::test]
async fn events_are_called_by_name() {
    let stage = start().await;
    let link = json!({"slug": "caf\u{e9}", "$id": "/wA="});
    for (event, params, result) in [
        ("shorten", json!({"link": link}), link.clone()),
        ("shorten", json!([{"slug": "s"}]), json!({"slug": "s"})),
        ("raw", json!({"blob": "/w"}), json!("/w==")),
        ("number", json!({"number": "18446744073709551615"}), json!("18446744073709551615")),
        ("number", json!([7]), json!(7)),
        ("maybe", json!({}), json!(null)),
        ("maybe", json!([3]), json!(3)),
        ("party", json!({"$input": ["a", "b"]}), json!(["a", "b"])),
        ("party", json!([]), json!([])),
        ("nothing", json!({}), json!(null)),
    ] {
        let answer = stage.call(&format!("links.{event}"), params.clone()).await;
        assert_eq!(answer, json!({"jsonrpc": "2.0", "result": result, "id": 1}), "{event} {params}");
    }
    let absent = json!({"jsonrpc": "2.0", "method": "links.nothing", "id": 1});
    assert_eq!(stage.rpc(&absent).await["result"], json!(null));
}

#[tokio::test]
async fn call_carries_the_hash_of_its_event() {
    let stage = start().await;
    let schema: AppSchema = serde_json::from_value(schema()).unwrap();
    let expected = hash_text(schema.event_hash("hash").unwrap());
    assert_eq!(stage.call("links.hash", json!([])).await["result"], json!(expected));
}

#[tokio::test]
async fn faults_are_named() {
    let stage = start().await;
    for (event, params, code, words) in [
        ("shorten", json!({"url": "u"}), -32602, "shorten has no argument \"url\", it takes link"),
        ("shorten", json!({}), -32602, "the argument `link` is missing"),
        ("shorten", json!({"link": {}}), -32602, "`link.slug`: the field is missing"),
        ("gone", json!({}), -32601, "no event \"gone\" in its schema, only flood, full, garbage"),
        ("page", json!({}), -32601, "is an HTTP request"),
        (
            "garbage",
            json!({}),
            -32005,
            "the answer of garbage does not fit the schema of the app: expected Link",
        ),
        ("silent", json!({}), -32005, "it has no reply"),
        ("twice", json!({}), -32005, "2 chunks are not one reply"),
        ("full", json!({}), 1, "the queue is full"),
    ] {
        let answer = stage.call(&format!("links.{event}"), params.clone()).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert!(answer["error"].to_string().replace("\\\"", "\"").contains(words), "{answer}");
    }
    let mut call = call_of("links.nothing", json!([]));
    call["chunks"] = json!([]);
    let answer = stage.rpc(&call).await;
    assert_eq!(gist(&answer), "-32602", "{answer}");
    // The methods that every app has win over events of their names.
    assert_eq!(stage.call("links.info", json!([])).await["result"], json!({}));
}

#[tokio::test]
async fn declared_error_has_its_name() {
    let stage = start().await;
    let error = stage.call("links.taken", json!([])).await["error"].clone();
    let data = json!({"category": 43, "code": 7, "name": "Taken"});
    assert_eq!(error, json!({"code": 7, "message": "it is taken", "data": data}));
    let error = stage.call("links.enqueue", json!(["taken"])).await["error"].clone();
    assert_eq!(error["data"], json!({"category": 43, "code": 7}));
}

#[tokio::test]
async fn flood_ends_with_the_buffer() {
    let stage = Stage::start(HttpConfig::default().response_buffer(1 << 20)).await;
    stage.run(&schema());
    let answer = stage.call("links.flood", json!([])).await;
    assert!(answer["error"].to_string().contains("http.response_buffer"), "{answer}");
}

#[tokio::test]
async fn notifications_and_batches_work_by_name() {
    let stage = start().await;
    let mut notification = call_of("links.nothing", json!({}));
    notification.as_object_mut().unwrap().remove("id");
    let batch = json!([call_of("links.number", json!([1])), notification, call_of("links.taken", json!({}))]);
    let answers = stage.rpc(&batch).await;
    let gists: Vec<_> = answers.as_array().unwrap().iter().map(gist).collect();
    assert_eq!(gists, ["1", "7"]);
}

#[tokio::test]
async fn fallback_takes_events_by_position() {
    let stage = Stage::start(HttpConfig::default()).await;
    stage.run(&json!({"schema": 1, "fallback": "call"}));
    let answer = stage.call("links.any", json!([{"a": [1, "x"]}])).await;
    assert_eq!(answer["result"], json!([{"a": [1, "x"]}]));
    let answer = stage.call("links.any", json!({"a": 1})).await;
    assert!(answer["error"].to_string().contains("have no names"), "{answer}");
}

#[tokio::test]
async fn original_nodes_schema_is_read_from_storage() {
    let stage = Stage::start(HttpConfig::default()).await;
    stage.store(&schema());
    assert_eq!(stage.call("links.number", json!({"number": 1})).await["result"], 1);
}

#[tokio::test]
async fn app_without_schema_has_no_names() {
    let stage = Stage::start(HttpConfig::default()).await;
    let answer = stage.call("links.number", json!([1])).await;
    assert_eq!(answer["error"]["code"], -32601);
    assert!(answer["error"]["data"].as_str().unwrap().contains("uploaded without a schema"), "{answer}");
    // Parameters by name are those of an event, and whatever is wrong with others comes first.
    let by_name = stage.call("links.number", json!({"number": 1})).await;
    assert!(by_name["error"]["data"].as_str().unwrap().contains("uploaded without a schema"), "{by_name}");
    assert_eq!(gist(&stage.call("links.number", json!({"args": 1})).await), "-32602");
    assert_eq!(gist(&stage.call("nobody.number", json!({"number": 1})).await), "-32001");
}

#[tokio::test]
async fn unreadable_schema_is_reported() {
    let stage = Stage::start(HttpConfig::default()).await;
    for schema in [json!(1), json!({"schema": 2}), json!({"schema": 1, "events": []})] {
        stage.run(&schema);
        let has_changed = async || {
            let answer = stage.call("links.number", json!([1])).await;
            assert_eq!(answer["error"]["code"], -32601);
            answer["error"]["data"].as_str().unwrap().contains("its schema cannot be read")
        };
        wait_until("the schema is found unreadable", has_changed).await;
    }
}

#[tokio::test]
async fn changed_schema_is_noticed() {
    let stage = start().await;
    assert_eq!(stage.call("links.number", json!({"number": 1})).await["result"], 1);
    let mut newer = schema();
    newer["events"]["number"]["arguments"][0]["name"] = json!("n");
    stage.run(&newer);
    let is_noticed = async || stage.call("links.number", json!({"n": 1})).await["result"] == 1;
    wait_until("the new schema is used", is_noticed).await;
}

#[tokio::test]
async fn refused_schema_is_read_again() {
    let stage = start().await;
    assert_eq!(stage.call("links.number", json!([1])).await["result"], 1);
    let mut newer = schema();
    newer["events"]["number"]["arguments"][0]["type"] = json!("u32");
    stage.run(&newer);
    let schema: AppSchema = serde_json::from_value(newer).unwrap();
    *stage.accepted.lock().unwrap() = Some(hash_text(schema.event_hash("number").unwrap()));
    assert_eq!(stage.call("links.number", json!([2])).await["result"], 2);
    // A worker that refuses the newest schema, too, is asked once more only.
    *stage.accepted.lock().unwrap() = Some("0".into());
    assert_eq!(gist(&stage.call("links.number", json!([3])).await), "101");
}
