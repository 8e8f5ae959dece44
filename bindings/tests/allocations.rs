//! The heap allocations of typed calls, counted on the thread of one side.

mod common;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, sync::mpsc, thread};

use allocation_counter::measure;
use cocaine::{Bytes, Client, Result, server::Server};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use common::{Names, Raw};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::runtime::{Builder, Runtime};

const CALLS: u64 = 1000;

/// A storage of blobs whose keys are their lengths.
#[derive(Clone)]
struct Blobs(Arc<BTreeMap<&'static str, Bytes>>);

impl Blobs {
    fn new() -> Self {
        Self(Arc::new(["64", "4096", "8192"].map(|key| (key, vec![7; key.parse().unwrap()].into())).into()))
    }
}

impl Storage for Blobs {
    async fn read(&self, _: &str, key: &str) -> Result<Bytes> {
        Ok(self.0[key].clone())
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn serve() -> (Server, Server) {
    let blobs = Blobs::new();
    let storage = Server::bind("127.0.0.1:0", ServeStorage::new(move |_| blobs.clone())).await.unwrap();
    let names = Names::default();
    names.add::<StorageClient>("storage", storage.local_addr());
    (names.serve("127.0.0.1:0").await, storage)
}

async fn connect(locator: SocketAddr) -> StorageClient {
    Client::new(&locator.to_string()).unwrap().service().await.unwrap()
}

/// Makes calls all at once, whose futures were made before, and drops each answer as it comes.
fn calls<'a>(
    storage: &'a StorageClient,
    key: &'static str,
) -> FuturesUnordered<impl Future<Output = Result<Bytes>> + 'a> {
    (0..CALLS).map(|_| storage.read("manifests", key)).collect()
}

async fn answers(mut calls: FuturesUnordered<impl Future<Output = Result<Bytes>>>) {
    while let Some(answer) = calls.next().await {
        drop(answer.unwrap());
    }
}

/// Returns the least that one of several batches took, once a few have warmed up what is kept.
fn steady(batch: impl Fn() -> u64) -> u64 {
    let counts: Vec<_> = (0..15).map(|_| batch()).collect();
    counts.into_iter().skip(5).min().unwrap()
}

/// Returns the allocations of a client's thread for 1,000 calls that are made all at once.
fn of_client(key: &'static str) -> u64 {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let (locator, _storage) = serve().await;
            sender.send(locator.local_addr()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let runtime = runtime();
    let storage = runtime.block_on(connect(receiver.recv().unwrap()));
    steady(|| {
        let calls = calls(&storage, key);
        measure(|| runtime.block_on(answers(calls))).count_total
    })
}

/// Returns the allocations of a server's thread for the same.
fn of_server(key: &'static str) -> u64 {
    let (done, finished) = mpsc::channel();
    let runtime = runtime();
    let (locator, _storage) = runtime.block_on(serve());
    let address = locator.local_addr();
    thread::spawn(move || {
        let runtime = self::runtime();
        let storage = runtime.block_on(connect(address));
        loop {
            runtime.block_on(answers(calls(&storage, key)));
            if done.send(()).is_err() {
                return;
            }
        }
    });
    steady(|| {
        let answered = async {
            while finished.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        };
        measure(|| runtime.block_on(answered)).count_total
    })
}

/// Returns the allocations for reading `bytes`: two for each buffer of 64 KiB, of which 4 KiB may stay unused.
fn buffers(bytes: u64) -> u64 {
    2 * (bytes / (60 << 10) + 1)
}

#[test]
fn a_call_with_a_small_blob_in_its_answer_allocates_that_blob_and_nothing_else() {
    let count = of_client("64");
    assert!((CALLS..=CALLS + buffers(CALLS * 160)).contains(&count), "{count} for {CALLS} calls");
}

#[test]
fn a_call_whose_answer_is_sliced_allocates_nothing_but_what_it_is_read_into() {
    for (key, size) in [("4096", 4200), ("8192", 8300)] {
        let count = of_client(key);
        assert!(count <= buffers(CALLS * size), "{count} for {CALLS} calls with {key} bytes each");
    }
}

#[test]
fn a_server_answers_a_call_without_an_allocation() {
    for key in ["64", "8192"] {
        let count = of_server(key);
        assert!(count < CALLS / 10, "{count} for {CALLS} calls with {key} bytes each");
    }
}

#[test]
fn a_frame_that_lies_about_its_length_takes_no_memory_for_it() {
    let runtime = runtime();
    let (locator, _storage) = runtime.block_on(serve());
    let taken = measure(|| {
        runtime.block_on(async {
            let mut raw = Raw::connect(locator.local_addr()).await;
            // 100 MiB, below the limit of a frame.
            raw.expect_pong(1).await;
            raw.write(b"\x93\x02\x00\x91\xdb\x06\x40\x00\x00").await;
            raw.write(&[0; 1000]).await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        });
    });
    assert!(taken.bytes_max < 4 << 20, "{} bytes", taken.bytes_max);
}
