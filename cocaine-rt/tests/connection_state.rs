//! What a service keeps for a connection, and the order in which the calls of a connection find it.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicU64, Ordering},
};

use cocaine::{
    Bytes, Result,
    server::{Caller, Server},
};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use futures_util::future::join_all;
use test_locator::cloud;
use test_support::wait::wait_until;

/// Returns the number of each read on its connection. Every second one waits before it returns.
struct NumberedReads(Arc<AtomicU64>);

impl Storage for NumberedReads {
    async fn read(&self, _: &str, _: &str) -> Result<Bytes> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(2) {
            tokio::task::yield_now().await;
        }
        Ok(number.to_string().as_str().into())
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_connection_share_its_state() {
    let states: Arc<Mutex<Vec<Weak<AtomicU64>>>> = Arc::default();
    let known = states.clone();
    let dispatch = ServeStorage::new(move |caller: &Caller| {
        let state = caller.connection_state();
        known.lock().unwrap().push(Arc::downgrade(&state));
        NumberedReads(state)
    });
    let server = Server::bind("127.0.0.1:0", dispatch).await.unwrap();
    for _ in 0..2 {
        let (client, _locator) = cloud::<StorageClient>(&server).await;
        let storage: StorageClient = client.service().await.unwrap();
        let numbers = join_all((0..200).map(|_| storage.read("c", "k"))).await;
        for (sent, number) in numbers.into_iter().enumerate() {
            assert_eq!(
                number.unwrap(),
                sent.to_string().as_str(),
                "calls begin in the order in which they are sent"
            );
        }
    }
    let are_gone = async || states.lock().unwrap().iter().all(|state| state.strong_count() == 0);
    wait_until("the state ends with its connection", are_gone).await;
    assert_eq!(states.lock().unwrap().len(), 400);
}
