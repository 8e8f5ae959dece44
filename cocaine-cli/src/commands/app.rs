//! Commands for apps.

mod check;
mod list;
mod remove;
mod show;
mod sources;
mod start;
mod upload;

use std::time::Duration;

use clap::{Args, Subcommand};
use cocaine::{Client, Code, ServiceClient as _};
use cocaine_bindings::{Node as _, NodeClient};
use cocaine_codegen::{AppDifference, AppGrade, difference_table};

use self::sources::Sources;
use crate::{
    app_store::AppStore,
    commands::interruption::until_interrupted,
    environment::{Environment, seconds},
    error::{Error, ExitStatus, Result},
};

/// How long a call may take. Packages are large.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// The header with which `start_app` of an embedded node replaces an app that runs (`node.md` 10.5).
const REPLACE: &str = "replace";

/// Uploads, compares, lists, starts, stops and removes apps
#[derive(Debug, Subcommand)]
pub(super) enum AppCommand {
    Upload(upload::Upload),
    Check(check::Check),
    #[command(visible_alias = "ls")]
    List(list::ListApps),
    #[command(visible_alias = "rm")]
    Remove(remove::RemoveApp),
    Restart(start::RestartApp),
    Show(show::ShowApp),
    Start(start::StartApp),
    Stop(start::StopApp),
}

/// How a program is asked for its schema.
#[derive(Debug, Args)]
pub(super) struct Describe {
    /// How many seconds the program may take to print its schema
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(super) describe_timeout: Duration,
}

impl AppCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        match self {
            Self::Upload(args) => upload::upload(args, environment).await,
            Self::Check(args) => until_interrupted(check::check(args, environment)).await,
            Self::List(_) => until_interrupted(list::list(environment)).await,
            Self::Remove(args) => until_interrupted(remove::remove(args, environment)).await,
            Self::Restart(args) => until_interrupted(start::restart(args, environment)).await,
            Self::Show(args) => until_interrupted(show::show(args, environment)).await,
            Self::Start(args) => until_interrupted(start::start(args, environment)).await,
            Self::Stop(args) => until_interrupted(start::stop(args, environment)).await,
        }
    }
}

/// Returns the cloud, and what is uploaded there.
async fn connect(environment: &Environment) -> Result<(Client, AppStore)> {
    let cloud = environment.cloud()?;
    let storage = environment.service(&cloud).await?;
    let store = AppStore::new(&storage, environment.timeout_or(DEFAULT_TIMEOUT)?);
    Ok((cloud, store))
}

/// Prints the differences that matter to anything but documentation, and returns whether there are any.
fn print_differences(environment: &Environment, differences: &[AppDifference]) -> Result<bool> {
    if !differences.is_empty() {
        environment.output.bytes(difference_table(differences).as_bytes())?;
    }
    Ok(differences.iter().any(|difference| difference.grade != AppGrade::None))
}

/// Starts the app, or puts it in the place of the version that runs. An original node cannot do that, and stops that first.
async fn start_app(cloud: &Client, name: &str, profile: &str, environment: &Environment) -> Result<()> {
    let failed = || Error::while_doing(format!("`{name}` is uploaded, and cannot be started"));
    let node: NodeClient = environment.service(cloud).await?;
    let node = node.with_deadline(environment.timeout_or(DEFAULT_TIMEOUT)?);
    let started = node.with_header(REPLACE, "1").start_app(name, profile).await;
    match started {
        Err(error) if error.code() == Some(Code::ALREADY_STARTED) => {}
        started => return started.map_err(failed()),
    }
    match node.pause_app(name).await {
        Err(error) if error.code() != Some(Code::NOT_RUNNING) => return Err(failed()(error)),
        _ => {}
    }
    node.start_app(name, profile).await.map_err(failed())
}
