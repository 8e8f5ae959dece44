//! The lock of a data folder, and the errors of others that open it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process,
};

use redb::{Database, ReadableDatabase, TableDefinition};

use super::{Store, put};
use crate::store::{OpenError, StoreError};

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

#[test]
fn empty_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.redb");
    fs::write(&file, "").unwrap();
    let refused = Store::open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Unusable { .. }), "{refused:?}");
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
}

#[test]
fn database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.redb");
    let table: TableDefinition<'_, u8, u8> = TableDefinition::new("theirs");
    let database = Database::create(&file).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(table).unwrap().insert(1, 1).unwrap();
    txn.commit().unwrap();
    drop(database);
    let refused = Store::open(folder.path()).unwrap_err().to_string();
    assert!(refused.ends_with("it is the database of another program"), "{refused}");
    let tables = Database::open(&file).unwrap().begin_read().unwrap().list_tables().unwrap().count();
    assert_eq!(tables, 1, "it stays as it is");
}

#[tokio::test]
async fn database_of_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).unwrap().close().await;
    let meta: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
    let database = Database::open(folder.path().join("node.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(meta).unwrap().insert("format", 3).unwrap();
    txn.commit().unwrap();
    drop(database);
    let refused = Store::open(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("its format is 3, and this version of the program reads 2"), "{refused}");
}

#[tokio::test]
async fn half_created_database_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("node.redb.new"), "").unwrap();
    let store = Store::open(folder.path()).unwrap();
    put(&store, "c", "k", &[]).await;
    store.close().await;
    assert!(!folder.path().join("node.redb.new").exists());
    assert_eq!(Store::open(folder.path()).unwrap().read("c", "k").unwrap(), "c/k");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn folder_and_files_are_private() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new");
    Store::open(&folder).unwrap().close().await;
    assert_eq!((mode(&folder), mode(&folder.join("node.redb"))), (0o700, 0o600));
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.join("node.redb"), Permissions::from_mode(0o644)).unwrap();
    let store = Store::open(&folder).unwrap();
    assert_eq!((mode(&folder), mode(&folder.join("node.redb"))), (0o700, 0o600));
    assert_eq!(mode(&folder.join("node.pid")), 0o600);
    drop(store);
}

#[tokio::test]
async fn flipped_bit_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.redb");
    let store = Store::open(folder.path()).unwrap();
    store.write("c", "k", vec![b'x'; 200_000].into(), &["tag"]).await.unwrap();
    store.close().await;
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.windows(64).rposition(|window| window == [b'x'; 64]).unwrap();
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let store = Store::open(folder.path()).unwrap();
    let error = store.read("c", "k").unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    // It can be replaced.
    put(&store, "c", "k", &[]).await;
    assert_eq!(store.read("c", "k").unwrap(), "c/k");
}

#[tokio::test]
async fn database_without_checksums_is_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let rows: [(&str, &[u8], &[u8]); 2] =
        [("blobs", b"\0\0\0\x01ck", b"\x04\0\0\0blob"), ("nodes", b"", &7_u64.to_le_bytes())];
    let indexes: [(&str, &[u8]); 2] =
        [("by_tag", b"\0\0\0\x01c\0\0\0\x01tk"), ("tags_of", b"\0\0\0\x01c\0\0\0\x01kt")];
    let database = Database::create(folder.path().join("node.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    for (name, key, value) in rows {
        let table: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(name);
        txn.open_table(table).unwrap().insert(key, value).unwrap();
    }
    for (name, key) in indexes {
        let table: TableDefinition<'_, &[u8], ()> = TableDefinition::new(name);
        txn.open_table(table).unwrap().insert(key, ()).unwrap();
    }
    txn.open_table(TableDefinition::<&[u8], &[u8]>::new("chunks")).unwrap();
    txn.commit().unwrap();
    drop(database);
    for _ in 0..2 {
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.read("c", "k").unwrap(), "blob");
        assert_eq!(store.find("c", &["t"]).await.unwrap(), ["k"]);
        assert_eq!(store.with_snapshot(crate::store::Snapshot::last_change).unwrap(), 7);
        store.close().await;
    }
}
