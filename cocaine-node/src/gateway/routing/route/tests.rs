use http::Request;

use super::*;

fn parts(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn hosts() -> HashMap<String, Target> {
    let target = |service: &str| Target::new(service, "http");
    [("shop.example", "shop"), ("*.shop.example", "branch"), ("[::1]", "six")]
        .map(|(host, service)| (host.into(), target(service)))
        .into()
}

fn found(uri: &str, headers: &[(&str, &str)]) -> Option<(String, String, String)> {
    match find_route(&parts(uri, headers), &hosts()).unwrap() {
        Route::Event(target, rest) => Some((target.service, target.event, rest.to_string())),
        Route::Gateway => None,
    }
}

fn app(service: &str, event: &str, rest: &str) -> (String, String, String) {
    (service.into(), event.into(), rest.into())
}

#[test]
fn path_names_service_and_event() {
    for (uri, rest) in [
        ("/app/ev", "/"),
        ("/app/ev/", "/"),
        ("/app/ev?x=1", "/?x=1"),
        ("/app/ev?", "/?"),
        ("/app/ev/a/b?x=1", "/a/b?x=1"),
        ("/app/ev//a", "//a"),
        ("http://else:1/app/ev/a", "/a"),
    ] {
        assert_eq!(found(uri, &[]), Some(app("app", "ev", rest)), "{uri}");
    }
    for uri in ["/", "/ping", "/metrics", "/ping?x", "/app", "/app/", "//x", "//", "/app//x", "*"] {
        assert_eq!(found(uri, &[]), None, "{uri}");
    }
}

#[test]
fn headers_precede_host_and_path() {
    let both = [("x-cocaine-service", "s"), ("X-Cocaine-Event", "e"), ("host", "shop.example")];
    assert_eq!(found("/app/ev?x=1", &both), Some(app("s", "e", "/app/ev?x=1")));
    assert_eq!(found("/ping", &both), Some(app("s", "e", "/ping")));
    assert_eq!(found("*", &both), Some(app("s", "e", "*")));
}

#[test]
fn incomplete_headers_are_refused() {
    for headers in [
        &[("x-cocaine-service", "s")][..],
        &[("x-cocaine-event", "e")],
        &[("x-cocaine-service", ""), ("x-cocaine-event", "e")],
        &[("x-cocaine-service", "s"), ("x-cocaine-event", " ")],
        &[("x-cocaine-service", "s"), ("x-cocaine-service", "t"), ("x-cocaine-event", "e")],
    ] {
        let error = find_route(&parts("/app/ev", headers), &hosts()).unwrap_err();
        assert!(error.0.contains("x-cocaine-"), "{}", error.0);
    }
}

#[test]
fn host_names_select_events() {
    for (host, service) in [
        ("shop.example", "shop"),
        ("SHOP.example:8080", "shop"),
        ("shop.example.", "shop"),
        ("a.shop.example", "branch"),
        ("[::1]:8080", "six"),
        ("[::1]", "six"),
    ] {
        assert_eq!(
            found("/any/path?x", &[("host", host)]),
            Some(app(service, "http", "/any/path?x")),
            "{host}"
        );
    }
    assert_eq!(found("http://shop.example/a/b", &[("host", "else")]), Some(app("shop", "http", "/a/b")));
    for host in ["else", "a.b.shop.example", "", "shop.example:x"] {
        assert_eq!(found("/one", &[("host", host)]), None, "{host}");
    }
}
