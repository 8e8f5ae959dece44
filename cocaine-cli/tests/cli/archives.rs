//! `cocaine storage export` and `import`.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use cocaine::Bytes;
use cocaine_bindings::{Storage as _, StorageClient};
use cocaine_test::Cloud;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::command::{cloud_with_old_crashlogs, ended, run, storage};

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

async fn write(storage: &StorageClient, collection: &str, key: &str, blob: &'static str, tags: &[&str]) {
    storage.write(collection, key, &Bytes::from_static(blob.as_bytes()), Some(tags)).await.unwrap();
}

/// Stores one or two blobs of each known collection.
async fn fill(storage: &StorageClient) {
    write(storage, "manifests", "shop", "manifest", &["app"]).await;
    write(storage, "apps", "shop", "package", &["app"]).await;
    write(storage, "app_versions", "1:shop", "version", &["app:shop"]).await;
    write(storage, "profiles", "small", "profile", &["profile"]).await;
    write(storage, "profiles", "../\u{1b}[2J", "hostile", &["profile"]).await;
    write(storage, "runlists", "main", "runlist", &["runlist"]).await;
    write(storage, "groups", "idle", "group", &["group"]).await;
    write(storage, "groups", "busy", "group", &["group", "active"]).await;
    write(storage, "crashlogs", "1700000000000000:ab", "lines", &["shop", "cocaine-2023-11-14"]).await;
    write(storage, "notes", "today", "note", &["note"]).await;
}

/// Returns what is found under a tag of each known collection, with the bytes.
async fn contents(storage: &StorageClient) -> BTreeMap<(String, String, String), Bytes> {
    let mut contents = BTreeMap::new();
    for (collection, tag) in [
        ("manifests", "app"),
        ("apps", "app"),
        ("app_versions", "app:shop"),
        ("profiles", "profile"),
        ("runlists", "runlist"),
        ("groups", "group"),
        ("groups", "active"),
        ("crashlogs", "shop"),
        ("crashlogs", "cocaine-2023-11-14"),
    ] {
        for key in storage.find(collection, &[tag]).await.unwrap() {
            let blob = storage.read(collection, &key).await.unwrap();
            contents.insert((collection.to_owned(), tag.to_owned(), key), blob);
        }
    }
    contents
}

#[tokio::test]
async fn storage_is_exported_and_imported_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (cloud_with_old_crashlogs().await, cloud_with_old_crashlogs().await);
    let (from, to) = (storage(&source).await, storage(&target).await);
    fill(&from).await;
    let file = path(&folder, "all.tar");
    let exported = run(&source, &["storage", "export", "--to", &file, "--output", "jsonl"]);
    let expected = json!({"file": file, "blobs": 9, "bytes": 58}).to_string() + "\n";
    let row: Json = serde_json::from_str(ended(&exported, 0).0).unwrap();
    assert_eq!(row.to_string() + "\n", expected);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let import = |args: &[&str]| run(&target, &[&["storage", "import", &file], args].concat());
    let asked = import(&[]);
    assert!(ended(&asked, 2).1.contains("whether to write 9 blobs"), "{asked:?}");
    let dry = import(&["--dry-run", "--output", "plain"]);
    let (rows, said) = ended(&dry, 0);
    assert!(rows.contains("create\tprofiles\t../\\u{1b}[2J\t7\n") && rows.lines().count() == 9, "{rows}");
    assert!(
        said.starts_with("would write 9 blobs of ") && said.ends_with(", and replace 0 by them\n"),
        "{said}"
    );
    assert_eq!(contents(&to).await, BTreeMap::new());
    let done = import(&["--yes"]);
    assert_eq!(ended(&done, 0).1, "9 blobs are written, 0 were there already\n");
    assert_eq!(contents(&to).await, contents(&from).await);
    assert!(to.read("notes", "today").await.unwrap_err().is_not_found());
    let again = import(&["--yes"]);
    assert_eq!(ended(&again, 0), ("", format!("all 9 blobs of {file} are there already\n").as_str()));
}

#[tokio::test]
async fn import_writes_what_is_not_the_same() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let storage = storage(&cloud).await;
    let file = path(&folder, "profiles.tar");
    for key in ["a", "b", "c", "d"] {
        write(&storage, "profiles", key, "old", &["profile"]).await;
    }
    write(&storage, "runlists", "main", "runlist", &["runlist"]).await;
    ended(&run(&cloud, &["storage", "export", "profiles", "runlists", "--to", &file]), 0);
    write(&storage, "profiles", "a", "new", &[]).await;
    storage.remove("profiles", "b").await.unwrap();
    storage.remove("profiles", "c").await.unwrap();
    write(&storage, "profiles", "c", "old", &[]).await;
    storage.remove("runlists", "main").await.unwrap();
    let output = run(&cloud, &["storage", "import", &file, "profiles", "--yes", "--output", "jsonl"]);
    let row = |key, change| {
        format!("{{\"collection\":\"profiles\",\"key\":\"{key}\",\"bytes\":3,\"change\":\"{change}\"}}\n")
    };
    let rows = [row("a", "replace"), row("b", "create"), row("c", "tag")].concat();
    assert_eq!(ended(&output, 0), (rows.as_str(), "3 blobs are written, 1 were there already\n"));
    assert_eq!(storage.find("profiles", &["profile"]).await.unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(storage.read("profiles", "a").await.unwrap(), "old");
    assert!(storage.read("runlists", "main").await.unwrap_err().is_not_found());
    let other = run(&cloud, &["storage", "import", &file, "groups"]);
    assert!(ended(&other, 3).1.contains("has no blob of the collection `groups`"), "{other:?}");
}

