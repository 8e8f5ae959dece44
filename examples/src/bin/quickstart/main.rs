//! The tour: a cloud, the generator, typed and untyped calls, sessions, errors, apps, HTTP. Each step is checked; the
//! first that fails ends the tour with an error.

mod apps;
mod changes;
mod program;
mod services;
mod step;
mod web;

use std::{path::Path, time::Duration};

use cocaine::{Bytes, Client, Code, Endpoint, ErrorKind, Scalar, ServiceClient, Severity, Value};
use cocaine_bindings::{AppClient, Locator, LocatorClient, Logging, LoggingClient, Storage, StorageClient};
use cocaine_codegen::{AppSelection, Catalogue, FetchReport, Options, ServiceSelection, fetch, generate};
use cocaine_node::{
    Node,
    config::HttpConfig,
    helper::{self, Helper},
    log::{Log, LogLayer},
};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::step::{Step, check, show, title};

fn main() -> Step {
    // The node starts the processes of apps through this program.
    helper::exec_worker_if_requested();
    tour()
}

#[tokio::main]
async fn tour() -> Step {
    let folder = tempfile::tempdir()?;
    let journal = folder.path().join("log.jsonl");
    let log = Log::builder().file(&journal).start()?;
    tracing_subscriber::registry().with(LevelFilter::WARN).with(LogLayer::new(log.clone())).init();

    title(1, "A cloud starts in this process");
    let http = HttpConfig::default().listen("127.0.0.1:0").json_rpc_services(["storage"]);
    let node = Node::builder().listen("127.0.0.1:0").http(http).data(folder.path()).log(log.clone());
    let node = node.helper(Helper::current_exe()).start().await?;
    let locator = node.locator_addr().to_string();
    let gateway = node.http_addr().ok_or("the node speaks no HTTP")?;
    show(format!("its locator listens on {locator}, its gateway for HTTP on {gateway}"));

    generator(&locator).await?;
    let cloud = Client::new(&locator)?;
    typed(&cloud).await?;
    untyped(&cloud).await?;
    session(&cloud).await?;
    services::tour(&cloud).await?;
    errors(&cloud).await?;
    apps::tour(&cloud).await?;
    web::tour(&cloud, gateway).await?;

    title(16, "The cloud stops");
    node.shutdown().await;
    log.close().await;
    show_log(&journal)?;
    println!("\nEverything went as it should. Next: docs/guide, and examples/examples.");
    Ok(())
}

/// What `cocaine-codegen --locator HOST:PORT` does.
async fn generator(locator: &str) -> Step {
    title(2, "The generator reads the locator");
    let locators = [locator.to_owned()];
    let known = Catalogue::builtin();
    let learned = tokio::task::spawn_blocking(move || {
        let names: Vec<_> = known.services().collect();
        let FetchReport { metadata, .. } =
            fetch(&locators, ServiceSelection::All(&names), AppSelection::None, Duration::from_secs(5))?;
        let output = generate(&metadata, &known, &Options::default())?;
        Ok::<_, cocaine_codegen::Error>((metadata, output))
    });
    let (metadata, output) = learned.await??;
    let names: Vec<_> = metadata.services.keys().map(String::as_str).collect();
    show(names.join(", "));
    let known = ["locator", "logging", "node", "storage"];
    check(known.iter().all(|name| names.contains(name)), "the generator finds the node's services")?;
    let code = &output.files[0].text;
    show(format!("{} services, {} lines of Rust, for example:\n", names.len(), code.lines().count()));
    let start = code.find("pub trait Storage").ok_or("there is no trait for the storage")?;
    let signatures = code[start..].lines().filter(|line| !line.trim_start().starts_with("///"));
    signatures.take(6).for_each(show);
    Ok(())
}

