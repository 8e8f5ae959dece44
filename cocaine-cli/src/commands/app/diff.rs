//! Shows what an upload or a rollback would change.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;
use serde::Serialize;

use super::{PackingOptions, connect};
use crate::{
    app_changes::{AppChanges, FileChange, file_changes},
    app_store::{AppStore, Uploaded, VersionHashes},
    commands::arguments::app_name,
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
};

/// Shows what an upload or a rollback would change: files, keys of the manifest and events
///
/// Examples:
///
///   cocaine app diff shop ./shop          # the uploaded version, and this folder
///
///   cocaine app diff shop --to 7          # the uploaded version, and version 7
///
///   cocaine app diff shop                 # the uploaded version, and the one before
///
/// Ends with 7 if anything differs, and with 0 if nothing does. PATH is packed as `cocaine app upload` does it, and nothing is
/// uploaded.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct Diff {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
    /// What would be uploaded: a folder, an archive or a program
    path: Option<PathBuf>,
    /// The version that is kept, by its number or the beginning of its hash [default: the one before]
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["path", "program", "crate_folder"])]
    to: Option<String>,
    #[command(flatten)]
    packing: PackingOptions,
}

pub(super) async fn diff(args: &Diff, environment: &Environment) -> Result<ExitStatus> {
    let (name, (_cloud, store)) = (&args.name, connect(environment).await?);
    let old = store.uploaded_as_it_is(name).await?;
    if old.package.is_none() && old.manifest.is_none() {
        return Err(Error::NotFound(format!("there is no app `{name}`")));
    }
    let (new, number) = if args.path.is_some() || args.packing.has_source() {
        (pack(args, &old, environment).await?, None)
    } else {
        let (version, number) = read_version(args, &store, &old).await?;
        (version, Some(number))
    };
    let files = file_changes(name, &old, &new)?;
    if files.is_empty() && old.package != new.package {
        environment.output.note("the packages have the same files, though they are not packed alike");
    }
    let changes = AppChanges::new(name, &old, &new, environment);
    let differs = !files.is_empty() || !changes.is_empty();
    let result = DiffResult { to: number, files: &files, changes: &changes };
    if !environment.output.format().is_json() {
        environment.output.rows(&files)?;
    }
    changes.print(&result, environment)?;
    Ok(if differs { ExitStatus::Differs } else { ExitStatus::Done })
}

/// Makes what an upload would write.
async fn pack(args: &Diff, old: &Uploaded, environment: &Environment) -> Result<Uploaded> {
    let (name, source) = args.packing.find_source(Some(&args.name), args.path.as_deref())?;
    let package = args.packing.pack(&name, &source).await?;
    Ok(args.packing.complete(package, old.manifest.as_ref(), environment).await?.0)
}

/// Reads the version that is compared, and returns its number, too.
async fn read_version(args: &Diff, store: &AppStore, old: &Uploaded) -> Result<(Uploaded, u64)> {
    let (name, versions) = (&args.name, store.versions(&args.name).await?);
    let version = match &args.to {
        Some(text) => versions.find(name, text)?,
        None => versions.before(VersionHashes::of(old)).ok_or_else(|| {
            Error::NotFound(format!(
                "no version of `{name}` is older than the uploaded one: name what to compare with, such as `cocaine app diff {name} .`"
            ))
        })?,
    };
    Ok((store.read_version(name, version).await?, version.number))
}

/// What differs.
#[derive(Debug, Serialize)]
struct DiffResult<'a> {
    /// The version that was compared; `null` for what is not uploaded yet.
    to: Option<u64>,
    files: &'a [FileChange],
    #[serde(flatten)]
    changes: &'a AppChanges,
}
