//! The order of one client's operations, whatever shares its transactions.

use std::{collections::BTreeMap, future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use futures_util::future::{BoxFuture, join_all};
use proptest::prelude::*;
use tokio::task::unconstrained;

use super::{Store, disk::FaultyDisk};
use crate::store::{ClientStore, StoreError};

fn client(store: &Store) -> ClientStore {
    ClientStore::new(store.clone(), Arc::default())
}

/// The outcome of a step, as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Changed,
    Blob(Option<u8>),
    Keys(Vec<String>),
    Failed(StoreError),
}

/// A step of a client, on its own keys.
#[derive(Clone, Copy, Debug)]
enum Step {
    Write(u8, u8),
    Remove(u8),
    Read(u8),
    Find,
    /// A change that is undone, so that the others of its transaction run again.
    Fail,
}

/// Begins a step, as a call that arrives does, and returns the rest of it.
async fn begin(store: &ClientStore, collection: &str, step: Step) -> BoxFuture<'static, Seen> {
    let (store, collection) = (store.clone(), collection.to_owned());
    let mut step: BoxFuture<'static, Seen> = Box::pin(unconstrained(async move {
        let seen = match step {
            Step::Write(key, blob) => {
                let key = key.to_string();
                store.write(&collection, &key, vec![blob].into(), &["t"]).await.map(|()| Seen::Changed)
            }
            Step::Remove(key) => store.remove(&collection, &key.to_string()).await.map(|()| Seen::Changed),
            Step::Read(key) => match store.read(&collection, &key.to_string()).await {
                Ok(blob) => Ok(Seen::Blob(Some(blob[0]))),
                Err(StoreError::NotFound { .. }) => Ok(Seen::Blob(None)),
                Err(error) => Err(error),
            },
            Step::Find => store.find(&collection, &["t"]).await.map(Seen::Keys),
            Step::Fail => store
                .submit_change(0, |_: &redb::WriteTransaction| Err(StoreError::TooLarge(7)))
                .await
                .map(|()| Seen::Changed),
        };
        seen.unwrap_or_else(Seen::Failed)
    }));
    match poll_fn(|cx| Poll::Ready(Pin::new(&mut step).poll(cx))).await {
        Poll::Ready(seen) => Box::pin(async { seen }),
        Poll::Pending => step,
    }
}

fn apply(model: &mut BTreeMap<u8, u8>, step: Step) -> Seen {
    match step {
        Step::Write(key, blob) => drop(model.insert(key, blob)),
        Step::Remove(key) => drop(model.remove(&key)),
        Step::Read(key) => return Seen::Blob(model.get(&key).copied()),
        Step::Find => return Seen::Keys(model.keys().map(ToString::to_string).collect()),
        Step::Fail => return Seen::Failed(StoreError::TooLarge(7)),
    }
    Seen::Changed
}

/// A disk whose writer waits in a sync, so that all that follows is queued.
async fn busy_disk() -> (FaultyDisk, Store, BoxFuture<'static, Seen>) {
    let disk = FaultyDisk::default();
    let store = disk.store();
    // A growing file needs another sync, so make room first.
    store.write("c", "room", vec![0; 2 << 20].into(), &[]).await.unwrap();
    store.remove("c", "room").await.unwrap();
    disk.block_syncs();
    let first = begin(&client(&store), "first", Step::Write(0, 0)).await;
    disk.wait_until_blocked().await;
    (disk, store, first)
}

#[tokio::test]
async fn reads_see_exactly_the_earlier_changes() {
    let (disk, store, first) = busy_disk().await;
    let before = disk.syncs();
    let steps = [
        Step::Read(1),
        Step::Write(1, 1),
        Step::Read(1),
        Step::Find,
        Step::Write(1, 2),
        Step::Write(2, 3),
        Step::Read(1),
        Step::Find,
        Step::Remove(1),
        Step::Read(1),
        Step::Find,
        Step::Write(1, 4),
        Step::Read(1),
    ];
    let client = client(&store);
    let (mut model, mut expected, mut begun) = (BTreeMap::new(), Vec::new(), Vec::new());
    for step in steps {
        expected.push(apply(&mut model, step));
        begun.push(begin(&client, "c", step).await);
    }
    assert_eq!(store.find("c", &["t"]).await, Ok(vec![]), "nobody sees what is not committed");
    disk.unblock_syncs();
    assert_eq!(join_all(begun).await, expected);
    assert_eq!(first.await, Seen::Changed);
    assert_eq!(disk.syncs() - before, 2, "one for the first, one for all that were queued behind it");
}

