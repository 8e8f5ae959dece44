//! The command line with the schemas of apps, from files and from a live cloud.

#[path = "../../bindings/tests/test_locator/mod.rs"]
mod test_locator;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use cocaine::{Bytes, Code, Error, Result, msgpack, server::Server};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use serde::Serialize;

use self::test_locator::TestLocator;

const SHORTENER: &str = r#"{"schema": 1, "events": {"shorten": {
    "arguments": [{"name": "url", "type": "text"}], "output": {"reply": "text"}
}}}"#;

/// Runs in `folder`.
fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine-codegen"));
    command.args(args).env_remove("COCAINE_LOCATOR").current_dir(folder).output().unwrap()
}

/// Returns what a command wrote that ended with `code`.
fn ended(output: &Output, code: i32) -> (&str, &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    (std::str::from_utf8(&output.stdout).unwrap(), std::str::from_utf8(&output.stderr).unwrap())
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shortener.json"), SHORTENER).unwrap();
    folder
}

const DUMP: &str = "shortener, app\n  shorten(url: text) -> text\n";

#[test]
fn schema_file_becomes_metadata() {
    let folder = folder();
    let path = folder.path();
    assert_eq!(ended(&run(path, &["dump", "--schema", "shortener.json"]), 0), (DUMP, ""));
    let renamed = run(path, &["dump", "--schema", "shortener.json", "--app", "other"]);
    assert!(ended(&renamed, 0).0.starts_with("other, app\n"));
    ended(&run(path, &["fetch", "--schema", "shortener.json", "-o", "cloud.json"]), 0);
    assert_eq!(ended(&run(path, &["dump", "--from", "cloud.json"]), 0).0, DUMP);
    let again = run(path, &["fetch", "--from", "cloud.json", "--app", "shortener"]);
    assert_eq!(ended(&again, 0).0, fs::read_to_string(path.join("cloud.json")).unwrap());
}

#[test]
fn services_and_apps_are_selected_apart() {
    let folder = folder();
    let path = folder.path();
    let services = r#"{"services": {"shelf": {"version": 1, "graph": {"0": ["ping", {}, {}]}}}, "apps": {"a": SCHEMA, "b": SCHEMA}}"#;
    fs::write(path.join("cloud.json"), services.replace("SCHEMA", SHORTENER)).unwrap();
    let (shelf, app) = ("shelf, version 1\n  0 ping: nothing\n", DUMP.strip_prefix("shortener").unwrap());
    let both = format!("{shelf}\na{app}\nb{app}");
    for (args, expected) in [
        (&[][..], both),
        (&["--service", "shelf"], shelf.to_owned()),
        (&["--app", "b"], format!("b{app}")),
        (&["--app"], format!("a{app}\nb{app}")),
        (&["--app", "a", "--service", "shelf"], format!("{shelf}\na{app}")),
        (&["--schema", "shortener.json"], DUMP.to_owned()),
        (&["--app", "a", "--app", "shortener", "--schema", "shortener.json"], format!("a{app}\n{DUMP}")),
    ] {
        let output = run(path, &[&["dump", "--from", "cloud.json"], args].concat());
        assert_eq!(ended(&output, 0), (expected.as_str(), ""), "{args:?}");
    }
}

