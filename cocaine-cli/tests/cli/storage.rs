//! `cocaine storage`.

use std::fs;

use cocaine_test::Cloud;

use crate::command::{ended, run};

#[tokio::test]
async fn blobs_are_written_listed_read_and_removed() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("blob"), [0x92, 0x01, 0xa1, b'a']).unwrap();

    let written = run(&cloud, &["storage", "put", "notes", "a", &path("blob"), "--tag", "t", "--tag", "u"]);
    assert_eq!(ended(&written, 0), ("", "notes/a has 4 bytes\n"));
    assert_eq!(
        ended(&run(&cloud, &["storage", "ls", "notes", "--tag", "u", "--output", "jsonl"]), 0).0,
        "{\"key\":\"a\"}\n"
    );
    assert_eq!(run(&cloud, &["storage", "get", "notes", "a"]).stdout, [0x92, 0x01, 0xa1, b'a']);
    assert_eq!(
        ended(&run(&cloud, &["storage", "get", "notes", "a", "--decode"]), 0).0,
        "[\n  1,\n  \"a\"\n]\n"
    );
    ended(&run(&cloud, &["storage", "get", "notes", "a", "--to", &path("copy")]), 0);
    assert_eq!(fs::read(path("copy")).unwrap(), fs::read(path("blob")).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");

    let asked = run(&cloud, &["storage", "rm", "notes", "a"]);
    assert!(ended(&asked, 2).1.contains("nobody can be asked whether to remove notes/a: `--yes` does it"));
    assert_eq!(
        ended(&run(&cloud, &["storage", "rm", "notes", "a", "--dry-run"]), 0).1,
        "would remove notes/a\n"
    );
    assert_eq!(ended(&run(&cloud, &["storage", "rm", "notes", "a", "--yes"]), 0).1, "notes/a is removed\n");
    assert!(
        ended(&run(&cloud, &["storage", "rm", "notes", "a", "--yes"]), 3)
            .1
            .contains("notes/a cannot be removed")
    );
    assert!(ended(&run(&cloud, &["storage", "get", "notes", "a"]), 3).1.contains("notes/a cannot be read"));
}

#[tokio::test]
async fn collections_without_known_tag_need_one() {
    let cloud = Cloud::start().await.unwrap();
    assert_eq!(ended(&run(&cloud, &["storage", "ls", "manifests"]), 0), ("", ""));
    let output = run(&cloud, &["storage", "ls", "notes"]);
    assert!(ended(&output, 2).1.contains("`notes` is listed by tags: `--tag TAG`"));
}
