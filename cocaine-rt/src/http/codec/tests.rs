use http::{Method, Request, Response};

use super::*;
use crate::protocol::error::ErrorKind;

fn request(method: Method, uri: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The examples of `worker.md` 6.1.
#[test]
fn request_encoding_matches_the_examples() {
    let get = request(Method::GET, "http://else/hello?x=1", &[("Host", "localhost:8080"), ("Accept", "*/*")]);
    let post = request(Method::POST, "/echo", &[("host", "localhost"), ("content-length", "5")]);
    let examples = [
        (
            encode_request_chunk(&get, b""),
            "95a3474554aa2f68656c6c6f3f783d31a3312e319292a4486f7374ae6c6f63616c686f73743a3830383092a6416363657074a32a2f2aa0",
        ),
        (
            encode_request_chunk(&post, b"hello"),
            "95a4504f5354a52f6563686fa3312e319292a4486f7374a96c6f63616c686f737492ae436f6e74656e742d4c656e677468a135a568656c6c6f",
        ),
    ];
    for (written, expected) in examples {
        assert_eq!(written[..], test_support::hex::decode(expected));
    }
    let read = RequestChunk::decode(&encode_request_chunk(&post, b"hello")).unwrap();
    assert_eq!((&*read.method, &*read.uri, read.version), (&b"POST"[..], &b"/echo"[..], Version::HTTP_11));
    assert_eq!(read.headers[1], ("Content-Length".into(), "5".into()));
    assert_eq!(read.body, "hello");
}

/// The example of `worker.md` 6.2.
#[test]
fn response_head_encoding_matches_the_example() {
    let example =
        "92ccc89292ac436f6e74656e742d54797065aa746578742f706c61696e92ae436f6e74656e742d4c656e677468a135";
    let response = Response::builder().header("content-type", "text/plain").header("content-length", 5);
    let (parts, ()) = response.body(()).unwrap().into_parts();
    assert_eq!(encode_response_head(parts.status, &parts.headers)[..], test_support::hex::decode(example));
    assert_eq!(
        decode_response_head(&test_support::hex::decode(example).into()).unwrap(),
        (parts.status, parts.headers)
    );
}

#[test]
fn long_header_names_round_trip() {
    for len in [31, 32, 97, 98, 300] {
        let name = "a".repeat(len);
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("v"));
        let (_, read) = decode_response_head(&encode_response_head(StatusCode::OK, &headers)).unwrap();
        assert_eq!(read, headers);
    }
}

fn decode_head_of(value: &impl serde::Serialize) -> Result<(StatusCode, HeaderMap)> {
    decode_response_head(&crate::protocol::msgpack::to_vec(value).unwrap().into())
}

#[test]
fn lenient_response_heads_are_decoded() {
    let pairs = [("Set-Cookie", "a=1"), ("X-A", " b "), ("set-cookie", "b=2")];
    let (status, headers) = decode_head_of(&(299, pairs, "more")).unwrap();
    assert_eq!(status, 299);
    assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(headers["x-a"], "b");
    let (_, headers) = decode_head_of(&(200, [("Content-Length", 2)])).unwrap();
    assert_eq!(headers["content-length"], "2");
    let (_, headers) = decode_head_of(&(200, std::collections::BTreeMap::from([("A", "b")]))).unwrap();
    assert_eq!(headers["a"], "b");
    let (_, headers) = decode_head_of(&(200, [("A", "b", "c")])).unwrap();
    assert_eq!(headers["a"], "b");
}

#[test]
fn invalid_headers_are_skipped() {
    let pairs = [("", "noname"), ("X Space", "a"), ("X-A", "a\r\nX-Injected: yes"), ("X-B", "kept")];
    let (_, headers) = decode_head_of(&(200, pairs)).unwrap();
    assert_eq!(headers.len(), 1);
    assert_eq!(headers["x-b"], "kept");
}

#[test]
fn invalid_response_heads_are_rejected() {
    let no_headers: [(&str, &str); 0] = [];
    for status in [-1, 0, 100, 101, 199, 1000, 70_000] {
        let error = decode_head_of(&(status, no_headers)).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Decode(text) if text.contains("the status")), "{error}");
    }
    for chunk in [
        "c1ffff",
        "ccc8",
        "91ccc8",
        "92c090",
        "92a332303090",
        "92ccc8a0",
        "92ccc890a26f6b",
        "92ccc89292ac",
        "",
    ] {
        let error = decode_response_head(&test_support::hex::decode(chunk).into()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{chunk}: {error}");
    }
}

#[test]
fn lenient_requests_are_decoded() {
    let headers = [("a cookie", "v"), ("", ""), ("Host", "h")];
    let chunk = crate::protocol::msgpack::to_vec(&("GET", "/", "HTTP/1.0", headers, "body", "more")).unwrap();
    let read = RequestChunk::decode(&chunk.into()).unwrap();
    assert_eq!(read.version, Version::HTTP_10);
    assert_eq!(read.headers[0], ("a cookie".into(), "v".into()));
    assert_eq!(read.body, "body");
    let chunk = crate::protocol::msgpack::to_vec(&("GET", "/", "1.1", headers)).unwrap();
    assert!(RequestChunk::decode(&chunk.into()).unwrap().body.is_empty());
    for chunk in ["90", "93a3474554a12fa3312e31", "c0", "95a3474554a12fa3322e3090a0", ""] {
        let error = RequestChunk::decode(&test_support::hex::decode(chunk).into()).unwrap_err();
        assert!(error.to_string().contains("the chunk is not an HTTP request"), "{chunk}: {error}");
    }
}
