//! The metrics of apps.

use cocaine::Value;
use cocaine_bindings::{AppClient, Metrics, MetricsClient, Node as _, Storage};
use cocaine_node::{Node, config::HttpConfig};
use serde_json::json;
use test_support::wait::{wait_for, wait_until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

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

/// Returns the metrics that the gateway of a node has for Prometheus.
async fn scrape(cloud: &Cloud) -> String {
    let mut stream = TcpStream::connect(cloud.node.http_addr().unwrap()).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scraped_metrics_have_apps_and_services() {
    let http = HttpConfig::default().listen("127.0.0.1:0");
    let cloud = Cloud::with(Node::builder().in_memory().http(http)).await;
    let app = cloud.run("busy", "", json!({"pool-limit": 1, "queue-limit": 1, "concurrency": 1})).await;
    let held = open(&app, "hold", "").await.unwrap();
    until(&cloud, |metrics| number(metrics, &["busy", "slaves", "spawned"]) == 1).await;
    wait_until("the event is held", async || {
        scrape(&cloud).await.contains("cocaine_app_running_events{app=\"busy\"} 1")
    })
    .await;
    let queued = open(&app, "echo", "x").await.unwrap();
    wait_until("an event waits", async || {
        scrape(&cloud).await.contains("cocaine_app_queue_events{app=\"busy\"} 1")
    })
    .await;
    assert!(call(&app, "echo", "x").await.is_err(), "the queue is full");
    let text = scrape(&cloud).await;
    for line in [
        "cocaine_app_events_total{app=\"busy\",outcome=\"accepted\"} 2",
        "cocaine_app_events_total{app=\"busy\",outcome=\"rejected\"} 1",
        "cocaine_app_queue_limit_events{app=\"busy\"} 1",
        "cocaine_app_pool_limit_workers{app=\"busy\"} 1",
        "cocaine_app_workers{app=\"busy\",state=\"active\"} 1",
        "cocaine_app_workers{app=\"busy\",state=\"spawning\"} 0",
        "cocaine_app_workers_started_total{app=\"busy\"} 1",
        "cocaine_app_workers_crashed_total{app=\"busy\"} 0",
        "cocaine_service_connections_total{service=\"busy\",outcome=\"accepted\"} 1",
        "cocaine_service_calls_total{service=\"busy\"} 3",
        "cocaine_gateway_in_flight_requests 1",
        "# UNIT cocaine_app_oldest_event_seconds seconds",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    for name in ["cocaine_app_oldest_event_seconds{app=\"busy\"}", "cocaine_node_uptime_seconds "] {
        let line =
            text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() > 0.0, "{line}");
    }
    assert!(text.trim_end().ends_with("# EOF"), "{text}");
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
