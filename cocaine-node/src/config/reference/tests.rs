use std::{fs, path::Path};

use serde::de::DeserializeOwned;

use super::*;
use crate::config::{AccessLogKind, HttpConfig, LogConfig, LogFormat, LogLevel};

/// Calls `check` with the path and the keys of every section.
fn each_section(path: &str, keys: &'static [SettingKey], check: &mut dyn FnMut(&str, &'static [SettingKey])) {
    check(path, keys);
    for key in keys.iter().filter(|key| !key.kind.keys().is_empty()) {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        each_section(&path, key.kind.keys(), check);
    }
}

/// `BLESS=1 cargo test -p cocaine-node --lib config` writes the page.
#[test]
fn page_is_what_the_code_renders() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let rendered = markdown();
    if std::env::var_os("BLESS").is_some() {
        assert!(std::env::var_os("CI").is_none(), "BLESS is not for CI");
        fs::write(&file, &rendered).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == rendered,
        "docs/configuration.md is not what the code renders: run `BLESS=1 cargo test -p cocaine-node --lib config`"
    );
}

/// Returns the keys that the parser accepts in a section, from its error for another one.
fn accepted_keys<S: DeserializeOwned>(path: &str) -> Vec<String> {
    let header = if path.is_empty() { String::new() } else { format!("[{path}]\n") };
    let error = toml::from_str::<S>(&format!("{header}no_such_key = 1")).err().unwrap();
    let (_, expected) = error.message().split_once("expected ").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn assert_parser_has_the_keys<S: Setting + DeserializeOwned>() {
    each_section("", S::KIND.keys(), &mut |path, keys| {
        let documented: Vec<_> = keys.iter().map(|key| key.name).collect();
        assert_eq!(accepted_keys::<S>(path), documented, "[{path}]");
    });
}

#[test]
fn documented_keys_are_those_of_the_parser() {
    assert_parser_has_the_keys::<NodeConfig>();
    assert_parser_has_the_keys::<GatewayConfig>();
}

#[test]
fn every_key_is_documented_in_full() {
    for keys in [NodeConfig::KIND.keys(), GatewayConfig::KIND.keys()] {
        each_section("", keys, &mut |path, keys| {
            for key in keys.iter().filter(|key| key.kind.keys().is_empty()) {
                let has_default = !key.default.is_empty();
                assert_eq!(
                    key.example.is_empty(),
                    has_default,
                    "[{path}] {}: a default or an example",
                    key.name
                );
                assert_eq!(key.unset.is_empty(), has_default, "[{path}] {}: what holds without it", key.name);
                assert!(key.text_line().ends_with('.'), "[{path}] {}: a sentence", key.name);
            }
        });
    }
}

/// Returns the file with all settings that are comments.
fn uncommented(file: &str) -> String {
    let setting = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    file.lines().map(setting).collect()
}

#[test]
fn printed_file_sets_what_was_set() {
    let texts = [
        "",
        "listen = '[::]:1'\nrestrict = ['a', \"b\\n\"]\n[log]\nlevel = 'warn'\nverbosity = -1\n",
        "[http]\n[http.headers]\n",
        "[http]\nsampling = 0.5\n[http.timeouts]\n'a/b c' = 1.5\n\"\\u007f\\\"\" = 2\n[http.hosts]\n\
         '*.x' = { service = 's', event = 'e' }\n[http.access_log]\nkind = 'json'\n",
        "[extra_param]\nweight = 1\nnested = { a = [1, { b = 'c' }] }\n[urlfetch]\ndeny = ['10.0.0.0/8']\n",
    ];
    for text in texts {
        let config: NodeConfig = toml::from_str(text).unwrap();
        let printed = config.to_toml().unwrap();
        assert_eq!(toml::from_str::<NodeConfig>(&printed).unwrap(), config, "{printed}");
    }
    let config: GatewayConfig = toml::from_str("locator = 'a,b'\n[http]\nclients = 7\n").unwrap();
    assert_eq!(toml::from_str::<GatewayConfig>(&config.to_toml().unwrap()).unwrap(), config);
}

#[test]
fn comments_of_printed_file_are_settings() {
    let printed = NodeConfig::default().to_toml().unwrap();
    assert!(printed.lines().all(|line| line.is_empty() || line.starts_with(['#', '['])), "{printed}");
    let all: NodeConfig = toml::from_str(&uncommented(&printed)).unwrap();
    each_section("", NodeConfig::KIND.keys(), &mut |path, keys| {
        let table = path
            .split('.')
            .filter(|name| !name.is_empty())
            .fold(toml::Value::try_from(&all).unwrap(), |table, name| table.get(name).unwrap().clone());
        for key in keys {
            assert!(table.get(key.name).is_some(), "[{path}] {}", key.name);
        }
    });
}

#[test]
fn reload_column_agrees_with_the_node() {
    let before = NodeConfig::default();
    for key in NodeConfig::KIND.keys() {
        let text = match key.kind {
            SettingKind::Value(_) => format!("{} = {}", key.name, key.sample()),
            SettingKind::Table(_) => format!("[{}]\n{}", key.name, key.sample()),
            SettingKind::Section(keys) if key.name != "log" => {
                assert!(keys.iter().all(|key| key.reload.is_empty()), "{}", key.name);
                format!("[{}]\n{} = {}", key.name, keys[0].name, keys[0].sample())
            }
            // The program and the gateway apply these sections.
            SettingKind::Section(_) | SettingKind::OptionalSection(_) => continue,
        };
        let fixed = before.fixed_changes(&toml::from_str(&text).unwrap());
        let expected = if key.reload.is_empty() { vec![key.name] } else { vec![] };
        assert_eq!(fixed, expected, "{}", key.name);
    }
}

#[test]
fn documented_defaults_are_those_of_the_types() {
    let defaults: NodeConfig = documented_defaults();
    let log = LogConfig { terminal: Some(true), verbosity: Some(0), ..defaults.log.clone() };
    assert_eq!(defaults.log, log);
    assert_eq!(
        (defaults.log.level, defaults.log.format),
        (Some(LogLevel::default()), Some(LogFormat::default()))
    );
    let http = defaults.http.unwrap();
    assert_eq!(http.listen.as_deref(), Some(HttpConfig::DEFAULT_ADDRESS));
    assert_eq!(http.access_log.kind, Some(AccessLogKind::default()));
}
