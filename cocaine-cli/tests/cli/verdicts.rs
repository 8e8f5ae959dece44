//! Refusals, comparisons and exit codes.

use cocaine::{Value, schema::MANIFEST_KEY};
use cocaine_bindings::Storage as _;
use cocaine_test::Cloud;

use crate::{
    command::{ended, manifest, run, run_at, storage},
    program::{Programs, schema},
};

/// Uploads an app whose argument `ttl` may be missing.
async fn start(programs: &Programs) -> Cloud {
    let cloud = Cloud::start().await.unwrap();
    let program = programs.describing("old", &schema(r#"{"option": "u32"}"#));
    ended(&run(&cloud, &["app", "upload", "links", "--program", &program]), 0);
    cloud
}

/// Returns everything that is uploaded of the app.
async fn uploaded(cloud: &Cloud) -> [cocaine::Bytes; 2] {
    let storage = storage(cloud).await;
    [storage.read("apps", "links").await.unwrap(), storage.read("manifests", "links").await.unwrap()]
}

#[tokio::test]
async fn breaking_change_is_refused_with_table() {
    let programs = Programs::new();
    let cloud = start(&programs).await;
    let before = uploaded(&cloud).await;
    let program = programs.describing("new", &schema("\"u32\""));
    let args = ["app", "upload", "links", "--program", &program];
    let output = run(&cloud, &args);
    let (table, said) = ended(&output, 7);
    assert!(table.contains("links.shorten") && table.contains("option-to-required"), "{table}");
    assert!(said.contains("break callers of the uploaded `links`") && said.contains("--breaking"), "{said}");
    assert_eq!(uploaded(&cloud).await, before, "nothing is uploaded");

    let output = run(&cloud, &["app", "check", "links", "--program", &program]);
    assert_eq!(ended(&output, 7), (table, ""));
    let output = run(&cloud, &[&args[..], &["--breaking"]].concat());
    assert_eq!(ended(&output, 0), (table, "links is uploaded\n"));
    assert_ne!(uploaded(&cloud).await, before);
}

#[tokio::test]
async fn harmless_change_is_shown_and_uploaded() {
    let programs = Programs::new();
    let cloud = start(&programs).await;
    let newer = schema(r#"{"option": "u32"}"#).replacen("{\"shorten\"", r#"{"added": {}, "shorten""#, 1);
    let program = programs.describing("new", &newer);
    let output = run(&cloud, &["app", "upload", "links", "--program", &program]);
    let (table, said) = ended(&output, 0);
    assert!(table.contains("event-added") && said == "links is uploaded\n", "{table}{said}");
}

#[tokio::test]
async fn schema_is_not_lost_silently() {
    let programs = Programs::new();
    let cloud = start(&programs).await;
    let before = uploaded(&cloud).await;
    let program = programs.add("program", "#!/bin/sh\nexit 1\n");
    let args = ["app", "upload", "links", "--program", &program];
    let output = run(&cloud, &args);
    let (_, said) = ended(&output, 7);
    assert!(said.contains("the new version would have none") && said.contains("--no-schema"), "{said}");
    assert_eq!(uploaded(&cloud).await, before);
    ended(&run(&cloud, &[&args[..], &["--no-schema"]].concat()), 0);
    assert!(!manifest(&cloud).await.contains_key(MANIFEST_KEY));
}

#[tokio::test]
async fn unfit_schema_is_refused_by_name() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let program = programs.add("program", "#!/bin/sh\n");
    let deep = (0..30).fold("\"u8\"".to_owned(), |inner, _| format!(r#"{{"option": {inner}}}"#));
    let long = format!(r#"{{"schema": 1, "events": {{"shorten": {{"doc": "{}"}}}}}}"#, "x".repeat(1 << 20));
    for (text, words) in [
        (schema(&deep), "the event `shorten` is nested too deeply"),
        (long, "the event `shorten` has 10"),
        ("{}".to_owned(), "links.json: "),
        (r#"{"schema": 2}"#.to_owned(), "version 2"),
    ] {
        let file = programs.add("links.json", &text);
        let output = run(&cloud, &["app", "upload", "links", "--program", &program, "--schema", &file]);
        let (_, said) = ended(&output, 1);
        assert!(said.contains(words), "{words}: {said}");
        assert!(storage(&cloud).await.read("manifests", "links").await.is_err(), "nothing is uploaded");
    }
}

#[tokio::test]
async fn failures_have_exit_codes() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let program = programs.describing("program", &schema("\"u8\""));
    let output = run(&cloud, &["app", "check", "links", "--program", &program]);
    assert_eq!(ended(&output, 3), ("", "error: there is no app `links`\n"));
    ended(&run(&cloud, &["app", "upload", "links", "--program", &program, "--no-schema"]), 0);
    let output = run(&cloud, &["app", "check", "links", "--program", &program]);
    assert!(ended(&output, 3).1.contains("without a schema"));
    let missing = programs.path("missing").display().to_string();
    let output = run(&cloud, &["app", "upload", "links", "--program", &missing]);
    assert!(ended(&output, 1).1.contains("No such file"));
    ended(&run(&cloud, &["app", "upload", "links"]), 2);
    ended(&run(&cloud, &["app", "upload", "../links", "--program", &program]), 2);
    ended(&run(&cloud, &["app", "upload", "links", "--program", &program, "--profile", "p"]), 2);
    // Nobody listens on port 1.
    let output = run_at("127.0.0.1:1", &["app", "upload", "links", "--program", &program]);
    assert!(ended(&output, 5).1.contains("storage"));
}

#[tokio::test]
async fn app_that_cannot_start_is_reported() {
    let (cloud, programs) = (Cloud::start().await.unwrap(), Programs::new());
    let program = programs.add("program", "#!/bin/sh\necho broken >&2; exit 1\n");
    let output = run(&cloud, &["app", "upload", "links", "--program", &program, "--start"]);
    let (_, said) = ended(&output, 1);
    assert!(said.contains("`links` is uploaded, and cannot be started"), "{said}");
    assert_eq!(manifest(&cloud).await["slave"], Value::from("links"));
    let profile = storage(&cloud).await.read("profiles", "default").await.unwrap();
    let profile: Value = cocaine::msgpack::from_slice(&profile).unwrap();
    assert_eq!(profile.to_string(), r#"{"isolate": {"type": "legacy_process"}}"#);
}

#[test]
fn help_begins_with_examples() {
    let output = run_at("", &["app", "upload", "--help"]);
    let (help, _) = ended(&output, 0);
    assert!(help.find("Examples:").unwrap() < help.find("Usage:").unwrap(), "{help}");
}
