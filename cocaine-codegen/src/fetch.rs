//! What a live locator says about its services. The only file that talks to the network.

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
    /// The services that were found.
    pub metadata: Metadata,
    /// What a user should read of how they were found.
    pub notes: Vec<String>,
}

/// Asks the first of `locators` that answers within `timeout`; blocks, on a runtime of its own.
///
/// The locator is asked for `services`, or, if none are named, for all that it lists; where it does not list any, for
/// those that are `known`, as far as it has them.
pub fn fetch(
    locators: &[String],
    services: &[String],
    known: &[&str],
    timeout: Duration,
) -> error::Result<FetchReport> {
    let wanted =
        if services.is_empty() { ServiceSelection::All(known) } else { ServiceSelection::Each(services) };
    ask_in_turn(locators, &wanted, timeout)
}

/// As [`fetch`], but a service that the locator does not have is left out.
pub fn fetch_present(
    locators: &[String],
    services: &[String],
    timeout: Duration,
) -> error::Result<FetchReport> {
    ask_in_turn(locators, &ServiceSelection::Present(services), timeout)
}

/// What a locator is asked for.
enum ServiceSelection<'a> {
    /// All that it lists, or else what it has of these.
    All(&'a [&'a str]),
    /// All of these.
    Each(&'a [String]),
    /// What it has of these.
    Present(&'a [String]),
}

fn ask_in_turn(
    locators: &[String],
    wanted: &ServiceSelection<'_>,
    timeout: Duration,
) -> error::Result<FetchReport> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| problem(format!("no runtime: {error}")))?;
    let mut failures = Vec::new();
    for locator in locators {
        let asked = async { time::timeout(timeout, ask(locator, wanted)).await };
        let failure = match runtime.block_on(asked) {
            Ok(Ok(fetched)) => return Ok(fetched),
            Ok(Err(error)) => error.to_string(),
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

async fn ask(locator: &str, wanted: &ServiceSelection<'_>) -> Result<FetchReport> {
    let client = Client::new(locator)?;
    let mut notes = Vec::new();
    let found = match wanted {
        ServiceSelection::Each(names) => named(&client, names).await?,
        ServiceSelection::Present(names) => resolved(&client, names).await?,
        ServiceSelection::All(known) => {
            if let Some(found) = listed(&client).await? {
                found
            } else {
                notes.push(format!(
                    "locator {locator} has no cluster and does not list its services: it was asked for {}; name others \
                     with `--service`",
                    known.join(", ")
                ));
                resolved(&client, known).await?
            }
        }
    };
    let mut metadata = Metadata::default();
    for (name, service) in found {
        if service.graph.methods().next().is_none() {
            notes.push(format!("service `{}` speaks another protocol: it is left out", name.escape_debug()));
        } else {
            let service = Service { version: service.version, graph: methods(&service.graph) };
            metadata.services.insert(name, service);
        }
    }
    Ok(FetchReport { metadata, notes })
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
