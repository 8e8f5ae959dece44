//! Generated TypeScript, compiled and called in Node.js and in a browser against a live node, and JSON Schema held against
//! what the node takes and returns. `.ci/typescript/run` installs what this needs, and runs it.

mod random;

use std::{
    collections::BTreeMap,
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    routing::get,
};
use cocaine::{
    Bytes, Error, Result, Session, SessionReceiver, Value, events, msgpack,
    schema::{AppSchema, ArgumentSchema, EventOutput, EventSchema, MANIFEST_KEY, Type, TypeSchema},
};
use cocaine_bindings::{Node, NodeClient, Storage, StorageClient};
use cocaine_codegen::{Catalogue, Metadata, json_schema, open_rpc, typescript};
use cocaine_node::config::HttpConfig;
use cocaine_test::Cloud;
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};

use self::random::TypeGenerator;

#[derive(Debug, Serialize, Deserialize)]
struct Link {
    slug: String,
    #[serde(alias = "url")]
    target: String,
    ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    tag: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct LinkPage {
    items: Vec<Link>,
    total: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Click {
    Browser { agent: String, at: i64 },
    Robot,
}

fn link(target: &str, ttl: Option<u32>, tags: &[&str]) -> Link {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Link { slug: "example".to_owned(), target: target.to_owned(), ttl, tags }
}

#[cocaine::worker]
async fn shorten(url: String, ttl: Option<u32>) -> Result<Link> {
    match url.as_str() {
        "missing" => Err(Error::user(1, "there is no such link")),
        "undeclared" => Err(Error::user(9, "this is not declared")),
        "slow" => std::future::pending().await,
        url => Ok(link(url, ttl, &[])),
    }
}

#[cocaine::worker]
async fn find(query: Option<Query>) -> Result<LinkPage> {
    let items = if query.is_none() { vec![link("https://example.org", None, &[])] } else { Vec::new() };
    Ok(LinkPage { items, total: u64::MAX })
}

#[cocaine::worker]
async fn update(link: Link) -> Result<()> {
    if link.slug.is_empty() { Err(Error::user(2, "a link has a name")) } else { Ok(()) }
}

#[cocaine::worker]
async fn read_all() -> impl Stream<Item = Result<Link>> {
    stream::iter([Ok(link("a", None, &["first"])), Ok(link("b", None, &[]))])
}

#[cocaine::worker]
async fn clicks(slug: String) -> impl Stream<Item = Result<Click>> {
    assert_eq!(slug, "example");
    stream::iter([Ok(Click::Browser { agent: "curl".to_owned(), at: 7 }), Ok(Click::Robot)])
}

#[cocaine::worker]
async fn import(replace: bool, mut links: SessionReceiver<Link>) -> Result<u64> {
    let mut count = 0;
    while let Some(link) = links.recv().await {
        link?;
        count += 1;
    }
    Ok(if replace { u64::MAX } else { count })
}

#[cocaine::worker]
async fn party(mut names: SessionReceiver<String>) -> Result<Vec<String>> {
    let mut said = Vec::new();
    while let Some(name) = names.recv().await {
        said.push(name?.to_uppercase());
    }
    Ok(said)
}

#[cocaine::worker]
async fn blob(content: Bytes) -> Result<Bytes> {
    Ok(content.iter().rev().copied().collect::<Vec<_>>().into())
}

#[cocaine::worker]
async fn anything(value: Value) -> Result<Value> {
    Ok(value)
}

#[cocaine::worker]
async fn ping() -> Result<()> {
    Ok(())
}

/// Returns the first chunk: an event with one argument returns it.
async fn echo(mut session: Session) -> Result<()> {
    match session.recv().await {
        Some(chunk) => session.finish_with(chunk?),
        None => session.finish(),
    }
}

/// Serves the page, and the compiled scripts of a folder.
async fn file(
    UrlPath(name): UrlPath<String>,
    State(folder): State<Arc<PathBuf>>,
) -> std::result::Result<(HeaderMap, Vec<u8>), StatusCode> {
    let name = Path::new(&name).file_name().ok_or(StatusCode::NOT_FOUND)?;
    let content = fs::read(folder.join(name)).map_err(|_| StatusCode::NOT_FOUND)?;
    let script = HeaderValue::from_static("text/javascript");
    Ok((HeaderMap::from_iter([(header::CONTENT_TYPE, script)]), content))
}

fn read_metadata(path: &str) -> Metadata {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    Metadata::from_json(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The public services.
fn services() -> Metadata {
    read_metadata("bindings/metadata.json")
}

/// Names that are code elsewhere.
fn hostile() -> Metadata {
    read_metadata("cocaine-codegen/tests/golden/json_rpc/hostile.json")
}

/// Forms that the table lacks.
fn forms() -> Metadata {
    read_metadata("cocaine-codegen/tests/golden/json_rpc/forms.json")
}

/// The app and the service that the generated client calls.
fn shortener() -> Metadata {
    let mut metadata = read_metadata("cocaine-codegen/tests/golden/json_rpc/shortener.json");
    metadata.services.extend(services().services.into_iter().filter(|(name, _)| name == "storage"));
    metadata
}

/// How many random types the app `table` has.
const RANDOM_TYPES: usize = 100;

/// An app with an event for each type of the table with which schemas are tested, and for random types.
fn table() -> Metadata {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cocaine-rt/tests/schema/golden.json");
    let types: BTreeMap<String, TypeSchema> =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut app = AppSchema::default();
    for (name, TypeSchema { root, types, .. }) in types {
        app.events.insert(name, echo_of(root));
        app.types.extend(types);
    }
    let (mut generator, mut names) = (TypeGenerator::new(1), Vec::new());
    for number in 0..RANDOM_TYPES {
        let name = format!("Random{number}");
        app.types.insert(name.clone(), generator.definition(&names));
        app.events.insert(name.clone(), echo_of(Type::Named(name.clone())));
        names.push(name);
    }
    Metadata { apps: BTreeMap::from([("table".to_owned(), app)]), ..Metadata::default() }
}

/// Returns an event that answers with its argument.
fn echo_of(ty: Type) -> EventSchema {
    EventSchema {
        arguments: vec![ArgumentSchema { name: "value".to_owned(), ty: ty.clone() }],
        output: EventOutput::Reply(ty),
        ..EventSchema::default()
    }
}

/// Starts the app again, with its schema in the manifest.
async fn publish_schema(cloud: &Cloud, app: &str, schema: &AppSchema) -> Result<()> {
    let (storage, node): (StorageClient, NodeClient) = cloud.client().services().await?;
    let mut manifest: BTreeMap<String, Value> = msgpack::from_bytes(&storage.read("manifests", app).await?)?;
    let schema: Value = msgpack::from_slice(&msgpack::to_vec(schema)?)?;
    manifest.insert(MANIFEST_KEY.to_owned(), schema);
    let manifest = Bytes::from(msgpack::to_vec(&manifest)?);
    storage.write("manifests", app, &manifest, Some(&["app"])).await?;
    node.pause_app(app).await?;
    node.start_app(app, app).await
}

async fn start(folder: &Path) -> Cloud {
    let http = HttpConfig::default().listen("127.0.0.1:0").json_rpc_services(["storage"]);
    let cloud = Cloud::builder().node(|node| node.http(http)).start().await.unwrap();
    let page = Router::new()
        .route("/", get(|| async { axum::response::Html("<!doctype html><title>shortener</title>") }))
        .route("/{name}", get(file))
        .with_state(Arc::new(folder.to_owned()));
    let events = || events![shorten, find, update, read_all, clicks, import, party, blob, anything, ping];
    let worker = move |worker: cocaine::Worker| worker.http("page", page.clone()).serve(events());
    cloud.worker("shortener", worker).await.unwrap();
    cloud.worker("table", |worker| worker.fallback(echo).serve(())).await.unwrap();
    for metadata in [shortener(), table()] {
        for (app, schema) in &metadata.apps {
            publish_schema(&cloud, app, schema).await.unwrap();
        }
    }
    cloud
}

/// The folder with the programs that this runs.
fn tools() -> PathBuf {
    fs::canonicalize(env::var_os("COCAINE_TYPESCRIPT_TOOLS").unwrap()).unwrap()
}

/// Runs a program in the folder of the tools.
fn run(program: &str, args: &[&str]) {
    let mut command = Command::new(program);
    let status = command.args(args).current_dir(tools()).status().unwrap();
    assert!(status.success(), "{program} {} fails: {status}", args.join(" "));
}

const COMPILER_OPTIONS: &str = r#"{"compilerOptions": {
    "target": "ES2022", "lib": LIB, "types": TYPES, "typeRoots": TYPE_ROOTS, "module": "nodenext", "outDir": "out",
    "strict": true, "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true, "noImplicitOverride": true,
    "noPropertyAccessFromIndexSignature": true, "erasableSyntaxOnly": true, "verbatimModuleSyntax": true,
    "isolatedModules": true
}, "include": ["*.ts"]}"#;

/// Writes all that is generated and what calls it, with the settings of the compiler for browsers and for Node.js, which
/// lacks what only browsers have.
fn write_scripts(folder: &Path) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let scripts = [
        ("client", shortener()),
        ("table", table()),
        ("services", services()),
        ("hostile", hostile()),
        ("forms", forms()),
    ];
    for (name, metadata) in scripts {
        let output = typescript(&metadata, &Catalogue::builtin(), false).unwrap();
        write(&format!("{name}.ts"), &output.files[0].text);
    }
    write("calls.ts", &fs::read_to_string(tools().join("calls.ts")).unwrap());
    write("package.json", r#"{"type": "module"}"#);
    let type_roots = serde_json::to_string(&[tools().join("node_modules/@types")]).unwrap();
    let options = COMPILER_OPTIONS.replace("TYPE_ROOTS", &type_roots);
    write("browser.json", &options.replace("LIB", r#"["ES2022", "DOM"]"#).replace("TYPES", "[]"));
    write("node.json", &options.replace("LIB", r#"["ES2022"]"#).replace("TYPES", r#"["node"]"#));
}

fn compile(folder: &Path, settings: &str) {
    run("node_modules/.bin/tsc", &["--project", folder.join(settings).to_str().unwrap()]);
}

fn write_schemas(folder: &Path) {
    let all = [
        ("shortener", shortener()),
        ("table", table()),
        ("services", services()),
        ("hostile", hostile()),
        ("forms", forms()),
    ];
    for (name, metadata) in all {
        let write = |kind, text: String| fs::write(folder.join(format!("{name}.{kind}.json")), text).unwrap();
        write("schema", json_schema(&metadata, &Catalogue::builtin()).unwrap());
        write("openrpc", open_rpc(&metadata, &Catalogue::builtin()).unwrap());
    }
}

fn check_all(folder: &Path, address: SocketAddr) {
    let out = folder.join("out");
    let url = format!("http://{address}/");
    run("node", &["node.mjs", out.join("calls.js").to_str().unwrap(), &url]);
    run("node", &["browser.mjs", &format!("{url}shortener/page/")]);
    run("node", &["schemas.mjs", folder.to_str().unwrap(), &url]);
    compile(folder, "browser.json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Node.js, a browser and packages: `.ci/typescript/run`"]
async fn generated_clients_call_a_live_node() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    write_scripts(&path);
    compile(&path, "node.json");
    compile(&path, "browser.json");
    write_schemas(&path);
    let cloud = start(&path.join("out")).await;
    let address = cloud.http_addr().unwrap();
    let checks = tokio::task::spawn_blocking(move || check_all(&path, address));
    checks.await.unwrap();
}
