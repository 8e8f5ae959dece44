//! What a live cloud says about its services and apps. These files alone talk to the network.

mod apps;

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    process,
    time::{Duration, SystemTime},
};

use cocaine::{
    Client, Code, Error, Result, ServiceInfo, Stream as _,
    graph::{Edge, Graph},
};
use tokio::{runtime, time};

use crate::{
    error::{self, Problem},
    metadata::{
        Metadata, Method, Service,
        tree::{Message, Tree},
    },
};

/// What was learned, and what is to be said about it.
#[derive(Debug)]
pub struct FetchReport {
    /// The services and apps that were found.
    pub metadata: Metadata,
    /// What a user should read of how they were found.
    pub notes: Vec<String>,
}

/// The services that a locator is asked for.
#[derive(Clone, Copy, Debug)]
pub enum ServiceSelection<'a> {
    /// None.
    None,
    /// All that it lists; where it does not list any, those of these names that it has.
    All(&'a [&'a str]),
    /// All of these; one that it does not have is an error.
    Each(&'a [String]),
    /// Those of these that it has.
    Present(&'a [String]),
}

/// The apps whose schemas are read from the manifests in the service `storage`.
#[derive(Clone, Copy, Debug)]
pub enum AppSelection<'a> {
    /// None.
    None,
    /// All that have a schema.
    All,
    /// All of these; one that has no schema is an error.
    Each(&'a [String]),
    /// Those of these that have a schema.
    Present(&'a [String]),
}

/// Asks the first of `locators` that answers within `timeout` for the graphs of `services` and the schemas of `apps`; blocks,
/// on a runtime of its own.
pub fn fetch(
    locators: &[String],
    services: ServiceSelection<'_>,
    apps: AppSelection<'_>,
    timeout: Duration,
) -> error::Result<FetchReport> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| problem(format!("no runtime: {error}")))?;
    let mut failures = Vec::new();
    for locator in locators {
        let asked = async { time::timeout(timeout, ask(locator, services, apps)).await };
        let failure = match runtime.block_on(asked) {
            Ok(Ok(fetched)) => return Ok(fetched),
            Ok(Err(error)) => error,
            Err(_) => format!("no answer within {timeout:?}; see `--timeout`"),
        };
        failures.push(format!("locator {locator}: {failure}"));
    }
    let next =
        "start a cloud with `cocaine-node`, name another with `--locator HOST:PORT`, or use `--from FILE`";
    Err(problem(format!("{}\n{next}", failures.join("\n"))).into())
}

fn problem(message: String) -> Problem {
    Problem::Locator(message)
}

async fn ask(
    locator: &str,
    services: ServiceSelection<'_>,
    apps: AppSelection<'_>,
) -> Result<FetchReport, String> {
    let client = Client::new(locator).map_err(|error| error.to_string())?;
    let mut notes = Vec::new();
    let found = ask_for_services(&client, locator, services, &mut notes).await;
    let mut metadata = described(found.map_err(|error| error.to_string())?, &mut notes);
    metadata.apps = apps::schemas(&client, apps, &mut notes).await?;
    Ok(FetchReport { metadata, notes })
}

async fn ask_for_services(
    client: &Client,
    locator: &str,
    services: ServiceSelection<'_>,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<String, ServiceInfo>> {
    match services {
        ServiceSelection::None => Ok(BTreeMap::new()),
        ServiceSelection::Each(names) => named(client, names).await,
        ServiceSelection::Present(names) => resolved(client, names).await,
        ServiceSelection::All(known) => {
            if let Some(found) = listed(client).await? {
                return Ok(found);
            }
            notes.push(format!(
                "locator {locator} has no cluster and does not list its services: it was asked for {}; name others \
                 with `--service`",
                known.join(", ")
            ));
            resolved(client, known).await
        }
    }
}

/// Returns the metadata of the services that speak this protocol.
fn described(found: BTreeMap<String, ServiceInfo>, notes: &mut Vec<String>) -> Metadata {
    let mut metadata = Metadata::default();
    for (name, service) in found {
        if service.graph.methods().next().is_none() {
            notes.push(format!("service `{}` speaks another protocol: it is left out", name.escape_debug()));
        } else {
            let service = Service { version: service.version, graph: methods(&service.graph) };
            metadata.services.insert(name, service);
        }
    }
    metadata
}

/// Returns the services that the locator lists, and the locator itself, which it never lists; nothing if it has no
/// cluster.
async fn listed(client: &Client) -> Result<Option<BTreeMap<String, ServiceInfo>>> {
    let locator = client.dynamic("locator").await?;
    // Whoever asks under the same name ends the older stream: it has to be nobody else's.
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    let uuid = format!("cocaine-codegen-{}-{now}", process::id());
    let stream = locator.stream::<_, (String, BTreeMap<String, ServiceInfo>)>("connect", (uuid,));
    let mut stream = pin!(stream);
    let Some(first) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await else {
        return Ok(None);
    };
    let (_, mut services) = first?;
    services.retain(|_, service| !service.endpoints.is_empty());
    services.insert("locator".to_owned(), client.resolve("locator", None).await?);
    Ok(Some(services))
}

/// Returns those of the services that the locator has.
async fn resolved<S: AsRef<str>>(client: &Client, names: &[S]) -> Result<BTreeMap<String, ServiceInfo>> {
    let mut found = BTreeMap::new();
    for name in names.iter().map(AsRef::as_ref) {
        match client.resolve(name, None).await {
            Ok(service) => drop(found.insert(name.to_owned(), service)),
            Err(error) if is_unknown(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Returns the services, all of them.
async fn named(client: &Client, names: &[String]) -> Result<BTreeMap<String, ServiceInfo>> {
    let mut found = BTreeMap::new();
    for name in names {
        found.insert(name.clone(), client.resolve(name, None).await?);
    }
    Ok(found)
}

fn is_unknown(error: &Error) -> bool {
    error.code() == Some(Code::SERVICE_NOT_AVAILABLE)
}

/// Returns the methods of a graph, without the control messages of its root.
fn methods(graph: &Graph) -> BTreeMap<u64, Method> {
    let method = |method: &cocaine::graph::Method| {
        (method.id, Method(method.name.to_string(), tree(&method.dispatch), tree(&method.upstream)))
    };
    graph.methods().map(method).collect()
}

fn tree(from: &cocaine::graph::Tree) -> Tree {
    match from {
        cocaine::graph::Tree::Recurse => Tree::Recurse,
        cocaine::graph::Tree::Node(node) => Tree::Node(node.edges().iter().map(message).collect()),
    }
}

fn message(edge: &Edge) -> (u64, Message) {
    (edge.id, Message(edge.name.to_string(), tree(&edge.next)))
}
