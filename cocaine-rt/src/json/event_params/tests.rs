use serde_json::{Value as Json, json};

use super::*;

fn schema() -> AppSchema {
    let schema = json!({"schema": 1, "events": {
        "none": {},
        "one": {"arguments": [{"name": "url", "type": "text"}]},
        "raw": {"arguments": [{"name": "blob", "type": "bytes"}]},
        "several": {"arguments": [
            {"name": "url", "type": "text"},
            {"name": "blob", "type": "bytes"},
            {"name": "ttl", "type": {"option": "u32"}},
        ]},
        "party": {"arguments": [{"name": "room", "type": "text"}], "input": "bytes"},
        "sum": {"input": "u32"},
    }});
    serde_json::from_value(schema).unwrap()
}

/// Returns the chunks in escaped form, or the error.
fn encoded(event: &str, params: &Json) -> Result<Vec<String>, String> {
    let schema = schema();
    let params: Value = serde_json::from_value(params.clone()).unwrap();
    match encode_params(&schema, event, &schema.events[event], Some(&params)) {
        Ok(chunks) => Ok(chunks.iter().map(|chunk| chunk.escape_ascii().to_string()).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn parameters_become_chunks_of_the_event() {
    let chunk = |value: &Value| msgpack::to_vec(value).unwrap().escape_ascii().to_string();
    let several = Value::Array(vec!["u".into(), (&b"\xff"[..]).into(), Value::Nil]);
    for (event, params, chunks) in [
        ("none", json!([]), vec![]),
        ("none", json!({}), vec![]),
        ("one", json!(["u"]), vec![chunk(&"u".into())]),
        ("one", json!({"url": "u"}), vec![chunk(&"u".into())]),
        ("raw", json!({"blob": "/w=="}), vec!["\\xff".to_owned()]),
        ("raw", json!([""]), vec![String::new()]),
        ("several", json!({"blob": "/w==", "url": "u"}), vec![chunk(&several)]),
        ("several", json!(["u", "/w"]), vec![chunk(&several)]),
        (
            "party",
            json!({"room": "r", "$input": ["YQ==", "Yg=="]}),
            vec![chunk(&"r".into()), "a".to_owned(), "b".to_owned()],
        ),
        ("sum", json!({"$input": [1, 2]}), vec![chunk(&1_u8.into()), chunk(&2_u8.into())]),
        ("sum", json!([]), vec![]),
    ] {
        assert_eq!(encoded(event, &params).unwrap(), chunks, "{event} {params}");
    }
}

#[test]
fn unfit_parameters_are_refused_by_name() {
    for (event, params, words) in [
        ("none", json!([1]), "1 arguments were sent, it takes no arguments"),
        ("none", json!(1), "`params` is an array"),
        ("one", json!({"uri": "u"}), r#"no argument "uri", it takes url"#),
        ("one", json!({}), "the argument `url` is missing, of the type text"),
        ("one", json!([]), "the argument `url` is missing"),
        ("one", json!({"url": 1}), "one: `url`: expected text, found 1"),
        ("one", json!({"url": "u", "$input": []}), r#"no argument "$input""#),
        ("several", json!({"url": "u", "blob": "?"}), "`blob`: expected bytes"),
        ("several", json!({"url": "u", "blob": "", "ttl": -1}), "`ttl`: expected u32, found -1"),
        ("sum", json!({"$input": 1}), "`$input` is a list"),
        ("sum", json!({"$input": [1, "x"]}), r#"`$input[1]`: expected u32, found "x""#),
        ("party", json!([1, 2]), "2 arguments were sent, it takes room, $input"),
    ] {
        let error = encoded(event, &params).unwrap_err();
        assert!(error.contains(words), "{event} {params}: {error}");
    }
    let twice: Value = serde_json::from_str(r#"{"url": "a", "url": "b"}"#).unwrap();
    let schema = schema();
    let error = encode_params(&schema, "one", &schema.events["one"], Some(&twice)).unwrap_err();
    assert!(error.to_string().contains("`url` is there twice"));
}
