//! The configuration of an original runtime: what it means, and the list of what has no counterpart.

use std::{fs, path::Path};

use cocaine_node::config::{ConfigError, GatewayConfig, NodeConfig};
use test_support::wait::wait_until;

use crate::program::Program;

/// Reads `NAME.json`, and compares it with `NAME.toml` and with the lines of `NAME.warnings`.
fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/original");
    let path = |extension: &str| folder.join(format!("{name}.{extension}"));
    let mut config = NodeConfig::read(&path("json")).unwrap();
    let warnings = std::mem::take(&mut config.warnings);
    let lines = warnings.iter().fold(String::new(), |lines, warning| format!("{lines}{warning}\n"));
    assert_eq!(config, NodeConfig::read(&path("toml")).unwrap(), "{name}");
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        assert!(std::env::var_os("CI").is_none(), "golden files are not written by CI");
        fs::write(path("warnings"), &lines).unwrap();
    }
    assert_eq!(lines, fs::read_to_string(path("warnings")).unwrap(), "{name}: BLESS=1 writes the list");
}

#[test]
fn packaged_configuration_starts_as_it_did() {
    check("packaged");
}

#[test]
fn former_versions_are_read() {
    check("version_2");
    check("version_3");
}

#[test]
fn cluster_configuration_lists_what_is_missing() {
    check("zookeeper");
}

#[test]
fn odd_keys_are_listed_with_their_places() {
    check("odd");
}

fn read(text: &str) -> Result<NodeConfig, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cocaine.conf");
    fs::write(&file, text).unwrap();
    NodeConfig::read(&file)
}

/// Returns the end of an error, after the name of the file.
fn error(text: &str) -> String {
    let error = read(text).unwrap_err().to_string();
    error.split_once("cocaine.conf:").unwrap().1.to_owned()
}

#[test]
fn json_is_known_by_its_content() {
    let minimal = "{\"version\": 4}";
    for start in ["", " \n\t", "\u{feff}", "// first\n", "/* a\n b */ // c\n"] {
        let config = read(&format!("{start}{minimal}")).unwrap();
        assert_eq!(config.listen, Some("[::]:10053".into()), "{start:?}");
    }
    for toml in ["", "# {\n", "[log]\n", "\n\nuuid = \"{\"\n"] {
        assert_eq!(read(toml).unwrap().warnings, [], "{toml:?}");
    }
}

#[test]
fn syntax_errors_have_their_line() {
    assert_eq!(
        error("{\n\"version\": 4,\n\"a\" 1}"),
        "3: Expected colon after the string or word in object property"
    );
    assert_eq!(error("{\"version\": 4"), "1: Unterminated object");
    assert_eq!(error("// nothing"), "1: the file has no value");
    assert_eq!(error("{\"version\": 4}\n{}"), "2: Text cannot contain more than one JSON value");
    assert_eq!(error("{version: 4}"), "1: Expected string for object property");
    assert_eq!(error("{'version': 4}"), "1: Single-quoted strings are not allowed");
    assert!(error(&"[".repeat(100_000).replacen('[', "{\"a\":[", 1)).contains("nesting depth"));
}

#[test]
fn unknown_versions_are_refused() {
    let known = "the versions of an original's configuration are 2, 3 and 4";
    assert_eq!(error("{\n \"version\": 5}"), format!("2: version: 5 is not known: {known}"));
    assert_eq!(error("{\"version\": 1}"), format!("1: version: 1 is not known: {known}"));
    assert_eq!(error("{\"version\": \"4\"}"), "1: version: must be a number");
    assert_eq!(error("{}"), "1: there is no `version`: an original's configuration has 2, 3 or 4");
}

#[test]
fn empty_range_of_ports_is_none() {
    for (range, shared) in [("0, 0", None), ("7, 7", None), ("9, 8", None), ("0, 60", Some((1, 59)))] {
        let config = read(&format!("{{\"version\": 4, \"network\": {{\"shared\": [{range}]}}}}")).unwrap();
        assert_eq!(config.network.shared, shared, "{range}");
        assert!(config.warnings.iter().all(|warning| warning.path != "network.shared"), "{range}");
    }
}

