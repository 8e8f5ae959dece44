//! `cocaine app versions`, `rollback`, and what `upload` and `remove` do with versions.

use std::collections::BTreeMap;

use cocaine::{Bytes, Value};
use cocaine_bindings::Storage as _;
use cocaine_test::Cloud;
use serde_json::{Value as Json, json};

use crate::{
    command::{ended, manifest, run, storage, store},
    program::{Programs, schema},
    upload::greet,
    worker,
};

/// Uploads a program without a schema that has this text.
fn upload(cloud: &Cloud, programs: &Programs, text: &str, options: &[&str]) -> String {
    let program = programs.add("links", format!("#!/bin/sh\n# {text}\n"));
    let args = [&["app", "upload", "links", "--program", &program, "--no-schema"][..], options].concat();
    ended(&run(cloud, &args), 0).1.to_owned()
}

/// Returns the versions that are kept: their numbers, and whether they are uploaded.
fn versions(cloud: &Cloud) -> Vec<(u64, bool)> {
    let output = run(cloud, &["app", "versions", "links", "--output", "json"]);
    let rows: Vec<Json> = serde_json::from_str(ended(&output, 0).0).unwrap();
    rows.iter().map(|row| (row["version"].as_u64().unwrap(), row["current"] == true)).collect()
}

async fn package(cloud: &Cloud) -> Bytes {
    storage(cloud).await.read("apps", "links").await.unwrap()
}

#[tokio::test]
async fn versions_are_listed_and_gone_back_to() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    upload(&cloud, &programs, "one", &[]);
    let first = package(&cloud).await;
    upload(&cloud, &programs, "two", &[]);
    upload(&cloud, &programs, "two", &[]);
    upload(&cloud, &programs, "three", &[]);
    assert_eq!(versions(&cloud), [(3, true), (2, false), (1, false)]);

    let output = run(&cloud, &["app", "rollback", "links", "--dry-run"]);
    let (changes, said) = ended(&output, 0);
    assert!(
        changes.is_empty() && said.starts_with("would replace version 3 of `links` with version 2 of 20")
    );
    assert_eq!(ended(&run(&cloud, &["app", "rollback", "links"]), 2).0, "");
    for (number, from) in [(2, 3), (1, 2)] {
        let output = run(&cloud, &["app", "rollback", "links", "--yes"]);
        let said =
            format!("links is version {number}\n`cocaine app rollback links --to {from}` takes this back\n");
        assert_eq!(ended(&output, 0), ("", said.as_str()));
    }
    assert_eq!(package(&cloud).await, first);
    assert_eq!(versions(&cloud), [(3, false), (2, false), (1, true)]);
    let output = run(&cloud, &["app", "rollback", "links", "--yes"]);
    assert!(ended(&output, 3).1.contains("no version of `links` is older than the uploaded one"));
    let output = run(&cloud, &["app", "rollback", "links", "--yes", "--to", "1"]);
    assert_eq!(ended(&output, 0).1, "links is version 1 already\n");
    ended(&run(&cloud, &["app", "rollback", "links", "--yes", "--to", "3"]), 0);
    assert_eq!(versions(&cloud), [(3, true), (2, false), (1, false)]);
    let output = run(&cloud, &["app", "rollback", "links", "--yes", "--to", "9"]);
    assert!(ended(&output, 3).1.contains("`cocaine app versions links` lists those that are kept"));

    upload(&cloud, &programs, "four", &["--keep", "1"]);
    assert_eq!(versions(&cloud), [(4, true), (3, false)]);
    upload(&cloud, &programs, "five", &["--keep", "0"]);
    let output = run(&cloud, &["app", "versions", "links"]);
    assert!(ended(&output, 3).1.contains("no version of `links` is kept"));
    assert!(ended(&run(&cloud, &["app", "versions", "none"]), 3).1.contains("there is no app `none`"));
}

#[tokio::test]
async fn version_is_printed_with_its_hashes() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let program = programs.describing("links", &schema("\"u8\""));
    ended(&run(&cloud, &["app", "upload", "links", "--program", &program]), 0);
    let output = run(&cloud, &["app", "versions", "links", "--output", "json"]);
    let rows: Json = serde_json::from_str(ended(&output, 0).0).unwrap();
    let apps = run(&cloud, &["app", "list", "--output", "json"]);
    let apps: Json = serde_json::from_str(ended(&apps, 0).0).unwrap();
    let row = &rows[0];
    let expected = json!([{
        "version": 1, "time": row["time"], "size": package(&cloud).await.len(), "package": row["package"],
        "manifest": row["manifest"], "schema": apps[0]["schema"], "current": true
    }]);
    assert_eq!(rows, expected);
    let hash = &row["package"].as_str().unwrap()[..8];
    let output = run(&cloud, &["app", "rollback", "links", "--to", hash]);
    assert_eq!(ended(&output, 0).1, "links is version 1 already\n");
}

