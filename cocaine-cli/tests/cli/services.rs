//! `cocaine service`.

use cocaine_test::Cloud;
use serde_json::Value as Json;

use crate::command::{ended, run, run_at};

#[tokio::test]
async fn services_are_listed_and_described() {
    let cloud = Cloud::start().await.unwrap();
    let output = run(&cloud, &["service", "ls", "--output", "json"]);
    let rows: Json = serde_json::from_str(ended(&output, 0).0).unwrap();
    let storage = rows.as_array().unwrap().iter().find(|row| row["name"] == "storage").unwrap();
    assert_eq!((&storage["version"], &storage["methods"]), (&1.into(), &4.into()));
    assert_eq!(storage["endpoints"].as_array().unwrap().len(), 1);

    let output = run(&cloud, &["service", "describe", "storage", "--output", "plain"]);
    let (stdout, stderr) = ended(&output, 0);
    assert!(stderr.starts_with("storage, version 1, at 127.0.0.1:"), "{stderr}");
    assert_eq!(stdout.lines().next(), Some("0\tread\tunary\t{}\t{0: value, 1: error}"));

    let output = run(&cloud, &["service", "describe", "nobody"]);
    assert!(ended(&output, 3).1.contains("no service or app `nobody` is running"));
}

#[tokio::test]
async fn missing_cloud_says_what_to_do() {
    let output = run_at("127.0.0.1:1", &["service", "list"]);
    let (stdout, stderr) = ended(&output, 5);
    assert!(stdout.is_empty() && stderr.contains("hint: is a node running there?"), "{stderr}");
}
