//! Apps and locators that fail, are silent, or are gone.

use std::sync::Arc;

use cocaine::{Bytes, Value, msgpack};
use cocaine_bindings::{Node as _, Storage as _};
use cocaine_node::{config::HttpConfig, gateway::Gateway};
use test_support::wait::wait_until;
use tokio::sync::Notify;

use crate::{
    app::{Cloud, Step, head},
    client::{Client, Response, fetch, get},
    harness::{SHORT, assert_idle, paused_response, read_beginning, start_cloud},
    json_rpc::Stage,
};

/// Returns what a client receives of a response that has begun when the app fails.
async fn fetch_broken(
    cloud: &mut Cloud,
    headers: &[(&str, &str)],
    version: &str,
    end: Step,
) -> Result<Response, String> {
    let (steps, hold) = paused_response(headers, [end]);
    cloud.respond(steps);
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send(format!("GET /app/web HTTP/{version}\r\nHost: h\r\n\r\n")).await;
    if version == "1.1" || !headers.is_empty() {
        read_beginning(&mut client, "begun, ").await;
    }
    hold.notify_one();
    let answer = client.try_read_response("GET", version == "1.0").await;
    if answer.is_err() {
        client.wait_for_close().await;
    }
    answer
}

#[tokio::test]
async fn failed_response_never_looks_complete() {
    let mut cloud = start_cloud().await;
    let error = |category, code, text: &str| Step::Error(category, code, text.into());
    for end in [
        error(42, 7, "on purpose"),
        error(5, 2, "slave has been discarded"),
        error(12, 105, "too much is unread"),
        error(5, 5, "of the same kind"),
    ] {
        let cut = fetch_broken(&mut cloud, &[], "1.1", end.clone()).await.unwrap_err();
        assert!(cut.contains("without an end"), "{end:?}: {cut}");
        for version in ["1.0", "1.1"] {
            let cut = fetch_broken(&mut cloud, &[("content-length", "100")], version, end.clone())
                .await
                .unwrap_err();
            assert!(cut.contains("fewer bytes"), "{end:?}: {cut}");
        }
        // Nothing has been sent to a client of HTTP/1.0 yet.
        let told = fetch_broken(&mut cloud, &[], "1.0", end.clone()).await.unwrap();
        assert_eq!(told.status, 500, "{end:?}");
    }
    let cut = fetch_broken(&mut cloud, &[("content-length", "100")], "1.1", Step::Close).await.unwrap_err();
    assert!(cut.contains("fewer bytes"), "{cut}");
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn errors_of_apps_have_their_status() {
    let cloud = start_cloud().await;
    for (category, code, status, cause) in [
        (42, 200, 404, "the app has no event of this name"),
        (42, 1, 404, "the app has no event of this name"),
        (42, 100, 500, "the app has failed"),
        (42, 7, 500, "[7]: a secret"),
        (12, 32, 503, "a secret"),
    ] {
        // A stopped app is asked three times.
        (0..3).for_each(|_| cloud.respond([Step::Error(category, code, "a secret".into())]));
        let answer = fetch(cloud.http_addr(), get("/app/web")).await;
        assert_eq!((answer.status, answer.text().contains(cause)), (status, true), "{}", answer.text());
        assert_eq!(answer.text().contains("secret"), cause.contains("secret"), "{}", answer.text());
        cloud.drop_responses();
    }
}

#[tokio::test]
async fn names_without_service_are_explained() {
    let stage = Stage::with(HttpConfig::default()).await;
    let explained = async |status: u16, reason: &str| {
        let answer = fetch(stage.http_addr(), get("/shop/web")).await;
        assert_eq!((answer.status, answer.text().contains(reason)), (status, true), "{}", answer.text());
    };
    explained(404, "there is no app of this name").await;
    let write = async |collection: &str, value: Value| {
        let blob = Bytes::from(msgpack::to_vec(&value).unwrap());
        stage.storage.write(collection, "shop", &blob, None).await.unwrap();
    };
    write("groups", Value::Map(Vec::new())).await;
    explained(503, "the app is a group without a running app").await;
    write("manifests", Value::Map(vec![("slave".into(), "shop".into())])).await;
    explained(503, "the app is stopped").await;
    write("profiles", Value::Map(Vec::new())).await;
    stage.apps.start_app("shop", "shop").await.unwrap_err();
    explained(503, "the app is broken: No such file or directory").await;
}

#[tokio::test]
async fn silent_app_is_reported_as_504() {
    let config = HttpConfig::default().timeout(SHORT);
    let mut cloud = Cloud::start(config).await;
    let (silent, begin) =
        (Arc::new(Notify::new()), [Step::Chunk(head(200, &[])), Step::Chunk("begun, ".into())]);
    cloud.respond([Step::Wait(silent.clone())]);
    let late = fetch(cloud.http_addr(), get("/app/web")).await;
    assert_eq!(late.status, 504);
    assert!(late.text().contains("Timed out while waiting for response from the Cocaine"), "{}", late.text());
    cloud.respond([&begin[..], &[Step::Wait(silent.clone())]].concat());
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send(get("/app/web")).await;
    assert!(client.try_read_response("GET", false).await.unwrap_err().contains("without an end"));
    cloud.respond([&begin[..], &[Step::Wait(silent)]].concat());
    let mut client = Client::connect(cloud.http_addr()).await;
    client.send("GET /app/web HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.try_read_response("GET", true).await.unwrap().status, 504, "nothing was sent on 1.0");
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn app_may_die_stop_and_restart() {
    let mut cloud = start_cloud().await;
    let never = Arc::new(Notify::new());
    cloud.respond([Step::Wait(never)]);
    let mut waiting = Client::connect(cloud.http_addr()).await;
    waiting.send(get("/app/web")).await;
    cloud.next_event().await;
    let (steps, _hold) = paused_response(&[], [Step::Close]);
    cloud.respond(steps);
    let mut reading = Client::connect(cloud.http_addr()).await;
    reading.send(get("/app/web")).await;
    read_beginning(&mut reading, "begun, ").await;

    cloud.kill_app();
    let lost = waiting.read_response("GET").await;
    assert_eq!((lost.status, lost.text().contains("connection lost")), (502, true), "{}", lost.text());
    assert!(reading.try_read_response("GET", false).await.unwrap_err().contains("without an end"));
    let gone = fetch(cloud.http_addr(), get("/app/web")).await;
    assert_eq!((gone.status, gone.text().contains("cannot connect")), (503, true), "{}", gone.text());

    cloud.stop_app();
    let stopped = fetch(cloud.http_addr(), get("/app/web")).await;
    assert_eq!((stopped.status, stopped.text().contains("service is not available")), (503, true));
    cloud.start_app().await;
    // A service that could not be reached is tried again after a delay that grows to two seconds.
    wait_until("the app is back", async || fetch(cloud.http_addr(), get("/app/web")).await.status == 200)
        .await;
    drop((waiting, reading));
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn connected_services_survive_locator_loss() {
    let mut cloud = start_cloud().await;
    assert_eq!(fetch(cloud.http_addr(), get("/ping")).await.text(), "OK\n");
    assert_eq!(fetch(cloud.http_addr(), get("/app/web")).await.status, 200);
    cloud.kill_locator();
    let ping = fetch(cloud.http_addr(), get("/ping")).await;
    assert_eq!((ping.status, ping.text().starts_with("Failed: ")), (503, true), "{}", ping.text());
    assert_eq!(fetch(cloud.http_addr(), get("/app/web")).await.status, 200);
    let unknown = fetch(cloud.http_addr(), get("/other/web")).await;
    assert_eq!(
        (unknown.status, unknown.text().contains("no locator answers")),
        (503, true),
        "{}",
        unknown.text()
    );
    assert_idle(&mut cloud).await;
}

#[tokio::test]
async fn gateway_may_start_before_its_cloud() {
    let config = HttpConfig::default().listen("127.0.0.1:0");
    let gateway = Gateway::start("127.0.0.1:1", &config).await.unwrap();
    for (path, cause) in [("/ping", "Failed: "), ("/app/web", "service `app`, event `web`: cannot connect")] {
        let answer = fetch(gateway.local_addr(), get(path)).await;
        assert_eq!((answer.status, answer.text().starts_with(cause)), (503, true), "{}", answer.text());
    }
    gateway.shutdown().await;
    let error = Gateway::start("localhost:99999", &config).await.unwrap_err().to_string();
    assert!(error.starts_with("locators: ") && error.contains("localhost:99999"), "{error}");
}
