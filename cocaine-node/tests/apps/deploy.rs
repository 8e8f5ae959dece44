//! New versions of apps that run.

use cocaine::{Category, Error, Result, ServiceClient};
use cocaine_bindings::{AppClient, Node as _, Storage};
use cocaine_node::Node;
use futures_util::future::join_all;
use serde_json::json;
use test_support::wait::wait_until;

use crate::{
    cloud::{Cloud, call, finish, number, open},
    program::is_running,
};

impl Cloud {
    /// Starts an app in the place of the one that runs.
    async fn replace(&self, app: &str) -> Result<()> {
        self.apps.with_header("replace", "1").start_app(app, app).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacement_gets_events_and_former_one_finishes() {
    let cloud = Cloud::start().await;
    let app = cloud.run("shop", "", json!({"pool-limit": 1, "concurrency": 1})).await;
    let former = call(&app, "pid", "").await.unwrap();
    let running = open(&app, "echo", "ends").await.unwrap();
    cloud.until("shop", |info| number(info, &["load"]) == 1).await;
    let queued = [open(&app, "pid", "").await.unwrap(), open(&app, "pid", "").await.unwrap()];
    cloud.until("shop", |info| number(info, &["queue", "depth"]) == 2).await;

    cloud.upload("shop", "fast", json!({"concurrency": 2})).await;
    cloud.replace("shop").await.unwrap();
    let [first, second] = queued;
    let newer = finish(first).await.unwrap();
    assert_ne!(newer, former, "events that waited move");
    assert_eq!(finish(second).await.unwrap(), newer);
    assert_eq!(call(&app, "pid", "").await.unwrap(), newer, "on the connection that was open");
    assert!(is_running(&former), "it has an event");
    assert_eq!(finish(running).await.unwrap(), "ends");
    wait_until("the former worker ends", async || !is_running(&former)).await;
    assert_eq!(call(&app, "pid", "").await.unwrap(), newer);
    assert_eq!(cloud.crashlogs("shop").await, [""; 0]);

    cloud.apps.pause_app("shop").await.unwrap();
    assert!(!is_running(&newer));
    cloud.apps.start_app("shop", "shop").await.unwrap();
    let app: AppClient = cloud.client.service_named("shop").await.unwrap();
    assert_eq!(call(&app, "echo", "again").await.unwrap(), "again");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_apps_are_replaced() {
    let cloud = Cloud::start().await;
    let profile = json!({"pool-limit": 2, "publish-on": 1, "unpublish-under": 1});
    cloud.upload("site", "", &profile).await;
    cloud.replace("site").await.unwrap();
    let app: AppClient = cloud.client.service_named("site").await.unwrap();
    let (ended, mut end) = tokio::sync::watch::channel(false);
    let calls = join_all((0..4).map(|_| {
        let (app, end) = (app.clone(), ended.subscribe());
        async move {
            let mut count = 0_u64;
            while !*end.borrow() {
                assert_eq!(call(&app, "echo", "x").await.unwrap(), "x");
                count += 1;
            }
            count
        }
    }));
    let replacing = async {
        for _ in 0..3 {
            cloud.replace("site").await.unwrap();
            cloud.client.resolve("site", None).await.expect("it stays published");
        }
        ended.send_replace(true);
    };
    let (counts, ()) = tokio::join!(calls, replacing);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    assert!(end.has_changed().unwrap() && *end.borrow_and_update());
    cloud.node.shutdown().await;
}

fn assert_does_not_start(error: &Error) {
    assert_eq!(error.code().unwrap().category, Category::SLAVE, "{error}");
    assert!(error.to_string().contains("cannot find the library"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_replacement_leaves_the_former_one() {
    let cloud = Cloud::start().await;
    let app = cloud.run("shop", "", json!({})).await;
    let former = call(&app, "pid", "").await.unwrap();
    cloud.upload("shop", "exits", json!({})).await;
    assert_does_not_start(&cloud.replace("shop").await.unwrap_err());
    assert_eq!(call(&app, "pid", "").await.unwrap(), former);
    cloud.upload("shop", "", json!({"pool-limit": 0})).await;
    let error = cloud.replace("shop").await.unwrap_err().to_string();
    assert!(error.contains("pool limit must be positive"), "{error}");
    cloud.upload("shop", "", json!({})).await;
    cloud.storage.write("apps", "shop", &b"\xa7no tar!".into(), Some(&["app"])).await.unwrap();
    assert_eq!(cloud.replace("shop").await.unwrap_err().code().unwrap().code, 84);
    assert_eq!(call(&app, "pid", "").await.unwrap(), former);
    assert_eq!(number(&cloud.info("shop").await, &["pool", "total:crashed"]), 0);
    let error = cloud.apps.start_app("shop", "shop").await.unwrap_err();
    assert!(
        error.to_string().contains("app 'shop' is running: application has already been started"),
        "{error}"
    );
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_nothing_waits_for_a_worker() {
    let cloud = Cloud::start().await;
    cloud.upload("new", "exits", json!({})).await;
    assert_does_not_start(&cloud.replace("new").await.unwrap_err());
    assert_eq!(cloud.apps.list().await.unwrap().to_string(), "[]");
    cloud.storage.write("apps", "new", &b"\xa7no tar!".into(), Some(&["app"])).await.unwrap();
    cloud.apps.start_app("new", "new").await.unwrap_err();
    assert!(cloud.info("new").await.to_string().contains("broken"));
    cloud.upload("new", "", json!({})).await;
    cloud.replace("new").await.expect("a broken app is replaced");
    let active = number(&cloud.info("new").await, &["pool", "idle"]);
    assert_eq!(active, 1, "a worker runs before the first event");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_ends_generations_that_start_and_finish() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::with(Node::builder().data(folder.path())).await;
    let entries = |name: &str| {
        let entries = std::fs::read_dir(folder.path().join(name)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    let app = cloud.run("shop", "", json!({})).await;
    let former = call(&app, "pid", "").await.unwrap();
    let running = open(&app, "hold", "").await.unwrap();
    cloud.until("shop", |info| number(info, &["load"]) == 1).await;
    cloud.upload("shop", "fast", json!({})).await;
    cloud.replace("shop").await.unwrap();
    let newer = call(&app, "pid", "").await.unwrap();
    cloud.upload("shop", "mute", json!({"handshake-timeout": 3600})).await;
    let replacing = {
        let apps = cloud.apps.clone();
        tokio::spawn(async move { apps.with_header("replace", "1").start_app("shop", "shop").await })
    };
    let is_third = |name: &String| name.starts_with("shop@2");
    wait_until("the third generation starts", async || entries("run").iter().any(is_third)).await;
    cloud.node.shutdown().await;
    replacing.await.unwrap().unwrap_err();
    drop(running);
    assert_eq!((entries("run"), entries("spool")), (vec![], vec!["shop".to_owned()]));
    for pid in [former, newer] {
        wait_until("all workers end", async || !is_running(&pid)).await;
    }
}
