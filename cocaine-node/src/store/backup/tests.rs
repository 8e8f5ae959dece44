//! Backups: what they contain, and which files are refused.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use redb::{Database, TableDefinition, WriteTransaction};
use tempfile::TempDir;

use super::{BackupEncoder, BackupError, BackupReader, DataError, Replacement};
use crate::store::{NodeRecord, NodeTable, OpenError, Store, StoreError, blobs, restore};

/// A folder with a store in it, and room for files beside it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("backup")
    }

    fn store(&self) -> Store {
        Store::open(&self.data()).unwrap()
    }

    fn restore(&self, file: &Path, replace: Replacement) -> Result<super::RestoreSummary, DataError> {
        restore(file, &self.data(), replace)
    }
}

/// Stores blobs of several sizes, tags and a node of the tree.
async fn fill(store: &Store) {
    store.write("c", "small", "blob".into(), &["t", "u"]).await.unwrap();
    store.write("c", "", "".into(), &[]).await.unwrap();
    store.write("d", "large", vec![7; 700_000].into(), &["t"]).await.unwrap();
    let add_node = |txn: &WriteTransaction| {
        let mut nodes = NodeTable::open(txn)?;
        nodes.next_change()?;
        nodes.set("", "node", &NodeRecord { value: b"value".as_slice().into(), version: 3, changes: 4 })
    };
    store.submit(0, add_node).await.unwrap();
}

async fn check_filled(store: &Store) {
    assert_eq!(store.read("c", "small").unwrap(), "blob");
    assert_eq!(store.read("c", "").unwrap(), "");
    assert!(store.read("d", "large").unwrap() == vec![7; 700_000]);
    assert_eq!(store.find("c", &["t", "u"]).await.unwrap(), ["small"]);
    assert_eq!(store.find("d", &["t"]).await.unwrap(), ["large"]);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.node("", "node").unwrap().unwrap().version, 3);
    assert_eq!(snapshot.last_change().unwrap(), 1);
    // The tags can be removed with their blob.
    store.remove("c", "small").await.unwrap();
    assert_eq!(store.find("c", &["u"]).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn restored_store_equals_the_backup() {
    let (from, to) = (Place::new(), Place::new());
    let store = from.store();
    fill(&store).await;
    let written = store.write_backup(&from.file(), Replacement::Refused).await.unwrap();
    assert_eq!(written.bytes, fs::metadata(from.file()).unwrap().len());
    assert_eq!(fs::metadata(from.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let restored = to.restore(&from.file(), Replacement::Refused).unwrap();
    assert_eq!((restored.backup, restored.former), (written, None));
    check_filled(&to.store()).await;
    // The first store goes on.
    check_filled(&store).await;
}

/// Returns the bytes of a small backup.
async fn small_backup() -> Vec<u8> {
    let store = Store::in_memory().unwrap();
    store.write("c", "k", "blob".into(), &["t"]).await.unwrap();
    let mut encoder = BackupEncoder::new(store.snapshot().unwrap());
    let mut bytes = Vec::new();
    while let Some(piece) = encoder.next_piece().unwrap() {
        bytes.extend_from_slice(&piece);
    }
    bytes
}

fn check(bytes: &[u8]) -> Result<super::BackupSummary, BackupError> {
    BackupReader::new(bytes).and_then(BackupReader::check)
}

#[tokio::test]
async fn every_cut_is_found() {
    let bytes = small_backup().await;
    assert_eq!(check(&bytes).unwrap().rows, 3, "a blob, and its tag twice");
    for length in 0..bytes.len() {
        let error = check(&bytes[..length]).unwrap_err();
        assert!(matches!(error, BackupError::Incomplete { .. } | BackupError::Foreign), "{length}: {error}");
    }
}

#[tokio::test]
async fn every_flipped_bit_is_found() {
    let bytes = small_backup().await;
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(check(&bytes).is_err(), "{bit}");
    }
    let error = check(&[&bytes[..], b"\n"].concat()).unwrap_err().to_string();
    assert!(error.ends_with("something follows its end"), "{error}");
}

/// Appends a record to what has a valid checksum.
fn push_record(bytes: &mut Vec<u8>, kind: u8, lengths: [u32; 2], content: &[u8]) {
    bytes.push(kind);
    bytes.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
    bytes.extend_from_slice(content);
    bytes.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
}

fn with_header(version: u32, format: u64) -> Vec<u8> {
    let mut bytes = [&super::MAGIC[..], &version.to_le_bytes()].concat();
    push_record(&mut bytes, super::HEADER, [0, 16], &[format.to_le_bytes(), [0; 8]].concat());
    bytes
}

#[test]
fn newer_and_crafted_files_are_refused() {
    let text = |bytes: &[u8]| check(bytes).unwrap_err().to_string();
    assert!(text(&with_header(2, 2)).starts_with("its format is 2, and this version of the program reads 1"));
    assert!(text(&with_header(1, 3)).starts_with("its format is 3, and this version of the program reads 2"));
    let with = |kind, lengths, content: &[u8]| {
        let mut bytes = with_header(1, 2);
        push_record(&mut bytes, kind, lengths, content);
        text(&bytes)
    };
    assert!(with(super::ROW, [1, 0], b"k").ends_with("a row is out of order"));
    assert!(with(super::TABLE, [1, 0], b"k").ends_with("it has a table that is not known"));
    assert!(with(super::END, [0, 8], &[0; 8]).ends_with("it lacks rows"));
    assert!(with(99, [0, 0], b"").ends_with("it has a record that is not known"));
    assert!(with(super::ROW, [u32::MAX, u32::MAX], b"k").starts_with("it is incomplete"));
    assert_eq!(with(super::FAILURE, [0, 3], b"why"), "the node could not finish it: why");
    assert_eq!(text(b"PK\x03\x04 is a zip archive"), "it is no backup of a node");
}

#[tokio::test]
async fn refused_backup_leaves_folder_untouched() {
    let place = Place::new();
    fs::write(place.file(), &small_backup().await[..100]).unwrap();
    let refused = place.restore(&place.file(), Replacement::Allowed).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("{}: it is incomplete", place.file().display())), "{refused}");
    assert!(!place.data().exists(), "it is not even created");
    let refused = place.restore(Path::new("/no/such/file"), Replacement::Allowed).unwrap_err().to_string();
    assert!(refused.starts_with("/no/such/file: it cannot be read: No such file"), "{refused}");
}

