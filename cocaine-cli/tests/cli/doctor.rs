//! `cocaine doctor`.

use std::{collections::BTreeMap, process::Command};

use cocaine::{Bytes, Result, Value, events, msgpack};
use cocaine_bindings::Storage as _;
use cocaine_test::Cloud;
use serde_json::Value as Json;

use crate::command::{ended, storage, store};

/// Runs `cocaine doctor` with a configuration of its own; returns its exit code and its findings.
fn findings(locator: &str) -> (Option<i32>, Vec<Json>) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    command.args(["doctor", "--output", "json", "--timeout", "30", "--locator", locator]);
    let output = command.env("XDG_CONFIG_HOME", folder.path()).output().unwrap();
    let code = output.status.code();
    let result = ended(&output, code.unwrap()).0;
    (code, serde_json::from_str(result).unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

fn finding<'a>(findings: &'a [Json], check: &str, subject: &str) -> &'a Json {
    let is_wanted = |finding: &&Json| finding["check"] == check && finding["subject"] == subject;
    findings.iter().find(is_wanted).unwrap_or_else(|| panic!("no {check} {subject}: {findings:#?}"))
}

#[tokio::test]
async fn healthy_cloud_has_no_failed_check() {
    let cloud = Cloud::start().await.unwrap();
    let locator = cloud.locator_addr().to_string();
    let (code, findings) = findings(&locator);
    assert_eq!(code, Some(0), "{findings:#?}");
    for (check, subject) in [("locator", locator.as_str()), ("service", "storage"), ("service", "node")] {
        assert_eq!(finding(&findings, check, subject)["verdict"], "ok");
    }
    assert!(finding(&findings, "locator", &locator)["advice"].is_null());
}

#[tokio::test]
async fn runlist_names_what_is_missing() {
    let cloud = Cloud::start().await.unwrap();
    let storage = storage(&cloud).await;
    let small = msgpack::to_vec(&BTreeMap::<&str, Value>::new()).unwrap();
    storage.write("profiles", "small", &Bytes::from(small), Some(&["profile"])).await.unwrap();
    let runlist = msgpack::to_vec(&BTreeMap::from([("links", "small"), ("shop", "none")])).unwrap();
    storage.write("runlists", "main", &Bytes::from(runlist), Some(&["runlist"])).await.unwrap();

    let (code, findings) = findings(&cloud.locator_addr().to_string());
    assert_eq!(code, Some(1));
    let missing = finding(&findings, "runlist", "main: shop");
    assert_eq!(
        (&missing["verdict"], &missing["found"]),
        (&"failed".into(), &"there is no profile `none`".into())
    );
    let idle = finding(&findings, "runlist", "main: links");
    assert_eq!((&idle["verdict"], &idle["found"]), (&"warning".into(), &"it does not run".into()));
}

#[test]
fn missing_locator_is_the_only_failed_check() {
    let (code, findings) = findings("127.0.0.1:1");
    assert_eq!(code, Some(1));
    let failed = findings.iter().filter(|finding| finding["verdict"] == "failed");
    assert_eq!(failed.count(), 1, "{findings:#?}");
    let failed = finding(&findings, "locator", "127.0.0.1:1");
    assert!(failed["advice"].as_str().unwrap().contains("`cocaine node` starts one"), "{failed}");
}

#[cocaine::worker]
async fn ping() -> Result<String> {
    Ok("pong".to_owned())
}

#[tokio::test]
async fn other_versions_and_crash_loops_are_warnings() {
    let cloud = Cloud::start().await.unwrap();
    let _app = cloud.worker("links", |worker| worker.serve(events![ping])).await.unwrap();
    let _other = cloud.worker("shop", |worker| worker.serve(events![ping])).await.unwrap();
    let locator = cloud.locator_addr().to_string();
    let (_, before) = findings(&locator);
    for check in ["version", "crashes"] {
        assert!(before.iter().all(|finding| finding["check"] != check), "{before:#?}");
    }
    store(&cloud, "manifests", "links", &BTreeMap::from([("slave", Value::from("another"))])).await;
    let lines = Bytes::from(msgpack::to_vec(&["out of memory"]).unwrap());
    let storage = storage(&cloud).await;
    for minute in 0..3_u64 {
        let key = format!("{}:ab", 1_700_000_000_000_000 + minute * 60_000_000);
        storage.write("crashlogs", &key, &lines, Some(&["shop"])).await.unwrap();
    }

    let (code, findings) = findings(&locator);
    assert_eq!(code, Some(0), "{findings:#?}");
    let drifted = finding(&findings, "version", "links");
    assert_eq!(drifted["found"], "runs with another manifest than the uploaded one");
    assert!(drifted["advice"].as_str().unwrap().contains("cocaine app restart links"));
    let crashed = finding(&findings, "crashes", "shop");
    assert_eq!(
        (&crashed["verdict"], &crashed["found"]),
        (
            &"warning".into(),
            &"has crashed 3 times within 10 minutes, the last time at 2023-11-14T22:15:20Z".into()
        )
    );
}