#[tokio::test]
async fn other_collections_are_exported_by_tags() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let storage = storage(&cloud).await;
    let file = path(&folder, "notes.tar");
    write(&storage, "notes", "a", "1", &["x"]).await;
    write(&storage, "notes", "b", "2", &["x", "y"]).await;
    write(&storage, "notes", "c", "3", &["z"]).await;
    let unknown = run(&cloud, &["storage", "export", "notes", "--to", &file]);
    assert!(ended(&unknown, 2).1.contains("by which tags the blobs of `notes` are found: `--tag TAG`"));
    assert!(!Path::new(&file).exists());
    fs::write(&file, "the former file").unwrap();
    ended(&run(&cloud, &["storage", "export", "notes", "--tag", "x", "--tag", "y", "--to", &file]), 0);
    storage.remove("notes", "b").await.unwrap();
    ended(&run(&cloud, &["storage", "import", &file, "--tag", "more", "--yes"]), 0);
    assert_eq!(storage.find("notes", &["more"]).await.unwrap(), ["a", "b"]);
    assert_eq!(storage.find("notes", &["x", "y"]).await.unwrap(), ["b"]);
    // What `tar` lists and extracts.
    let tar = |args: &[&str]| Command::new("tar").args(args).arg(&file).output().unwrap();
    assert_eq!(ended(&tar(&["tf"]), 0).0, "notes/a\nnotes/b\nindex.json\n");
    let index = Command::new("tar").args(["xOf", &file, "index.json"]).output().unwrap();
    let index: Json = serde_json::from_slice(&index.stdout).unwrap();
    let sha256 = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
    let blob = json!({"file": "notes/a", "collection": "notes", "key": "a", "tags": ["x"], "size": 1, "sha256": sha256});
    assert_eq!((&index["version"], &index["blobs"][0]), (&json!(1), &blob));
}

#[tokio::test]
async fn broken_file_writes_nothing() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let storage = storage(&cloud).await;
    write(&storage, "profiles", "a", "contents of a", &["profile"]).await;
    write(&storage, "profiles", "b", "contents of b", &["profile"]).await;
    let file = path(&folder, "whole.tar");
    ended(&run(&cloud, &["storage", "export", "profiles", "--to", &file]), 0);
    let whole = fs::read(&file).unwrap();
    for key in ["a", "b"] {
        storage.remove("profiles", key).await.unwrap();
    }
    let mut changed = whole.clone();
    let at = whole.windows(13).position(|bytes| bytes == b"contents of b").unwrap();
    changed[at] = b'C';
    let broken = path(&folder, "broken.tar");
    for (bytes, words) in [
        (&whole[..600], "is no whole file of `cocaine storage export`"),
        (&whole[..1500], "is no whole file of `cocaine storage export`"),
        (&b"no tar at all"[..], "is no whole file of `cocaine storage export`"),
        (&b""[..], "it has no index.json"),
        (&changed[..], "profiles/b is missing, or is not what was exported"),
    ] {
        fs::write(&broken, bytes).unwrap();
        let output = run(&cloud, &["storage", "import", &broken, "--yes"]);
        assert!(ended(&output, 1).1.contains(words), "{output:?}");
        assert!(storage.find("profiles", &["profile"]).await.unwrap().is_empty());
    }
    let missing = run(&cloud, &["storage", "import", &path(&folder, "none.tar"), "--yes"]);
    assert!(ended(&missing, 1).1.contains("No such file"), "{missing:?}");
}

#[tokio::test]
async fn ten_thousand_keys_are_exported_and_imported() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let (storage, file) = (storage(&cloud).await, path(&folder, "many.tar"));
    let keys: Vec<_> = (0..10_000).map(|number| format!("{number:05}")).collect();
    let blobs: Vec<_> = keys.iter().map(|key| Bytes::from(key.clone())).collect();
    let writes = keys.iter().zip(&blobs).map(|(key, blob)| storage.write("notes", key, blob, Some(&["n"])));
    stream::iter(writes).buffer_unordered(500).try_collect::<()>().await.unwrap();
    let exported =
        run(&cloud, &["storage", "export", "notes", "--tag", "n", "--to", &file, "--output", "plain"]);
    assert_eq!(ended(&exported, 0), (format!("{file}\t10000\t50000\n").as_str(), ""));
    // As after an interruption.
    let removals = keys[5_000..].iter().map(|key| storage.remove("notes", key));
    stream::iter(removals).buffer_unordered(500).try_collect::<()>().await.unwrap();
    let imported = run(&cloud, &["storage", "import", &file, "--yes", "--output", "plain"]);
    assert_eq!(ended(&imported, 0).1, "5000 blobs are written, 5000 were there already\n");
    assert_eq!(storage.find("notes", &["n"]).await.unwrap(), keys);
}
