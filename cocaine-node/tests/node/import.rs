//! The import of what an original runtime has stored in files.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use cocaine::Client;
use cocaine_bindings::{Storage, StorageClient};
use cocaine_node::{
    Node,
    import::{Import, ImportError, ImportReport, ImportedCollection},
};

use crate::program::Program;

/// The folder of an original's storage, and a data folder.
struct Folders {
    root: tempfile::TempDir,
}

impl Folders {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn original(&self) -> PathBuf {
        self.root.path().join("original")
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// Writes a blob as the original does: with absolute links for its tags.
    fn write(&self, collection: &str, key: impl AsRef<OsStr>, blob: &[u8], tags: &[&str]) {
        let (collection, key) = (self.original().join(collection), Path::new(key.as_ref()));
        fs::create_dir_all(&collection).unwrap();
        fs::write(collection.join(key), blob).unwrap();
        for tag in tags.iter().map(|tag| collection.join(tag)) {
            fs::create_dir_all(&tag).unwrap();
            symlink(collection.join(key), tag.join(key)).unwrap();
        }
    }

    fn import(&self) -> Import {
        Import::new(self.original(), self.data())
    }

    async fn node(&self) -> Node {
        Node::builder().listen("127.0.0.1:0").data(self.data()).start().await.unwrap()
    }
}

async fn storage(node: &Node) -> StorageClient {
    Client::new(&node.locator_addr().to_string()).unwrap().service().await.unwrap()
}

/// Returns the counts of a collection: added, unchanged, replaced, tags.
fn counts(report: &ImportReport, collection: &str) -> [usize; 4] {
    let ImportedCollection { added, unchanged, replaced, tags, .. } = report.collections[collection];
    [added, unchanged, replaced, tags]
}

/// Returns the paths that were left out, with the first word that tells why.
fn skipped(report: &ImportReport) -> Vec<(String, &'static str)> {
    let skipped = report.skipped.iter();
    skipped.map(|file| (file.path.to_string_lossy().into_owned(), file.reason)).collect()
}

#[tokio::test]
async fn import_takes_all_collections() {
    let folders = Folders::new();
    let package: Vec<u8> = (0..=250).cycle().take(20_000_000).collect();
    folders.write("manifests", "shop", b"\x81\xa5slave\xa6app.js", &["app"]);
    folders.write("apps", "shop", &package, &["app"]);
    folders.write("profiles", "default", b"\x80", &["profile"]);
    folders.write("runlists", "default", b"\x81\xa4shop\xa7default", &["runlist"]);
    folders.write("groups", "shops", b"\x81\xa4shop\x01", &["group", "active"]);
    // One of today: the node removes those of former months.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let crashlog = format!("{now}:330c");
    folders.write("crashlogs", &crashlog, b"\x90", &["shop", "cocaine-2015-08-19"]);
    folders.write("app", "app", b"", &[]);
    let report = folders.import().run().unwrap();
    assert_eq!(report.collections.len(), 7);
    for collection in ["manifests", "apps", "profiles", "runlists"] {
        assert_eq!(counts(&report, collection), [1, 0, 0, 1], "{collection}");
    }
    assert_eq!(counts(&report, "groups"), [1, 0, 0, 2]);
    assert_eq!(counts(&report, "app"), [1, 0, 0, 0]);
    assert_eq!(report.skipped, []);

    let node = folders.node().await;
    let storage = storage(&node).await;
    assert!(storage.read("apps", "shop").await.unwrap().as_ref() == package.as_slice());
    assert_eq!(storage.read("app", "app").await.unwrap(), "");
    assert_eq!(storage.find("manifests", &["app"]).await.unwrap(), ["shop"]);
    assert_eq!(storage.find("groups", &["group", "active"]).await.unwrap(), ["shops"]);
    assert_eq!(storage.find("crashlogs", &["shop"]).await.unwrap(), [crashlog]);
    node.shutdown().await;
}

#[test]
fn second_import_changes_nothing() {
    let folders = Folders::new();
    folders.write("c", "a", b"1", &["t"]);
    folders.write("c", "b", &vec![7; 200_000], &[]);
    let first = folders.import().run().unwrap();
    assert_eq!(counts(&first, "c"), [2, 0, 0, 1]);
    let second = folders.import().run().unwrap();
    assert_eq!(counts(&second, "c"), [0, 2, 0, 0]);
    folders.write("c", "d", b"1", &["t"]);
    symlink("gone", folders.original().join("c/t/b")).unwrap();
    let third = folders.import().run().unwrap();
    assert_eq!(counts(&third, "c"), [1, 2, 0, 2]);
    assert!(folders.original().join("c/t/a").is_symlink(), "the folder is as it was");
}

#[tokio::test]
async fn different_blobs_are_named_and_replaced() {
    let folders = Folders::new();
    folders.write("c", "a", b"1", &[]);
    folders.write("c", "b", b"1", &["t"]);
    folders.import().run().unwrap();
    folders.write("c", "a", b"2", &["t"]);
    folders.write("c", "new", b"2", &[]);
    for import in [folders.import(), folders.import().dry_run(true)] {
        let error = import.run().unwrap_err();
        assert!(matches!(&error, ImportError::Conflicts(keys) if keys == &["c/a"]), "{error}");
        assert!(error.to_string().contains("--replace"), "{error}");
    }
    let trial = folders.import().replace(true).dry_run(true).run().unwrap();
    assert_eq!(counts(&trial, "c"), [1, 1, 1, 1]);

    let node = folders.node().await;
    let before = storage(&node).await;
    assert_eq!(before.read("c", "a").await.unwrap(), "1");
    assert!(before.read("c", "new").await.unwrap_err().is_not_found());
    let error = folders.import().replace(true).run().unwrap_err().to_string();
    assert!(
        error.contains("is in use by another node") && error.ends_with(": stop it before the import"),
        "{error}"
    );
    node.shutdown().await;

    assert_eq!(folders.import().replace(true).run().unwrap(), trial);
    let node = folders.node().await;
    let after = storage(&node).await;
    assert_eq!(after.read("c", "a").await.unwrap(), "2");
    assert_eq!(after.find("c", &["t"]).await.unwrap(), ["a", "b"]);
    node.shutdown().await;
}

#[tokio::test]
async fn odd_names_are_taken_as_bytes() {
    let folders = Folders::new();
    folders.write("c", OsStr::from_bytes(b"caf\xe9"), b"1", &["t"]);
    folders.write("c", "..hidden", b"2", &["a b"]);
    folders.write("c", "line\nfeed", b"3", &[]);
    // A key with a slash: the original writes it where a tag has made the folder.
    fs::write(folders.original().join("c/t/inner"), "4").unwrap();
    // A collection and a tag with a slash.
    folders.write("site/pages", "index", b"5", &["live"]);
    folders.write("c", "deep", b"6", &["a b/c"]);
    let report = folders.import().run().unwrap();
    assert_eq!(counts(&report, "c"), [5, 0, 0, 3]);
    assert_eq!(counts(&report, "site/pages"), [1, 0, 0, 1]);
    assert_eq!(report.skipped, []);

    let node = folders.node().await;
    let storage = storage(&node).await;
    let latin = cocaine::text::from_bytes(b"caf\xe9");
    assert_eq!(storage.find("c", &["t"]).await.unwrap(), [latin.as_ref()]);
    assert_eq!(storage.find("c", &["a b"]).await.unwrap(), ["..hidden"]);
    assert_eq!(storage.find("c", &["a b/c"]).await.unwrap(), ["deep"]);
    assert_eq!(storage.find("site/pages", &["live"]).await.unwrap(), ["index"]);
    for (collection, key, blob) in [
        ("c", &*latin, "1"),
        ("c", "..hidden", "2"),
        ("c", "line\nfeed", "3"),
        ("c", "t/inner", "4"),
        ("site/pages", "index", "5"),
    ] {
        assert_eq!(storage.read(collection, key).await.unwrap(), blob, "{key}");
    }
    node.shutdown().await;
}

#[test]
fn links_pipes_and_giants_are_skipped() {
    let folders = Folders::new();
    folders.write("c", "kept", b"1", &["t", "empty"]);
    let path = |name: &str| folders.original().join(name);
    let secret = folders.root.path().join("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("key"), "secret").unwrap();
    symlink(&secret, path("linked")).unwrap();
    symlink(secret.join("key"), path("c/linked")).unwrap();
    symlink(&secret, path("c/tag")).unwrap();
    symlink("/no/such/file", path("c/t/removed")).unwrap();
    fs::remove_file(path("c/empty/kept")).unwrap();
    fs::write(path("stray"), "1").unwrap();
    assert!(Command::new("mkfifo").arg(path("c/pipe")).status().unwrap().success());
    File::create(path("c/giant")).unwrap().set_len((512 << 20) + 1).unwrap();
    let report = folders.import().run().unwrap();
    assert_eq!(report.collections.len(), 1);
    assert_eq!(counts(&report, "c"), [1, 0, 0, 1]);
    let linked = "links are not followed: put what it leads to in its place";
    let expected = [
        ("stray", "it is in no collection"),
        ("linked", linked),
        ("c/giant", "it has more than 512 MiB, which no client could read"),
        ("c/linked", linked),
        ("c/tag", linked),
        ("c/pipe", "it is neither a file nor a folder"),
        ("c/t/removed", "the object that it tags was removed"),
    ];
    assert_eq!(skipped(&report), expected.map(|(path, reason)| (path.to_owned(), reason)));
}

#[test]
fn dry_run_creates_no_data_folder() {
    let folders = Folders::new();
    folders.write("c", "a", b"1", &["t"]);
    let report = folders.import().dry_run(true).run().unwrap();
    assert_eq!(counts(&report, "c"), [1, 0, 0, 1]);
    assert!(!folders.data().exists());
}

#[test]
fn unusable_folders_are_refused() {
    let folders = Folders::new();
    let refused = |import: Import| import.run().unwrap_err().to_string();
    let error = refused(folders.import());
    assert!(error.contains("cannot read") && error.contains("No such file"), "{error}");
    fs::create_dir(folders.original()).unwrap();
    let error = refused(folders.import());
    assert!(error.contains("has no collections"), "{error}");
    folders.write("c", "a", b"1", &[]);
    let inside = Import::new(folders.original(), folders.original().join("data"));
    assert!(refused(inside).contains("must lie outside of it"));
    folders.import().run().unwrap();
    let other = folders.root.path().join("other");
    assert!(refused(Import::new(folders.data(), other)).contains("must lie outside of it"));
}

#[test]
fn program_prints_what_it_imports() {
    let folders = Folders::new();
    folders.write("manifests", "a", b"1", &["app"]);
    folders.write("manifests", "b\x1b[1m", b"1", &["app"]);
    symlink("gone", folders.original().join("manifests/app/gone\x1b")).unwrap();
    let (original, data) = (folders.original(), folders.data());
    let run = |options: &[&str]| {
        let args =
            [&["import", original.to_str().unwrap(), "--data", data.to_str().unwrap()], options].concat();
        Program::command(&args).output().unwrap()
    };
    let output = run(&[]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = "manifests: 2 added, 0 unchanged, 0 replaced, 2 tags added\n\
                    skipped manifests/app/gone\\u{1b}: the object that it tags was removed\n";
    assert_eq!(text, expected);
    folders.write("manifests", "b\x1b[1m", b"2", &[]);
    let output = run(&["--dry-run"]);
    assert!(!output.status.success() && output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("another content:\n  manifests/b\\u{1b}[1m\nto take"), "{text}");
    assert!(run(&["--replace"]).status.success());
}