#[tokio::test]
async fn reads_after_the_last_change_cost_nothing() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    let client = client(&store);
    client.write("c", "k", "v".into(), &["t"]).await.unwrap();
    let before = disk.syncs();
    disk.block_syncs();
    assert_eq!(client.read("c", "k").await.unwrap(), "v");
    assert_eq!(client.find("c", &["t"]).await.unwrap(), ["k"]);
    assert!(client.is_idle());
    disk.unblock_syncs();
    // Observers that are queued alone need no transaction.
    let write = begin(&client, "c", Step::Write(1, 1)).await;
    let read = begin(&client, "c", Step::Read(1)).await;
    assert_eq!((write.await, read.await), (Seen::Changed, Seen::Blob(Some(1))));
    assert_eq!(disk.syncs() - before, 1);
}

#[tokio::test]
async fn failed_commit_fails_its_observers() {
    let (disk, store, first) = busy_disk().await;
    let client = client(&store);
    let write = begin(&client, "c", Step::Write(1, 1)).await;
    let read = begin(&client, "c", Step::Read(1)).await;
    let again = begin(&client, "c", Step::Write(1, 2)).await;
    disk.fail_syncs(usize::MAX);
    disk.unblock_syncs();
    for outcome in [first, write, read, again] {
        let outcome = outcome.await;
        assert!(matches!(outcome, Seen::Failed(StoreError::Io { .. })), "{outcome:?}");
    }
    assert!(client.is_idle());
}

#[tokio::test]
async fn closed_store_refuses_observers() {
    let store = Store::in_memory().unwrap();
    let client = client(&store);
    let write = begin(&client, "c", Step::Write(1, 1)).await;
    let read = begin(&client, "c", Step::Read(1)).await;
    store.close().await;
    assert_eq!(write.await, Seen::Changed);
    assert_eq!(read.await, Seen::Blob(Some(1)), "it was queued in time");
    assert_eq!(client.read("c", "1").await, Err(StoreError::Closed));
    assert!(client.is_idle());
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8, any::<u8>()).prop_map(|(key, blob)| Step::Write(key, blob)),
        1 => (0..3_u8).prop_map(Step::Remove),
        4 => (0..3_u8).prop_map(Step::Read),
        2 => Just(Step::Find),
        1 => Just(Step::Fail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Three clients, whose steps mix in any way, each with a model of its own.
    #[test]
    fn clients_match_sequential_models(steps in proptest::collection::vec((0..3_usize, step()), 1..80), loss in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (disk, store, first) = busy_disk().await;
            let before = disk.syncs();
            let clients = ["a", "b", "c"].map(|collection| (collection, client(&store)));
            let mut models: [BTreeMap<u8, u8>; 3] = Default::default();
            let (mut expected, mut begun) = (Vec::new(), Vec::new());
            for (who, step) in steps {
                let (collection, client) = &clients[who];
                expected.push((who, apply(&mut models[who], step)));
                begun.push(async { (who, begin(client, collection, step).await) }.await);
            }
            disk.unblock_syncs();
            for ((who, seen), expected) in begun.into_iter().zip(expected) {
                assert_eq!((who, seen.await), expected);
            }
            assert_eq!(first.await, Seen::Changed);
            assert!(disk.syncs() - before <= 2, "all share one sync");
            // What was acknowledged survives, and so does nothing else.
            let after = disk.after_power_loss(&mut fastrand::Rng::with_seed(loss)).store();
            for ((collection, _), model) in clients.iter().zip(&models) {
                let keys: Vec<_> = model.keys().map(ToString::to_string).collect();
                assert_eq!(after.find(collection, &["t"]).await.unwrap(), keys);
                for (key, blob) in model {
                    assert_eq!(after.read(collection, &key.to_string()).unwrap(), vec![*blob]);
                }
            }
        });
    }
}
