//! The lock of a data folder, and the errors of others that open it.

use std::{fs, process};

use super::{Store, put};
use crate::store::OpenError;

#[tokio::test]
async fn data_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there/yet");
    let store = Store::open(&path).unwrap();
    put(&store, "c", "k", &["t"]).await;
    store.close().await;
    assert!(!path.join("node.pid").exists());
    let store = Store::open(&path).unwrap();
    assert_eq!(store.read("c", "k").unwrap(), "c/k");
    assert_eq!(store.find("c", &["t"]).await.unwrap(), ["k"]);
}

#[tokio::test]
async fn folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let refused = Store::open(folder.path()).unwrap_err();
    let name = folder.path().display();
    let expected = format!("the data folder {name} is in use by another node (process {})", process::id());
    assert_eq!(refused.to_string(), expected);
    fs::write(folder.path().join("node.pid"), "nonsense").unwrap();
    let refused = Store::open(folder.path()).unwrap_err();
    assert_eq!(refused.to_string(), format!("the data folder {name} is in use by another node"));
    put(&store, "c", "k", &[]).await;
    store.close().await;
    Store::open(folder.path()).unwrap();
}

#[tokio::test]
async fn dropping_last_handle_unlocks_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut end = store.0.end.clone();
    drop(store);
    while end.changed().await.is_ok() {}
    Store::open(folder.path()).unwrap();
}

#[test]
fn foreign_file_is_left_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.redb");
    fs::write(&file, "my diary, not a database".repeat(1000)).unwrap();
    let refused = Store::open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Unusable { .. }), "{refused:?}");
    assert!(refused.to_string().contains(&file.display().to_string()), "{refused}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("my diary"));
}

#[test]
fn uncreatable_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Store::open(&file.join("data")).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused:?}");
    assert!(refused.to_string().contains(&file.join("data").display().to_string()), "{refused}");
}
