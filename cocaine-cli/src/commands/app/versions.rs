//! Lists the versions of an app.

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::schema::hash_text;
use serde::Serialize;

use super::connect;
use crate::{
    app_store::{AppStore, AppVersion, VersionHashes, VersionList},
    commands::arguments::app_name,
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::Row,
};

/// Lists the versions of an app that are kept, the newest first
///
/// Examples:
///
///   cocaine app versions shortener
///
///   cocaine app versions shortener --output json
///
/// Each upload keeps its package with its manifest, and the last five beside it (`cocaine app upload --keep`). `cocaine app
/// rollback` goes back to one of them, and `cocaine app diff --to` compares.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct ListVersions {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
}

pub(super) async fn versions(args: &ListVersions, environment: &Environment) -> Result<ExitStatus> {
    let (name, (_cloud, store)) = (&args.name, connect(environment).await?);
    let versions = store.versions(name).await?;
    let current = current(&store, name, &versions).await?;
    if versions.is_empty() {
        return Err(match current {
            Current::Nothing => Error::NotFound(format!("there is no app `{name}`")),
            _ => Error::NotFound(format!(
                "no version of `{name}` is kept: the next `cocaine app upload` keeps what is uploaded now"
            )),
        });
    }
    let current = match current {
        Current::Version(hashes) => Some(hashes),
        Current::Mixture => {
            environment.output.warn(format_args!(
                "an upload of `{name}` was interrupted, or is under way: its package is of one version, and its manifest \
                 of another; upload it again, or go back with `cocaine app rollback {name}`"
            ));
            None
        }
        Current::Other => {
            environment
                .output
                .note(format_args!("what is uploaded of `{name}` is none of the versions that are kept"));
            None
        }
        Current::Nothing => {
            environment
                .output
                .note(format_args!("`{name}` is removed: `cocaine app rollback {name}` brings it back"));
            None
        }
    };
    let rows: Vec<_> = versions
        .iter()
        .rev()
        .map(|version| VersionRow::new(version, Some(version.hashes) == current))
        .collect();
    environment.output.rows(&rows)?;
    Ok(ExitStatus::Done)
}

/// What is uploaded now.
enum Current {
    Nothing,
    Version(VersionHashes),
    /// The package of one version with the manifest of another.
    Mixture,
    Other,
}

/// Finds out which version is uploaded. The package is only read if the manifest is that of a version.
async fn current(store: &AppStore, app: &str, versions: &VersionList) -> Result<Current> {
    let Some(manifest) = store.manifest_hash(app).await? else { return Ok(Current::Nothing) };
    if versions.iter().all(|version| version.hashes.manifest != manifest) {
        return Ok(Current::Other);
    }
    let Some(hashes) = VersionHashes::of(&store.uploaded_as_it_is(app).await?) else {
        return Ok(Current::Nothing);
    };
    Ok(if versions.with_hashes(Some(hashes)).is_some() {
        Current::Version(hashes)
    } else if versions.is_mixture(hashes) {
        Current::Mixture
    } else {
        Current::Other
    })
}

/// A version, as it is printed.
#[derive(Debug, Serialize)]
struct VersionRow {
    version: u64,
    time: String,
    size: u64,
    package: Option<String>,
    manifest: String,
    schema: Option<String>,
    current: bool,
}

impl VersionRow {
    fn new(version: &AppVersion, current: bool) -> Self {
        Self {
            version: version.number,
            time: version.time(),
            size: version.size,
            package: version.hashes.package.map(hash_text),
            manifest: hash_text(version.hashes.manifest),
            schema: version.schema.map(hash_text),
            current,
        }
    }
}

impl Row for VersionRow {
    const COLUMNS: &'static [&'static str] =
        &["version", "time", "size", "package", "manifest", "schema", "current"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.version.to_string(),
            self.time.clone(),
            self.size.to_string(),
            self.package.clone().unwrap_or_default(),
            self.manifest.clone(),
            self.schema.clone().unwrap_or_default(),
            if self.current { "yes" } else { "" }.to_owned(),
        ]
    }
}
