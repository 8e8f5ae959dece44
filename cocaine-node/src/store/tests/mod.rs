//! Tests of the store, by concern.

mod compaction;
mod crash;
pub(crate) mod disk;
mod folder;
mod group_commit;
mod order;
mod semantics;
mod speed;

use bytes::Bytes;

use super::Store;

/// Writes a blob that is its own text.
async fn put(store: &Store, collection: &str, key: &str, tags: &[&str]) {
    let blob = Bytes::from(format!("{collection}/{key}"));
    store.write(collection, key, blob, tags).await.unwrap();
}