async fn typed(cloud: &Client) -> Step {
    title(3, "Typed calls, checked by the compiler");
    let (storage, logging) = cloud.services::<(StorageClient, LoggingClient)>().await?;

    storage.write("greetings", "english", &Bytes::from("hello"), Some(&["greeting", "short"])).await?;
    show("storage.write(\"greetings\", \"english\", &\"hello\".into(), Some(&[\"greeting\", \"short\"]))");

    let blob = storage.read("greetings", "english").await?;
    show(format!("storage.read(\"greetings\", \"english\") = {blob:?}"));
    check(blob == "hello", "what was written is read")?;

    let keys = storage.find("greetings", &["greeting", "short"]).await?;
    show(format!("storage.find(\"greetings\", &[\"greeting\", \"short\"]) = {keys:?}"));
    check(keys == ["english"], "the key is found by its tags")?;

    let attributes = [("lines", Scalar::from(1))];
    logging.emit(Severity::Info, "app/tour", "hello from the tour", Some(&attributes)).await?;
    logging.service().flush().await?;
    show("logging.emit(Severity::Info, \"app/tour\", \"hello from the tour\", …)");
    Ok(())
}

async fn untyped(cloud: &Client) -> Step {
    title(4, "The same calls, untyped");
    let storage = cloud.dynamic("storage").await?;
    let graph = storage.graph().await?;
    let names: Vec<_> = graph.methods().map(|method| &*method.name).collect();
    show(format!("storage has {}", names.join(", ")));

    let blob: Value = storage.call("read", ("greetings", "english")).await?;
    show(format!("call(\"read\", (\"greetings\", \"english\")) = {blob}"));
    check(blob.as_str() == Some("hello"), "an untyped call gives what a typed one gives")?;

    let keys: Vec<String> = storage.call("find", ("greetings", ["greeting"])).await?;
    show(format!("call(\"find\", (\"greetings\", [\"greeting\"])) = {keys:?}"));
    check(keys == ["english"], "the key is found by its tag")
}

async fn session(cloud: &Client) -> Step {
    title(5, "A session: what may be sent next has a type");
    let locator: LocatorClient = cloud.service().await?;
    let mut changes = locator.connect("the tour");
    let (_, services) = changes.recv().await.ok_or("the stream of services ended")??;
    show(format!("connect streams {:?} at first", services.keys().collect::<Vec<_>>()));

    let channel = locator.publish("blog", &[Endpoint(([127, 0, 0, 1], 8080).into())], None).await?;
    channel.rx.await?;
    let (_, change) = changes.recv().await.ok_or("the stream of services ended")??;
    show(format!("after publish it says {:?}", change.keys().collect::<Vec<_>>()));
    check(change.contains_key("blog"), "a published service is announced")?;

    channel.tx.discard().await?;
    let (_, change) = changes.recv().await.ok_or("the stream of services ended")??;
    let gone = change.get("blog").is_some_and(|resolved| resolved.endpoints.is_empty());
    show("after discard it says that \"blog\" has gone; a second discard would not compile");
    check(gone, "a withdrawn service is announced as gone")
}

async fn errors(cloud: &Client) -> Step {
    title(7, "Errors say what, where and whose fault");
    let storage: StorageClient = cloud.service().await?;

    let error = storage.read("greetings", "klingon").await.err().ok_or("a missing key was read")?;
    show(format!("a missing key:      {error}"));
    let code = error.code();
    check(code == Some(Code::NOT_FOUND), "a missing key is [12,2]")?;

    let error = cloud.service_named::<AppClient>("blog").await.err().ok_or("a missing service was found")?;
    show(format!("a missing service:  {error}"));
    check(error.code() == Some(Code::SERVICE_NOT_AVAILABLE), "a missing service is an error of the locator")?;

    let untyped = cloud.dynamic("storage").await?;
    let error =
        untyped.call::<_, Value>("read", ("greetings", 5)).await.err().ok_or("5 was taken for a key")?;
    show(format!("a wrong argument:   {error}"));
    check(matches!(error.kind(), ErrorKind::Disconnected(_)), "a wrong argument costs the connection")?;
    show("                    (typed, it does not compile: expected `&str`, found integer)");

    let blob = untyped.call::<_, Value>("read", ("greetings", "english")).await?;
    show(format!("and the next call:  {blob}, on a new connection"));
    Ok(())
}

/// Shows the log of the node.
fn show_log(journal: &Path) -> Step {
    let lines = std::fs::read_to_string(journal)?;
    lines.lines().for_each(show);
    check(lines.contains("hello from the tour"), "the log has the line that was emitted")?;
    check(lines.contains("argument 2"), "the log says which argument was wrong")
}
