//! Group commit: syncs, the guarantees of an answer, and the isolation of failures.

use std::{future::poll_fn, pin::pin, sync::mpsc, task::Poll};

use bytes::Bytes;
use futures_util::future::join_all;
use redb::{TableDefinition, WriteTransaction};
use tokio::task::unconstrained;

use super::{
    Store,
    disk::{DiskEvent, FaultyDisk},
    put,
};
use crate::store::{
    StoreError,
    request::{Operation, WriterRequest},
};

/// Polls a future once; it must still be pending.
async fn poll_pending(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn acknowledgement_follows_a_sync() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    disk.drain_events();
    for number in 0..20 {
        put(&store, "c", &number.to_string(), &["t"]).await;
        disk.note(DiskEvent::Acknowledged(number));
    }
    let events = disk.drain_events();
    for number in 0..20 {
        let at = events.iter().position(|event| *event == DiskEvent::Acknowledged(number)).unwrap();
        let last = events[..at].iter().rposition(|event| *event == DiskEvent::Sync).expect("a sync");
        let before = events[..at].iter().rposition(|event| matches!(event, DiskEvent::Acknowledged(_)));
        assert!(before.is_none_or(|before| before < last), "no sync between {before:?} and {at}: {events:?}");
        assert!(!events[last..at].contains(&DiskEvent::Write), "written after the sync: {events:?}");
        assert!(
            events[before.unwrap_or(0)..last].contains(&DiskEvent::Write),
            "nothing was written: {events:?}"
        );
    }
}

#[tokio::test]
async fn queued_operations_share_one_sync() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    // A growing file needs another sync, so make room first.
    store.write("c", "room", vec![0; 4 << 20].into(), &[]).await.unwrap();
    store.remove("c", "room").await.unwrap();
    let before = disk.syncs();
    put(&store, "c", "one", &[]).await;
    let each = disk.syncs() - before;
    assert_eq!(each, 1);

    disk.block_syncs();
    let before = disk.syncs();
    let first = tokio::spawn({
        let store = store.clone();
        async move { put(&store, "c", "first", &[]).await }
    });
    disk.wait_until_blocked().await;
    let keys: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let mut rest = pin!(unconstrained(join_all(keys.iter().map(|key| put(&store, "c", key, &[])))));
    poll_pending(rest.as_mut()).await;
    disk.unblock_syncs();
    rest.await;
    first.await.unwrap();
    assert_eq!(disk.syncs() - before, 2, "one for the first, one for the 500 queued behind it");
    for key in &keys {
        assert_eq!(store.read("c", key).unwrap(), format!("c/{key}"));
    }
}

#[tokio::test]
async fn reads_continue_during_a_commit() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    store.write("c", "k", "old".into(), &["t"]).await.unwrap();
    disk.block_syncs();
    let mut write = pin!(store.write("c", "k", "new".into(), &["t"]));
    poll_pending(write.as_mut()).await;
    disk.wait_until_blocked().await;
    assert_eq!(store.read("c", "k").unwrap(), "old", "uncommitted changes are not visible");
    assert_eq!(store.find("c", &["t"]).await.unwrap(), ["k"]);
    disk.unblock_syncs();
    write.await.unwrap();
    assert_eq!(store.read("c", "k").unwrap(), "new");
}

/// An operation that reads its own write when it is finished.
struct Reader {
    store: Store,
    result: mpsc::Sender<Result<Bytes, StoreError>>,
}

impl Operation for Reader {
    fn weight(&self) -> usize {
        0
    }

    fn run(&mut self, txn: &WriteTransaction) -> Result<(), StoreError> {
        crate::store::blobs::write(txn, "c", "k", b"mine", ["t"])
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        outcome.unwrap();
        self.result.send(self.store.read("c", "k")).unwrap();
    }
}

#[tokio::test]
async fn acknowledged_change_is_visible_to_reads() {
    let store = Store::in_memory().unwrap();
    let (result, answers) = mpsc::channel();
    store.enqueue(WriterRequest::Run(Box::new(Reader { store: store.clone(), result }))).unwrap();
    assert_eq!(answers.recv().unwrap().unwrap(), "mine");
}

fn set(txn: &WriteTransaction, key: &str) -> Result<(), StoreError> {
    crate::store::blobs::write(txn, "c", key, key.as_bytes(), ["t"])
}

/// Submits `operation` between two others in the same commit, and returns the three outcomes.
async fn submit_between_others(
    disk: &FaultyDisk,
    store: &Store,
    operation: impl FnMut(&WriteTransaction) -> Result<(), StoreError> + Send + 'static,
) -> [Result<(), StoreError>; 3] {
    disk.block_syncs();
    let mut first = pin!(store.submit(0, |txn| set(txn, "first")));
    poll_pending(first.as_mut()).await;
    disk.wait_until_blocked().await;
    let mut all = pin!(async {
        tokio::join!(
            store.submit(0, |txn| set(txn, "before")),
            store.submit(0, operation),
            store.submit(0, |txn| set(txn, "after")),
        )
    });
    poll_pending(all.as_mut()).await;
    disk.unblock_syncs();
    first.await.unwrap();
    all.await.into()
}

