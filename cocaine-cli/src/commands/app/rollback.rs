//! Goes back to a version that is kept.

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::Client;
use serde::Serialize;

use super::{connect, start::restart_app};
use crate::{
    app_changes::AppChanges,
    app_store::{AppStore, AppVersion, Uploaded, VersionHashes},
    commands::{
        arguments::app_name,
        confirmation::Confirmation,
        interruption::{unless_interrupted, until_interrupted},
    },
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
};

/// Goes back to a version of an app that is kept
///
/// Examples:
///
///   cocaine app rollback shortener --dry-run
///
///   cocaine app rollback shortener --start --yes     # to the version before
///
///   cocaine app rollback shortener --to 7 --yes
///
/// What changes is shown first: keys of the manifest, and events. A version that breaks callers of the uploaded one is refused (exit
/// code 7), unless `--breaking` is given. What is uploaded is kept as a version, so that `--to` takes the rollback back. It also
/// mends an upload that was interrupted, and brings an app back that was removed with `--keep-versions`.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct Rollback {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
    /// The version, by its number or the beginning of its hash [default: the one before]
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Go back even if callers of the uploaded version break
    #[arg(long)]
    breaking: bool,
    /// Start the app, or replace the version that runs, with the profile with which it runs
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// What is to be gone back to, and what it replaces.
struct RollbackPlan {
    cloud: Client,
    store: AppStore,
    /// The version that is uploaded, if it is kept.
    from: Option<AppVersion>,
    to: AppVersion,
    former: Uploaded,
    new: Uploaded,
}

pub(super) async fn rollback(args: &Rollback, environment: &Environment) -> Result<ExitStatus> {
    // A rollback that is interrupted writes nothing; one that has begun to write ends.
    let Some(plan) = unless_interrupted(prepare(args, environment)).await else {
        return Ok(ExitStatus::Interrupted);
    };
    let Some(RollbackPlan { cloud, store, from, to, former, new }) = plan? else {
        return Ok(ExitStatus::Done);
    };
    let (name, number) = (&args.name, to.number);
    if new.is_same(&former) {
        environment.output.note(format_args!("{name} is version {number} already"));
    } else {
        store.switch(name, &former, &new, usize::MAX).await?;
        environment.output.note(format_args!("{name} is version {number}"));
        if let Some(from) = from {
            environment
                .output
                .note(format_args!("`cocaine app rollback {name} --to {}` takes this back", from.number));
        }
    }
    if args.start {
        return until_interrupted(restart_app(&cloud, name, None, environment)).await;
    }
    Ok(ExitStatus::Done)
}

/// Does all that writes nothing. Returns `None` for a dry run.
async fn prepare(args: &Rollback, environment: &Environment) -> Result<Option<RollbackPlan>> {
    let (name, (cloud, store)) = (&args.name, connect(environment).await?);
    let versions = store.versions(name).await?;
    if versions.is_empty() {
        return Err(Error::NotFound(format!(
            "no version of `{name}` is kept: upload the one that is wanted"
        )));
    }
    let former = store.uploaded_as_it_is(name).await?;
    let hashes = VersionHashes::of(&former);
    let from = versions.with_hashes(hashes).cloned();
    let to = match &args.to {
        Some(text) => versions.find(name, text)?,
        None => versions.before(hashes).ok_or_else(|| {
            Error::NotFound(format!(
                "no version of `{name}` is older than the uploaded one: `cocaine app versions {name}` lists them, and `--to \
                 VERSION` chooses one"
            ))
        })?,
    };
    let to = to.clone();
    let new = store.read_version(name, &to).await?;
    if !new.is_same(&former) {
        let changes = AppChanges::new(name, &former, &new, environment);
        let result =
            RollbackChanges { from: from.as_ref().map(|from| from.number), to: to.number, changes: &changes };
        changes.print(&result, environment)?;
        let breaking = changes.breaking();
        if breaking > 0 && !args.breaking {
            return Err(Error::Breaking(format!(
                "{breaking} of the differences break callers of the uploaded `{name}`: nothing is changed; `--breaking` goes back \
                 all the same"
            )));
        }
        if !args.confirmation.confirm(&action(name, from.as_ref(), &to)).await? {
            return Ok(None);
        }
    } else if args.confirmation.dry_run {
        environment.output.note(format_args!("{name} is version {} already", to.number));
        return Ok(None);
    }
    Ok(Some(RollbackPlan { cloud, store, from, to, former, new }))
}

fn action(name: &str, from: Option<&AppVersion>, to: &AppVersion) -> String {
    let to = format!("{} of {}", to.number, to.time());
    match from {
        Some(from) => format!("replace version {} of `{name}` with version {to}", from.number),
        None => format!("replace what is uploaded of `{name}` with version {to}"),
    }
}

/// What a rollback changes.
#[derive(Debug, Serialize)]
struct RollbackChanges<'a> {
    from: Option<u64>,
    to: u64,
    #[serde(flatten)]
    changes: &'a AppChanges,
}