#[test]
fn mistyped_values_are_named() {
    let with = |rest: &str| error(&format!("{{\"version\": 4,\n{rest}}}"));
    assert_eq!(with("\"network\": []"), "2: network: must be an object");
    let port = with("\"network\": {\"pinned\": {\"locator\": 70000}}");
    assert_eq!(port, "2: network.pinned.locator: 70000 is no number that can stand here");
    assert_eq!(with("\"network\": {\"shared\": [1]}"), "2: network.shared: must have two ports");
    assert_eq!(
        with("\"logging\": {\"severity\": \"loud\"}"),
        "2: logging.severity: must be debug, info, warning or error"
    );
    assert_eq!(with("\"services\": {\"a.b\": 1}"), "2: services[\"a.b\"]: must be an object");
    let restrict =
        with("\"services\": {\"locator\": {\"type\": \"locator\", \"args\": {\"restrict\": [1]}}}");
    assert_eq!(restrict, "2: services.locator.args.restrict[0]: must be a string");
}

#[test]
fn other_encodings_are_read_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cocaine.conf");
    fs::write(&file, b"{ // caf\xe9\n\"version\": 4}").unwrap();
    let config = NodeConfig::read(&file).unwrap();
    assert_eq!(config.warnings[0].path, "line 1");
    fs::write(&file, b"# caf\xe9\n").unwrap();
    assert!(NodeConfig::read(&file).unwrap_err().to_string().contains("invalid utf-8"));
}

#[test]
fn gateway_refuses_configuration_of_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cocaine.conf");
    fs::write(&file, "{\"version\": 4}").unwrap();
    let error = GatewayConfig::read(&file).unwrap_err().to_string();
    assert!(error.contains("an original runtime's is for a node"), "{error}");
}

/// A configuration of an original whose logs go to `log`.
fn logging_to(log: &Path, pool: u32) -> String {
    let sinks = format!("[{{\"sinks\": [{{\"type\": \"file\", \"path\": \"{}\"}}]}}]", log.display());
    format!(
        "{{\"version\": 4, // of this test\n\"network\": {{\"pool\": {pool}, \"hostnam{pool}\": 1}},\
         \"logging\": {{\"loggers\": {{\"core\": {sinks}}}}},}}"
    )
}

#[tokio::test]
async fn program_logs_list_and_reads_again() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("cocaine.conf"), folder.path().join("log"));
    fs::write(&file, logging_to(&log, 1)).unwrap();
    let options = ["--config", file.to_str().unwrap()];
    let program = Program::start(&folder.path().join("data"), &options);
    let has = |text: &str| fs::read_to_string(&log).is_ok_and(|lines| lines.contains(text));
    wait_until("the list is logged", async || has("configuration: network.hostnam1: is not known")).await;
    fs::write(&file, logging_to(&log, 2)).unwrap();
    program.signal("-HUP");
    wait_until("the file is read again", async || has("the configuration is read again")).await;
    let lines = fs::read_to_string(&log).unwrap();
    assert_eq!(lines.matches("configuration: network.hostnam2").count(), 1, "{lines}");
    assert_eq!(lines.matches("configuration: network.pool").count(), 1, "{lines}");
}

#[test]
fn check_config_prints_list() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cocaine.conf");
    fs::write(&file, logging_to(Path::new("/log"), 1)).unwrap();
    let options = ["--check-config", "--data", "/data", "--config", file.to_str().unwrap()];
    let output = Program::command(&options).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(
            "\ncocaine-node: network.hostnam1: is not known and has no effect: is `hostname` meant?\n"
        ),
        "{text}"
    );
    assert!(text.ends_with("\ncocaine-node: the configuration can be used\n"), "{text}");
}