#[tokio::test]
async fn breaking_rollback_is_refused_with_table() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let keys = programs.add("keys.json", r#"{"environment": {"A": "1"}}"#);
    for (ttl, options) in [("\"u32\"", &["--manifest", &keys][..]), (r#"{"option": "u32"}"#, &[])] {
        let program = programs.describing("links", &schema(ttl));
        ended(&run(&cloud, &[&["app", "upload", "links", "--program", &program][..], options].concat()), 0);
    }
    let before = package(&cloud).await;
    let args = ["app", "rollback", "links", "--yes"];
    let output = run(&cloud, &args);
    let (table, said) = ended(&output, 7);
    assert!(table.contains("option-to-required"), "{table}");
    assert!(said.contains("1 of the differences break callers") && said.contains("`--breaking` goes back"));
    assert_eq!(package(&cloud).await, before);
    let output = run(&cloud, &["app", "rollback", "links", "--dry-run", "--breaking", "--output", "json"]);
    let changes: Json = serde_json::from_str(ended(&output, 0).0).unwrap();
    assert_eq!((&changes["from"], &changes["to"], &changes["manifest"]), (&json!(2), &json!(1), &json!([])));
    assert_eq!(changes["events"][0]["rule"], "option-to-required");
    ended(&run(&cloud, &[&args[..], &["--breaking"]].concat()), 0);
    assert_ne!(package(&cloud).await, before);
}

#[tokio::test]
async fn rollback_starts_what_ran_before() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    store(&cloud, "profiles", "patient", &BTreeMap::from([("handshake-timeout", Value::from(60_u8))])).await;
    let program = programs.add("worker", worker::script());
    let args = ["app", "upload", "links", "--program", &program, "--start", "--profile", "patient"];
    ended(&run(&cloud, &args), 0);
    assert_eq!(greet(&cloud).await, "Hello, Ada!");
    // Its schema goes, and with it what can be compared.
    upload(&cloud, &programs, "broken", &[]);
    let output = run(&cloud, &["app", "rollback", "links", "--yes", "--start"]);
    let (changes, said) = ended(&output, 0);
    assert!(changes.starts_with("MANIFEST  OLD  NEW\nschema"), "{changes}");
    assert!(said.ends_with("links is restarted with the profile patient\n"), "{said}");
    assert_eq!(greet(&cloud).await, "Hello, Ada!");
}

#[tokio::test]
async fn app_of_another_tool_is_kept() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let storage = storage(&cloud).await;
    storage.write("apps", "links", &Bytes::from_static(b"\xa1x"), Some(&["apps"])).await.unwrap();
    store(&cloud, "manifests", "links", &BTreeMap::from([("slave", Value::from("run.sh"))])).await;
    upload(&cloud, &programs, "one", &[]);
    assert_eq!(versions(&cloud), [(2, true), (1, false)]);
    // A manifest that nobody can read is no obstacle.
    storage.write("manifests", "links", &Bytes::from_static(b"\xc1"), Some(&["app"])).await.unwrap();
    let output = run(&cloud, &["app", "versions", "links"]);
    assert!(ended(&output, 0).1.contains("is none of the versions that are kept"));
    ended(&run(&cloud, &["app", "rollback", "links", "--yes", "--to", "1"]), 0);
    assert_eq!(
        (package(&cloud).await.as_ref(), manifest(&cloud).await["slave"].as_str()),
        (&b"\xa1x"[..], Some("run.sh"))
    );
    assert_eq!(storage.find("manifests", &["app"]).await.unwrap(), ["links"]);
}

