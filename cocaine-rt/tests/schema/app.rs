//! The schema of an app: its form, its place in a manifest, and its hashes.

use cocaine::{
    Bytes, ErrorKind, Value, msgpack,
    schema::{AppSchema, EventKind, EventOutput, MANIFEST_KEY, Type, hash_text},
};
use serde_json::{Value as Json, json};

fn shortener() -> Json {
    json!({
        "schema": 1,
        "events": {
            "shorten": {
                "doc": "Makes a short link.",
                "arguments": [{"name": "url", "type": "text"}, {"name": "ttl", "type": {"option": "u32"}}],
                "output": {"reply": {"named": "Link"}},
                "error": "LinkError"
            },
            "clicks": {"arguments": [{"name": "slug", "type": "text"}], "output": {"stream": {"named": "Link"}}},
            "import": {"input": "bytes", "output": {"reply": "u64"}},
            "page": {"kind": "http"},
            "touch": {}
        },
        "errors": {"LinkError": {"variants": [{"name": "NotFound", "code": 1}]}},
        "types": {"Link": {"shape": {"struct": {"fields": [{"name": "slug", "type": "text"}]}}}}
    })
}

fn read(json: Json) -> AppSchema {
    serde_json::from_value(json).unwrap()
}

/// Returns the hash of `shorten` and that of the app, after a change.
fn hashes(change: impl FnOnce(&mut Json)) -> (u64, u64) {
    let mut json = shortener();
    change(&mut json);
    let schema = read(json);
    (schema.event_hash("shorten").unwrap(), schema.hash())
}

#[test]
fn json_form_survives_and_carries_hashes() {
    let schema = read(shortener());
    let json = serde_json::to_value(&schema).unwrap();
    assert_eq!(json["hash"], hash_text(schema.hash()));
    assert_eq!(json["events"]["shorten"]["hash"], hash_text(schema.event_hash("shorten").unwrap()));
    assert_eq!(read(json.clone()), schema);
    let mut without_hashes = json;
    without_hashes.as_object_mut().unwrap().remove("hash");
    for event in without_hashes["events"].as_object_mut().unwrap().values_mut() {
        event.as_object_mut().unwrap().remove("hash");
    }
    assert_eq!(without_hashes, shortener());
    assert_eq!(schema.events["touch"].output, EventOutput::Reply(Type::Unit));
    assert_eq!(schema.events["page"].kind, EventKind::Http);
    assert_eq!(schema.errors["LinkError"].variants[0].category, 43);
    assert_eq!(schema.event_hash("no such"), None);
}

#[test]
fn manifest_holds_schema_beside_other_keys() {
    let schema = read(shortener());
    let with_schema = |schema: Value| {
        let manifest = vec![("slave".into(), "shortener".into()), (MANIFEST_KEY.into(), schema)];
        Bytes::from(msgpack::to_vec(&Value::Map(manifest)).unwrap())
    };
    let value: Value = msgpack::from_slice(&msgpack::to_vec(&schema).unwrap()).unwrap();
    assert_eq!(AppSchema::from_manifest(&with_schema(value)).unwrap(), Some(schema.clone()));
    assert_eq!(AppSchema::from_manifest(&with_schema(Value::Nil)).unwrap(), None);
    let without = msgpack::to_vec(&Value::Map(vec![("slave".into(), "a".into())])).unwrap();
    assert_eq!(AppSchema::from_manifest(&without.into()).unwrap(), None);

    let later = msgpack::to_vec(&AppSchema { version: 2, ..schema }).unwrap();
    let later = with_schema(msgpack::from_slice(&later).unwrap());
    let error = AppSchema::from_manifest(&later).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Config(_)), "{error}");
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[test]
fn event_hash_changes_with_what_travels() {
    let (event, app) = hashes(|_| ());
    assert_eq!(hashes(|json| json["events"]["shorten"]["doc"] = "Another.".into()), (event, app));

    for change in [
        |json: &mut Json| json["events"]["shorten"]["arguments"][0]["type"] = "bytes".into(),
        |json: &mut Json| json["events"]["shorten"]["arguments"][0]["name"] = "target".into(),
        |json: &mut Json| json["events"]["shorten"]["output"] = json!({"stream": {"named": "Link"}}),
        |json: &mut Json| json["events"]["shorten"]["input"] = "text".into(),
        |json: &mut Json| json["types"]["Link"]["shape"]["struct"]["fields"][0]["name"] = "id".into(),
    ] {
        let changed = hashes(change);
        assert!(changed.0 != event && changed.1 != app);
    }
    for change in [
        |json: &mut Json| json["events"]["touch"]["output"] = json!({"reply": "text"}),
        |json: &mut Json| json["errors"]["LinkError"]["variants"][0]["code"] = 2.into(),
        |json: &mut Json| json["fallback"] = "http".into(),
    ] {
        let changed = hashes(change);
        assert!(changed.0 == event && changed.1 != app);
    }
}

#[test]
fn documented_schema_can_be_read() {
    let page = include_str!("../../../docs/apps.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (json, _) = rest.split_once("```").unwrap();
    let schema: AppSchema = serde_json::from_str(json).unwrap();
    let written = serde_json::to_value(&schema).unwrap();
    let mut expected: Json = serde_json::from_str(json).unwrap();
    expected["hash"] = hash_text(schema.hash()).into();
    for (name, event) in expected["events"].as_object_mut().unwrap() {
        event["hash"] = hash_text(schema.event_hash(name).unwrap()).into();
    }
    assert_eq!(written, expected, "nothing in it is ignored");
}
