//! Runs the program, and looks at what is uploaded.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use cocaine::{Bytes, Value, msgpack};
use cocaine_bindings::{Storage, StorageClient};
use cocaine_node::config::NodeConfig;
use cocaine_test::Cloud;

/// Runs `cocaine` with these arguments, and the locator of a cloud.
pub(crate) fn run(cloud: &Cloud, args: &[&str]) -> Output {
    run_at(&cloud.locator_addr().to_string(), args)
}

/// Runs `cocaine` with these arguments and a locator.
pub(crate) fn run_at(locator: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    command.args(args).env("COCAINE_LOCATOR", locator).output().unwrap()
}

/// Returns what a program has printed on both streams, and checks its exit code.
pub(crate) fn ended(output: &Output, code: i32) -> (&str, &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    (std::str::from_utf8(&output.stdout).unwrap(), std::str::from_utf8(&output.stderr).unwrap())
}

/// Starts a cloud that keeps crashlogs, however old they are.
pub(crate) async fn cloud_with_old_crashlogs() -> Cloud {
    let mut config = NodeConfig::default();
    config.apps.crashlog_age = Some(4e9);
    Cloud::builder().node(|node| node.config(&config)).start().await.unwrap()
}

pub(crate) async fn storage(cloud: &Cloud) -> StorageClient {
    cloud.client().service().await.unwrap()
}

/// Returns the manifest of the app `links`.
pub(crate) async fn manifest(cloud: &Cloud) -> BTreeMap<String, Value> {
    let blob = storage(cloud).await.read("manifests", "links").await.unwrap();
    msgpack::from_slice(&blob).unwrap()
}

/// Stores a map.
pub(crate) async fn store(cloud: &Cloud, collection: &str, key: &str, map: &BTreeMap<&str, Value>) {
    let blob = Bytes::from(msgpack::to_vec(map).unwrap());
    storage(cloud).await.write(collection, key, &blob, Some(&["app"])).await.unwrap();
}
