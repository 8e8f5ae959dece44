//! `cocaine run`.

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cocaine::Client;
use cocaine_bindings::{App as _, AppClient, Storage as _};
use cocaine_test::Cloud;
use rustix::process::Signal;

use crate::{
    command::storage,
    run_process::{AppFolder, RunProcess, greet, store_patient_profile},
};

/// Starts a cloud in which workers may take long to start.
async fn start_cloud() -> (Cloud, String) {
    let cloud = Cloud::start().await.unwrap();
    store_patient_profile(cloud.client()).await;
    let locator = cloud.locator_addr().to_string();
    (cloud, locator)
}

/// Ends a run with Ctrl-C, and checks how it ends.
fn interrupt(run: &mut RunProcess) {
    run.signal(Signal::INT);
    assert_eq!(run.wait().code(), Some(130), "{:?}", run.err.all());
}

/// Calls the app `shop` until the end, and counts the calls and those that fail.
#[derive(Default)]
struct Callers {
    calls: AtomicUsize,
    failed: AtomicUsize,
    is_over: AtomicBool,
}

impl Callers {
    async fn call(self: Arc<Self>, client: Client) {
        while !self.is_over.load(Ordering::Relaxed) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = greet(&client, "shop").await {
                println!("a call has failed: {error}");
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_while_versions_are_replaced() {
    let saves: usize = env::var("COCAINE_TEST_SAVES").map_or(5, |saves| saves.parse().unwrap());
    let (cloud, locator) = start_cloud().await;
    let folder = AppFolder::new(&["shop"]);
    let mut run = folder.run(Some(&locator), &[]);
    run.err.wait_for("version 1 serves");
    let callers = Arc::new(Callers::default());
    let tasks: Vec<_> =
        (0..4).map(|_| tokio::spawn(Arc::clone(&callers).call(cloud.client().clone()))).collect();
    let mut durations = Vec::new();
    for save in 1..=saves {
        let (start, greeting) = (Instant::now(), format!("save{save}"));
        folder.greet("shop", &greeting);
        while greet(cloud.client(), "shop").await.unwrap() != format!("{greeting}, Ada!") {}
        durations.push(start.elapsed());
        run.err.wait_for(&format!("version {} serves", save + 1));
    }
    callers.is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    durations.sort();
    let calls = callers.calls.load(Ordering::Relaxed);
    println!("{saves} saves, {calls} calls, median {:?}", durations[saves / 2]);
    assert_eq!(callers.failed.load(Ordering::Relaxed), 0);
    assert_eq!(run.err.count("has changed: building"), saves);
    interrupt(&mut run);
}

#[tokio::test]
async fn version_before_serves_on_after_errors() {
    let (cloud, locator) = start_cloud().await;
    let folder = AppFolder::new(&["shop"]);
    let mut run = folder.run(Some(&locator), &[]);
    run.err.wait_for("version 1 serves");

    folder.greet("shop", "error");
    run.err.wait_for("shop: version 1 goes on serving; the next change is built again");
    let lines = run.err.all();
    let failure = lines.iter().position(|line| line.contains("has failed")).unwrap();
    assert_eq!(
        lines[failure - 2..],
        [
            "shop: greeting.txt has changed: building",
            "the greeting is wrong",
            "shop: the build of `shop` has failed (exit status: 4)",
            "  the greeting is wrong",
            "shop: version 1 goes on serving; the next change is built again",
        ]
    );
    assert_eq!(greet(cloud.client(), "shop").await.unwrap(), "one, Ada!");

    folder.greet("shop", "crash");
    run.err.wait_for("it cannot start");
    while run.err.count("version 1 goes on serving; the next change") < 2 {
        run.err.wait_for("it cannot start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(greet(cloud.client(), "shop").await.unwrap(), "one, Ada!");

    folder.greet("shop", "two");
    run.err.wait_for("version 2 serves");
    assert_eq!(greet(cloud.client(), "shop").await.unwrap(), "two, Ada!");
    interrupt(&mut run);
}

#[tokio::test]
async fn cloud_is_left_as_it_was_found() {
    let (cloud, locator) = start_cloud().await;
    let folder = AppFolder::new(&["shop", "other"]);
    let mut first = folder.run(Some(&locator), &["--once"]);
    first.err.wait_for("other: version 1 serves");
    first.err.wait_for("shop: version 1 serves");
    folder.greet("shop", "two");
    let only_shop = AppFolder::new(&["shop"]);
    only_shop.greet("shop", "second");
    let mut second = only_shop.run(Some(&locator), &[]);
    second.err.wait_for("version 1 serves");
    assert_eq!(greet(cloud.client(), "shop").await.unwrap(), "second, Ada!");
    interrupt(&mut second);
    assert_eq!(greet(cloud.client(), "shop").await.unwrap(), "one, Ada!");
    assert_eq!(first.err.count("has changed"), 0);
    interrupt(&mut first);
    let left = storage(&cloud).await.find("manifests", &["app"]).await.unwrap();
    assert_eq!(left, [""; 0]);
    assert!(greet(cloud.client(), "shop").await.is_err());
}

#[tokio::test]
async fn ignored_files_are_not_built() {
    let (_cloud, locator) = start_cloud().await;
    let folder = AppFolder::new(&["shop"]);
    let mut run = folder.run(Some(&locator), &[]);
    run.err.wait_for("version 1 serves");
    for file in ["a.log", "target/a", ".git/a", ".a.swp"] {
        let path = folder.path("shop").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "1").unwrap();
    }
    folder.greet("shop", "two");
    run.err.wait_for("version 2 serves");
    let changes: Vec<_> = run.err.all().into_iter().filter(|line| line.contains("has changed")).collect();
    assert_eq!(changes, ["shop: greeting.txt has changed: building"]);
    interrupt(&mut run);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_apps_have_their_names_before_lines() {
    let (cloud, locator) = start_cloud().await;
    let folder = AppFolder::new(&["shop", "statistics"]);
    folder.greet("statistics", "error");
    let mut run = folder.run(Some(&locator), &["--logs", "logs"]);
    run.err.wait_for("shop: version 1 serves");
    run.err.wait_for("statistics: nothing serves; the next change is built again");
    assert_eq!(run.err.count("shop       | built one"), 1);
    assert_eq!(run.err.count("statistics | the greeting is wrong"), 1);
    folder.greet("statistics", "two");
    run.err.wait_for("statistics: version 1 serves");
    assert_eq!(run.err.count("shop: greeting.txt"), 0);
    let app: AppClient = cloud.client().service_named("shop").await.unwrap();
    let _call = app.enqueue("hang", None).await.unwrap().finish().unwrap();
    assert_eq!(run.out.wait_for("it hangs"), "shop       | it hangs");
    assert!(fs::read_to_string(folder.path("logs/shop.log")).unwrap().contains("it hangs\n"));
    run.signal(Signal::INT);
    run.err.wait_for("once more ends it at once");
    run.signal(Signal::INT);
    assert_eq!(run.wait().code(), Some(130));
}

#[tokio::test]
async fn interrupted_run_leaves_no_process() {
    let folder = AppFolder::new(&["shop"]);
    for signal in [Signal::INT, Signal::TERM] {
        let (mut run, locator) = folder.run_with_node("shop").await;
        run.err.wait_for("version 1 serves");
        let client = Client::new(&locator).unwrap();
        assert_eq!(greet(&client, "shop").await.unwrap(), "one, Ada!");
        run.signal(signal);
        assert_eq!(run.wait().code(), Some(130), "{:?}", run.err.all());
        assert_eq!(folder.processes(), [""; 0]);
        assert_eq!(run.err.all().last().unwrap(), "stopping: once more ends it at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_interruption_kills_a_hanging_worker() {
    let folder = AppFolder::new(&["shop"]);
    let (mut run, locator) = folder.run_with_node("shop").await;
    run.err.wait_for("version 1 serves");
    let app: AppClient = Client::new(&locator).unwrap().service_named("shop").await.unwrap();
    let _call = app.enqueue("hang", None).await.unwrap().finish().unwrap();
    run.out.wait_for("it hangs");
    run.signal(Signal::INT);
    run.err.wait_for("once more ends it at once");
    run.signal(Signal::INT);
    assert_eq!(run.wait().code(), Some(130));
    folder.wait_for_no_process();
}

#[tokio::test]
async fn killed_run_leaves_no_process() {
    let folder = AppFolder::new(&["shop"]);
    let (run, _) = folder.run_with_node("shop").await;
    run.err.wait_for("version 1 serves");
    run.signal(Signal::KILL);
    folder.wait_for_no_process();
}

#[tokio::test]
async fn end_of_the_node_ends_the_run() {
    let folder = AppFolder::new(&["shop"]);
    let (mut run, _) = folder.run_with_node("shop").await;
    run.err.wait_for("version 1 serves");
    let pid = fs::read_to_string(folder.path(".cocaine/node/data/node.pid")).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    assert_eq!(run.wait().code(), Some(1));
    let text = "error: the node has ended (signal: 9 (SIGKILL)); its log is ";
    run.err.wait_for(text);
    folder.wait_for_no_process();
}

#[tokio::test]
async fn second_run_has_a_node_of_its_own() {
    let folder = AppFolder::new(&["shop"]);
    let (mut first, one) = folder.run_with_node("shop").await;
    // Builds at the same time would write the same program.
    first.err.wait_for("version 1 serves");
    let (mut second, other) = folder.run_with_node("shop").await;
    second.err.wait_for("version 1 serves");
    assert_ne!(one, other);
    interrupt(&mut first);
    assert_eq!(greet(&Client::new(&other).unwrap(), "shop").await.unwrap(), "one, Ada!");
    interrupt(&mut second);
}

#[test]
fn folder_without_apps_says_what_is_missing() {
    let folder = AppFolder::new(&["shop"]);
    let mut run = folder.run(Some("127.0.0.1:1"), &["shop"]);
    assert_eq!(run.wait().code(), Some(2));
    run.err.wait_for(
        "shop has no app: there is neither a Cocaine.toml nor a Cargo.toml nor a manifest.json in it",
    );
}
