//! `cocaine service`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use cocaine::{
    Code, ServiceInfo,
    graph::{CallKind, Method},
};
use cocaine_bindings::{Locator as _, LocatorClient};
use serde::Serialize;

use super::interruption::until_interrupted;
use crate::{
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::Row,
};

/// Lists, describes and watches services
#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    #[command(visible_alias = "ls")]
    List(ListServices),
    Describe(DescribeService),
    Watch(WatchServices),
}

/// Lists the services of a node, its apps included
///
/// Examples:
///
///   cocaine service list
///
///   cocaine service ls --output jsonl
///
/// Those are the ones that the locator announces to other nodes. An original node without a cluster announces none.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ListServices {}

/// Shows the methods of a service
///
/// Examples:
///
///   cocaine service describe storage
///
///   cocaine service describe shop --output json
///
/// `may send` and `may answer` are the messages that follow the call, each with what may come after it. `cocaine codegen dump` has the
/// types and names of arguments, `cocaine app show` the events of an app.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct DescribeService {
    /// The service or app
    #[arg(add = ArgValueCandidates::new(completion::services))]
    name: String,
}

/// Prints a line for each service that appears or goes, until Ctrl-C
///
/// Examples:
///
///   cocaine service watch
///
///   cocaine service watch --output jsonl
///
/// It begins with those that are there.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct WatchServices {}

impl ServiceCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        match self {
            Self::List(_) => until_interrupted(list(environment)).await,
            Self::Describe(args) => until_interrupted(describe(args, environment)).await,
            Self::Watch(_) => until_interrupted(watch(environment)).await,
        }
    }
}

/// The name under which the locator knows this program, which is another one for each process.
fn client_name() -> String {
    format!("cocaine-service-{}", std::process::id())
}

async fn list(environment: &Environment) -> Result<ExitStatus> {
    let cloud = environment.cloud()?;
    let locator: LocatorClient = environment.service(&cloud).await?;
    let mut announcements = locator.connect(&client_name());
    let first =
        announcements.recv().await.transpose().map_err(Error::while_doing("services cannot be listed"))?;
    let services = first.map(|(_, services)| services).unwrap_or_default();
    if services.is_empty() {
        environment
            .output
            .note("the locator announces no services; `cocaine service describe NAME` asks for one by name");
    }
    environment.output.rows(&rows(&services))?;
    Ok(ExitStatus::Done)
}

async fn watch(environment: &Environment) -> Result<ExitStatus> {
    let cloud = environment.cloud()?;
    let locator: LocatorClient = environment.service(&cloud).await?;
    let mut announcements = locator.connect(&client_name());
    while let Some(announcement) = announcements.recv().await {
        let (_, services) = announcement.map_err(Error::while_doing("services cannot be watched"))?;
        rows(&services).iter().try_for_each(|row| environment.output.row(row))?;
    }
    Err(Error::Failed("the locator has ended the stream: it announces no services, or it stops".to_owned()))
}

fn rows(services: &BTreeMap<String, ServiceInfo>) -> Vec<ServiceRow> {
    services.iter().map(|(name, info)| ServiceRow::new(name, info)).collect()
}

async fn describe(args: &DescribeService, environment: &Environment) -> Result<ExitStatus> {
    let name = &args.name;
    let cloud = environment.cloud()?;
    let info = cloud.resolve(name, None).await.map_err(|error| match error.code() {
        Some(Code::SERVICE_NOT_AVAILABLE) => Error::NotFound(format!(
            "no service or app `{name}` is running: `cocaine service list` names those that are"
        )),
        _ => Error::while_doing(format!("`{name}` cannot be resolved"))(error),
    })?;
    let endpoints: Vec<_> = info.endpoints.iter().map(ToString::to_string).collect();
    environment.output.note(format_args!("{name}, version {}, at {}", info.version, endpoints.join(", ")));
    let rows: Vec<_> = info.graph.methods().map(MethodRow::new).collect();
    environment.output.rows(&rows)?;
    Ok(ExitStatus::Done)
}

/// A service, as it is printed in a list.
#[derive(Debug, Serialize)]
struct ServiceRow {
    name: String,
    version: u64,
    methods: usize,
    /// None if the service is gone.
    endpoints: Vec<String>,
}

impl ServiceRow {
    fn new(name: &str, info: &ServiceInfo) -> Self {
        Self {
            name: name.to_owned(),
            version: info.version,
            methods: info.graph.methods().count(),
            endpoints: info.endpoints.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Row for ServiceRow {
    const COLUMNS: &'static [&'static str] = &["name", "version", "methods", "endpoints"];

    fn cells(&self) -> Vec<String> {
        let endpoints = if self.endpoints.is_empty() { "gone".to_owned() } else { self.endpoints.join(" ") };
        vec![self.name.clone(), self.version.to_string(), self.methods.to_string(), endpoints]
    }
}

/// A method, as it is printed in a list.
#[derive(Debug, Serialize)]
struct MethodRow {
    id: u64,
    name: String,
    /// `mute`, `unary`, `streaming` or `session`.
    kind: &'static str,
    may_send: String,
    may_answer: String,
}

impl MethodRow {
    fn new(method: &Method) -> Self {
        Self {
            id: method.id,
            name: method.name.to_string(),
            kind: match CallKind::of(&method.dispatch, &method.upstream) {
                CallKind::Mute => "mute",
                CallKind::Unary => "unary",
                CallKind::Streaming => "streaming",
                _ => "session",
            },
            may_send: method.dispatch.to_string(),
            may_answer: method.upstream.to_string(),
        }
    }
}

impl Row for MethodRow {
    const COLUMNS: &'static [&'static str] = &["id", "name", "kind", "may send", "may answer"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.name.clone(),
            self.kind.to_owned(),
            self.may_send.clone(),
            self.may_answer.clone(),
        ]
    }
}
