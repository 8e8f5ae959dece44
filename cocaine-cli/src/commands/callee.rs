//! What is called by commands that call: the options that say it.

use clap::Args;
use clap_complete::{ArgValueCandidates, CompletionCandidate};
use cocaine::{
    Client, Code, Service,
    graph::{Graph, Method},
    schema::AppSchema,
};
use cocaine_bindings::{Storage as _, StorageClient};

use super::argument_before;
use crate::{
    completion,
    environment::Environment,
    error::{Error, Result},
};

/// The method by which events are sent to an app.
const ENQUEUE: &str = "enqueue";

/// The method or event, and how it is called.
#[derive(Debug, Args)]
pub(super) struct Callee {
    /// Send this header with the call; may be given several times
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Let the same worker handle all events with this tag
    #[arg(long)]
    pub(super) tag: Option<String>,
    /// Call the event of an app, even if its service has a method of this name
    #[arg(long)]
    event: bool,
    /// Do not read the schema of the app
    #[arg(long)]
    no_schema: bool,
    /// The service or app
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(completion::services))]
    pub(super) target: String,
    /// The method or event
    #[arg(value_name = "METHOD", add = ArgValueCandidates::new(methods_of_target))]
    pub(super) method: String,
    /// The arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) arguments: Vec<String>,
}

/// What the name of a callee stands for.
#[derive(Debug)]
pub(super) enum Operation {
    /// A method of the service.
    Method(Method),
    /// An event of an app, with the app's schema if it is known.
    Event(Option<AppSchema>),
}

/// Returns the methods and events of the service or app that the command line names, for a shell.
fn methods_of_target() -> Vec<CompletionCandidate> {
    argument_before("target").map(|target| completion::methods(&target)).unwrap_or_default()
}

impl Callee {
    /// Connects to the service or app.
    pub(super) async fn connect(&self, cloud: &Client) -> Result<Service> {
        let target = &self.target;
        let service = cloud.dynamic(target).await.map_err(|error| match error.code() {
            Some(Code::SERVICE_NOT_AVAILABLE) => Error::NotFound(format!(
                "no service or app `{target}` is running: `cocaine service list` names those that are, `cocaine app start` starts an app"
            )),
            _ => Error::while_doing(format!("`{target}` cannot be reached"))(error),
        })?;
        let with_header = |service: Service, (name, value): &(String, String)| {
            service.with_header(name, value.clone().into_bytes())
        };
        Ok(self.header.iter().fold(service, with_header))
    }

    /// Returns what the name of the method stands for: a method of that name comes before an event.
    pub(super) async fn operation(
        &self,
        graph: &Graph,
        environment: &Environment,
        cloud: &Client,
    ) -> Result<Operation> {
        if let Some(method) = graph.method(&self.method).filter(|_| !self.event) {
            return Ok(Operation::Method(method.clone()));
        }
        if graph.method(ENQUEUE).is_some() {
            return Ok(Operation::Event(self.schema(environment, cloud).await?));
        }
        let names: Vec<_> = graph.methods().map(|method| &*method.name).collect();
        Err(Error::NotFound(format!(
            "`{}` has no method `{}`; it has {}",
            self.target,
            self.method,
            names.join(", ")
        )))
    }

    /// Returns the schema in the manifest of the app. A cloud without a storage, or one that is closed to the caller, is no reason
    /// not to call.
    async fn schema(&self, environment: &Environment, cloud: &Client) -> Result<Option<AppSchema>> {
        if self.no_schema {
            return Ok(None);
        }
        let read = async {
            let storage: StorageClient = cloud.service().await?;
            let manifest = storage.read("manifests", &self.target).await?;
            AppSchema::from_manifest(&manifest)
        };
        match read.await {
            Ok(schema) => Ok(schema),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => {
                environment
                    .output
                    .note(format_args!("the schema of `{}` is not known: {error}", self.target));
                Ok(None)
            }
        }
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is wanted".to_owned()),
    }
}
