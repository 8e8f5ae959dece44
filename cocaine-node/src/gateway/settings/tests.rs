use std::{fs, path::Path};

use super::*;
use crate::config::GatewayConfig;

fn parse(text: &str) -> HttpConfig {
    toml::from_str(text).unwrap()
}

#[test]
fn empty_configuration_yields_documented_defaults() {
    let settings = GatewaySettings::new(&HttpConfig::default()).unwrap();
    assert_eq!(settings.listen, "127.0.0.1:8080");
    assert_eq!(settings.timeouts.get("any", "event"), Duration::from_secs(30));
    assert_eq!((settings.request_body, settings.buffer), (64 << 20, 512 << 20));
    assert_eq!(settings.headers, [(http::header::AUTHORIZATION, "authorization".to_owned())]);
    assert!(settings.json_rpc);
    let HeadTimeouts { head, idle } = settings.heads;
    assert_eq!((head, idle, settings.max_headers), (Duration::from_secs(10), Duration::from_secs(75), 256));
}

#[test]
fn documented_example_is_valid() {
    let docs = include_str!("../../config/http.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let text: Vec<_> = docs
        .skip_while(|line| !line.contains("```toml"))
        .skip(1)
        .take_while(|line| !line.contains("```"))
        .collect();
    let mut file: GatewayConfig = toml::from_str(&text.join("\n")).unwrap();
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(&token, "a token that is long enough").unwrap();
    assert_eq!(file.http.admin_token.as_deref(), Some("file:/etc/cocaine/token"));
    file.http.admin_token = Some(format!("file:{}", token.path().display()));
    let settings = GatewaySettings::new(&file.http).unwrap();
    assert_eq!(settings.admin_socket.as_deref(), Some(Path::new("/run/cocaine/admin")));
    assert_eq!(settings.admin.as_deref(), Some("127.0.0.1:8081"));
    assert_eq!(settings.hosts["*.shop.example"].service, "shop");
    assert_eq!(settings.timeouts.get("reports", "yearly"), Duration::from_mins(10));
    assert_eq!(settings.timeouts.get("reports", "else"), Duration::from_mins(2));
    assert_eq!(settings.timeouts.get_configured("else", "yearly"), None);
}

#[test]
fn unusable_values_are_refused_by_name() {
    for (text, named) in [
        ("timeout = 0", "timeout"),
        ("timeout = -1", "timeout"),
        ("client_timeout = nan", "client_timeout"),
        ("sampling = 1.5", "sampling"),
        ("buffer = 0", "buffer"),
        ("clients = 0", "clients"),
        ("trusted_proxies = [\"10.0.0.0/99\"]", "trusted_proxies"),
        ("idle_timeout = 0", "idle_timeout"),
        ("header_timeout = -1", "header_timeout"),
        ("max_headers = 0", "max_headers"),
        ("max_headers = 40000", "max_headers"),
        ("connections = 0", "connections"),
        ("headers = { \"a b\" = \"c\" }", "a b"),
        ("[timeouts]\nx = 0", "timeouts"),
    ] {
        let error = GatewaySettings::new(&parse(text)).unwrap_err().to_string();
        assert!(error.contains("http.") && error.contains(named), "{text}: {error}");
    }
}