#[tokio::test]
async fn failed_operation_is_undone_alone() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    let failure = StoreError::TooLarge(7);
    let failing = {
        let failure = failure.clone();
        move |txn: &WriteTransaction| {
            set(txn, "half")?;
            Err(failure.clone())
        }
    };
    let [before, failed, after] = submit_between_others(&disk, &store, failing).await;
    assert_eq!(failed, Err(failure));
    assert_eq!((before, after), (Ok(()), Ok(())));
    assert_eq!(store.find("c", &["t"]).await.unwrap(), ["after", "before", "first"]);
}

#[tokio::test]
async fn panicking_operation_fails_alone() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    let panicking = |txn: &WriteTransaction| {
        // The panic leaves a half-made change.
        let mut table = txn.open_table(TableDefinition::<&[u8], &[u8]>::new("blob_rows"))?;
        table.insert(&b"half"[..], &b"done"[..])?;
        panic!("a bug");
    };
    let [before, failed, after] = submit_between_others(&disk, &store, panicking).await;
    assert_eq!(failed, Err(StoreError::Panicked("a bug".into())));
    assert_eq!((before, after), (Ok(()), Ok(())));
    assert_eq!(store.find("c", &["t"]).await.unwrap(), ["after", "before", "first"]);
}

/// A value whose drop panics: outside of the operation, on the writer's thread.
#[derive(Debug)]
struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("a bug");
    }
}

#[tokio::test]
async fn writer_survives_its_own_panic() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    put(&store, "c", "before", &[]).await;
    disk.block_syncs();
    let mut abandoned = Box::pin(store.submit(0, |txn| set(txn, "abandoned").map(|()| PanicOnDrop)));
    poll_pending(abandoned.as_mut()).await;
    disk.wait_until_blocked().await;
    drop(abandoned);
    disk.unblock_syncs();
    put(&store, "c", "after", &[]).await;
    assert_eq!(store.read("c", "before").unwrap(), "c/before");
    assert_eq!(store.read("c", "after").unwrap(), "c/after");
}

#[tokio::test]
async fn refusal_keeps_the_transaction() {
    let store = Store::in_memory().unwrap();
    let refused: Result<Result<(), &str>, _> = store.submit(0, |_| Ok(Err("no such node"))).await;
    assert_eq!(refused, Ok(Err("no such node")));
}

#[tokio::test]
async fn writes_resume_after_full_disk() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    put(&store, "c", "before", &["t"]).await;
    disk.set_full(true);
    let full = store.write("c", "refused", vec![1; 1 << 20].into(), &["t"]).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    let full = store.write("c", "refused too", vec![1; 1 << 20].into(), &["t"]).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    disk.set_full(false);
    put(&store, "c", "later", &["t"]).await;
    assert_eq!(store.read("c", "before").unwrap(), "c/before");
    assert_eq!(store.find("c", &["t"]).await.unwrap(), ["before", "later"]);
}

#[tokio::test]
async fn close_finishes_queue_and_refuses_the_rest() {
    let disk = FaultyDisk::default();
    let store = disk.store();
    disk.block_syncs();
    let mut first = pin!(store.write("c", "first", "1".into(), &[]));
    poll_pending(first.as_mut()).await;
    disk.wait_until_blocked().await;
    let mut close = pin!(store.close());
    poll_pending(close.as_mut()).await;
    let mut close_again = pin!(store.close());
    poll_pending(close_again.as_mut()).await;
    // Its weight fills the transaction, so the third goes into the next one.
    let mut second = pin!(store.submit(1 << 30, |txn| set(txn, "second")));
    poll_pending(second.as_mut()).await;
    let mut third = pin!(store.submit(0, |txn| set(txn, "third")));
    poll_pending(third.as_mut()).await;
    disk.unblock_syncs();
    first.await.unwrap();
    second.await.unwrap();
    third.await.expect("it was queued in time");
    close.await;
    close_again.await;
    store.close().await;
    assert_eq!(store.write("c", "k", "v".into(), &[]).await, Err(StoreError::Closed));
    assert_eq!(store.read("c", "first"), Err(StoreError::Closed));
    assert_eq!(store.find("c", &["t"]).await, Err(StoreError::Closed));

    let again = disk.store();
    assert_eq!(again.read("c", "second").unwrap(), "second");
    assert_eq!(again.read("c", "third").unwrap(), "third");
}
