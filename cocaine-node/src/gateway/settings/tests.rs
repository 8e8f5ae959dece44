use std::{fs, path::Path};

use super::*;
use crate::{
    config::{GatewayConfig, Setting, documented_defaults},
    gateway::Gateway,
};

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
fn configuration_is_resolved() {
    let text = "[http]\nadmin = '127.0.0.1:8081'\nadmin_socket = '/run/cocaine/admin'\n\
                [http.timeouts]\nreports = 120\n'reports/yearly' = 600\n\
                [http.hosts]\n'*.shop.example' = { service = 'shop', event = 'http' }\n";
    let mut file: GatewayConfig = toml::from_str(text).unwrap();
    let token = tempfile::NamedTempFile::new().unwrap();
    fs::write(&token, "a token that is long enough").unwrap();
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

#[test]
fn documented_defaults_are_those_of_the_gateway() {
    let resolved = |config: &HttpConfig| format!("{:#?}", GatewaySettings::new(config).unwrap());
    assert_eq!(resolved(&documented_defaults()), resolved(&HttpConfig::default()));
    let gateway: GatewayConfig = documented_defaults();
    assert_eq!(gateway.shutdown_timeout().unwrap(), Some(Gateway::SHUTDOWN_TIMEOUT));
    let memory = gateway.memory().unwrap().and_then(|memory| memory.limit());
    assert_eq!(memory, Some(Gateway::MAX_MEMORY_BYTES));
}

/// Changes a number or a switch to another valid one.
fn changed(value: &toml::Value) -> Option<toml::Value> {
    match value {
        toml::Value::Boolean(value) => Some((!value).into()),
        toml::Value::Integer(value) => Some((value + 1).into()),
        toml::Value::Float(value) => Some((value / 2.0).into()),
        _ => None,
    }
}

#[test]
fn reload_column_agrees_with_the_gateway() {
    let settings = |config: &HttpConfig| GatewaySettings::new(config).unwrap();
    let mut compared = 0;
    for key in HttpConfig::KIND.keys() {
        let default = format!("value = {}", key.default).parse::<toml::Table>();
        let Some(value) = default.ok().and_then(|table| changed(table.get("value")?)) else {
            continue;
        };
        let config = toml::from_str(&format!("{} = {value}", key.name)).unwrap();
        let fixed = settings(&HttpConfig::default()).fixed_changes(&settings(&config));
        assert_eq!(fixed.is_empty(), !key.reload.is_empty(), "{}", key.name);
        compared += 1;
    }
    assert_eq!(compared, 13);
}
