//! `cocaine call`.

use std::{collections::BTreeMap, fs};

use cocaine::{
    Bytes, Error, Result, Schema, SessionReceiver, Stream, Value, Worker, events, msgpack,
    schema::{AppSchema, ErrorDefinition, ErrorVariant, MANIFEST_KEY},
};
use cocaine_bindings::Storage as _;
use cocaine_test::{App, Cloud};
use futures_util::stream;
use serde::{Deserialize, Serialize};

use crate::command::{ended, run, storage};

#[derive(Serialize, Deserialize, Schema)]
struct Link {
    slug: String,
    icon: Bytes,
    ttl: Option<u32>,
}

#[cocaine::worker]
async fn shorten(target_url: String, ttl: Option<u32>) -> Result<Link> {
    if target_url.is_empty() {
        return Err(Error::user(2, "no \u{1b}[31m url"));
    }
    Ok(Link { slug: target_url, icon: vec![0xff].into(), ttl })
}

#[cocaine::worker]
async fn count(upto: u32) -> impl Stream<Item = Result<u32>> {
    stream::iter((1..=upto).map(Ok))
}

#[cocaine::worker]
async fn sum(factor: u32, mut numbers: SessionReceiver<u32>) -> Result<u32> {
    let mut sum = 0;
    while let Some(number) = numbers.recv().await.transpose()? {
        sum += number * factor;
    }
    Ok(sum)
}

#[cocaine::worker]
async fn forget(_all: bool) {}

#[cocaine::worker]
async fn blob(bytes: Bytes) -> Bytes {
    bytes
}

/// Starts the app `links`, whose manifest has a schema.
async fn start(cloud: &Cloud) -> App {
    let events = || events![shorten, count, sum, forget, blob];
    let mut schema = AppSchema::of(events()).unwrap();
    let variant = ErrorVariant { name: "NoUrl".to_owned(), doc: String::new(), category: 43, code: 2 };
    let definition = ErrorDefinition { doc: String::new(), variants: vec![variant] };
    schema.errors.insert("LinkError".to_owned(), definition);
    schema.events.get_mut("shorten").unwrap().error = Some("LinkError".to_owned());

    let app = cloud.worker("links", move |worker: Worker| worker.serve(events())).await.unwrap();
    let storage = storage(cloud).await;
    let manifest = storage.read("manifests", "links").await.unwrap();
    let mut manifest: BTreeMap<String, Value> = msgpack::from_slice(&manifest).unwrap();
    let schema = msgpack::from_slice(&msgpack::to_vec(&schema).unwrap()).unwrap();
    manifest.insert(MANIFEST_KEY.to_owned(), schema);
    let manifest = Bytes::from(msgpack::to_vec(&manifest).unwrap());
    storage.write("manifests", "links", &manifest, Some(&["app"])).await.unwrap();
    app
}

#[tokio::test]
async fn events_are_called_by_their_schema() {
    let cloud = Cloud::start().await.unwrap();
    let _app = start(&cloud).await;
    let pretty = "{\n  \"slug\": \"5\",\n  \"icon\": \"/w==\",\n  \"ttl\": 60\n}\n";
    let compact = "{\"slug\":\"5\",\"icon\":\"/w==\",\"ttl\":60}\n";
    for (args, stdout) in [
        (&["call", "links", "shorten", "5", "60"][..], pretty),
        (&["call", "links", "shorten", "--target-url", "5", "--ttl=60"], pretty),
        (&["call", "--output", "jsonl", "links", "shorten", "5", "60"], compact),
        (&["call", "links", "count", "3"], "1\n2\n3\n"),
        (&["call", "links", "forget", "--_all"], ""),
        (&["call", "links", "blob", "text"], "text\n"),
        (&["call", "links", "blob", "hex:ff00"], "ff00\n"),
        (&["call", "--as", "json", "links", "blob", "hex:ff00"], "{\n  \"$bytes\": \"/wA=\"\n}\n"),
        (&["call", "--as", "raw", "links", "blob", "text"], "text"),
        (&["call", "--no-schema", "links", "count", "2"], "1\n2\n"),
    ] {
        assert_eq!(ended(&run(&cloud, args), 0), (stdout, ""), "{args:?}");
    }
}

#[tokio::test]
async fn lines_are_items_of_input() {
    let (cloud, folder) = (Cloud::start().await.unwrap(), tempfile::tempdir().unwrap());
    let _app = start(&cloud).await;
    let file = folder.path().join("numbers").display().to_string();
    fs::write(&file, "1\n2\n3").unwrap();
    assert_eq!(ended(&run(&cloud, &["call", "--input", &file, "links", "sum", "10"]), 0), ("60\n", ""));
    fs::write(&file, "1\nmany\n").unwrap();
    let output = run(&cloud, &["call", "--input", &file, "links", "sum", "10"]);
    assert!(ended(&output, 2).1.contains("sum: the line \"many\": expected u32, found \"many\""));
}

#[tokio::test]
async fn mistakes_are_named_before_anything_is_sent() {
    let cloud = Cloud::start().await.unwrap();
    let _app = start(&cloud).await;
    for (args, code, words) in [
        (
            &["call", "links", "shorten", "--url", "x"][..],
            2,
            "shorten has no argument \"url\", it takes target_url, ttl",
        ),
        (&["call", "links", "shorten"], 2, "the argument `target_url` is missing"),
        (&["call", "links", "shorten", "x", "soon"], 2, "`ttl`: expected u32, found \"soon\""),
        (
            &["call", "links", "shrten"],
            3,
            "`links` has no event `shrten`; it has blob, count, forget, shorten, sum",
        ),
        (&["call", "storage", "raed"], 3, "`storage` has no method `raed`; it has read, write, remove, find"),
        (&["call", "storage", "read", "--key", "x"], 2, "arguments of storage.read have no names"),
        (&["call", "nobody", "x"], 3, "no service or app `nobody` is running"),
        (&["call", "links", "blob", "@/no/such/file"], 1, "/no/such/file: No such file"),
    ] {
        let output = run(&cloud, args);
        let (stdout, stderr) = ended(&output, code);
        assert!(stdout.is_empty() && stderr.contains(words), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn errors_have_the_names_that_apps_declare() {
    let cloud = Cloud::start().await.unwrap();
    let _app = start(&cloud).await;
    let output = run(&cloud, &["call", "links", "shorten", ""]);
    let stderr = ended(&output, 1).1;
    assert!(stderr.starts_with("error: links.shorten: NoUrl: ") && stderr.contains("[43,2]"), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr:?}");
}

#[tokio::test]
async fn methods_of_services_are_called() {
    let cloud = Cloud::start().await.unwrap();
    for (args, code, stdout) in [
        (&["call", "storage", "write", "notes", "a", "text:5", "[\"tag\"]"][..], 0, ""),
        (&["call", "storage", "find", "notes", "[\"tag\"]"], 0, "[\n  \"a\"\n]\n"),
        (&["call", "storage", "read", "notes", "a"], 0, "5\n"),
        (&["call", "--as", "hex", "storage", "read", "notes", "a"], 0, "35\n"),
        (&["call", "storage", "read", "notes", "b"], 3, ""),
    ] {
        assert_eq!(ended(&run(&cloud, args), code).0, stdout, "{args:?}");
    }
}
