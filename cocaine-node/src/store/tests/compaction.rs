//! The size of the database's file, and its compaction.

use std::{fs, path::Path, sync::Arc};

use futures_util::future::join_all;
use test_support::wait::wait_until;

use super::{Store, put};
use crate::store::{StoreError, Upkeep};

const MIB: u64 = 1 << 20;

fn file_bytes(store: &Store) -> u64 {
    store.file_usage().unwrap().file_bytes
}

/// Returns how many removed databases of a folder this process has open.
fn removed_databases(folder: &Path) -> usize {
    let links =
        fs::read_dir("/proc/self/fd").unwrap().flatten().flat_map(|entry| fs::read_link(entry.path()));
    links.filter(|link| link.starts_with(folder) && link.to_string_lossy().ends_with(" (deleted)")).count()
}

#[tokio::test]
async fn overwrites_do_not_grow_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for number in 0..60 {
        store.write("c", "k", vec![number; 1 << 20].into(), &["t"]).await.unwrap();
    }
    assert!(file_bytes(&store) < 8 * MIB, "{} bytes for one MiB", file_bytes(&store));
    for round in 0..10 {
        let keys: Vec<_> = (0..400).map(|key| (key * 7 % 400).to_string()).collect();
        join_all(keys.iter().map(|key| store.write("s", key, vec![round; 100].into(), &["t"]))).await;
    }
    assert!(file_bytes(&store) < 9 * MIB, "{} bytes", file_bytes(&store));
}

#[tokio::test]
async fn compaction_gives_space_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let keys: Vec<_> = (0..200).map(|key| key.to_string()).collect();
    join_all(keys.iter().map(|key| store.write("c", key, vec![1; 100_000].into(), &["t"]))).await;
    join_all(keys[2..].iter().map(|key| store.remove("c", key))).await;
    let used = store.measure().await.unwrap().unwrap();
    assert!(used.file_bytes > 19 * MIB && used.free_bytes > Some(18 * MIB), "{used:?}");
    let summary = store.compact().await.unwrap();
    assert_eq!((summary.bytes_before, summary.bytes_after), (used.file_bytes, file_bytes(&store)));
    assert!(summary.bytes_after < MIB, "{summary:?}");
    let used = store.measure().await.unwrap().unwrap();
    assert!(used.free_bytes < Some(MIB / 2), "{used:?}");
    for _ in 0..2 {
        assert_eq!(store.find("c", &["t"]).await.unwrap(), ["0", "1"]);
        assert!(store.read("c", "1").unwrap() == vec![1; 100_000]);
        // A second compaction finds nothing to do, and loses nothing.
        store.compact().await.unwrap();
    }
    put(&store, "c", "later", &["t"]).await;
    store.close().await;
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.find("c", &["t"]).await.unwrap(), ["0", "1", "later"]);
}

#[tokio::test]
async fn compaction_loses_no_write_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let compactions = join_all((0..5).map(|_| store.compact()));
    let keys: Vec<_> = (0..200).map(|key| key.to_string()).collect();
    let writes = async {
        for keys in keys.chunks(10) {
            join_all(keys.iter().map(|key| put(&store, "c", key, &["t"]))).await;
        }
    };
    let (compactions, ()) = futures_util::join!(compactions, writes);
    assert!(compactions.iter().all(Result::is_ok), "{compactions:?}");
    store.close().await;
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.find("c", &["t"]).await.unwrap().len(), 200);
    assert!(keys.iter().all(|key| store.read("c", key).unwrap() == format!("c/{key}")));
}

#[tokio::test]
async fn snapshot_outlives_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.write("c", "k", vec![1; 300_000].into(), &[]).await.unwrap();
    let snapshot = store.snapshot().unwrap();
    store.compact().await.unwrap();
    put(&store, "c", "k", &[]).await;
    assert_eq!(removed_databases(folder.path()), 1);
    assert!(snapshot.read("c", "k").unwrap() == vec![1; 300_000], "it shows the state before");
    assert_eq!(store.read("c", "k").unwrap(), "c/k");
    assert_eq!(Arc::strong_count(&snapshot), 1);
    drop(snapshot);
    wait_until("the former database is closed", async || removed_databases(folder.path()) == 0).await;
}

#[tokio::test]
async fn failed_compaction_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "c", "k", &[]).await;
    // There is no room for the second database.
    fs::create_dir(folder.path().join("node.redb.new")).unwrap();
    let error = store.compact().await.unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    put(&store, "c", "later", &[]).await;
    fs::remove_dir(folder.path().join("node.redb.new")).unwrap();
    store.compact().await.unwrap();
    assert_eq!(store.read("c", "k").unwrap(), "c/k");
    assert_eq!(store.read("c", "later").unwrap(), "c/later");
    let error = Store::in_memory().unwrap().compact().await.unwrap_err().to_string();
    assert_eq!(error, "the data is in memory");
}

#[tokio::test]
async fn closing_waits_for_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "c", "k", &[]).await;
    let (compacted, ()) = futures_util::join!(store.compact(), store.close());
    compacted.unwrap();
    assert_eq!(store.compact().await, Err(StoreError::Closed));
    assert_eq!(Store::open(folder.path()).unwrap().read("c", "k").unwrap(), "c/k");
}

#[tokio::test]
async fn wasteful_file_is_compacted_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "c", "k", &[]).await;
    let _upkeep = Upkeep::start(store.clone());
    wait_until("the file is measured", async || store.file_usage().unwrap().free_bytes.is_some()).await;
    store.write("c", "large", vec![1; 70 << 20].into(), &[]).await.unwrap();
    store.remove("c", "large").await.unwrap();
    store.close().await;
    let store = Store::open(folder.path()).unwrap();
    assert!(file_bytes(&store) > 65 * MIB, "{}", file_bytes(&store));
    let _upkeep = Upkeep::start(store.clone());
    wait_until("the file is compacted", async || file_bytes(&store) < MIB).await;
    assert_eq!(store.read("c", "k").unwrap(), "c/k");
}
