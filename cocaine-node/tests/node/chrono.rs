//! Timers: ticks, cancellation, and the limits of clients.

use std::time::Duration;

use cocaine::{Code, Value};
use cocaine_bindings::{Chrono, ChronoClient, chrono::TimerId};
use cocaine_node::{Node, config::ChronoConfig};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::{client, frame_client::FrameClient, node, service};

const AFTER: u64 = 0;
const EVERY: u64 = 1;
const CANCEL: u64 = 2;
const RESTART: u64 = 3;
const WRITE: u64 = 0;
const ERROR: u64 = 1;
const CLOSE: u64 = 2;

async fn raw(node: &Node) -> FrameClient {
    FrameClient::connect(client(node).resolve("chrono", None).await.unwrap().endpoints[0].0).await
}

/// Returns the id of the next tick of a timer.
async fn id(raw: &mut FrameClient, channel: u64) -> u64 {
    let (received, kind, args) = raw.recv().await;
    assert_eq!((received, kind), (channel, WRITE), "{args}");
    args.as_array().unwrap()[0].as_u64().expect("an id")
}

fn empty() -> Value {
    Value::Array(Vec::new())
}

#[tokio::test]
async fn stream_closes_before_cancel_is_answered() {
    let node = node().await;
    let mut raw = raw(&node).await;
    for round in 0..100 {
        let (timer, cancel) = (2 * round + 1, 2 * round + 2);
        raw.send(timer, if round % 2 == 0 { AFTER } else { EVERY }, (3600.0, true)).await;
        let id = id(&mut raw, timer).await;
        raw.send(cancel, CANCEL, (id,)).await;
        assert_eq!(raw.recv().await, (timer, CLOSE, empty()));
        assert_eq!(raw.recv().await, (cancel, WRITE, empty()));
    }
    raw.send(1000, CANCEL, (77,)).await;
    assert_eq!(raw.recv().await, (1000, WRITE, empty()), "cancelling an unknown timer is no error");
    raw.send(1001, RESTART, (77,)).await;
    let (channel, kind, args) = raw.recv().await;
    assert_eq!((channel, kind), (1001, ERROR));
    assert_eq!(args.to_string(), r#"[[7, 7], "map::at"]"#);
    node.shutdown().await;
}

#[tokio::test]
async fn any_client_can_cancel_and_restart() {
    let node = node().await;
    let (owner, other): (ChronoClient, ChronoClient) = (service(&node).await, service(&node).await);
    let mut timer = owner.notify_after(3600.0, Some(true));
    let id = timer.recv().await.unwrap().unwrap();
    other.restart(id).await.unwrap();
    other.cancel(id).await.unwrap();
    assert!(timer.recv().await.is_none(), "the stream has ended");
    let error = other.restart(id).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::UNCAUGHT_ERROR));
    node.shutdown().await;
}

#[tokio::test]
async fn timers_of_many_clients_are_independent() {
    let node = node().await;
    let clients = join_all((0..20).map(|_| service::<ChronoClient>(&node))).await;
    let ticks = clients.iter().map(|client| async {
        let mut timer = client.notify_every(0.002, Some(true));
        let id = timer.recv().await.unwrap().unwrap();
        for _ in 0..20 {
            assert_eq!(timer.recv().await.unwrap().unwrap(), id);
        }
        client.cancel(id).await.unwrap();
        while let Some(late) = timer.recv().await {
            assert_eq!(late.unwrap(), id, "it was sent before the cancellation");
        }
        id
    });
    let mut ids = join_all(ticks).await;
    ids.sort_by_key(|TimerId(id)| *id);
    ids.dedup();
    assert_eq!(ids.len(), 20);
    node.shutdown().await;
}

#[tokio::test]
async fn invalid_seconds_are_refused() {
    let node = node().await;
    let chrono: ChronoClient = service(&node).await;
    for seconds in [f64::NAN, f64::INFINITY, 1e300] {
        for mut timer in [chrono.notify_after(seconds, None), chrono.notify_every(seconds, Some(true))] {
            let error = timer.recv().await.unwrap().unwrap_err();
            assert_eq!(error.code(), Some(Code::INVALID_VALUE), "{error}");
        }
    }
    let mut at_once = chrono.notify_every(-1.0, None);
    at_once.recv().await.unwrap().unwrap();
    assert!(at_once.recv().await.is_none());
    node.shutdown().await;
}

#[tokio::test]
async fn disconnecting_client_frees_its_timers() {
    let chrono = ChronoConfig::default().timers(3).client_timers(2);
    let node = Node::builder().listen("127.0.0.1:0").chrono(chrono).start().await.unwrap();
    let (mut first, mut second) = (raw(&node).await, raw(&node).await);
    for channel in [1, 2] {
        first.send(channel, EVERY, (3600.0, true)).await;
        id(&mut first, channel).await;
    }
    first.send(3, EVERY, (3600.0, true)).await;
    let (_, kind, args) = first.recv().await;
    assert_eq!(kind, ERROR);
    assert!(args.to_string().contains("`chrono.client_timers`"), "{args}");
    second.send(1, EVERY, (3600.0, true)).await;
    id(&mut second, 1).await;
    second.send(2, EVERY, (3600.0, true)).await;
    let (_, kind, args) = second.recv().await;
    assert_eq!(kind, ERROR);
    assert!(args.to_string().starts_with("[[12, 11], \"there is already the maximum of 3 timers"), "{args}");

    drop(first);
    // The place is free as soon as the node has noticed.
    let again = async {
        for channel in 3.. {
            second.send(channel, EVERY, (3600.0, true)).await;
            if second.recv().await.1 == WRITE {
                return;
            }
        }
    };
    timeout(Duration::from_secs(20), again).await.expect("timers end with their client");
    node.shutdown().await;
}

#[tokio::test]
async fn shutdown_does_not_wait_for_timers() {
    let node = node().await;
    let mut raw = raw(&node).await;
    raw.send(1, AFTER, (3600.0, true)).await;
    id(&mut raw, 1).await;
    timeout(Duration::from_secs(20), node.shutdown()).await.expect("the node stops");
    raw.expect_end().await;
}
