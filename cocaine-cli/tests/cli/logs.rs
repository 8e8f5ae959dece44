//! `cocaine logs`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use cocaine::{Result, Severity, events};
use cocaine_bindings::{Logging as _, LoggingClient};
use cocaine_test::Cloud;
use serde_json::Value as Json;

use crate::command::{ended, run};

/// Logs a message under a source, and waits until it is in the stream.
async fn log(cloud: &Cloud, source: &str, severity: Severity, message: &str) {
    let logging: LoggingClient = cloud.client().service().await.unwrap();
    logging.emit(severity, source, message, None).await.unwrap();
    cloud
        .wait_for(message, async || {
            let output = run(cloud, &["logs", "--source", source, "--output", "jsonl"]);
            let text = String::from_utf8(output.stdout).unwrap();
            text.contains(&Json::from(message).to_string()).then_some(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn lines_are_selected_by_source_level_and_text() {
    let cloud = Cloud::start().await.unwrap();
    log(&cloud, "part/one", Severity::Info, "the first").await;
    log(&cloud, "part/one", Severity::Error, "the \u{1b}[2J second").await;
    let lines = |args: &[&str]| {
        let output = run(&cloud, &[&["logs", "--output", "jsonl", "--source", "part"], args].concat());
        let rows = ended(&output, 0).0.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        rows.map(|row| format!("{} {} {}", row["level"], row["source"], row["message"])).collect::<Vec<_>>()
    };
    let first = r#""info" "part/one" "the first""#.to_owned();
    let second = r#""error" "part/one" "the \u001b[2J second""#.to_owned();
    assert_eq!(lines(&[]), [first.clone(), second.clone()]);
    assert_eq!(lines(&["--level", "warning"]), std::slice::from_ref(&second));
    assert_eq!(lines(&["--grep", "first"]), [first]);
    assert_eq!(lines(&["-n", "1"]), [second]);
    let table = run(&cloud, &["logs", "--source", "part"]);
    assert!(ended(&table, 0).0.contains("the \\u{1b}[2J second"));
}

#[cocaine::worker]
async fn ping() -> Result<String> {
    Ok("pong".to_owned())
}

#[tokio::test]
async fn followed_lines_come_as_they_are_logged() {
    let cloud = Cloud::start().await.unwrap();
    let _app = cloud.worker("echo", |worker| worker.serve(events![ping])).await.unwrap();
    log(&cloud, "app/echo", Severity::Info, "before").await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_cocaine"))
        .args(["logs", "-f", "echo", "--output", "jsonl"])
        .env("COCAINE_LOCATOR", cloud.locator_addr().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        serde_json::from_str::<Json>(&line).unwrap()["message"].clone()
    };
    // It follows once it has printed what was kept.
    while next() != "before" {}
    log(&cloud, "app/echo", Severity::Info, "after").await;
    while next() != "after" {}
    child.kill().unwrap();
    child.wait().unwrap();
}
