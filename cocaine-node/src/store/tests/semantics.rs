//! Read, find, write and remove behave like the original's storage (`services.md` 3).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;
use redb::{ReadableTableMetadata, TableDefinition};

use super::{Store, put};
use crate::store::{StoreError, blobs::MAX_ROW_BYTES};

fn missing(collection: &str, key: &str) -> StoreError {
    StoreError::NotFound { collection: collection.into(), key: key.into() }
}

fn rows(store: &Store, table: &'static str) -> u64 {
    store
        .with_snapshot(|snapshot| {
            let table = TableDefinition::<&[u8], &[u8]>::new(table);
            Ok(snapshot.transaction().open_table(table)?.len()?)
        })
        .unwrap()
}

fn index_rows(store: &Store) -> u64 {
    ["keys_by_tag", "tags_by_key"].map(|table| rows(store, table)).iter().sum()
}

#[tokio::test]
async fn operations_match_the_recordings() {
    let store = Store::in_memory().unwrap();
    store.write("coll", "key", "value-1".into(), &["tag1", "tag2"]).await.unwrap();
    assert_eq!(store.read("coll", "key").unwrap(), "value-1");
    assert_eq!(store.find("coll", &["tag1"]).await.unwrap(), ["key"]);
    assert_eq!(store.find("coll", &["tag1", "tag2"]).await.unwrap(), ["key"]);
    assert_eq!(store.find("coll", &["nope"]).await.unwrap(), [""; 0]);
    assert_eq!(store.find("coll", &[]).await.unwrap(), [""; 0]);
    assert_eq!(store.find("no-coll", &["tag1"]).await.unwrap(), [""; 0]);
    store.remove("coll", "key").await.unwrap();
    assert_eq!(store.read("coll", "key"), Err(missing("coll", "key")));
    assert_eq!(store.find("coll", &["tag1"]).await.unwrap(), [""; 0]);
    store.remove("coll", "key").await.unwrap();
    assert_eq!(store.read("coll", "key").unwrap_err().to_string(), "coll/key: No such file or directory");
}

#[tokio::test]
async fn rewrite_replaces_blob_and_keeps_tags() {
    let store = Store::in_memory().unwrap();
    store.write("c", "k", "long enough to be cut".into(), &["a"]).await.unwrap();
    store.write("c", "k", "short".into(), &["b"]).await.unwrap();
    store.write("c", "k", "again".into(), &[]).await.unwrap();
    assert_eq!(store.read("c", "k").unwrap(), "again");
    assert_eq!(store.find("c", &["a", "b"]).await.unwrap(), ["k"]);
}

#[tokio::test]
async fn removed_key_loses_its_tags() {
    let store = Store::in_memory().unwrap();
    put(&store, "c", "k", &["a", "b"]).await;
    store.remove("c", "k").await.unwrap();
    assert_eq!(index_rows(&store), 0);
    put(&store, "c", "k", &["b"]).await;
    assert_eq!(store.find("c", &["a"]).await.unwrap(), [""; 0]);
    assert_eq!(store.find("c", &["b"]).await.unwrap(), ["k"]);
}

