//! Apps whose manifests have schemas.

use std::collections::BTreeMap;

use cocaine::{
    Bytes, ServiceClient, Value, msgpack,
    schema::{AppSchema, ArgumentSchema, EventOutput, EventSchema, HASH_HEADER, MANIFEST_KEY, Type},
};
use cocaine_bindings::{App, AppClient, Node as _, Storage};
use cocaine_node::{Node, config::HttpConfig};
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::cloud::{Cloud, PATIENCE};

/// Adds a schema to the manifest of an app.
async fn add_schema(cloud: &Cloud, app: &str, schema: &Value) {
    let blob = cloud.storage.read("manifests", app).await.unwrap();
    let mut manifest: BTreeMap<String, Value> = msgpack::from_slice(&blob).unwrap();
    manifest.insert(MANIFEST_KEY.to_owned(), schema.clone());
    let blob = Bytes::from(msgpack::to_vec(&manifest).unwrap());
    cloud.storage.write("manifests", app, &blob, Some(&["app"])).await.unwrap();
}

/// Returns a schema as a value of a manifest.
fn value_of(schema: &AppSchema) -> Value {
    msgpack::from_slice(&msgpack::to_vec(schema).unwrap()).unwrap()
}

/// A schema with this many events, each with three arguments.
fn schema_of(events: usize) -> AppSchema {
    let argument = |name: &str, ty| ArgumentSchema { name: name.to_owned(), ty };
    let event = EventSchema {
        doc: "Makes a short link, which is there until its time is over, and returns it.".into(),
        arguments: vec![
            argument("url", Type::Text),
            argument("tags", Type::List(Box::new(Type::Text))),
            argument("ttl", Type::Option(Box::new(Type::U32))),
        ],
        output: EventOutput::Reply(Type::Map(Box::new(Type::Text), Box::new(Type::U64))),
        ..EventSchema::default()
    };
    let events = (0..events).map(|number| (format!("event_{number}"), event.clone())).collect();
    AppSchema { events, ..AppSchema::default() }
}

#[tokio::test]
async fn info_shows_schema_of_thousand_events() {
    let cloud = Cloud::start().await;
    let schema = schema_of(1000);
    cloud.upload("links", "", json!({})).await;
    add_schema(&cloud, "links", &value_of(&schema)).await;
    cloud.apps.start_app("links", "links").await.unwrap();

    let info = cloud.apps.info("links", Some(3)).await.unwrap();
    let shown = info.get("manifest").and_then(|manifest| manifest.get(MANIFEST_KEY)).unwrap();
    let shown: AppSchema = msgpack::from_slice(&msgpack::to_vec(shown).unwrap()).unwrap();
    assert_eq!(shown, schema);
    assert!(cloud.info("links").await.get("manifest").is_none(), "without the flag");
    assert!(info.get("warnings").is_none(), "{info}");

    let app: AppClient = cloud.client.service_named("links").await.unwrap();
    let asked: AppClient = AppClient::from_service(app.service().with_header(HASH_HEADER, ""));
    let blob = asked.info().await.unwrap().get(MANIFEST_KEY).and_then(Value::as_bytes).cloned().unwrap();
    assert_eq!(AppSchema::from_manifest(&blob).unwrap(), Some(schema));
    // Whoever does not ask for it gets the original's answer.
    assert!(app.info().await.unwrap().get(MANIFEST_KEY).is_none());
}

#[tokio::test]
async fn running_app_keeps_its_schema() {
    let cloud = Cloud::start().await;
    cloud.upload("links", "", json!({})).await;
    add_schema(&cloud, "links", &value_of(&schema_of(1))).await;
    cloud.apps.start_app("links", "links").await.unwrap();
    add_schema(&cloud, "links", &value_of(&schema_of(2))).await;
    let app: AppClient = cloud.client.service_named("links").await.unwrap();
    let asked: AppClient = AppClient::from_service(app.service().with_header(HASH_HEADER, ""));
    let blob = asked.info().await.unwrap().get(MANIFEST_KEY).and_then(Value::as_bytes).cloned().unwrap();
    assert_eq!(AppSchema::from_manifest(&blob).unwrap(), Some(schema_of(1)));
}

#[tokio::test]
async fn deeply_nested_schema_costs_no_connection() {
    let cloud = Cloud::start().await;
    cloud.upload("links", "", json!({})).await;
    let deep = (0..30).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    add_schema(&cloud, "links", &deep).await;
    cloud.apps.start_app("links", "links").await.unwrap();
    let error = cloud.apps.info("links", Some(3)).await.unwrap_err();
    assert!(error.to_string().contains("nested"), "{error}");
    assert!(cloud.info("links").await.get("uptime").is_some());
}

#[tokio::test]
async fn event_is_called_by_name_through_gateway() {
    let http = HttpConfig::default().listen("127.0.0.1:0");
    let cloud = Cloud::with(Node::builder().http(http)).await;
    cloud.upload("links", "", json!({})).await;
    let schema = json!({"schema": 1, "events": {"echo": {
        "arguments": [{"name": "link", "type": {"map": ["text", "u64"]}}],
        "output": {"stream": {"map": ["text", "u64"]}},
    }}});
    add_schema(&cloud, "links", &serde_json::from_value(schema).unwrap()).await;
    cloud.apps.start_app("links", "links").await.unwrap();
    let body = json!({
        "jsonrpc": "2.0", "method": "links.echo", "params": {"link": {"hits": "18446744073709551615"}}, "id": 1,
    });
    let answer = post(&cloud, &body.to_string()).await;
    assert_eq!(answer["result"], json!([{"hits": "18446744073709551615"}]), "{answer}");
}

/// Returns the answer to a request of JSON-RPC.
async fn post(cloud: &Cloud, body: &str) -> Json {
    let exchange = async {
        let mut stream = TcpStream::connect(cloud.node.http_addr().unwrap()).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nX-Cocaine-JSON-RPC: 1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = timeout(PATIENCE, exchange).await.expect("an answer in time");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}
