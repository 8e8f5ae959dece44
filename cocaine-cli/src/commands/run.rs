//! `cocaine run`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;

use crate::{
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
    package::CargoProfile,
    run::{Project, RunOptions, run},
};

/// Builds and runs apps, and replaces them with each change of their files
///
/// Examples:
///
///   cocaine run                        # the crate, the workspace or the Cocaine.toml here
///
///   cocaine run shop ../statistics --logs logs
///
///   cocaine run --once --release
///
/// Each app is built, uploaded and started, and what its workers print is shown. When one of its files changes it is built again. The
/// version that serves goes on until a worker of the new one is ready, so that no call fails; after an error it goes on, too, and
/// the next change is built again. Where no cloud is named and none answers at localhost:10053, a node is started. Ctrl-C stops what it
/// has started, and twice kills it.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct RunApps {
    /// The folders of the apps: crates, workspaces, or folders with a Cocaine.toml or a manifest.json [default: this folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Do not watch the files
    #[arg(long)]
    once: bool,
    /// Build crates as `cocaine app upload` does, in place of a plain `cargo build`
    #[arg(long)]
    release: bool,
    /// The profile to start apps with that name none; it is created if it is not there
    #[arg(long, value_name = "NAME", default_value = "default", add = ArgValueCandidates::new(completion::profiles))]
    profile: String,
    /// The address for HTTP of a node that is started; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    http: String,
    /// Start a node even if there is a cloud
    #[arg(long, conflicts_with_all = ["locator", "context"])]
    own_node: bool,
    /// Append what each app prints to a file in this folder, too
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
}

pub(super) async fn run_apps(args: &RunApps, environment: &Environment) -> Result<ExitStatus> {
    let project = Project::find(&args.paths).await?;
    let options = RunOptions {
        once: args.once,
        cargo_profile: if args.release { CargoProfile::Upload } else { CargoProfile::Dev },
        profile: args.profile.clone(),
        http: args.http.clone(),
        own_node: args.own_node,
        logs: args.logs.clone(),
    };
    run(&project, &options, environment).await
}
