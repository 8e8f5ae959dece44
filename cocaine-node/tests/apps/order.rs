//! The order of one connection's calls of `node`: what is sent in one go is answered as calls one by one are.

use std::{future::poll_fn, pin::Pin, task::Poll};

use cocaine::{Client, Result};
use cocaine_bindings::{Node as _, NodeClient, Storage as _};
use futures_util::future::{BoxFuture, join_all};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::json;
use tokio::{task::unconstrained, time::timeout};

use crate::cloud::{Cloud, PATIENCE};

#[derive(Clone, Copy, Debug)]
enum Step {
    Start(&'static str),
    Pause(&'static str),
    Info(&'static str),
    List,
}

fn step() -> impl Strategy<Value = Step> {
    let app = || proptest::sample::select(vec!["one", "two", "bad", "absent"]);
    prop_oneof![
        3 => app().prop_map(Step::Start),
        3 => app().prop_map(Step::Pause),
        2 => app().prop_map(Step::Info),
        1 => Just(Step::List),
    ]
}

/// Calls the method of a step for the apps whose names begin with `prefix`. Returns what it answers.
fn call(apps: &NodeClient, prefix: &str, step: Step) -> BoxFuture<'static, String> {
    let (apps, prefix) = (apps.clone(), prefix.to_owned());
    let name = move |app: &str| format!("{prefix}{app}");
    let said = |answer: Result<String>| answer.unwrap_or_else(|error| format!("{:?}", error.code()));
    Box::pin(async move {
        match step {
            Step::Start(app) => said(apps.start_app(&name(app), &name(app)).await.map(|()| "started".into())),
            Step::Pause(app) => said(apps.pause_app(&name(app)).await.map(|()| "stopped".into())),
            Step::Info(app) => {
                said(apps.info(&name(app), None).await.map(|info| info.get("state").unwrap().to_string()))
            }
            Step::List => said(apps.list().await.map(|list| {
                let names = list.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                names.filter_map(|found| found.strip_prefix(&*name(""))).collect::<Vec<_>>().join(" ")
            })),
        }
    })
}

/// Sends all calls before any of them is answered.
async fn in_one_go(calls: Vec<BoxFuture<'static, String>>) -> Vec<String> {
    let mut begun = Vec::new();
    for call in calls {
        let mut call = Box::pin(unconstrained(call));
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await;
        assert!(first.is_pending());
        begun.push(call);
    }
    timeout(PATIENCE, join_all(begun)).await.expect("answers in time")
}

async fn connect(cloud: &Cloud) -> NodeClient {
    let client = Client::new(&cloud.node.locator_addr().to_string()).unwrap();
    client.service().await.unwrap()
}

async fn prepare(cloud: &Cloud, prefix: &str) -> NodeClient {
    for app in ["one", "two", "bad"] {
        cloud.upload(&format!("{prefix}{app}"), "", json!({})).await;
    }
    cloud.storage.write("apps", &format!("{prefix}bad"), &b"no tar".into(), Some(&["app"])).await.unwrap();
    connect(cloud).await
}

#[test]
fn node_pipelines_match_sequential_calls() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cloud = runtime.block_on(Cloud::start());
    let number = std::sync::atomic::AtomicUsize::new(0);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(16) });
    let outcome = runner.run(&vec(step(), 1..16), |steps| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        runtime.block_on(async {
            let (pipelined, sequential) = (format!("p{number}"), format!("s{number}"));
            let apps = prepare(&cloud, &pipelined).await;
            let calls = steps.iter().map(|step| call(&apps, &pipelined, *step)).collect();
            let answers = in_one_go(calls).await;
            let apps = prepare(&cloud, &sequential).await;
            let mut expected = Vec::new();
            for step in &steps {
                expected.push(call(&apps, &sequential, *step).await);
            }
            prop_assert_eq!(answers, expected);
            Ok(())
        })
    });
    runtime.block_on(cloud.node.shutdown());
    outcome.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_restart_runs_the_app_again() {
    let cloud = Cloud::start().await;
    let apps = prepare(&cloud, "").await;
    let steps = [
        Step::Start("one"),
        Step::Info("one"),
        Step::Start("two"),
        Step::List,
        Step::Pause("one"),
        Step::Info("one"),
        Step::Start("one"),
        Step::Start("one"),
        Step::Info("one"),
    ];
    let answers = in_one_go(steps.iter().map(|step| call(&apps, "", *step)).collect()).await;
    let refused = |code: i64| format!("{:?}", Some(cocaine::Code::new(cocaine::Category(0x51FF), code)));
    let not_running = format!("{:?}", Some(cocaine::Code::posix(22)));
    let running = "\"running\"".to_owned();
    assert_eq!(
        answers,
        [
            "started".into(),
            running.clone(),
            "started".into(),
            "one two".into(),
            "stopped".into(),
            not_running,
            "started".into(),
            refused(5),
            running
        ]
    );
    cloud.node.shutdown().await;
}
