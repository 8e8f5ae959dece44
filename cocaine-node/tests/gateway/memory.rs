//! The memory of responses that clients do not read.

use cocaine::MemoryBudget;
use cocaine_node::config::HttpConfig;
use futures_util::future::join_all;
use test_support::wait::wait_until;
use tokio::io::AsyncReadExt;

use crate::{
    app::{Cloud, Step, head},
    client::{Client, fetch, get},
    harness::assert_idle,
};

/// More than the sockets of a connection take.
const CHUNK: usize = 16 << 20;

/// The memory of the gateway: it has room for four chunks, and not for five.
const MEMORY: usize = 72 << 20;

/// Reads a response in chunks to its end, without keeping it. Returns its length, head and framing included.
async fn read_length(mut client: Client) -> usize {
    let (mut buf, mut length, mut tail) = (vec![0; 1 << 18], 0, Vec::new());
    while !tail.ends_with(b"\r\n0\r\n\r\n") {
        let read = client.stream.read(&mut buf).await.unwrap();
        assert_ne!(read, 0, "the response ended after {length} bytes");
        length += read;
        tail.extend_from_slice(&buf[read.saturating_sub(7)..read]);
        tail.drain(..tail.len().saturating_sub(7));
    }
    length
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_responses_wait_for_memory() {
    let memory = MemoryBudget::new(MEMORY);
    let mut cloud = Cloud::within(HttpConfig::default(), &["app"], memory.clone()).await;
    cloud.respond_always([Step::Chunk(head(200, &[])), Step::Chunk(vec![b'x'; CHUNK].into()), Step::Close]);
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = Client::connect(cloud.http_addr()).await;
        client.send(get("/app/large")).await;
        clients.push(client);
    }
    let is_full = || (4 * CHUNK..=MEMORY + (1 << 20)).contains(&memory.used());
    wait_until("memory is used up", async || is_full()).await;
    assert_eq!(fetch(cloud.http_addr(), get("/ping")).await.text(), "OK\n", "small calls go on");
    assert!(is_full(), "{}", memory.used());
    let lengths = join_all(clients.into_iter().map(read_length)).await;
    assert!(lengths.iter().all(|length| (CHUNK..CHUNK + 1000).contains(length)), "{lengths:?}");
    wait_until("all memory is returned", async || memory.used() == 0).await;
    assert_idle(&mut cloud).await;
}