#[tokio::test]
async fn find_returns_intersection_in_byte_order() {
    let store = Store::in_memory().unwrap();
    for key in ["b", "B", "a", "ä", "", "aa", "10", "9"] {
        put(&store, "c", key, &["all", if key.len() == 1 { "one" } else { "other" }]).await;
    }
    assert_eq!(store.find("c", &["all"]).await.unwrap(), ["", "10", "9", "B", "a", "aa", "b", "ä"]);
    assert_eq!(store.find("c", &["all", "one"]).await.unwrap(), ["9", "B", "a", "b"]);
    assert_eq!(store.find("c", &["one", "all", "one"]).await.unwrap(), ["9", "B", "a", "b"]);
    assert_eq!(store.find("c", &["one", "other"]).await.unwrap(), [""; 0]);
    assert_eq!(store.find("c", &["al"]).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn find_continues_after_yielding() {
    let store = Store::in_memory().unwrap();
    let keys: Vec<String> = (0..2000).map(|number| format!("{number:04}")).collect();
    let written = keys.iter().map(|key| put(&store, "c", key, &["t"]));
    futures_util::future::join_all(written).await;
    assert_eq!(store.find("c", &["t"]).await.unwrap(), keys);
}

#[tokio::test]
async fn no_name_is_special() {
    let store = Store::in_memory().unwrap();
    let names = ["", "..", "/", "../../etc/passwd", "x/y", "\0", "a\0b", "tag", "\u{10ffff}", "manifests"];
    for collection in names {
        for key in names {
            put(&store, collection, key, &[key, "tag"]).await;
        }
    }
    for collection in names {
        for key in names {
            assert_eq!(store.read(collection, key).unwrap(), format!("{collection}/{key}"));
        }
        assert_eq!(store.find(collection, &["/"]).await.unwrap(), ["/"]);
        let mut sorted = names;
        sorted.sort_unstable();
        assert_eq!(store.find(collection, &["tag"]).await.unwrap(), sorted);
    }
    store.remove("..", "tag").await.unwrap();
    assert_eq!(store.read("..", "tag"), Err(missing("..", "tag")));
    assert_eq!(store.read("..", "..").unwrap(), "../..");
}

#[tokio::test]
async fn blobs_of_any_length_leave_no_chunks() {
    let store = Store::in_memory().unwrap();
    let lengths = [
        0,
        1,
        MAX_ROW_BYTES - 1,
        MAX_ROW_BYTES,
        MAX_ROW_BYTES + 1,
        2 * MAX_ROW_BYTES,
        2 * MAX_ROW_BYTES + 1,
        3 << 20,
        3 * MAX_ROW_BYTES,
        5,
        3 * MAX_ROW_BYTES + 7,
        0,
    ];
    for length in lengths {
        let blob: Bytes = (0..=250).cycle().take(length).collect();
        store.write("c", "k", blob.clone(), &[]).await.unwrap();
        assert!(store.read("c", "k").unwrap() == blob, "{length} bytes");
        assert_eq!(
            rows(&store, "blob_chunks"),
            length.saturating_sub(MAX_ROW_BYTES).div_ceil(MAX_ROW_BYTES) as u64,
            "{length} bytes"
        );
    }
    store.write("c", "k", vec![1; 4 * MAX_ROW_BYTES].into(), &[]).await.unwrap();
    store.write("c", "k2", vec![2; 4 * MAX_ROW_BYTES].into(), &[]).await.unwrap();
    store.remove("c", "k").await.unwrap();
    assert_eq!(rows(&store, "blob_chunks"), 3);
    assert!(store.read("c", "k2").unwrap() == vec![2; 4 * MAX_ROW_BYTES]);
}

#[tokio::test]
async fn blob_with_missing_chunk_is_corrupt() {
    let store = Store::in_memory().unwrap();
    store.write("c", "k", vec![1; 3 * MAX_ROW_BYTES].into(), &[]).await.unwrap();
    store
        .submit(0, |txn| {
            let mut chunks = txn.open_table(TableDefinition::<&[u8], &[u8]>::new("blob_chunks"))?;
            chunks.pop_last()?;
            Ok(())
        })
        .await
        .unwrap();
    assert!(matches!(store.read("c", "k"), Err(StoreError::Corrupt(_))));
}

/// A step of a random history. It uses few names, so that steps interact.
#[derive(Clone, Debug)]
enum Step {
    Write(String, String, Vec<u8>, Vec<String>),
    Remove(String, String),
}

fn step() -> impl Strategy<Value = Step> {
    let name = || "[ab\0]{0,2}";
    let tags = || proptest::collection::vec(name(), 0..3);
    prop_oneof![
        3 => (name(), name(), proptest::collection::vec(any::<u8>(), 0..4), tags())
            .prop_map(|(collection, key, blob, tags)| Step::Write(collection, key, blob, tags)),
        1 => (name(), name()).prop_map(|(collection, key)| Step::Remove(collection, key)),
    ]
}

type Model = BTreeMap<(String, String), (Vec<u8>, BTreeSet<String>)>;

fn apply(model: &mut Model, step: &Step) {
    match step.clone() {
        Step::Write(collection, key, blob, tags) => {
            let entry = model.entry((collection, key)).or_default();
            entry.0 = blob;
            entry.1.extend(tags);
        }
        Step::Remove(collection, key) => drop(model.remove(&(collection, key))),
    }
}

async fn perform(store: &Store, step: &Step) {
    match step {
        Step::Write(collection, key, blob, tags) => {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            store.write(collection, key, blob.clone().into(), &tags).await.unwrap();
        }
        Step::Remove(collection, key) => store.remove(collection, key).await.unwrap(),
    }
}

async fn check(store: &Store, model: &Model) {
    let names: Vec<String> = ["", "a", "b", "\0", "aa", "ab", "ba", "a\0", "\0a"].map(String::from).into();
    for collection in &names {
        for key in &names {
            let expected = model.get(&(collection.clone(), key.clone())).map(|(blob, _)| blob.clone());
            assert_eq!(store.read(collection, key).ok().map(Vec::from), expected);
        }
        for (first, second) in names.iter().zip(names.iter().cycle().skip(1)) {
            let expected: Vec<&String> = model
                .iter()
                .filter(|((c, _), (_, tags))| {
                    c == collection && tags.contains(first) && tags.contains(second)
                })
                .map(|((_, key), _)| key)
                .collect();
            let found = store.find(collection, &[first, second]).await.unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
    }
    let tags: usize = model.values().map(|(_, tags)| tags.len()).sum();
    assert_eq!(index_rows(store), 2 * tags as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_matches_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Store::in_memory().unwrap();
            let mut model = Model::new();
            for step in &steps {
                perform(&store, step).await;
                apply(&mut model, step);
            }
            check(&store, &model).await;
        });
    }
}
