use cocaine::Value;

use super::{ParsedRequest, ResultForm, RpcMembers, RpcMessage, RpcRequest};

fn parse(text: &str) -> ParsedRequest {
    ParsedRequest::parse(serde_json::from_str(text).unwrap())
}

fn request(members: &str) -> Result<RpcRequest, String> {
    let text = format!(r#"{{"jsonrpc": "2.0", "id": 1, "method": "s.m", {members}}}"#);
    parse(&text)
        .request
        .and_then(RpcMembers::into_request)
        .map_err(|error| serde_json::to_string(&error).unwrap())
}

fn message(name: &str, args: &[&str]) -> RpcMessage {
    RpcMessage { name: name.into(), args: args.iter().map(|arg| Value::from(*arg)).collect() }
}

#[test]
fn parameters_and_chunks_have_two_forms() {
    let args = vec![Value::from("a"), 1_u8.into()];
    let chunks = vec![message("write", &["x"]), message("close", &[])];
    for (members, args, chunks, form) in [
        (r#""params": ["a", 1]"#, args.clone(), vec![], ResultForm::Values),
        (r#""x": 1"#, vec![], vec![], ResultForm::Values),
        (
            r#""params": ["a", 1], "chunks": [["write", ["x"]], ["close", []]]"#,
            args.clone(),
            chunks.clone(),
            ResultForm::Values,
        ),
        (
            r#""params": ["a", 1], "chunks": [{"write": ["x"]}, {"close": []}]"#,
            args.clone(),
            chunks.clone(),
            ResultForm::Values,
        ),
        (
            r#""params": {"args": ["a", 1], "chunks": [{"write": ["x"]}, ["close", []]]}"#,
            args.clone(),
            chunks.clone(),
            ResultForm::Events,
        ),
        (
            r#""params": {"args": ["a", 1]}, "chunks": [{"write": ["x"]}, {"close": []}]"#,
            args,
            chunks,
            ResultForm::Events,
        ),
    ] {
        let expected = RpcRequest { service: "s".into(), method: "m".into(), args, chunks, form };
        assert_eq!(request(members), Ok(expected), "{members}");
    }
}

#[test]
fn arguments_may_be_bytes() {
    let read =
        request(r#""params": [{"$bytes": "/w=="}], "chunks": [{"write": [{"$bytes": "AA=="}]}]"#).unwrap();
    assert_eq!(read.args, [Value::from(&[0xff_u8][..])]);
    assert_eq!(read.chunks[0].args, [Value::from(&[0_u8][..])]);
}

#[test]
fn invalid_request_is_refused_with_its_fault() {
    for (members, code, word) in [
        (r#""params": 1"#, "-32602", "`params` is an array"),
        (r#""params": null"#, "-32602", "`params` is an array"),
        (r#""params": {"key": "k"}"#, "-32602", "'args' parameter is required"),
        (r#""params": {"args": {}}"#, "-32602", "'args' parameter is required"),
        (r#""params": [{"$bytes": "?"}]"#, "-32602", "base64"),
        (r#""chunks": {}"#, "-32602", "`chunks` is a list"),
        (r#""chunks": [["close", []], 1]"#, "-32602", "chunk 2 is not"),
        (r#""chunks": [["write", "data"]]"#, "-32602", "chunk 1 is not"),
        (r#""chunks": [{"write": [], "close": []}]"#, "-32602", "chunk 1 is not"),
        (r#""chunks": [{"write": [{"$map": 1}]}]"#, "-32602", "chunk 1: "),
    ] {
        let error = request(members).unwrap_err();
        assert!(error.contains(code) && error.contains(word), "{members}: {error}");
    }
    for (text, code) in [
        (r#"{"jsonrpc": "1.0", "method": "s.m"}"#, "-32600"),
        (r#"{"method": "s.m"}"#, "-32600"),
        (r#"{"jsonrpc": "2.0"}"#, "-32600"),
        (r#"{"jsonrpc": "2.0", "method": 1}"#, "-32600"),
        (r#"{"jsonrpc": "2.0", "method": "s.m", "id": {}}"#, "-32600"),
        (r#"{"jsonrpc": "2.0", "method": "s.m", "id": true}"#, "-32600"),
        ("42", "-32600"),
        ("null", "-32600"),
        (r#"{"jsonrpc": "2.0", "method": "storage"}"#, "-32000"),
        (r#"{"jsonrpc": "2.0", "method": ".read"}"#, "-32000"),
        (r#"{"jsonrpc": "2.0", "method": "storage."}"#, "-32000"),
    ] {
        let error = serde_json::to_string(&parse(text).request.unwrap_err()).unwrap();
        assert!(error.contains(code), "{text}: {error}");
    }
}

#[test]
fn ids_are_kept_as_sent() {
    for (id, value) in [
        ("1", Some(1_u8.into())),
        ("-1.5", Some((-1.5).into())),
        ("\"a\"", Some("a".into())),
        ("null", Some(Value::Nil)),
        ("[]", Some(Value::Nil)),
    ] {
        assert_eq!(parse(&format!(r#"{{"id": {id}}}"#)).id, value, "{id}");
    }
    assert_eq!(parse("{}").id, None, "a notification has none");
    assert_eq!(parse("42").id, Some(Value::Nil), "it has no readable id");
}

#[test]
fn event_of_enqueue_is_its_first_argument() {
    let event = |method: &str, params: &str| {
        let text = format!(r#"{{"jsonrpc": "2.0", "method": "app.{method}", "params": {params}}}"#);
        parse(&text).request.and_then(RpcMembers::into_request).unwrap().event().to_owned()
    };
    assert_eq!(event("enqueue", r#"["ping"]"#), "ping");
    assert_eq!(event("enqueue", "[]"), "enqueue");
    assert_eq!(event("info", r#"["ping"]"#), "info");
}
