//! The heap allocations of typed calls, counted on the thread of one side.

mod read_storage;
#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{collections::BTreeMap, future::ready, net::SocketAddr, sync::Arc, sync::mpsc, thread};

use allocation_counter::measure;
use cocaine::{
    Bytes, Client, Receiver, ReplySender, Result, Sender, ServiceClient, Value,
    bind::{EventSpec, FirstChunk},
    msgpack,
    server::Server,
};
use cocaine_bindings::{App, AppClient, AppServer, ServeApp, Storage, StorageClient};
use futures_util::{StreamExt, stream::FuturesUnordered};
use read_storage::serve_reads;
use test_locator::{TestLocator, locator_of};
use test_support::raw::RawConnection;
use tokio::runtime::{Builder, Runtime};

const CALLS: u64 = 1000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Serves a storage of blobs, each of which is as long as its key says.
async fn serve() -> (Server, Server) {
    let blobs = ["64", "4096", "8192"].map(|key| (key, Bytes::from(vec![7; key.parse().unwrap()])));
    let blobs = Arc::new(BTreeMap::from(blobs));
    let storage = serve_reads("127.0.0.1:0", move |key| ready(Ok(blobs[key].clone()))).await;
    (locator_of::<StorageClient>(&storage).await, storage)
}

async fn connect(locator: SocketAddr) -> StorageClient {
    Client::new(&locator.to_string()).unwrap().service().await.unwrap()
}

/// Returns the futures of [`CALLS`] calls.
fn calls<'a>(
    storage: &'a StorageClient,
    key: &'static str,
) -> FuturesUnordered<impl Future<Output = Result<Bytes>> + 'a> {
    (0..CALLS).map(|_| storage.read("manifests", key)).collect()
}

/// Completes all calls and drops each answer as it arrives.
async fn answers(mut calls: FuturesUnordered<impl Future<Output = Result<Bytes>>>) {
    while let Some(answer) = calls.next().await {
        drop(answer.unwrap());
    }
}

/// Returns the lowest count of ten batches, after five that fill the buffers and pools.
fn minimum(batch: impl Fn() -> u64) -> u64 {
    let counts: Vec<_> = (0..15).map(|_| batch()).collect();
    counts.into_iter().skip(5).min().unwrap()
}

/// Counts the allocations in a client's thread for [`CALLS`] concurrent calls.
fn count_client(key: &'static str) -> u64 {
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
    minimum(|| {
        let calls = calls(&storage, key);
        measure(|| runtime.block_on(answers(calls))).count_total
    })
}

/// Counts the allocations in a server's thread for the same calls.
fn count_server(key: &'static str) -> u64 {
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
    minimum(|| {
        let answered = async {
            while finished.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        };
        measure(|| runtime.block_on(answered)).count_total
    })
}

/// An app that answers with the first chunk.
struct EchoApp;

impl AppServer for EchoApp {
    async fn enqueue(
        &self,
        _: &str,
        _: Option<&str>,
        mut input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<()> {
        let chunk = input.recv().await.unwrap()?;
        while input.recv().await.transpose()?.is_some() {}
        output.send(chunk).await?;
        output.finish()
    }

    async fn info(&self) -> Result<Value> {
        Ok(Value::Nil)
    }

    async fn control(&self, _: Receiver<i32>, _: ReplySender<()>) -> Result<()> {
        Ok(())
    }
}

/// Counts the allocations in a client's thread for [`CALLS`] events, one after another.
fn count_events<F: Future<Output = ()>>(call: impl Fn(AppClient) -> F) -> u64 {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let app = Server::bind("127.0.0.1:0", ServeApp::new(|_| EchoApp)).await.unwrap();
            let names = TestLocator::default();
            names.add::<AppClient>("app", app.local_addr());
            let locator = names.serve("127.0.0.1:0").await;
            sender.send(locator.local_addr()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let runtime = runtime();
    let cloud = Client::new(&receiver.recv().unwrap().to_string()).unwrap();
    let app: AppClient = runtime.block_on(cloud.service()).unwrap();
    minimum(|| {
        let calls = async {
            for _ in 0..CALLS {
                call(app.clone()).await;
            }
        };
        measure(|| runtime.block_on(calls)).count_total
    })
}

async fn call_by_hand(app: AppClient) {
    let mut event = app.enqueue("sum", None).await.unwrap();
    event.send(msgpack::to_vec(&("slug", 5_u32)).unwrap()).await.unwrap();
    let mut answer = event.finish().unwrap();
    let chunk = answer.recv().await.unwrap().unwrap();
    assert!(answer.recv().await.is_none());
    let sum: (String, u32) = msgpack::from_bytes(&chunk).unwrap();
    assert_eq!(sum.1, 5);
}

async fn call_typed(app: AppClient) {
    static SUM: EventSpec = EventSpec::new("sum", "0123456789abcdef");
    let arguments = FirstChunk::value(&("slug", 5_u32));
    let sum: Result<(String, u32)> = SUM.call(app.service(), arguments).await;
    assert_eq!(sum.unwrap().1, 5);
}

#[test]
fn typed_event_allocates_no_more_than_enqueue() {
    let (by_hand, typed) = (count_events(call_by_hand), count_events(call_typed));
    assert!(typed <= by_hand, "{typed} for {CALLS} typed events, {by_hand} by hand");
    // The headers, the message with the reply, and its text.
    assert!(typed <= 3 * CALLS + read_buffers(CALLS * 160), "{typed} for {CALLS} events");
}

/// Returns the allocations that reading `bytes` may take: two for each buffer of 64 KiB, of which 4 KiB may stay unused.
fn read_buffers(bytes: u64) -> u64 {
    2 * (bytes / (60 << 10) + 1)
}

#[test]
fn small_answer_costs_one_allocation_per_call() {
    let count = count_client("64");
    assert!((CALLS..=CALLS + read_buffers(CALLS * 160)).contains(&count), "{count} for {CALLS} calls");
}

#[test]
fn sliced_answer_costs_no_allocation_per_call() {
    for (key, size) in [("4096", 4200), ("8192", 8300)] {
        let count = count_client(key);
        assert!(count <= read_buffers(CALLS * size), "{count} for {CALLS} calls with {key} bytes each");
    }
}

#[test]
fn server_answers_calls_without_allocations() {
    for key in ["64", "8192"] {
        let count = count_server(key);
        assert!(count < CALLS / 10, "{count} for {CALLS} calls with {key} bytes each");
    }
}

#[test]
fn announced_length_reserves_no_memory() {
    let runtime = runtime();
    let (locator, _storage) = runtime.block_on(serve());
    let taken = measure(|| {
        runtime.block_on(async {
            let mut raw = RawConnection::connect(locator.local_addr()).await;
            // The frame announces 100 MiB, below the limit.
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
