//! The commands against the recorded exchanges of an original runtime.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use cocaine::{Bytes, Value, msgpack};
use serde_json::Value as Json;

use crate::{command::ended, original::Original};

const LIFECYCLE: &str = "node/start_list_info_pause";
const STORED: &str = "storage/write_read_find_remove";
const UNICORN: &str = "unicorn/create_get_put_del";
/// The path of the recorded values.
const PATH: &str = "/t1795345856/a";

fn list(values: &[&str]) -> Value {
    Value::Array(values.iter().map(|value| (*value).into()).collect())
}

/// Has an original runtime store a map, which is found by these tags.
fn store(original: &Original, collection: &str, key: &str, tags: &[&str], entries: &[(&str, Value)]) {
    let entries: Vec<_> = entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
    let blob = Bytes::from(msgpack::to_vec(&Value::Map(entries)).unwrap());
    original.answer((STORED, 2), list(&[collection, key]), Value::Raw(blob));
    let find = Value::Array(vec![collection.into(), list(tags)]);
    original.answer((STORED, 3), find, list(&[key]));
}

#[test]
fn app_is_started_and_stopped_by_an_original() {
    let original = Original::start(&[(LIFECYCLE, 2), (LIFECYCLE, 3), (LIFECYCLE, 12), (LIFECYCLE, 13)]);
    let app = |verb: &str, args: &[&str]| original.run(&[&["app", verb, "lifecycle"], args].concat());
    let started = app("start", &["--profile", "lifecycle"]);
    assert_eq!(ended(&started, 0), ("", "lifecycle is started with the profile lifecycle\n"));
    let again = app("start", &["--profile", "lifecycle"]);
    let said = ended(&again, 1).1;
    assert!(said.contains("app 'lifecycle' is running: application has already been started"), "{said}");
    assert_eq!(ended(&app("stop", &[]), 0), ("", "lifecycle is stopped\n"));
    let said = "error: `lifecycle` does not run: `cocaine app list` shows what does\n";
    assert_eq!(ended(&app("stop", &[]), 3), ("", said));
    assert_eq!(original.finish(), [r#"storage 3 ["runlists", ["runlist"]]"#]);

    let original = Original::start(&[("node/start_missing_app", 1)]);
    let missing = original.run(&["app", "start", "nosuchapp", "--profile", "nosuchprofile"]);
    assert!(
        ended(&missing, 3).1.contains("profiles/nosuchprofile: No such file or directory"),
        "{missing:?}"
    );
    original.finish();
}

#[test]
fn original_stops_an_app_before_its_restart() {
    let original = Original::start(&[(LIFECYCLE, 3), (LIFECYCLE, 12), (LIFECYCLE, 2), (LIFECYCLE, 6)]);
    let said = "this node cannot replace an app that runs: lifecycle was stopped first\n\
                lifecycle is restarted with the profile lifecycle\n";
    assert_eq!(ended(&original.run(&["app", "restart", "lifecycle"]), 0), ("", said));
    assert_eq!(original.finish(), Vec::<String>::new());
}

#[test]
fn apps_of_an_original_are_listed_and_shown() {
    let original = Original::start(&[(LIFECYCLE, 4), (LIFECYCLE, 6)]);
    let listed = original.run(&["app", "list", "--output", "plain"]);
    assert_eq!(ended(&listed, 0), ("lifecycle\trunning\tlifecycle\t0\t\t\n", ""));
    original.finish();

    let original = Original::start(&[(LIFECYCLE, 6)]);
    let shown = original.run(&["app", "show", "lifecycle", "--output", "json"]);
    let shown: Json = serde_json::from_str(ended(&shown, 0).0).unwrap();
    assert_eq!(
        (&shown["state"], &shown["queue"], &shown["crashed"]),
        (&"running".into(), &0.into(), &0.into())
    );
    assert_eq!((&shown["manifest"], &shown["last_crash"]), (&Json::Null, &Json::Null));
    original.finish();

    let original = Original::start(&[]);
    let unknown = original.run(&["app", "show", "unknown-app"]);
    assert_eq!(ended(&unknown, 3), ("", "error: there is no app `unknown-app`\n"));
    assert_eq!(ended(&original.run(&["app", "list"]), 0).0, "");
}

#[test]
fn blobs_of_an_original_are_as_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blob").display().to_string();
    fs::write(&file, "value-1").unwrap();
    let removal = [(STORED, 2), (STORED, 7)];
    let original =
        Original::start(&[&[(STORED, 1), (STORED, 2), (STORED, 3), (STORED, 4)], &removal[..]].concat());
    let put = original.run(&["storage", "put", "coll", "key", &file, "--tag", "tag1", "--tag", "tag2"]);
    assert_eq!(ended(&put, 0), ("", "coll/key has 7 bytes\n"));
    assert_eq!(ended(&original.run(&["storage", "get", "coll", "key"]), 0).0, "value-1");
    for tags in [&["--tag", "tag1"][..], &["--tag", "tag1", "--tag", "tag2"]] {
        let listed = original.run(&[&["storage", "ls", "coll", "--output", "plain"], tags].concat());
        assert_eq!(ended(&listed, 0), ("key\n", ""));
    }
    assert_eq!(
        ended(&original.run(&["storage", "rm", "coll", "key", "--yes"]), 0).1,
        "coll/key is removed\n"
    );
    assert_eq!(original.finish(), Vec::<String>::new());

    let original = Original::start(&[(STORED, 8), (STORED, 9), ("storage/read_missing", 2)]);
    let missing = original.run(&["storage", "get", "coll", "key"]);
    let (_, said) = ended(&missing, 3);
    assert!(
        said.contains("coll/key cannot be read: ") && said.contains("No such file or directory"),
        "{said}"
    );
    assert_eq!(ended(&original.run(&["storage", "ls", "coll", "--tag", "tag1"]), 0), ("", ""));
    ended(&original.run(&["storage", "get", "no-coll", "missing"]), 3);
    assert_eq!(original.finish(), Vec::<String>::new());
}

#[test]
fn records_of_an_original_are_shown() {
    let original = Original::start(&[]);
    store(&original, "profiles", "small", &["profile"], &[("pool-limit", 2_u8.into())]);
    let shown = original.run(&["profile", "show", "small", "--output", "jsonl"]);
    assert_eq!(ended(&shown, 0), ("{\"pool-limit\":2}\n", ""));
    assert_eq!(ended(&original.run(&["profile", "list", "--output", "plain"]), 0), ("small\t\t\n", ""));
    original.finish();

    for (command, collection, tags, value, row) in [
        ("runlist", "runlists", &["runlist"][..], Value::from("small"), "boot\tshop=small\n"),
        ("group", "groups", &["group", "active"], 2_u8.into(), "boot\tshop=2\n"),
    ] {
        let original = Original::start(&[]);
        store(&original, collection, "boot", tags, &[("shop", value)]);
        let listed = original.run(&[command, "list", "--output", "plain"]);
        assert_eq!(ended(&listed, 0), (row, ""));
        assert_eq!(original.finish(), Vec::<String>::new());
        let missing = Original::start(&[]).run(&[command, "show", "boot"]);
        assert_eq!(ended(&missing, 3), ("", format!("error: there is no {command} `boot`\n").as_str()));
    }

    let original = Original::start(&[("locator/refresh", 2)]);
    let refreshed = original.run(&["group", "refresh", "no-such-group"]);
    assert_eq!(ended(&refreshed, 0), ("", "the locator has read anew: no-such-group\n"));
    assert_eq!(original.finish(), Vec::<String>::new());
}

#[test]
fn crashlogs_of_an_original_are_shown() {
    let original = Original::start(&[]);
    let key = "1700000000000000:ab";
    original.answer((STORED, 3), Value::Array(vec!["crashlogs".into(), list(&["shop"])]), list(&[key]));
    // The blob of `docs/node.md` 1.
    let lines = Value::Raw(Bytes::from_static(b"\x92\xa8line one\xa8line two"));
    original.answer((STORED, 2), list(&["crashlogs", key]), lines);
    assert_eq!(ended(&original.run(&["crashlog", "show", "shop"]), 0), ("line one\nline two\n", ""));
    assert_eq!(original.finish(), Vec::<String>::new());
}

#[test]
fn unicorn_of_an_original_is_as_recorded() {
    let put = ["set", PATH, "{\"k\": [1, -1, 2.5, true, null]}", "--version", "0"];
    let value = "{\"k\":[1,-1,2.5,true,null]}";
    let original = Original::start(&[1, 2, 3, 4, 5, 6, 14, 16].map(|channel| (UNICORN, channel)));
    let unicorn = |args: &[&str]| original.run(&[&["unicorn"], args, &["--output", "plain"]].concat());
    let row = |version, value: &str| format!("{PATH}\t{version}\t{value}\n");
    assert_eq!(ended(&unicorn(&["set", PATH, "value", "--version", "-1"]), 0).0, row(0, "\"value\""));
    assert_eq!(ended(&unicorn(&["get", PATH]), 0).0, row(0, "\"value\""));
    assert_eq!(ended(&unicorn(&put), 0).0, row(1, value));
    // The next one reads what is there in place of what it was to create.
    let said = format!("{PATH} has the version 1, and is {value}; nothing is changed\n");
    assert_eq!(ended(&unicorn(&["set", PATH, "again", "--version", "-1"]), 7), ("", said.as_str()));
    assert_eq!(ended(&unicorn(&["set", PATH, "x", "--version", "0"]), 7), ("", said.as_str()));
    assert_eq!(ended(&unicorn(&["get", PATH]), 3).1, format!("error: there is nothing at {PATH}\n"));
    assert!(ended(&unicorn(&["get", "/"]), 1).1.contains("root path is not allowed"));
    assert_eq!(original.finish(), Vec::<String>::new());

    let original = Original::start(&[("unicorn/children_subscribe", 1), ("unicorn/lock", 1)]);
    let children = original.run(&["unicorn", "ls", "/t1795345856/dir", "--output", "plain"]);
    assert_eq!(ended(&children, 0), ("one\n", ""));
    ended(&original.run(&["unicorn", "lock", "/t1795345856/lock", "--", "sh", "-c", "exit 3"]), 3);
    assert_eq!(original.finish(), Vec::<String>::new());
}

#[test]
fn watched_value_of_an_original_is_printed() {
    let original = Original::start(&[("unicorn/subscribe", 1)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_cocaine"))
        .args(["unicorn", "watch", "/t1795345856/sub", "--output", "plain"])
        .env("COCAINE_LOCATOR", original.locator())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(4);
    let lines: Vec<_> = lines.map(|line| line.unwrap().replace("/t1795345856/sub\t", "")).collect();
    assert_eq!(lines, ["-1\tnull", "0\t\"v0\"", "1\t\"v1\"", "-1\tnull"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn services_of_an_original_are_described_and_called() {
    let original = Original::start(&[(STORED, 3), (STORED, 8), ("logging/verbosity", 1)]);
    let described = original.run(&["service", "describe", "storage", "--output", "plain"]);
    assert!(
        ended(&described, 0).0.starts_with("0\tread\tunary\t{}\t{0: value, 1: error}\n"),
        "{described:?}"
    );
    let unknown = original.run(&["service", "describe", "no-such-service"]);
    assert!(ended(&unknown, 3).1.contains("no service or app `no-such-service` is running"), "{unknown:?}");
    assert_eq!(ended(&original.run(&["call", "logging", "verbosity"]), 0).0, "0\n");
    let found = original.run(&["call", "storage", "find", "coll", "[\"tag1\"]"]);
    let found: Json = serde_json::from_str(ended(&found, 0).0).unwrap();
    assert_eq!(found, serde_json::json!(["key"]));
    let missing = original.run(&["call", "storage", "read", "coll", "key"]);
    assert!(ended(&missing, 3).1.contains("No such file or directory"), "{missing:?}");
    let logs = original.run(&["logs"]);
    assert!(ended(&logs, 3).1.contains("an original node writes its log to a file"), "{logs:?}");
    assert_eq!(original.finish(), Vec::<String>::new());
}

#[test]
fn denial_of_an_original_is_exit_code_4() {
    let original = Original::start(&[]);
    for (args, request) in [
        (["profile", "list"], Value::Array(vec!["profiles".into(), list(&["profile"])])),
        (["runlist", "list"], Value::Array(vec!["runlists".into(), list(&["runlist"])])),
        (["group", "list"], Value::Array(vec!["groups".into(), list(&["group", "active"])])),
        (["crashlog", "list"], Value::Array(vec!["crashlogs".into(), list(&["shop"])])),
    ] {
        original.deny((STORED, 3), request);
        let app: &[&str] = if args[0] == "crashlog" { &["shop"] } else { &[] };
        let output = original.run(&[&args[..], app].concat());
        let (stdout, said) = ended(&output, 4);
        assert!(stdout.is_empty() && said.contains("Permission denied") && said.contains("hint: "), "{said}");
    }
    assert_eq!(original.finish(), Vec::<String>::new());
}
