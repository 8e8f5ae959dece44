//! A client that several runtimes use, at once and one after the other.

mod read_storage;
#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{sync::Arc, thread, time::Duration};

use cocaine::{
    Bytes, Client, Result,
    server::{AcceptCounters, Caller, Server},
};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use read_storage::ReadStorage;
use test_locator::locator_of;
use tokio::runtime::{Builder, Runtime};

/// Returns a key as its blob, and never answers for the key `wait`.
async fn read(key: String) -> Result<Bytes> {
    if key == "wait" {
        std::future::pending::<()>().await;
    }
    Ok(key.as_str().into())
}

/// A storage and its locator, on a runtime of their own, and a client.
struct Cloud {
    client: Client,
    accepted: Arc<AcceptCounters>,
    _servers: (Server, Server),
    _runtime: Runtime,
}

/// Returns a client whose calls fail if it waits longer and longer after each runtime.
fn start() -> Cloud {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let accepted = Arc::new(AcceptCounters::default());
    let servers = runtime.block_on(async {
        let storage = ServeStorage::new(|_: &Caller| ReadStorage(|key: &str| read(key.to_owned())));
        let storage = Server::builder(storage);
        let storage = storage.accept_counters(accepted.clone()).bind("127.0.0.1:0").await.unwrap();
        let locator = locator_of::<StorageClient>(&storage).await;
        (storage, locator)
    });
    let locator = servers.1.local_addr().to_string();
    let client = Client::builder(&locator).unwrap().deadline(Duration::from_secs(1)).build();
    Cloud { client, accepted, _servers: servers, _runtime: runtime }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn service_outlives_runtimes_with_calls_in_flight() {
    let cloud = start();
    let storage = current_thread().block_on(cloud.client.service::<StorageClient>()).unwrap();
    for round in 0..20 {
        current_thread().block_on(async {
            for _ in 0..round {
                let storage = storage.clone();
                tokio::spawn(async move { storage.read("c", "wait").await });
            }
            assert_eq!(storage.read("c", "k").await.unwrap(), "k");
        });
    }
    assert_eq!(cloud.accepted.accepted(), 21, "one connection for each runtime");
}

#[test]
fn idle_runtime_does_not_stop_another() {
    let cloud = start();
    let (idle, other) = (current_thread(), current_thread());
    let storage = idle.block_on(cloud.client.service::<StorageClient>()).unwrap();
    assert_eq!(other.block_on(storage.read("c", "k")).unwrap(), "k");
    assert_eq!(idle.block_on(storage.read("c", "k")).unwrap(), "k");
    assert_eq!(cloud.accepted.accepted(), 2, "each runtime has kept its connection");
}

#[test]
fn end_of_runtime_fails_no_call_elsewhere() {
    let cloud = start();
    let storage = current_thread().block_on(cloud.client.service::<StorageClient>()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let storage = storage.clone();
            thread::spawn(move || {
                for _ in 0..10 {
                    let read = async { tokio::join!(storage.read("c", "a"), storage.read("c", "b")) };
                    let (a, b) = current_thread().block_on(read);
                    assert_eq!((a.unwrap(), b.unwrap()), ("a".into(), "b".into()));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