#[tokio::test]
async fn removed_app_is_brought_back() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    upload(&cloud, &programs, "one", &[]);
    upload(&cloud, &programs, "two", &[]);
    let uploaded = package(&cloud).await;
    ended(&run(&cloud, &["app", "remove", "links", "--keep-versions", "--yes"]), 0);
    let output = run(&cloud, &["app", "versions", "links"]);
    assert_eq!(ended(&output, 0).1, "`links` is removed: `cocaine app rollback links` brings it back\n");
    ended(&run(&cloud, &["app", "rollback", "links", "--yes"]), 0);
    assert_eq!(package(&cloud).await, uploaded);
    let output = run(&cloud, &["app", "remove", "links", "--dry-run"]);
    assert_eq!(ended(&output, 0).1, "would remove the app `links`, its versions (2)\n");
    ended(&run(&cloud, &["app", "remove", "links", "--yes"]), 0);
    assert_eq!(storage(&cloud).await.find("app_versions", &["app:links"]).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn damaged_version_is_refused() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    upload(&cloud, &programs, "one", &[]);
    upload(&cloud, &programs, "two", &[]);
    let (storage, before) = (storage(&cloud).await, package(&cloud).await);
    let keys = storage.find("app_versions", &["app:links"]).await.unwrap();
    let whole = storage.read("app_versions", &keys[0]).await.unwrap();
    let mut other = whole.to_vec();
    other[20] ^= 1;
    for (damaged, words) in [(whole[..9].to_vec(), "cannot be read"), (other, "it is damaged in the storage")]
    {
        storage.write("app_versions", &keys[0], &Bytes::from(damaged), None).await.unwrap();
        let output = run(&cloud, &["app", "rollback", "links", "--yes"]);
        assert!(ended(&output, 1).1.contains(words), "{output:?}");
        assert_eq!(package(&cloud).await, before);
    }
}

#[tokio::test]
async fn differences_end_with_exit_code_7() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let folder = programs.path("links").display().to_string();
    programs.add("links/run.sh", "#!/bin/sh\n");
    programs.add("links/old", "1");
    programs.add("links/same", "1");
    std::os::unix::fs::symlink("same", programs.path("links/link")).unwrap();
    programs.add("links/manifest.json", r#"{"slave": "run.sh"}"#);
    let diff = |args: &[&str]| run(&cloud, &[&["app", "diff", "links"][..], args].concat());
    assert_eq!(ended(&diff(&[&folder, "--no-schema"]), 3).1, "error: there is no app `links`\n");
    ended(&run(&cloud, &["app", "upload", &folder, "--no-schema"]), 0);
    assert_eq!(ended(&diff(&[&folder, "--no-schema"]), 0), ("", ""));
    assert!(ended(&diff(&[]), 3).1.contains("no version of `links` is older"));

    programs.add("links/run.sh", "#!/bin/sh\nexit\n");
    programs.add("links/new", "22");
    std::fs::remove_file(programs.path("links/old")).unwrap();
    std::fs::set_permissions(
        programs.path("links/same"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    std::fs::remove_file(programs.path("links/link")).unwrap();
    std::os::unix::fs::symlink("new", programs.path("links/link")).unwrap();
    programs.add("links/manifest.json", r#"{"slave": "run.sh", "note": 1}"#);
    let output = diff(&[&folder, "--no-schema"]);
    let (table, _) = ended(&output, 7);
    let expected = "FILE           CHANGE   OLD      NEW\n\
                    link           changed  -> same  -> new\n\
                    manifest.json  changed  19       30\n\
                    new            added             2\n\
                    old            removed  1\n\
                    run.sh         changed  10       15\n\
                    same           mode     755      600\n\
                    MANIFEST  OLD  NEW\n\
                    note           1\n";
    assert_eq!(table, expected);
    let output = diff(&[&folder, "--no-schema", "--output", "json"]);
    let changes: Json = serde_json::from_str(ended(&output, 7).0).unwrap();
    assert_eq!((&changes["to"], &changes["events"]), (&Json::Null, &json!([])));
    assert_eq!(changes["manifest"], json!([{"key": "note", "old": null, "new": 1}]));
    let expected = json!({"file": "old", "change": "removed", "old": {"size": 1, "mode": "755", "link": null}, "new": null});
    assert_eq!(changes["files"][3], expected);

    ended(&run(&cloud, &["app", "upload", &folder, "--no-schema"]), 0);
    let output = diff(&["--output", "json"]);
    let changes: Json = serde_json::from_str(ended(&output, 7).0).unwrap();
    assert_eq!((&changes["to"], &changes["files"][3]["change"]), (&json!(1), &json!("added")));
    assert_eq!(ended(&diff(&["--to", "2"]), 0), ("", ""));
    assert_eq!(ended(&diff(&["--to", "1", &folder]), 2).0, "");
}
