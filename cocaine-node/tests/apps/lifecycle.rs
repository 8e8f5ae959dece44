//! Apps from upload to stop.

use std::collections::BTreeMap;

use cocaine::{Bytes, Category, Client, Value, msgpack};
use cocaine_bindings::{App, AppClient, Node as _, NodeClient, Storage};
use cocaine_node::Node;
use serde_json::json;
use test_support::{raw::RawConnection, wait::wait_until};

use crate::{
    cloud::{Cloud, call, code, finish, number, open},
    program::{Program, is_running},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runlist_starts_despite_a_bad_app() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || Node::builder().data(folder.path());
    let cloud = Cloud::with(builder()).await;
    cloud.upload("good", "", json!({})).await;
    cloud.upload("ugly", "", json!({"pool-limit": 0})).await;
    let list = BTreeMap::from([("absent", "absent"), ("good", "good"), ("ugly", "ugly")]);
    let blob = Bytes::from(msgpack::to_vec(&list).unwrap());
    cloud.storage.write("runlists", "default", &blob, Some(&["runlist"])).await.unwrap();
    cloud.node.shutdown().await;

    let cloud = Cloud::with(builder().runlist("default")).await;
    assert_eq!(cloud.apps.list().await.unwrap().to_string(), r#"["good"]"#);
    let app: AppClient = cloud.client.service_named("good").await.unwrap();
    assert_eq!(call(&app, "echo", "up").await.unwrap(), "up");
    cloud.node.shutdown().await;
    let cloud = Cloud::with(builder().runlist("no such list")).await;
    assert_eq!(cloud.apps.list().await.unwrap().to_string(), "[]", "and the node runs");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_apps_start_again_until_paused() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || Node::builder().data(folder.path());
    let cloud = Cloud::with(builder()).await;
    for app in ["paused", "running", "spoilt", "twice"] {
        cloud.run(app, "", json!({})).await;
    }
    cloud.apps.pause_app("paused").await.unwrap();
    cloud.upload("spoilt", "", json!({"pool-limit": 0})).await;
    let list = BTreeMap::from([("twice", "twice")]);
    let blob = Bytes::from(msgpack::to_vec(&list).unwrap());
    cloud.storage.write("runlists", "default", &blob, Some(&["runlist"])).await.unwrap();
    cloud.node.shutdown().await;

    let cloud = Cloud::with(builder().restore_apps(false)).await;
    assert_eq!(cloud.apps.list().await.unwrap().to_string(), "[]");
    cloud.node.shutdown().await;
    let cloud = Cloud::with(builder().runlist("default")).await;
    assert_eq!(cloud.apps.list().await.unwrap().to_string(), r#"["running", "twice"]"#);
    let app: AppClient = cloud.client.service_named("running").await.unwrap();
    assert_eq!(call(&app, "echo", "up").await.unwrap(), "up");
    assert_eq!(code(&cloud.apps.pause_app("spoilt").await.unwrap_err()), (0x51FF, 6));
    cloud.apps.pause_app("running").await.unwrap();
    cloud.upload("spoilt", "", json!({})).await;
    cloud.node.shutdown().await;
    let cloud = Cloud::with(builder()).await;
    assert_eq!(cloud.apps.list().await.unwrap().to_string(), r#"["twice"]"#, "paused apps are forgotten");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_node_starts_its_apps_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &[]).await;
    for app in ["good", "ugly"] {
        program.cloud.run(app, "", json!({})).await;
    }
    program.cloud.upload("ugly", "", json!({"pool-limit": 0})).await;
    program.child.kill().await.unwrap();
    let program = Program::start(folder.path(), &[]).await;
    assert_eq!(program.cloud.apps.list().await.unwrap().to_string(), r#"["good"]"#);
    let log = program.log();
    let reason = log.lines().find(|line| line.contains("an app cannot be started")).expect("the reason");
    assert!(reason.contains(r#""app":"ugly""#) && reason.contains("pool limit must be positive"), "{reason}");
    assert!(log.contains("the apps of the last run are started again"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misspelt_key_is_warned_of_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    program.cloud.upload("shop", "", json!({"concurency": 3})).await;
    program.cloud.apps.start_app("shop", "shop").await.unwrap();
    let text =
        "the profile `shop` has the unknown key `concurency`, which is ignored: did you mean `concurrency`?";
    program.wait_for_log(text).await;
    let warnings = |info: &Value| info.get("warnings").map(ToString::to_string);
    assert_eq!(warnings(&program.cloud.info("shop").await), Some(format!("[\"{text}\"]")));
    let brief = program.cloud.apps.info("shop", None).await.unwrap();
    assert_eq!(warnings(&brief), None, "only the report has them");
    program.cloud.run("right", "", json!({"concurrency": 3})).await;
    assert_eq!(warnings(&program.cloud.info("right").await), None);
    // A mistyped value is an error that says where it is stored.
    program.cloud.upload("wrong", "", json!({"concurrency": "3"})).await;
    let error = program.cloud.apps.start_app("wrong", "wrong").await.unwrap_err().to_string();
    let original = "failed to get node value as unsigned long - got \"3\": Invalid argument; ";
    let hint = "`concurrency` is \"3\" and must be a whole number; stored as profiles/wrong";
    assert!(error.contains(&format!("{original}{hint}")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_with_bad_archive_is_broken_until_paused() {
    let cloud = Cloud::start().await;
    cloud.upload("bad", "", json!({})).await;
    cloud.storage.write("apps", "bad", &b"\xa7no tar!".into(), Some(&["app"])).await.unwrap();
    let error = cloud.apps.start_app("bad", "bad").await.unwrap_err();
    assert_eq!(code(&error), (255, 84), "{error}");
    let info = cloud.info("bad").await.to_string();
    let cause = "Invalid or incomplete multibyte or wide character";
    assert_eq!(info, format!(r#"{{"cause": "{cause}", "error": 84, "state": "broken"}}"#));
    let error = cloud.apps.start_app("bad", "bad").await.unwrap_err();
    assert_eq!(code(&error), (0x51FF, 5));
    assert!(
        error.to_string().contains("app 'bad' is broken: application has already been started"),
        "{error}"
    );
    cloud.apps.pause_app("bad").await.unwrap();
    assert_eq!(code(&cloud.apps.pause_app("bad").await.unwrap_err()), (0x51FF, 6));

    cloud.upload("storage", "", json!({})).await;
    let error = cloud.apps.start_app("storage", "storage").await.unwrap_err();
    assert!(error.to_string().contains("[22] service 'storage' already exists: Invalid argument"), "{error}");
    cloud.apps.pause_app("storage").await.unwrap();
    assert!(cloud.storage.find("manifests", &["app"]).await.is_ok(), "the service of that name stays");
    cloud.node.shutdown().await;
}

/// Sends a call of the service `node`, and leaves.
async fn send_and_leave(cloud: &Cloud, method: u8, args: &[&str]) {
    let node = cloud.client.resolve("node", None).await.unwrap().endpoints[0].0;
    RawConnection::connect(node).await.write(&msgpack::to_vec(&(1, method, args)).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_and_pause_outlive_their_callers() {
    let cloud = Cloud::start().await;
    cloud.upload("left", "", json!({})).await;
    send_and_leave(&cloud, 0, &["left", "left"]).await;
    let state = async || {
        let info = cloud.apps.info("left", None).await.ok()?;
        info.get("state").map(ToString::to_string)
    };
    wait_until("the app runs", async || state().await.as_deref() == Some("\"running\"")).await;
    let app: AppClient = cloud.client.service_named("left").await.unwrap();
    let pid = call(&app, "pid", "").await.unwrap();
    send_and_leave(&cloud, 1, &["left"]).await;
    wait_until("the app is stopped", async || state().await.is_none()).await;
    assert!(!is_running(&pid));
    cloud.apps.start_app("left", "left").await.unwrap();
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_is_published_with_enough_active_workers() {
    let cloud = Cloud::start().await;
    cloud.upload("few", "", json!({"pool-limit": 2, "publish-on": 2, "unpublish-under": 1})).await;
    cloud.apps.start_app("few", "few").await.unwrap();
    let resolve = || cloud.client.resolve("few", None);
    assert_eq!(resolve().await.unwrap_err().code().unwrap().category, Category::LOCATOR);
    let cocaine::Duplex { mut tx, rx: _rx } = cloud.apps.control("few").await.unwrap();
    tx.send(2).await.unwrap();
    cloud.until("few", |info| info.get("publushed").is_some_and(|public| public.to_string() == "true")).await;
    let app: AppClient = cloud.client.service_named("few").await.unwrap();
    assert_eq!(call(&app, "echo", "hello").await.unwrap(), "hello");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_takes_effect_at_the_next_start() {
    let cloud = Cloud::start().await;
    let app = cloud.run("new", "", json!({"concurrency": 3})).await;
    assert_eq!(call(&app, "echo", "one").await.unwrap(), "one");
    cloud.upload("new", "exits", json!({"concurrency": 4})).await;
    assert_eq!(call(&app, "echo", "two").await.unwrap(), "two", "what runs is as it was started");
    cloud.apps.pause_app("new").await.unwrap();
    cloud.apps.start_app("new", "new").await.unwrap();
    let error = call(&app, "echo", "old").await.unwrap_err();
    assert_eq!(code(&error), (12, 32), "the old connection leads to what was stopped");
    let event = app.enqueue("echo", None).await.unwrap();
    cloud.until("new", |info| number(info, &["pool", "total:crashed"]) >= 1).await;
    drop(event);
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_app_cannot_be_started() {
    let cloud = Cloud::start().await;
    let app = cloud.run("busy", "", json!({})).await;
    let event = open(&app, "slow", "400").await.unwrap();
    cloud.until("busy", |info| number(info, &["load"]) == 1).await;
    // Calls of the connection that stops the app would wait until it is stopped.
    let other = Client::new(&cloud.node.locator_addr().to_string()).unwrap();
    let other: NodeClient = other.service().await.unwrap();
    let starting = async {
        let is_stopped =
            |info: cocaine::Value| info.get("state").is_some_and(|state| state.to_string() == "\"stopped\"");
        while !is_stopped(other.info("busy", None).await.unwrap()) {
            tokio::task::yield_now().await;
        }
        other.start_app("busy", "busy").await.unwrap_err()
    };
    let (paused, refused, answer) = tokio::join!(cloud.apps.pause_app("busy"), starting, finish(event));
    paused.unwrap();
    assert!(
        refused.to_string().contains("app 'busy' is stopped: application has already been started"),
        "{refused}"
    );
    assert_eq!(answer.unwrap(), "slow");
    cloud.apps.start_app("busy", "busy").await.unwrap();
    let app: AppClient = cloud.client.service_named("busy").await.unwrap();
    assert_eq!(call(&app, "echo", "again").await.unwrap(), "again");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_output_is_logged_if_enabled() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    for (app, profile) in [("quiet", json!({})), ("loud", json!({"log-output": true}))] {
        let app = program.cloud.run(app, app, profile).await;
        call(&app, "pid", "").await.unwrap();
    }
    let printed = |app: &str| {
        let has = |line: &str| line.contains("a worker prints") && line.contains(&format!("in mode {app}"));
        program.log().lines().any(has)
    };
    wait_until("the line is logged", async || printed("loud")).await;
    let info = program.cloud.info("loud").await;
    let workers = info.get("pool").and_then(|pool| pool.get("slaves")).and_then(Value::as_map).unwrap();
    let uuid = workers[0].0.as_str().unwrap().to_owned();
    let log = program.log();
    let line = log.lines().find(|line| line.contains("a worker prints")).unwrap();
    assert!(line.contains(r#""app":"loud""#) && line.contains(&uuid), "{line}");
    assert!(!printed("quiet"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_node_leaves_no_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &[]).await;
    let app = program.cloud.run("left", "", json!({})).await;
    let pid = call(&app, "pid", "").await.unwrap();
    assert!(is_running(&pid));
    program.child.kill().await.unwrap();
    wait_until("the worker ends with its node", async || !is_running(&pid)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_node_leaves_no_worker() {
    let cloud = Cloud::start().await;
    let app = cloud.run("dropped", "", json!({})).await;
    let pid = call(&app, "pid", "").await.unwrap();
    drop(cloud);
    wait_until("the worker ends with its node", async || !is_running(&pid)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_helper_is_reported() {
    let node =
        Node::builder().listen("127.0.0.1:0").startup_timeout(std::time::Duration::from_millis(100)).start();
    let node = node.await.unwrap();
    let cloud = Cloud::of(Client::new(&node.locator_addr().to_string()).unwrap()).await;
    let app = cloud.run("alone", "", json!({})).await;
    let error = call(&app, "echo", "").await.unwrap_err().to_string();
    assert!(error.contains("nothing that starts processes (`NodeBuilder::helper`)"), "{error}");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn package_of_a_removed_app_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::with(Node::builder().data(folder.path())).await;
    let package = |app: &str| folder.path().join("spool").join(app);
    for app in ["removed", "stored", "running"] {
        cloud.run(app, "", json!({})).await;
    }
    for app in ["removed", "running"] {
        cloud.storage.remove("apps", app).await.unwrap();
    }
    for app in ["removed", "stored"] {
        cloud.apps.pause_app(app).await.unwrap();
    }
    assert!(!package("removed").exists() && package("stored").exists() && package("running").exists());
    cloud.storage.remove("apps", "stored").await.unwrap();
    cloud.node.shutdown().await;
    // What nobody has paused since is removed when the node starts.
    let cloud = Cloud::with(Node::builder().data(folder.path())).await;
    wait_until("the package is removed", async || !package("stored").exists()).await;
    cloud.node.shutdown().await;
}
