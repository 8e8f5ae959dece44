//! The committed bindings match the recorded runtime and this node.

use std::{fs, path::PathBuf, time::Duration};

use cocaine::{Client, graph::Graph, msgpack};
use cocaine_codegen::{
    AppSelection, Catalogue, Metadata, Options, OutputLayout, ServiceSelection, compare, fetch, generate,
};
use cocaine_node::Node;
use test_support::{hex, recording};
use tokio::task::spawn_blocking;

fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn committed() -> Metadata {
    Metadata::from_json(&read("../bindings/metadata.json")).unwrap()
}

fn recorded() -> Metadata {
    let mut recorded = Metadata::from_json(&recording::read_text("graphs")).unwrap();
    let app = recorded.services.remove("app (any running app; here 'demo')").unwrap();
    recorded.services.insert("app".to_owned(), app);
    let logging = recorded.services.remove("logging_v2").unwrap();
    recorded.services.insert("logging::v2".to_owned(), logging);
    recorded
}

/// Services without a recording. Their graphs come from the headers of the original.
const FROM_HEADERS: &[&str] = &["elasticsearch", "isolate", "vicodyn"];

/// Services without a recording and headers. Their graphs are inferred from descriptions of their methods.
const INFERRED: &[&str] = &["geobase", "langdetect", "tvm", "uatraits"];

/// Services that the original does not have.
const OWN: &[&str] = &["logging::stream"];

#[test]
fn metadata_equals_the_recordings() {
    let (mut committed, recorded) = (committed(), recorded());
    for name in FROM_HEADERS.iter().chain(INFERRED).chain(OWN) {
        assert!(committed.services.remove(*name).is_some(), "{name}");
    }
    assert_eq!(compare(&recorded, &committed), []);
    assert_eq!(recorded, committed);
}

#[tokio::test]
async fn bindings_equal_generator_output_for_node() {
    let node = Node::builder().listen("127.0.0.1:0").in_memory().start().await.unwrap();
    let locator = node.locator_addr().to_string();
    let fetched = spawn_blocking(move || {
        fetch(&[locator], ServiceSelection::All(&[]), AppSelection::None, Duration::from_secs(20)).unwrap()
    });
    let metadata = fetched.await.unwrap().metadata;
    let names: Vec<_> = metadata.services.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "cache",
            "chrono",
            "echo",
            "geobase",
            "locator",
            "logging",
            "logging::v2",
            "metrics",
            "node",
            "storage",
            "unicorn",
            "uniresis",
            "urlfetch"
        ]
    );
    let options = Options { layout: OutputLayout::FilePerService, strict: true, ..Options::default() };
    let output = generate(&metadata, &Catalogue::builtin(), &options).unwrap();
    for file in output.files.iter().filter(|file| file.name != "mod.rs") {
        assert_eq!(file.text, read(&format!("../bindings/src/services/{}", file.name)), "{}", file.name);
    }
    assert_eq!(output.files.len(), names.len() + 1, "a file for each service, and mod.rs");
    node.shutdown().await;
}

/// Only the bytes of a graph show the order of its entries and the control entries.
#[tokio::test]
async fn served_graphs_equal_recorded_bytes() {
    let recorded: serde_json::Value = recording::read_json("graphs");
    let node = Node::builder().listen("127.0.0.1:0").in_memory().start().await.unwrap();
    let client = Client::new(&node.locator_addr().to_string()).unwrap();
    for name in [
        "cache",
        "chrono",
        "echo",
        "locator",
        "logging",
        "logging::v2",
        "metrics",
        "node",
        "storage",
        "unicorn",
        "uniresis",
        "urlfetch",
    ] {
        let resolved = client.resolve(name, None).await.unwrap();
        let recorded = &recorded[name.replace("::", "_")];
        let reply = recorded["resolve_reply_hex"].as_str().unwrap();
        let graph = msgpack::to_vec::<Graph>(&resolved.graph).unwrap();
        let served = hex::encode(&graph);
        assert!(reply.contains(&served), "{name}");
        assert_eq!(Some(resolved.version), recorded["version"].as_u64());
    }
    node.shutdown().await;
}
