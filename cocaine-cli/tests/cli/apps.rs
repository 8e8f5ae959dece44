//! `cocaine app list`, `show`, `start`, `stop`, `restart`, `remove`.

use std::collections::BTreeMap;

use cocaine::{Bytes, Value, msgpack};
use cocaine_bindings::{Node as _, NodeClient, Storage as _};
use cocaine_test::Cloud;
use serde_json::{Value as Json, json};

use crate::{
    command::{cloud_with_old_crashlogs, ended, run, run_at, storage, store},
    program::Programs,
    worker,
};

/// A cloud with the app `links` and the profile `patient`.
async fn cloud_with_app() -> Cloud {
    let (cloud, programs) = (cloud_with_old_crashlogs().await, Programs::new());
    let program = programs.add("worker", worker::script());
    store(&cloud, "profiles", "patient", &BTreeMap::from([("handshake-timeout", Value::from(60_u8))])).await;
    ended(&run(&cloud, &["app", "upload", "links", "--program", &program]), 0);
    cloud
}

/// Stores the runlist `boot`.
async fn store_runlist(cloud: &Cloud, entries: &BTreeMap<&str, &str>) {
    let blob = Bytes::from(msgpack::to_vec(entries).unwrap());
    storage(cloud).await.write("runlists", "boot", &blob, Some(&["runlist"])).await.unwrap();
}

/// Runs `cocaine` and returns its result, which is JSON.
fn json_of(cloud: &Cloud, args: &[&str]) -> Json {
    let output = run(cloud, &[args, &["--output", "json"]].concat());
    serde_json::from_str(ended(&output, 0).0).unwrap()
}

#[tokio::test]
async fn app_is_started_listed_restarted_and_stopped() {
    let cloud = cloud_with_app().await;
    store_runlist(&cloud, &BTreeMap::from([("links", "patient")])).await;
    let hash = json_of(&cloud, &["app", "list"])[0]["schema"].clone();
    assert!(hash.is_string());
    let stopped = json!([{
        "name": "links", "state": "stopped", "profile": null, "workers": null, "schema": hash, "runlists": ["boot"]
    }]);
    assert_eq!(json_of(&cloud, &["app", "ls"]), stopped);

    let said = "links is started with the profile patient\n";
    assert_eq!(ended(&run(&cloud, &["app", "start", "links"]), 0), ("", said));
    let row = format!("links\trunning\tpatient\t0\t{}\tboot\n", hash.as_str().unwrap());
    assert_eq!(ended(&run(&cloud, &["app", "list", "--output", "plain"]), 0), (row.as_str(), ""));
    let again = run(&cloud, &["app", "start", "links"]);
    assert!(ended(&again, 1).1.contains("`cocaine app restart links` starts it again"), "{again:?}");
    let said = "links is restarted with the profile patient\n";
    assert_eq!(ended(&run(&cloud, &["app", "restart", "links"]), 0), ("", said));

    let said = "links is stopped\nthe runlist boot starts it with the node again: `cocaine runlist remove boot links`\n";
    assert_eq!(ended(&run(&cloud, &["app", "stop", "links"]), 0), ("", said));
    let output = run(&cloud, &["app", "stop", "links"]);
    assert!(ended(&output, 3).1.contains("`links` does not run"));
    assert_eq!(json_of(&cloud, &["app", "list"]), stopped);
    let output = run(&cloud, &["app", "start", "links", "--profile", "none"]);
    assert!(ended(&output, 3).1.contains("`links` cannot be started with the profile `none`"));
}

