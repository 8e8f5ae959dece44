//! The metrics of apps.

use cocaine::Value;
use cocaine_bindings::{AppClient, Metrics, MetricsClient, Node as _, Storage};
use serde_json::json;
use test_support::wait::wait_for;

use crate::cloud::{Cloud, call, number, open};

async fn fetch_metrics(cloud: &Cloud) -> Value {
    let metrics: MetricsClient = cloud.client.service().await.unwrap();
    metrics.fetch(Some("json"), None).await.unwrap()
}

/// Waits until the metrics satisfy a condition.
async fn until(cloud: &Cloud, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for("the metrics are as expected", async || Some(fetch_metrics(cloud).await).filter(&wanted)).await
}

/// Returns the metrics of the only worker of the app `busy`.
fn worker(metrics: &Value) -> &Value {
    let slaves = metrics.get("busy").and_then(|app| app.get("pool")?.get("slaves")?.as_map()).unwrap();
    let [(uuid, slave)] = slaves else { panic!("{} slaves", slaves.len()) };
    assert_eq!(uuid.as_str().map(str::len), Some(36));
    slave
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_workers_are_counted() {
    let cloud = Cloud::start().await;
    let app = cloud.run("busy", "", json!({"pool-limit": 1, "queue-limit": 1, "concurrency": 1})).await;
    for _ in 0..3 {
        call(&app, "echo", "x").await.unwrap();
    }
    let held = open(&app, "hold", "").await.unwrap();
    let running = until(&cloud, |metrics| number(metrics, &["busy", "load"]) == 1).await;
    assert_eq!(number(&running, &["busy", "timings", "count"]), 3);
    let queued = open(&app, "echo", "x").await.unwrap();
    until(&cloud, |metrics| number(metrics, &["busy", "requests", "accepted"]) == 5).await;
    assert!(call(&app, "echo", "x").await.is_err(), "the queue is full");
    until(&cloud, |metrics| number(metrics, &["busy", "timer[enqueue]", "count"]) == 4).await;
    let metrics =
        until(&cloud, |metrics| worker(metrics).get("load").and_then(Value::as_f64) == Some(1.0)).await;
    for (path, expected) in [
        (&["busy", "requests", "accepted"][..], 5),
        (&["busy", "requests", "rejected"], 1),
        (&["busy", "rate", "count"], 5),
        (&["busy", "timings", "count"], 3),
        (&["busy", "meter", "summary", "count"], 6),
        (&["busy", "load"], 2),
        (&["busy", "slaves", "spawned"], 1),
        (&["busy", "slaves", "crashed"], 0),
        (&["busy", "connections", "accepted"], 1),
    ] {
        assert_eq!(number(&metrics, path), expected, "{path:?}");
    }
    assert_eq!(worker(&metrics).get("state").and_then(Value::as_str), Some("active"));
    assert!(number(worker(&metrics), &["uptime"]) >= 0);
    let depth = metrics.get("busy").and_then(|app| app.get("queue")?.get("depth_average")?.as_f64());
    assert!(depth.is_some_and(|depth| depth >= 0.0), "{depth:?}");
    drop((held, queued));
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_app_continues_its_service_metrics() {
    let cloud = Cloud::start().await;
    let app = cloud.run("again", "", json!({})).await;
    call(&app, "echo", "x").await.unwrap();
    cloud.apps.pause_app("again").await.unwrap();
    let paused = fetch_metrics(&cloud).await;
    assert!(
        paused.get("again").is_some_and(|app| app.get("requests").is_none()),
        "its client is still there"
    );
    cloud.apps.start_app("again", "again").await.unwrap();
    let fresh: AppClient = cloud.client.service_named("again").await.unwrap();
    call(&fresh, "echo", "x").await.unwrap();
    let metrics = fetch_metrics(&cloud).await;
    assert_eq!(number(&metrics, &["again", "meter", "summary", "count"]), 2);
    assert_eq!(number(&metrics, &["again", "requests", "accepted"]), 1, "its events are counted anew");

    cloud.upload("storage", "", json!({})).await;
    cloud.apps.start_app("storage", "storage").await.unwrap_err();
    let before = number(&fetch_metrics(&cloud).await, &["storage", "meter", "summary", "count"]);
    cloud.storage.find("manifests", &["app"]).await.unwrap();
    let after = number(&fetch_metrics(&cloud).await, &["storage", "meter", "summary", "count"]);
    assert_eq!(after, before + 1, "the service of that name is counted on");
    cloud.node.shutdown().await;
}
