//! Starts, stops and restarts apps.

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::Client;

use super::Sources;
use crate::{
    commands::arguments::app_name,
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    node_apps::Replacement,
    output::Progress,
};

/// The profile of an app that nobody has named one for.
const DEFAULT_PROFILE: &str = "default";

/// Starts an app
///
/// Examples:
///
///   cocaine app start shortener
///
///   cocaine app start shortener --profile small
///
/// Without `--profile`, it is the one that the app's only runlist names, or `default`.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct StartApp {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
    /// The profile to start it with
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion::profiles))]
    profile: Option<String>,
}

/// Starts an app again, without an outage
///
/// Examples:
///
///   cocaine app restart shortener
///
///   cocaine app restart shortener --profile small
///
/// The workers that run serve until a new one has shaken hands, and finish their events. An original node cannot do that: the app
/// is stopped first, which is said. Without `--profile`, it is the one with which the app runs.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct RestartApp {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
    /// The profile to start it with
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion::profiles))]
    profile: Option<String>,
}

/// Stops an app
///
/// Examples:
///
///   cocaine app stop shortener
///
/// Its workers finish their events, as long as its profile allows. It stays uploaded. One that a runlist names is started with the node again.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct StopApp {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
}

pub(super) async fn start(args: &StartApp, environment: &Environment) -> Result<ExitStatus> {
    let (name, sources) = (&args.name, Sources::connect(environment).await?);
    let profile = match &args.profile {
        Some(profile) => profile.clone(),
        None => usual_profile(&sources, name).await?,
    };
    let progress = Progress::start(format!("starting {name}"));
    sources.node.start(name, &profile).await?;
    drop(progress);
    environment.output.note(format_args!("{name} is started with the profile {profile}"));
    Ok(ExitStatus::Done)
}

pub(super) async fn restart(args: &RestartApp, environment: &Environment) -> Result<ExitStatus> {
    restart_app(&environment.cloud()?, &args.name, args.profile.as_deref(), environment).await
}

/// Starts an app, or puts what is uploaded in the place of what runs. The profile is that with which it runs, unless one is given.
pub(super) async fn restart_app(
    cloud: &Client,
    name: &str,
    profile: Option<&str>,
    environment: &Environment,
) -> Result<ExitStatus> {
    let sources = Sources::with_cloud(cloud, environment).await?;
    let info = sources.node.info(name).await?;
    let profile = match (profile, info.as_ref().and_then(|info| info.profile())) {
        (Some(profile), _) | (None, Some(profile)) => profile.to_owned(),
        (None, None) => usual_profile(&sources, name).await?,
    };
    let progress = Progress::start(format!("restarting {name}"));
    let replacement = sources.node.replace(name, &profile).await?;
    drop(progress);
    if replacement == Replacement::StoppedFirst {
        environment
            .output
            .note(format_args!("this node cannot replace an app that runs: {name} was stopped first"));
    }
    environment.output.note(format_args!("{name} is restarted with the profile {profile}"));
    Ok(ExitStatus::Done)
}

pub(super) async fn stop(args: &StopApp, environment: &Environment) -> Result<ExitStatus> {
    let (name, sources) = (&args.name, Sources::connect(environment).await?);
    let progress = Progress::start(format!("stopping {name}"));
    let is_stopped = sources.node.stop(name).await?;
    drop(progress);
    if !is_stopped {
        return Err(Error::NotFound(format!("`{name}` does not run: `cocaine app list` shows what does")));
    }
    environment.output.note(format_args!("{name} is stopped"));
    for (runlist, _) in sources.runlists_with(name).await? {
        environment.output.note(format_args!(
            "the runlist {runlist} starts it with the node again: `cocaine runlist remove {runlist} {name}`"
        ));
    }
    Ok(ExitStatus::Done)
}

/// Returns the profile of an app that does not run.
async fn usual_profile(sources: &Sources, app: &str) -> Result<String> {
    let runlists = sources.runlists_with(app).await?;
    Ok(match runlists.as_slice() {
        [(_, profile)] => profile.clone(),
        _ => DEFAULT_PROFILE.to_owned(),
    })
}