#[tokio::test]
async fn app_is_shown_with_events_and_crash() {
    let cloud = cloud_with_app().await;
    let storage = storage(&cloud).await;
    let lines = msgpack::to_vec(&["first\u{1b}[2J\n", "second"]).unwrap();
    for time in ["1700000000000000", "1600000000000000"] {
        let key = format!("{time}:ab");
        storage.write("crashlogs", &key, &Bytes::from(lines.clone()), Some(&["links"])).await.unwrap();
    }
    let output = run(&cloud, &["app", "show", "links"]);
    let text = ended(&output, 0).0;
    for words in [
        "state       stopped\n",
        "\ngreet(name: text) -> text\n    Makes a greeting.\n",
        "\nthe last crash, 1700000000000000:ab:\n    first\\u{1b}[2J\n    second\n",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let shown = json_of(&cloud, &["app", "show", "links"]);
    assert_eq!(shown["manifest"], json!({ "slave": "links" }));
    assert_eq!(shown["last_crash"]["time"], "2023-11-14T22:13:20Z");
    assert_eq!(shown["events"][0]["name"], "greet");
    assert_eq!(ended(&run(&cloud, &["app", "show", "none"]), 3).1, "error: there is no app `none`\n");
}

#[tokio::test]
async fn app_is_removed_with_all_its_parts() {
    let cloud = cloud_with_app().await;
    let storage = storage(&cloud).await;
    store_runlist(&cloud, &BTreeMap::from([("links", "patient"), ("other", "default")])).await;
    let lines = Bytes::from(msgpack::to_vec(&["line"]).unwrap());
    storage.write("crashlogs", "1:ab", &lines, Some(&["links"])).await.unwrap();
    ended(&run(&cloud, &["app", "start", "links"]), 0);

    let action = "stop and remove the app `links`, its entry in the runlist `boot`, its versions (1)";
    let output = run(&cloud, &["app", "remove", "links"]);
    assert!(ended(&output, 2).1.contains(action), "{output:?}");
    let output = run(&cloud, &["app", "remove", "links", "--dry-run"]);
    assert_eq!(ended(&output, 0), ("", format!("would {action}\n").as_str()));
    assert_eq!(ended(&run(&cloud, &["app", "rm", "links", "--yes"]), 0), ("", "links is removed\n"));
    let node: NodeClient = cloud.client().service().await.unwrap();
    assert_eq!(node.list().await.unwrap(), Value::Array(Vec::new()));
    for collection in ["manifests", "apps"] {
        assert!(storage.read(collection, "links").await.unwrap_err().is_not_found());
    }
    let left: BTreeMap<String, String> =
        msgpack::from_slice(&storage.read("runlists", "boot").await.unwrap()).unwrap();
    assert_eq!(left, BTreeMap::from([("other".to_owned(), "default".to_owned())]));
    assert!(storage.read("crashlogs", "1:ab").await.is_ok());
    let output = run(&cloud, &["app", "remove", "links", "--crashlogs", "--yes"]);
    assert_eq!(ended(&output, 0), ("", "links is removed\n"));
    assert!(storage.read("crashlogs", "1:ab").await.unwrap_err().is_not_found());
    ended(&run(&cloud, &["app", "remove", "links", "--yes"]), 3);
}

#[tokio::test]
async fn hostile_names_and_manifests_are_listed() {
    let cloud = Cloud::start().await.unwrap();
    let storage = storage(&cloud).await;
    let long = "x".repeat(5_000);
    for name in ["\u{1b}[2J\n", "a/b", &long] {
        storage.write("manifests", name, &Bytes::from_static(b"\xc1"), Some(&["app"])).await.unwrap();
    }
    let output = run(&cloud, &["app", "list", "--output", "plain"]);
    let (text, said) = ended(&output, 0);
    assert!(text.starts_with("\\u{1b}[2J\\n\tstopped\t"), "{text}");
    assert_eq!((text.lines().count(), said.matches("warning: ").count()), (3, 3), "{said}");
    assert!(!text.contains('\u{1b}') && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn unreachable_cloud_is_exit_code_5() {
    for args in [["app", "list"], ["app", "ls"]] {
        let output = run_at("127.0.0.1:1", &args);
        assert!(ended(&output, 5).1.contains("hint: "), "{output:?}");
    }
}
