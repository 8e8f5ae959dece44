//! `cocaine bench`.

use std::{
    future,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use cocaine::{Error, Result, Stream, events};
use cocaine_test::Cloud;
use futures_util::stream;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use crate::command::{ended, run};

static COUNTED: AtomicU64 = AtomicU64::new(0);

#[cocaine::worker]
async fn count() -> u64 {
    COUNTED.fetch_add(1, Ordering::Relaxed)
}

static ENDLESS: AtomicU64 = AtomicU64::new(0);

#[cocaine::worker]
async fn count_until_interrupted() -> u64 {
    ENDLESS.fetch_add(1, Ordering::Relaxed)
}

#[cocaine::worker]
async fn letters(upto: u64) -> impl Stream<Item = Result<String>> {
    stream::iter((0..upto).map(|_| Ok("a".to_owned())))
}

static ODD: AtomicU64 = AtomicU64::new(0);

/// Fails every other time, beginning with the second.
#[cocaine::worker]
async fn fail_if_odd() -> Result<()> {
    if ODD.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        Ok(())
    } else {
        Err(Error::user(7, "odd \u{1b}[2J"))
    }
}

static HANGING: AtomicU64 = AtomicU64::new(0);

/// Answers only the first time.
#[cocaine::worker]
async fn hang() -> Result<()> {
    if HANGING.fetch_add(1, Ordering::Relaxed) > 0 {
        future::pending::<()>().await;
    }
    Ok(())
}

async fn start() -> (Cloud, cocaine_test::App) {
    let cloud = Cloud::start().await.unwrap();
    let serve = |worker: cocaine::Worker| {
        worker.serve(events![count, count_until_interrupted, letters, fail_if_odd, hang])
    };
    let app = cloud.worker("measured", serve).await.unwrap();
    (cloud, app)
}

/// Measures with these arguments, and returns the result.
fn measured(cloud: &Cloud, code: i32, args: &[&str]) -> Json {
    let output = run(cloud, &[&["bench", "--output", "json"], args].concat());
    serde_json::from_str(ended(&output, code).0).unwrap()
}

#[tokio::test]
async fn counted_calls_are_made_exactly() {
    let (cloud, _app) = start().await;
    for (args, made) in [
        (&["-n", "50", "-c", "7", "measured", "count"][..], 51),
        (&["-c", "7", "--connections", "3", "--rate", "5000", "measured", "count", "-n", "50"], 102),
    ] {
        let report = measured(&cloud, 0, args);
        assert_eq!(report["calls"], 50, "{report}");
        assert_eq!([&report["failed"], &report["timeouts"], &report["unsent"]], [0, 0, 0], "{report}");
        // The first call is made before those that count.
        assert_eq!(COUNTED.load(Ordering::Relaxed), made);
    }
}

#[tokio::test]
async fn whole_stream_is_one_call() {
    let (cloud, _app) = start().await;
    let report = measured(&cloud, 0, &["-n", "4", "measured", "letters", "3"]);
    // Each item is a text of one letter, with its head.
    assert_eq!([&report["calls"], &report["bytes"]], [4, 4 * 3 * 2], "{report}");
    for latency in ["min", "mean", "p50", "p90", "p99", "p99_9", "max"] {
        assert!(report["latency"][latency].as_f64().unwrap() > 0.0, "{latency}: {report}");
    }
}

#[tokio::test]
async fn failed_calls_are_counted_by_code() {
    let (cloud, _app) = start().await;
    let report = measured(&cloud, 1, &["-n", "10", "-c", "1", "measured", "fail_if_odd"]);
    assert_eq!([&report["calls"], &report["failed"]], [10, 5], "{report}");
    let [error] = report["errors"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!([&error["code"], &error["count"]], [&json!([43, 7]), &json!(5)], "{report}");
    // The twelfth fails, and the first one of a measurement must not.
    ended(&run(&cloud, &["call", "measured", "fail_if_odd"]), 1);
    let table = run(&cloud, &["bench", "-n", "1", "measured", "fail_if_odd", "-c", "1"]);
    let (stdout, _) = ended(&table, 1);
    assert!(stdout.contains("[43,7]") && !stdout.contains('\u{1b}'), "{stdout}");
}

#[tokio::test]
async fn missing_answers_are_timeouts() {
    let (cloud, _app) = start().await;
    let report = measured(&cloud, 1, &["--timeout", "0.3", "-n", "4", "-c", "4", "measured", "hang"]);
    assert_eq!([&report["calls"], &report["failed"], &report["timeouts"]], [4, 4, 4], "{report}");
    assert_eq!(report["latency"], Json::Null);
}

#[tokio::test]
async fn methods_of_services_are_measured() {
    let cloud = Cloud::start().await.unwrap();
    ended(&run(&cloud, &["call", "storage", "write", "notes", "a", "text:12345", "[]"]), 0);
    let report = measured(&cloud, 0, &["storage", "read", "notes", "a", "-n", "20"]);
    assert_eq!([&report["calls"], &report["bytes"]], [20, 100], "{report}");
}

#[tokio::test]
async fn mistakes_end_before_anything_is_measured() {
    let cloud = Cloud::start().await.unwrap();
    for (args, code, words) in [
        (&["storage", "read", "notes", "no"][..], 3, "the first call of storage.read"),
        (&["storage", "raed"], 3, "`storage` has no method `raed`"),
        (&["nobody", "x"], 3, "no service or app `nobody` is running"),
        (&["logging", "emit", "1", "a", "b"], 2, "logging.emit has no answer"),
        (&["logging::v2", "get", "a"], 2, "logging::v2.get goes on until the caller ends it"),
        (&["storage", "read", "notes", "no", "-c", "0"], 2, "after the arguments: invalid value '0'"),
    ] {
        let output = run(&cloud, &[&["bench"], args].concat());
        let (stdout, stderr) = ended(&output, code);
        assert!(stdout.is_empty() && stderr.contains(words), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn interrupted_measurement_is_printed() {
    let (cloud, _app) = start().await;
    let child = Command::new(env!("CARGO_BIN_EXE_cocaine"))
        .args([
            "bench",
            "--output",
            "json",
            "--warm-up",
            "0",
            "-d",
            "600",
            "measured",
            "count_until_interrupted",
        ])
        .env("COCAINE_LOCATOR", cloud.locator_addr().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The first call is not measured, and at most 16 are in flight.
    let is_measured = async || (ENDLESS.load(Ordering::Relaxed) > 100).then_some(());
    cloud.wait_for("measured calls", is_measured).await.unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Json = serde_json::from_str(ended(&output, 130).0).unwrap();
    assert!(report["calls"].as_u64().unwrap() > 50, "{report}");
}
