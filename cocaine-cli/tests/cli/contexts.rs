//! `cocaine context`, and which cloud is used.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use cocaine_test::Cloud;
use tempfile::TempDir;

use crate::{
    command::{ended, run_at},
    program::{Programs, schema},
};

/// A configuration of its own.
struct Configuration(TempDir);

impl Configuration {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
        command.args(args).env_remove("COCAINE_LOCATOR").env_remove("COCAINE_CONTEXT");
        command.env("XDG_CONFIG_HOME", self.0.path()).envs(variables.iter().copied()).output().unwrap()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join("cocaine").join(file)).unwrap()
    }
}

#[test]
fn context_is_added_listed_selected_and_removed() {
    let configuration = Configuration::new();
    let added =
        configuration.run(&["context", "add", "live", "a:1,b:2", "--token", "env:LIVE", "--timeout", "5"]);
    assert_eq!(ended(&added, 0), ("", "the context `live` is written\n"));
    let live = "locator = \"a:1,b:2\"\ntoken = \"env:LIVE\"\ntimeout = 5.0\n";
    assert_eq!(configuration.read("contexts/live.toml"), live);
    let added = configuration.run(&["context", "add", "test", "c:3", "--select"]);
    assert_eq!(ended(&added, 0), ("", "the context `test` is written, and selected\n"));
    let table = "SELECTED  NAME  LOCATOR  TOKEN     TIMEOUT\n          live  a:1,b:2  env:LIVE  5 s\n*         test  c:3\n";
    assert_eq!(ended(&configuration.run(&["context", "ls"]), 0), (table, ""));
    let shown =
        r#"{"name":"test","locator":"c:3","token":null,"timeout":null,"selected":true}"#.to_owned() + "\n";
    let output = configuration.run(&["context", "show", "--output", "jsonl"]);
    assert_eq!(ended(&output, 0), (shown.as_str(), ""));

    ended(&configuration.run(&["context", "select", "live"]), 0);
    assert_eq!(configuration.read("context"), "live\ntest\n");
    let output = configuration.run(&["context", "select", "-"]);
    assert_eq!(ended(&output, 0), ("", "the context `test` is selected\n"));
    let output = configuration.run(&["context", "rm", "test"]);
    assert!(ended(&output, 2).1.contains("`--yes` does it"));
    let output = configuration.run(&["context", "rm", "test", "--dry-run"]);
    assert_eq!(ended(&output, 0), ("", "would remove the context `test`\n"));
    let output = configuration.run(&["context", "rm", "test", "--yes"]);
    assert_eq!(ended(&output, 0), ("", "the context `test` is removed\n"));
    ended(&configuration.run(&["context", "show"]), 3);
    ended(&configuration.run(&["context", "rm", "test", "--yes"]), 3);
}

#[test]
fn token_itself_is_refused_and_not_repeated() {
    let configuration = Configuration::new();
    for secret in ["s3cret", "s3cret:more", "env:"] {
        let output = configuration.run(&["context", "add", "live", "a:1", "--token", secret]);
        let (result, said) = ended(&output, 2);
        assert!(said.contains("`file:PATH` or `env:NAME` is wanted") && !said.contains("s3cret"), "{said}");
        assert_eq!(result, "");
    }
    assert_eq!(ended(&configuration.run(&["context", "list", "--output", "json"]), 0).0, "[]\n");
}

#[test]
fn readable_token_file_is_warned_of() {
    let (configuration, files) = (Configuration::new(), Programs::new());
    let path = files.add("token", "s3cret\n");
    let source = format!("file:{path}");
    let args = ["context", "add", "live", "a:1", "--token", &source];
    let warning = format!("warning: others may read {path}: `chmod 600 {path}`\n");
    assert_eq!(ended(&configuration.run(&args), 0).1, warning + "the context `live` is written\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let output = configuration.run(&args);
    assert!(ended(&output, 2).1.contains("replace the context `live`"), "{output:?}");
    let output = configuration.run(&[&args[..], &["--yes"]].concat());
    assert_eq!(ended(&output, 0).1, "the context `live` is written\n");
}

#[tokio::test]
async fn named_cloud_is_used_alone() {
    let (cloud, configuration) = (Cloud::start().await.unwrap(), Configuration::new());
    let address = cloud.locator_addr().to_string();
    let files = Programs::new();
    let file = files.add("links.json", schema("\"u8\""));
    let check = ["app", "check", "none", "--schema", &file, "--timeout", "20"];
    let usual = ended(&run_at(&address, &check), 3).1.to_owned();

    // The token of this context cannot be read, so that whoever wants it fails.
    ended(&configuration.run(&["context", "add", "closed", "127.0.0.1:1", "--token", "env:NO_TOKEN"]), 0);
    ended(&configuration.run(&["context", "add", "open", &address]), 0);
    ended(&configuration.run(&["context", "select", "closed"]), 0);
    assert!(ended(&configuration.run(&check), 1).1.contains("the variable NO_TOKEN with the token"));
    let by_option = configuration.run(&[&check[..], &["--locator", &address]].concat());
    assert_eq!(ended(&by_option, 3).1, usual);
    let by_variable = configuration.run_with(&check, &[("COCAINE_LOCATOR", &address)]);
    assert_eq!(ended(&by_variable, 3).1, usual);
    let variables = [("COCAINE_LOCATOR", "127.0.0.1:1"), ("COCAINE_CONTEXT", "closed")];
    let by_context = configuration.run_with(&[&check[..], &["--context", "open"]].concat(), &variables);
    assert_eq!(ended(&by_context, 3).1, usual);
    let by_variable = configuration.run_with(&check, &[("COCAINE_CONTEXT", "open")]);
    assert_eq!(ended(&by_variable, 3).1, usual);
    let both = configuration.run(&[&check[..], &["--context", "open", "--locator", &address]].concat());
    assert!(ended(&both, 2).1.contains("name two clouds"));
}
