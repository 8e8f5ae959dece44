//! Removes apps.

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::Sources;
use crate::{
    app_store::VersionList,
    commands::{arguments::app_name, confirmation::Confirmation},
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
};

/// Stops an app, and removes all of it
///
/// Examples:
///
///   cocaine app remove shortener --dry-run
///
///   cocaine app remove shortener --yes --crashlogs
///
/// It is stopped, taken out of all runlists, and its manifest, its package and all its versions are removed. With `--keep-versions`
/// those stay, and `cocaine app rollback` brings the app back. Its crashlogs stay, unless `--crashlogs` is given. If it is
/// interrupted, repeat it.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct RemoveApp {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
    /// Remove its crashlogs, too
    #[arg(long)]
    crashlogs: bool,
    /// Leave the versions that are kept, so that it can be brought back
    #[arg(long)]
    keep_versions: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn remove(args: &RemoveApp, environment: &Environment) -> Result<ExitStatus> {
    let (name, sources) = (&args.name, Sources::connect(environment).await?);
    let runs = sources.node.names().await?.contains(name);
    // A manifest that cannot be decoded is there, too.
    let is_uploaded = !matches!(sources.manifests.find(name).await, Ok(None))
        || sources.packages.names().await?.contains(name);
    let runlists = sources.runlists_with(name).await?;
    let crashlogs = if args.crashlogs { sources.crashlogs.keys(name).await? } else { Vec::new() };
    let versions =
        if args.keep_versions { VersionList::default() } else { sources.store.versions(name).await? };
    if !runs && !is_uploaded && runlists.is_empty() && crashlogs.is_empty() && versions.is_empty() {
        return Err(sources.manifests.not_found(name));
    }
    let verbs = if runs { "stop and remove" } else { "remove" };
    let mut parts = vec![format!("{verbs} the app `{name}`")];
    parts.extend(runlists.iter().map(|(runlist, _)| format!("its entry in the runlist `{runlist}`")));
    if !versions.is_empty() {
        parts.push(format!("its versions ({})", versions.len()));
    }
    if !crashlogs.is_empty() {
        parts.push(format!("its {} crashlogs", crashlogs.len()));
    }
    let action = parts.join(", ");
    if !args.confirmation.confirm(&action).await? {
        return Ok(ExitStatus::Done);
    }
    // The node forgets one that does not run, too, so that it does not start with it again.
    sources.node.stop(name).await?;
    for (runlist, _) in &runlists {
        let removed = sources.runlists.update(runlist, |entries| {
            entries.remove(name);
        });
        removed.await?;
    }
    sources.manifests.remove(name).await?;
    sources.packages.remove(name).await?;
    for version in versions.iter() {
        sources.store.remove_version(name, version).await?;
    }
    sources.crashlogs.remove(&crashlogs).await?;
    environment.output.note(format_args!("{name} is removed"));
    Ok(ExitStatus::Done)
}
