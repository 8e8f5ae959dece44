use std::{fs, path::Path};

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
fn several_addresses_are_text_or_list() {
    let listen = |text: &str| read(text).unwrap().listen.unwrap();
    let expected: ListenAddresses = ["a:1", "unix:/b"].into_iter().collect();
    assert_eq!(listen("listen = 'a:1, unix:/b'\n"), expected);
    assert_eq!(listen("listen = ['a:1', 'unix:/b']\n"), expected);
    let kind = error_text("listen = 1\n");
    assert!(kind.contains("expected an address or a list of addresses"), "{kind}");
    let port = error_text("\n[network]\npinned = { storage = 65536 }\n");
    assert!(port.starts_with("node.toml:3: invalid value: integer `65536`"), "{port}");
}

#[test]
fn running_node_cannot_change_where_it_listens() {
    let older = read("listen = 'a:1'\n").unwrap();
    let newer = read("listen = ['a:1', 'b:1']\n[network]\nshared = [1, 2]\n").unwrap();
    assert_eq!(older.fixed_changes(&newer), ["listen", "network"]);
    assert_eq!(older.fixed_changes(&read("listen = ['a:1']\n").unwrap()), [""; 0]);
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
