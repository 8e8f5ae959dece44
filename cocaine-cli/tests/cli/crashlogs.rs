//! `cocaine crashlog`.

use std::time::{SystemTime, UNIX_EPOCH};

use cocaine::{Bytes, msgpack};
use cocaine_bindings::{Storage as _, StorageClient};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value as Json, json};

use crate::command::{cloud_with_old_crashlogs, ended, run, storage};

async fn store(storage: &StorageClient, key: &str, lines: &[&[u8]]) {
    let lines: Vec<_> = lines.iter().map(|line| Bytes::from(line.to_vec())).collect();
    let blob = Bytes::from(msgpack::to_vec(&lines).unwrap());
    storage.write("crashlogs", key, &blob, Some(&["shop", "cocaine-2023-11-14"])).await.unwrap();
}

#[tokio::test]
async fn crashlogs_are_listed_and_shown() {
    let cloud = cloud_with_old_crashlogs().await;
    let storage = storage(&cloud).await;
    assert_eq!(ended(&run(&cloud, &["crashlog", "list", "shop"]), 0), ("", "there is no crashlog of shop\n"));
    let empty = run(&cloud, &["crashlog", "show", "shop"]);
    assert_eq!(ended(&empty, 3), ("", "error: there is no crashlog of `shop`\n"));

    store(&storage, "1700000000000000:ab", &[b"new\x1b[2J\xff\n", b"second\n"]).await;
    store(&storage, "900000000000000:cd", &[b"old\n"]).await;
    store(&storage, "strange\nkey", &[]).await;
    let plain = run(&cloud, &["crashlog", "ls", "shop", "--output", "plain"]);
    let expected = "strange\\nkey\t\t\n900000000000000:cd\t1998-07-09T16:00:00Z\tcd\n\
                    1700000000000000:ab\t2023-11-14T22:13:20Z\tab\n";
    assert_eq!(ended(&plain, 0), (expected, ""));
    let last = run(&cloud, &["crashlog", "list", "shop", "--last", "1", "--output", "jsonl"]);
    let expected = "{\"key\":\"1700000000000000:ab\",\"time\":\"2023-11-14T22:13:20Z\",\"worker\":\"ab\"}\n";
    assert_eq!(ended(&last, 0), (expected, ""));

    let newest = run(&cloud, &["crashlog", "show", "shop"]);
    assert_eq!(ended(&newest, 0), ("new\\u{1b}[2J\u{fffd}\nsecond\n", ""));
    let shown = run(&cloud, &["crashlog", "show", "shop", "900000000000000:cd", "--output", "json"]);
    let expected = json!({"key": "900000000000000:cd", "time": "1998-07-09T16:00:00Z", "worker": "cd", "lines": ["old\n"]});
    assert_eq!(serde_json::from_str::<Json>(ended(&shown, 0).0).unwrap(), expected);
    let unknown = run(&cloud, &["crashlog", "show", "shop", "1:a\u{1b}"]);
    assert_eq!(ended(&unknown, 3), ("", "error: there is no crashlog `1:a\\u{1b}`\n"));
}

#[tokio::test]
async fn crashlogs_are_cleaned_by_count_and_age() {
    let cloud = cloud_with_old_crashlogs().await;
    let storage = storage(&cloud).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let fresh = format!("{now}:ab");
    for key in ["1:ab", "2:ab", "3:ab", "strange", &fresh] {
        store(&storage, key, &[b"line\n"]).await;
    }
    let clean = |args: &[&str]| run(&cloud, &[&["crashlog", "clean", "shop"], args].concat());
    let asked = clean(&["--keep", "3"]);
    assert!(ended(&asked, 2).1.contains("whether to remove 2 crashlogs of `shop`: `--yes` does it"));
    assert_eq!(
        ended(&clean(&["--older-than", "1d", "--dry-run"]), 0).1,
        "would remove 3 crashlogs of `shop`\n"
    );
    let done = clean(&["--older-than", "1d", "--keep", "2", "--yes"]);
    assert_eq!(ended(&done, 0), ("", "removed: 2 crashlogs of `shop`\n"));
    let keys = storage.find("crashlogs", &["shop"]).await.unwrap();
    assert_eq!(keys, [fresh.as_str(), "3:ab", "strange"]);
    assert_eq!(ended(&clean(&["--keep", "2", "--yes"]), 0).1, "removed: the crashlog strange of `shop`\n");
    assert_eq!(ended(&clean(&["--keep", "9", "--yes"]), 0).1, "there is no crashlog of shop to remove\n");
}

#[tokio::test]
async fn ten_thousand_crashlogs_are_listed_and_removed() {
    let cloud = cloud_with_old_crashlogs().await;
    let (storage, blob) = (storage(&cloud).await, Bytes::from_static(b"\x90"));
    let keys: Vec<_> = (1..=10_000).map(|time| format!("{time}:ab")).collect();
    let writes = keys.iter().map(|key| storage.write("crashlogs", key, &blob, Some(&["shop"])));
    stream::iter(writes).buffer_unordered(500).try_collect::<()>().await.unwrap();
    let output = run(&cloud, &["crashlog", "list", "shop", "--output", "plain"]);
    let lines: Vec<_> = ended(&output, 0).0.lines().collect();
    assert_eq!(lines.len(), 10_000);
    assert!(lines[0].starts_with("1:ab\t") && lines[9_999].starts_with("10000:ab\t"));
    let output = run(&cloud, &["crashlog", "clean", "shop", "--keep", "1", "--yes"]);
    assert_eq!(ended(&output, 0), ("", "removed: 9999 crashlogs of `shop`\n"));
    assert_eq!(storage.find("crashlogs", &["shop"]).await.unwrap(), ["10000:ab"]);
}
