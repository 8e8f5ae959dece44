//! Events whose clients revoke their channels.

use serde_json::json;
use test_support::{frame::UNTRACED, raw::RawConnection, wait::wait_until};

use crate::cloud::{Cloud, call, finish, number, open};

/// Revokes channel 1, on channel 2, with a code of the system.
fn revoke(code: u8) -> Vec<u8> {
    vec![0x93, 2, 0xcd, 0xff, 0xff, 0x92, 1, 0x92, 1, code]
}

fn answer(frame: &[u8]) -> Vec<u8> {
    [&[0x94], frame, UNTRACED].concat()
}

/// Connects to the service of an app, begins an event, and waits until a worker has it.
async fn begin(cloud: &Cloud, app: &str, event: &[u8]) -> RawConnection<tokio::net::TcpStream> {
    let address = cloud.client.resolve(app, None).await.unwrap().endpoints[0].0;
    let mut client = RawConnection::connect(address).await;
    let name_len = u8::try_from(event.len()).unwrap();
    client.write(&[&[0x93, 1, 0, 0x91, 0xa0 | name_len], event].concat()).await;
    cloud.until(app, |info| number(info, &["load"]) == 1).await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoke_leaves_the_answers_of_worker_open() {
    let cloud = Cloud::start().await;
    cloud.run("told", "", json!({"pool-limit": 1})).await;
    let mut client = begin(&cloud, "told", b"echo").await;
    client.write(b"\x93\x01\x00\x91\xa1x").await;
    client.expect(&answer(b"\x01\x00\x91\xa1x")).await;
    client.write(&revoke(125)).await;
    client.expect(&answer(b"\x02\x00\x90")).await;
    // The worker reads the error, with which its handler fails.
    client.expect(&[0x94, 1, 1]).await;
    cloud.until("told", |info| number(info, &["load"]) == 0).await;

    cloud.run("untold", "", json!({"pool-limit": 1})).await;
    let mut client = begin(&cloud, "untold", b"poured").await;
    client.write(&revoke(0)).await;
    client.expect(&answer(b"\x02\x00\x90")).await;
    let app = cloud.client.service_named("untold").await.unwrap();
    call(&app, "pour", "0").await.unwrap();
    client.expect(&answer(b"\x01\x02\x90")).await;
    cloud.until("untold", |info| number(info, &["load"]) == 0).await;
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_event_ends_with_its_connection() {
    let cloud = Cloud::start().await;
    let app = cloud.run("busy", "", json!({"pool-limit": 1, "concurrency": 1})).await;
    let mut client = begin(&cloud, "busy", b"echo").await;
    client.write(&revoke(0)).await;
    client.expect(&answer(b"\x02\x00\x90")).await;
    let waiting = open(&app, "echo", "next").await.unwrap();
    cloud.until("busy", |info| number(info, &["queue", "depth"]) == 1).await;
    drop(client);
    assert_eq!(finish(waiting).await.unwrap(), "next");
    cloud.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_reads_of_the_end_after_revoke() {
    let cloud = Cloud::start().await;
    cloud.run("untold", "ends-at-error", json!({"pool-limit": 1})).await;
    let mut client = begin(&cloud, "untold", b"echo").await;
    client.write(&revoke(0)).await;
    client.expect(&answer(b"\x02\x00\x90")).await;
    drop(client);
    wait_until("the worker ends", async || !cloud.crashlogs("untold").await.is_empty()).await;
    let [crashlog] = &cloud.crashlogs("untold").await[..] else { panic!("one crashlog") };
    assert!(crashlog.contains("an error was read"), "{crashlog}");
    cloud.node.shutdown().await;
}
