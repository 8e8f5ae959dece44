//! Commands for apps.

mod check;
mod diff;
mod list;
mod packing;
mod remove;
mod rollback;
mod show;
mod sources;
mod start;
mod upload;
mod versions;

use std::time::Duration;

use clap::{Args, Subcommand};
use cocaine::Client;
use cocaine_codegen::{AppDifference, AppGrade, difference_table};

use self::{packing::PackingOptions, sources::Sources};
use crate::{
    app_store::AppStore,
    commands::interruption::until_interrupted,
    environment::{Environment, seconds},
    error::{Error, ExitStatus, Result},
    node_apps::NodeApps,
    output::Progress,
};

/// How long a call may take. Packages are large.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// Uploads, compares, lists, starts, stops, rolls back and removes apps
#[derive(Debug, Subcommand)]
pub(super) enum AppCommand {
    Upload(upload::Upload),
    Check(check::Check),
    Diff(diff::Diff),
    #[command(visible_alias = "ls")]
    List(list::ListApps),
    #[command(visible_alias = "rm")]
    Remove(remove::RemoveApp),
    Restart(start::RestartApp),
    Rollback(rollback::Rollback),
    Show(show::ShowApp),
    Start(start::StartApp),
    Stop(start::StopApp),
    Versions(versions::ListVersions),
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
            Self::Diff(args) => until_interrupted(diff::diff(args, environment)).await,
            Self::List(_) => until_interrupted(list::list(environment)).await,
            Self::Remove(args) => until_interrupted(remove::remove(args, environment)).await,
            Self::Restart(args) => until_interrupted(start::restart(args, environment)).await,
            Self::Rollback(args) => rollback::rollback(args, environment).await,
            Self::Show(args) => until_interrupted(show::show(args, environment)).await,
            Self::Start(args) => until_interrupted(start::start(args, environment)).await,
            Self::Stop(args) => until_interrupted(start::stop(args, environment)).await,
            Self::Versions(args) => until_interrupted(versions::versions(args, environment)).await,
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

/// Starts an app that is uploaded, or puts it in the place of the version that runs.
async fn start_app(cloud: &Client, name: &str, profile: &str, environment: &Environment) -> Result<()> {
    let limit = environment.timeout_or(DEFAULT_TIMEOUT)?;
    let node = NodeApps::connect(cloud, environment, limit).await?;
    let what = format!("`{name}` is uploaded, and cannot be started with the profile `{profile}`");
    let _progress = Progress::start(format!("starting {name}"));
    node.replace(name, profile).await.map(drop).map_err(|error| match error {
        Error::Cloud { source, .. } => Error::Cloud { what, source },
        other => other,
    })
}
