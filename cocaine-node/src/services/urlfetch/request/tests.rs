use super::*;

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn get(url: &str) -> FetchRequest {
    FetchRequest::get(url, None, None).unwrap()
}

/// A request with headers that must not be sent to another origin, and others.
fn request_with_credentials() -> FetchRequest {
    let headers = pairs(&[
        ("authorization", "secret"),
        ("Host", "other.example"),
        ("Proxy-Authorization", "secret"),
        ("Content-Type", "text/plain"),
        ("x-own", "1"),
    ]);
    let cookies = pairs(&[("session", "secret")]);
    FetchRequest::post("http://a.example/dir/page", "body".into(), Some(&cookies), Some(&headers)).unwrap()
}

fn redirect_response(status: u16, location: &str) -> Response<()> {
    Response::builder().status(status).header("Location", location).body(()).unwrap()
}

fn follow_redirect(request: &FetchRequest, status: u16, location: &str) -> FetchRequest {
    request.redirected(&redirect_response(status, location)).unwrap().expect("a redirect")
}

fn invalid_text(request: Result<FetchRequest, FetchError>) -> String {
    match request {
        Err(FetchError::Invalid(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn request_carries_headers_and_cookies() {
    let sent = request_with_credentials().to_http().unwrap();
    assert_eq!(sent.method(), Method::POST);
    assert_eq!(sent.uri(), "http://a.example/dir/page");
    assert_eq!(sent.headers()["cookie"], "session=secret");
    assert_eq!(sent.headers()["host"], "other.example");
    assert_eq!(sent.headers()["accept"], "*/*");
    assert!(sent.headers()["user-agent"].to_str().unwrap().starts_with("cocaine-node/"));
    let agent = pairs(&[("User-Agent", "me"), ("Cookie", "a=1")]);
    let cookies = pairs(&[("b", "2"), ("c", "3=3")]);
    let sent =
        FetchRequest::get("http://a.example", Some(&cookies), Some(&agent)).unwrap().to_http().unwrap();
    assert_eq!(sent.headers()["user-agent"], "me");
    assert_eq!(sent.headers()["cookie"], "a=1; b=2; c=3=3");
    assert_eq!(sent.uri(), "http://a.example/");
}

#[test]
fn urls_are_normalized() {
    let cases = [
        ("HTTP://A.example/ü?q=a b#part", "http://a.example/%C3%BC?q=a%20b"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://[::FFFF:7f00:1]:80/", "http://[::ffff:7f00:1]/"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    ];
    for (url, sent) in cases {
        assert_eq!(get(url).to_http().unwrap().uri(), sent, "{url}");
    }
}

#[test]
fn invalid_requests_are_refused() {
    let url = |url| invalid_text(FetchRequest::get(url, None, None));
    assert!(url("").starts_with("it is not a URL: "));
    assert!(url("/path").starts_with("it is not a URL: "));
    assert!(url("http://").starts_with("it is not a URL: "));
    assert_eq!(url("file:///etc/passwd"), "only http and https are fetched, and not file");
    assert_eq!(url("gopher://a/"), "only http and https are fetched, and not gopher");
    assert!(url("http://user:password@a.example/").starts_with("a URL carries no password"));
    let header =
        |name, value| invalid_text(FetchRequest::get("http://a/", None, Some(&pairs(&[(name, value)]))));
    assert_eq!(header("a b", "1"), "\"a b\" is not a header name");
    assert!(header("a", "1\r\nb: 2").starts_with("the value of a has characters"));
    for name in ["Content-Length", "transfer-encoding", "Connection", "UPGRADE", "te"] {
        assert_eq!(header(name, "1"), format!("the header {name} is not the caller's to set"));
    }
    let cookie =
        |name, value| invalid_text(FetchRequest::get("http://a/", Some(&pairs(&[(name, value)])), None));
    for (name, value) in [("", "1"), ("a=b", "1"), ("a;b", "1"), ("a", "1; b=2")] {
        assert!(cookie(name, value).ends_with("is not a valid cookie"));
    }
    assert!(cookie("a", "1\n2").starts_with("the value of Cookie has characters"));
    let long = format!("http://a.example/{}", "x".repeat(70_000));
    assert!(matches!(get(&long).to_http(), Err(FetchError::Invalid(_))));
}

#[test]
fn redirect_status_decides_the_method() {
    for status in [301, 302, 303] {
        let next = follow_redirect(&request_with_credentials(), status, "other");
        assert_eq!((&next.method, next.body.len()), (&Method::GET, 0), "{status}");
        assert_eq!(next.url.as_str(), "http://a.example/dir/other");
        assert!(!next.headers.contains_key("content-type"), "{status}");
    }
    for status in [307, 308] {
        let next = follow_redirect(&request_with_credentials(), status, "/other");
        assert_eq!((&next.method, &next.body[..]), (&Method::POST, &b"body"[..]), "{status}");
        assert_eq!(next.url.as_str(), "http://a.example/other");
        assert!(next.headers.contains_key("content-type"), "{status}");
    }
}

#[test]
fn credentials_stay_with_their_origin() {
    let same = follow_redirect(&request_with_credentials(), 307, "http://a.example:80/other");
    for name in ["authorization", "cookie", "host", "proxy-authorization", "x-own"] {
        assert!(same.headers.contains_key(name), "{name}");
    }
    let elsewhere = [
        "http://b.example/",
        "https://a.example/",
        "http://a.example:81/",
        "//a.example.evil/",
        "http://a.example./",
    ];
    for location in elsewhere {
        let next = follow_redirect(&request_with_credentials(), 307, location);
        assert_eq!(next.headers.len(), 4, "{location}: {:?}", next.headers);
        for name in ["accept", "user-agent", "content-type", "x-own"] {
            assert!(next.headers.contains_key(name), "{location}: {name}");
        }
        let on = follow_redirect(&next, 307, "/on");
        assert_eq!(on.headers, next.headers, "removed headers stay removed");
        let back = follow_redirect(&on, 307, "http://a.example/");
        assert!(!back.headers.contains_key("cookie"), "the cookie does not return with its origin");
    }
}

#[test]
fn only_valid_redirects_are_followed() {
    for status in [200, 201, 300, 304, 305, 404] {
        assert!(get("http://a/").redirected(&redirect_response(status, "/b")).unwrap().is_none(), "{status}");
    }
    let nowhere = Response::builder().status(302).body(()).unwrap();
    assert!(get("http://a/").redirected(&nowhere).unwrap().is_none());
    for location in ["file:///etc/passwd", "ftp://b/", "http://", "http://user:password@b/", "javascript:1"] {
        let failed = get("http://a/").redirected(&redirect_response(302, location)).unwrap_err();
        assert!(matches!(failed, FetchError::InvalidResponse(_)), "{location}: {failed}");
    }
}
