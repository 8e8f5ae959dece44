use std::{fs, path::Path, time::Duration};

use cocaine::{Bytes, Limits};

use super::*;

fn read(text: &str) -> Result<NodeConfig, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    fs::write(&file, text).unwrap();
    NodeConfig::read(&file).map_err(|error| match error {
        ConfigError::Parse { line, reason, .. } => {
            ConfigError::Parse { file: "node.toml".into(), line, reason }
        }
        other => other,
    })
}

fn error_text(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

/// Returns the example in the docs of the module.
fn example() -> String {
    let docs = include_str!("../config.rs").lines().map_while(|line| line.strip_prefix("//!"));
    let docs = docs.map(|line| line.strip_prefix(' ').unwrap_or(line));
    docs.skip_while(|line| *line != "```toml")
        .skip(1)
        .take_while(|line| *line != "```")
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn documented_example_sets_every_key() {
    let config = read(&example()).unwrap();
    assert_eq!(config.listen.as_deref(), Some("127.0.0.1:10053"));
    assert_eq!(config.data.as_deref(), Some(Path::new("/var/lib/cocaine")));
    assert_eq!(config.cluster, Some(true));
    assert_eq!(config.hostname.as_deref(), Some("node-1.example"));
    assert_eq!(config.uuid.as_deref(), Some("…"));
    assert_eq!(config.restrict.as_deref(), Some(&["storage".to_owned()][..]));
    assert_eq!(config.runlist.as_deref(), Some("default"));
    assert_eq!(config.shutdown_timeout().unwrap(), Some(Duration::from_secs(8)));
    assert_eq!(
        config.apps,
        AppsConfig {
            startup_timeout: Some(15.0),
            idle_timeout: Some(true),
            restore: Some(true),
            max_workers: Some(1024),
            cgroups: Some(true),
            crashlogs: Some(50),
            crashlog_bytes: Some(16 << 20),
            total_crashlog_bytes: Some(256 << 20),
            crashlog_age: Some(2_592_000.0),
        }
    );
    assert_eq!(config.startup_timeout().unwrap(), Some(Duration::from_secs(15)));
    assert_eq!(config.geobase.database.as_deref(), Some(Path::new("cities.mmdb")));
    let log = LogConfig {
        level: Some(LogLevel::Info),
        file: Some("node.log".into()),
        terminal: Some(true),
        format: Some(LogFormat::Text),
        verbosity: Some(0),
    };
    assert_eq!(config.log, log);
    assert_eq!(config.cache, CacheConfig { max_size: Some(1_000_000), max_bytes: Some(512 << 20) });
    assert_eq!(config.chrono, ChronoConfig { timers: Some(65_536), client_timers: Some(1024) });
    let urlfetch = UrlfetchConfig {
        deny: Some(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]),
        allow: Some(vec!["10.1.0.0/16".parse().unwrap()]),
        max_body: Some(8 << 20),
        max_redirects: Some(10),
        max_fetches: Some(64),
        client_fetches: Some(16),
        max_timeout: Some(300.0),
    };
    assert_eq!(config.urlfetch, urlfetch);
    assert_eq!(config.limits.apply(Limits::default()).unwrap(), Limits::default());
    assert_eq!(config.limits.memory().unwrap().and_then(|memory| memory.limit()), Some(1 << 30));
    assert_eq!(config.encode_extra_param().unwrap(), Bytes::from(&b"\x81\xa6weight\x01"[..]));
}

#[test]
fn empty_file_is_the_default() {
    let config = read("").unwrap();
    assert_eq!(config, NodeConfig::default());
    assert_eq!(config.limits.apply(Limits::default()).unwrap(), Limits::default());
    assert_eq!(config.encode_extra_param().unwrap(), Bytes::from(&b"\x80"[..]));
}

#[test]
fn parse_error_names_file_and_line() {
    let unknown = error_text("listen = \"x\"\n\nlistne = \"y\"\n");
    assert!(unknown.starts_with("node.toml:3: unknown field `listne`, expected one of"), "{unknown}");
    let unknown = error_text("[log]\nlevel = \"info\"\ncolour = true\n");
    assert!(unknown.starts_with("node.toml:3: unknown field `colour`"), "{unknown}");
    let unknown = error_text("# a\n[limits]\nframes = 1\n");
    assert!(unknown.starts_with("node.toml:3: unknown field `frames`"), "{unknown}");
    let level = error_text("\n[log]\nlevel = \"loud\"\n");
    assert!(level.starts_with("node.toml:3: unknown variant `loud`"), "{level}");
    let syntax = error_text("listen = \"x\"\nüü\n");
    assert!(syntax.starts_with("node.toml:2: "), "{syntax}");
    let kind = error_text("cluster = \"yes\"\n");
    assert!(kind.starts_with("node.toml:1: invalid type: string"), "{kind}");
    let missing = NodeConfig::read(Path::new("/does/not/exist.toml")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read /does/not/exist.toml: "), "{missing}");
}

#[test]
fn limits_are_applied_and_zero_is_refused() {
    let config = read("[limits]\nmax_frame_bytes = 1024\nmax_invocations = 7\n").unwrap();
    assert_eq!(
        config.limits.apply(Limits::default()).unwrap(),
        Limits::default().max_frame_bytes(1024).max_invocations(7)
    );
    let zero = read("[limits]\nmax_channels = 0\n")
        .unwrap()
        .limits
        .apply(Limits::default())
        .unwrap_err()
        .to_string();
    assert_eq!(zero, "limits.max_channels is 0: nothing could be served");
    let zero = read("[limits]\nmax_memory_bytes = 0\n").unwrap().limits.memory().unwrap_err();
    assert_eq!(zero.to_string(), "limits.max_memory_bytes is 0: nothing could be served");
}

#[test]
fn extra_parameters_equal_recorded_header() {
    let config = read("[extra_param]\nx-cocaine-cluster = \"test\"\nweight = 1\n").unwrap();
    let recorded = b"\x82\xa6weight\x01\xb1x-cocaine-cluster\xa4test";
    assert_eq!(config.encode_extra_param().unwrap(), Bytes::from(&recorded[..]));
    let date = read("[extra_param]\na = { b = [1979-05-27] }\n").unwrap().encode_extra_param().unwrap_err();
    assert!(date.to_string().contains("a date"), "{date}");
}