#[tokio::test]
async fn folder_in_use_is_not_restored() {
    let place = Place::new();
    let store = place.store();
    fill(&store).await;
    fs::write(place.file(), small_backup().await).unwrap();
    let refused = place.restore(&place.file(), Replacement::Allowed).unwrap_err();
    assert!(matches!(refused, DataError::Open(OpenError::InUse { .. })), "{refused}");
    check_filled(&store).await;
}

#[tokio::test]
async fn replaced_data_stays_under_another_name() {
    let place = Place::new();
    fs::write(place.file(), small_backup().await).unwrap();
    let store = place.store();
    store.close().await;
    let restored = place.restore(&place.file(), Replacement::Refused).unwrap();
    assert_eq!(restored.former, None, "a database without rows is no data");
    let store = place.store();
    assert_eq!(store.read("c", "k").unwrap(), "blob");
    fill(&store).await;
    store.close().await;

    let refused = place.restore(&place.file(), Replacement::Refused).unwrap_err();
    assert!(matches!(refused, DataError::HasData { .. }), "{refused}");
    let former = place.restore(&place.file(), Replacement::Allowed).unwrap().former.unwrap();
    let again = place.restore(&place.file(), Replacement::Allowed).unwrap().former.unwrap();
    assert_ne!(former, again);
    let store = place.store();
    assert!(matches!(store.read("c", "small"), Err(StoreError::NotFound { .. })));
    store.close().await;
    fs::rename(former, place.data().join("node.redb")).unwrap();
    check_filled(&place.store()).await;
}

#[tokio::test]
async fn administrator_leaves_files_to_folders_owner() {
    const OWNER: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        // Nobody else can give files away.
        return;
    }
    let place = Place::new();
    fs::write(place.file(), small_backup().await).unwrap();
    fs::create_dir(place.data()).unwrap();
    std::os::unix::fs::chown(place.data(), Some(OWNER), Some(OWNER)).unwrap();
    let owners =
        || ["node.redb", "node.lock"].map(|name| fs::metadata(place.data().join(name)).unwrap().uid());
    place.restore(&place.file(), Replacement::Refused).unwrap();
    assert_eq!(owners(), [OWNER; 2]);
    let store = place.store();
    store.compact().await.unwrap();
    assert_eq!(owners(), [OWNER; 2]);
    store.close().await;
}

