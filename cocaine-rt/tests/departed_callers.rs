//! Handlers whose callers leave: by closing the connection, or by revoking or closing the channel.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use cocaine::{Bytes, Result, server::Server};
use cocaine_bindings::{ServeStorage, Storage};
use test_support::{frame::UNTRACED, raw::RawConnection, wait::wait_until};
use tokio::sync::Semaphore;

/// Reads and finds for ever; writes and removes once it is allowed to. Counts what runs and what has finished.
#[derive(Clone)]
struct SlowStorage {
    running: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
    allowed: Arc<Semaphore>,
}

/// Counts a handler while it lives.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SlowStorage {
    fn new() -> Self {
        Self { running: Arc::default(), finished: Arc::default(), allowed: Arc::new(Semaphore::new(0)) }
    }

    fn count(&self) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self.running.clone())
    }

    async fn finish(&self) -> Result<()> {
        let _running = self.count();
        let _permit = self.allowed.acquire().await;
        self.finished.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Serves the storage, and promises to finish writes alone.
    async fn serve(&self) -> Server {
        let service = self.clone();
        let builder = Server::builder(ServeStorage::new(move |_| service.clone()));
        builder.run_to_completion(&["write"]).bind("127.0.0.1:0").await.unwrap()
    }

    async fn wait_for_running(&self, count: usize) {
        let text = format!("{count} handlers run");
        wait_until(&text, async || self.running.load(Ordering::Relaxed) == count).await;
    }

    fn counts(&self) -> [usize; 2] {
        [&self.running, &self.finished].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Storage for SlowStorage {
    async fn read(&self, _: &str, _: &str) -> Result<Bytes> {
        let _running = self.count();
        pending().await
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        self.finish().await
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        self.finish().await
    }

    async fn find(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
        let _running = self.count();
        pending().await
    }
}

const READ: &[u8] = b"\x00\x92\xa1c\xa1k";
const WRITE: &[u8] = b"\x01\x93\xa1c\xa1k\xa1v";
const REMOVE: &[u8] = b"\x02\x92\xa1c\xa1k";

fn call(channel: u8, rest: &[u8]) -> Vec<u8> {
    [&[0x93, channel], rest].concat()
}

#[tokio::test]
async fn lost_connection_ends_calls_except_promised_ones() {
    let service = SlowStorage::new();
    let server = service.serve().await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut raw = RawConnection::connect(server.local_addr()).await;
        for (channel, method) in [READ, WRITE, REMOVE].into_iter().cycle().take(30).enumerate() {
            raw.write(&call(u8::try_from(channel + 1).unwrap(), method)).await;
        }
        clients.push(raw);
    }
    service.wait_for_running(120).await;
    clients.truncate(1);
    service.wait_for_running(30 + 3 * 10).await;
    drop(clients);
    service.wait_for_running(4 * 10).await;
    service.allowed.add_permits(1000);
    service.wait_for_running(0).await;
    assert_eq!(service.counts(), [0, 40], "each write has finished, and no removal");
    server.shutdown().await;
}

#[tokio::test]
async fn revoked_call_ends_without_an_answer() {
    let service = SlowStorage::new();
    let server = service.serve().await;
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(&[call(1, READ), call(2, WRITE), call(3, READ)].concat()).await;
    service.wait_for_running(3).await;
    for (channel, target) in [(4, 1), (5, 2)] {
        raw.write(&[0x93, channel, 0xcd, 0xff, 0xff, 0x92, target, 0x92, 0x07, 0x04]).await;
        raw.expect(&[&[0x94, channel, 0x00, 0x90], UNTRACED].concat()).await;
    }
    service.wait_for_running(2).await;
    service.allowed.add_permits(1);
    raw.expect(&[b"\x94\x02\x00\x90", UNTRACED].concat()).await;
    raw.expect_pong(6).await;
    assert_eq!(service.counts(), [1, 1], "the other read still runs");
}

#[tokio::test]
#[should_panic(expected = "no method `wirte`")]
async fn promise_for_unknown_method_panics() {
    let service = SlowStorage::new();
    let _ = Server::builder(ServeStorage::new(move |_| service.clone())).run_to_completion(&["wirte"]);
}