#[test]
fn errors_name_the_file_and_place() {
    let folder = folder();
    let path = folder.path();
    fs::create_dir(path.join("more")).unwrap();
    fs::write(path.join("more/shortener.json"), SHORTENER).unwrap();
    fs::write(path.join("cloud.json"), r#"{"services": {}}"#).unwrap();
    fs::write(path.join("broken.json"), "{\"schema\": 1,\n\"events\": {\"a\": {\"input\": \"texts\"}}}")
        .unwrap();
    for (args, expected) in [
        (&["--schema", "nowhere.json"][..], "error: nowhere.json: "),
        (&["--schema", "broken.json"], "error: broken.json: schema: unknown variant `texts`"),
        (&["--schema", "cloud.json"], "error: cloud.json: this is metadata: read it with `--from FILE`"),
        (
            &["--from", "shortener.json"],
            "error: shortener.json: this is the schema of an app: read it with `--schema",
        ),
        (
            &["--schema", "shortener.json", "--schema", "more/shortener.json"],
            "error: more/shortener.json: another file is the schema of `shortener`, too: rename one",
        ),
        (
            &["--from", "cloud.json", "--app", "shortener"],
            "error: cloud.json: metadata: there is no app `shortener`; there are: none",
        ),
        (&["--app", "shortener"], "error: name a locator with `--locator HOST:PORT`"),
    ] {
        let output = run(path, &[&["dump"], args].concat());
        let (nothing, error) = ended(&output, 2);
        assert!(nothing.is_empty() && error.starts_with(expected), "{args:?}: {error}");
    }
    assert!(ended(&run(path, &["dump", "--schema", "broken.json"]), 2).1.contains("at line 2 column"));
}

/// A storage of manifests.
#[derive(Clone)]
struct Manifests(Result<BTreeMap<String, Bytes>, Code>);

impl Manifests {
    fn blobs(&self) -> Result<&BTreeMap<String, Bytes>> {
        self.0.as_ref().map_err(|code| Error::service(*code, "not yours"))
    }
}

impl Storage for Manifests {
    async fn read(&self, collection: &str, key: &str) -> Result<Bytes> {
        assert_eq!(collection, "manifests");
        let blob = self.blobs()?.get(key).cloned();
        blob.ok_or_else(|| Error::service(Code::NOT_FOUND, "no such blob"))
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        unreachable!()
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        unreachable!()
    }

    async fn find(&self, collection: &str, tags: &[&str]) -> Result<Vec<String>> {
        assert_eq!((collection, tags), ("manifests", &["app"][..]));
        Ok(self.blobs()?.keys().cloned().collect())
    }
}

/// A cloud of a locator and a storage.
struct Cloud {
    locator: String,
    _servers: [Server; 2],
}

async fn start(manifests: Manifests) -> Cloud {
    let storage = Server::bind("127.0.0.1:0", ServeStorage::new(move |_| manifests.clone())).await.unwrap();
    let locator = TestLocator::default();
    locator.add::<StorageClient>("storage", storage.local_addr());
    let server = locator.serve("127.0.0.1:0").await;
    Cloud { locator: server.local_addr().to_string(), _servers: [server, storage] }
}

#[derive(Serialize)]
struct Manifest {
    executable: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<serde_json::Value>,
}

fn manifest(schema: Option<&str>) -> Bytes {
    let schema = schema.map(|schema| serde_json::from_str(schema).unwrap());
    msgpack::to_vec(&Manifest { executable: "worker", schema }).unwrap().into()
}

async fn dump(cloud: &Cloud, args: &[&str]) -> Output {
    let args: Vec<_> =
        ["dump", "--locator", &cloud.locator].iter().chain(args).map(ToString::to_string).collect();
    let run = move || run(Path::new("."), &args.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn live_schemas_are_read_from_manifests() {
    let manifests = [
        ("shortener", manifest(Some(SHORTENER))),
        ("plain", manifest(None)),
        ("newer", manifest(Some(r#"{"schema": 2}"#))),
        ("garbage", Bytes::from_static(b"\xc1")),
    ];
    let cloud = start(Manifests(Ok(manifests.map(|(name, blob)| (name.to_owned(), blob)).into()))).await;
    let output = dump(&cloud, &["--app"]).await;
    let (shown, notes) = ended(&output, 0);
    assert_eq!(shown, DUMP);
    let starts = [
        "note: app `garbage`: its schema cannot be read: ",
        "note: app `newer`: its schema cannot be read: ",
    ];
    let lines: Vec<_> = notes.lines().collect();
    assert!(
        lines.len() == 2 && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)),
        "{notes}"
    );
    assert_eq!(ended(&dump(&cloud, &["--app", "shortener"]).await, 0), (DUMP, ""));
    let both = dump(&cloud, &["--app", "shortener", "--service", "storage"]).await;
    assert!(ended(&both, 0).0.starts_with("storage, version 1\n"));
    for (name, expected) in [
        (
            "plain",
            "app `plain` has no schema: upload it with one, or read it from a file with `--schema FILE`",
        ),
        ("nobody", "there is no app `nobody`: upload it, or read its schema from a file"),
        ("newer", "app `newer`: its schema cannot be read: "),
    ] {
        let output = dump(&cloud, &["--app", name]).await;
        assert!(ended(&output, 2).1.contains(expected), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_and_oversized_manifests_are_read_within_bounds() {
    let schema = manifest(Some(SHORTENER));
    let mut manifests: BTreeMap<_, _> =
        (0..100).map(|index| (format!("app{index:02}"), schema.clone())).collect();
    let cloud = start(Manifests(Ok(manifests.clone()))).await;
    let output = dump(&cloud, &["--app"]).await;
    assert_eq!(ended(&output, 0).0.matches(", app\n").count(), 100);
    manifests.insert("vast".to_owned(), vec![0; (4 << 20) + 1].into());
    let cloud = start(Manifests(Ok(manifests))).await;
    let output = dump(&cloud, &["--app"]).await;
    let expected = "app `vast`: its manifest has 4194305 bytes, and at most 4194304 are read";
    assert!(ended(&output, 2).1.contains(expected), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusing_or_missing_storage_is_explained() {
    let cloud = start(Manifests(Err(Code::new(cocaine::Category::GENERIC, 13)))).await;
    for (args, what) in [
        (&["--app"][..], "cannot list its manifests: "),
        (&["--app", "shortener"], "cannot read the manifest of `shortener`: "),
    ] {
        let output = dump(&cloud, args).await;
        let (_, error) = ended(&output, 2);
        assert!(error.contains(what) && error.contains("--schema FILE"), "{error}");
    }
    let server = TestLocator::default().serve("127.0.0.1:0").await;
    let cloud =
        Cloud { locator: server.local_addr().to_string(), _servers: [server, storage_of_nobody().await] };
    let output = dump(&cloud, &["--app"]).await;
    assert!(ended(&output, 2).1.contains("cannot be reached: "), "{output:?}");
}

async fn storage_of_nobody() -> Server {
    let manifests = Manifests(Ok(BTreeMap::new()));
    Server::bind("127.0.0.1:0", ServeStorage::new(move |_| manifests.clone())).await.unwrap()
}