#[tokio::test]
async fn damaged_database_can_be_replaced() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    let database = place.data().join("node.redb");
    fs::write(&database, "damaged").unwrap();
    fs::write(place.file(), small_backup().await).unwrap();
    let refused = place.restore(&place.file(), Replacement::Refused).unwrap_err();
    assert!(matches!(refused, DataError::HasData { .. }), "{refused}");
    assert_eq!(fs::read(&database).unwrap(), b"damaged");
    let former = place.restore(&place.file(), Replacement::Allowed).unwrap().former.unwrap();
    assert_eq!(fs::read(former).unwrap(), b"damaged");
    assert_eq!(place.store().read("c", "k").unwrap(), "blob");
}

#[tokio::test]
async fn backup_shows_one_instant_beside_writers() {
    let (from, to) = (Place::new(), Place::new());
    let store = from.store();
    let write_pair = |number: u32| {
        let blob = number.to_string().repeat(50_000);
        store.submit(0, move |txn| {
            // The tables are far apart in the backup.
            blobs::write(txn, "a", "first", blob.as_bytes(), [])?;
            blobs::write(txn, "z", "second", blob.as_bytes(), [])?;
            NodeTable::open(txn)?.next_change().map(drop)
        })
    };
    write_pair(1).await.unwrap();
    let mut encoder = BackupEncoder::new(store.snapshot().unwrap());
    let mut bytes = Vec::new();
    for number in 2.. {
        let Some(piece) = encoder.next_piece().unwrap() else { break };
        assert!(piece.len() <= 256 << 10, "{}", piece.len());
        bytes.extend_from_slice(&piece);
        write_pair(number).await.unwrap();
    }
    fs::write(from.file(), bytes).unwrap();
    to.restore(&from.file(), Replacement::Refused).unwrap();
    let restored = to.store();
    assert_eq!(restored.read("a", "first").unwrap(), "1".repeat(50_000));
    assert_eq!(restored.read("z", "second").unwrap(), "1".repeat(50_000));
    assert_eq!(restored.snapshot().unwrap().last_change().unwrap(), 1);
    assert!(store.snapshot().unwrap().last_change().unwrap() > 1);
}

#[tokio::test]
async fn existing_file_is_replaced_on_request_alone() {
    let place = Place::new();
    let store = place.store();
    fill(&store).await;
    fs::write(place.file(), "former").unwrap();
    let refused = store.write_backup(&place.file(), Replacement::Refused).await.unwrap_err().to_string();
    assert!(refused.ends_with("it exists; say --replace to replace it"), "{refused}");
    assert_eq!(fs::read(place.file()).unwrap(), b"former");
    store.write_backup(&place.file(), Replacement::Allowed).await.unwrap();
    assert!(check(&fs::read(place.file()).unwrap()).is_ok());
    let refused = store.write_backup(Path::new("/no/such/backup"), Replacement::Allowed).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.starts_with("/no/such/backup: it cannot be written: No such file"), "{refused}");
}

#[tokio::test]
async fn damaged_row_ends_backup_without_a_file() {
    let place = Place::new();
    let store = place.store();
    fill(&store).await;
    let damage = |txn: &WriteTransaction| {
        let mut rows = txn.open_table(TableDefinition::<&[u8], &[u8]>::new("blob_rows"))?;
        rows.insert(b"row".as_slice(), b"without a checksum".as_slice())?;
        Ok(())
    };
    store.submit(0, damage).await.unwrap();
    let error = store.write_backup(&place.file(), Replacement::Refused).await.unwrap_err();
    assert!(matches!(error, DataError::Store(StoreError::Corrupt(_))), "{error}");
    let error = store.compact().await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    let names: Vec<_> =
        fs::read_dir(place.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["data"], "nothing is left beside it");
    assert!(!place.data().join("node.redb.new").exists());
    check_filled(&store).await;
}

#[test]
fn database_without_format_is_not_adopted() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    drop(Database::create(place.data().join("node.redb.new")).unwrap());
    drop(place.store());
    assert!(!place.data().join("node.redb.new").exists(), "a restoration that was killed left it");
}
