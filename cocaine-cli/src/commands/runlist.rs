//! `cocaine runlist`.

mod write;

use std::{collections::BTreeMap, time::Duration};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use cocaine::Value;
use cocaine_bindings::StorageClient;
use serde::Serialize;

use super::interruption::until_interrupted;
use crate::{
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
    output::Row,
    records::{RecordEntries, RecordKind, Records},
};

/// How long a call may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Changes which apps a node starts when it starts itself
#[derive(Debug, Subcommand)]
pub(super) enum RunlistCommand {
    Add(write::AddToRunlist),
    Create(write::CreateRunlist),
    Delete(write::DeleteRunlist),
    #[command(visible_alias = "ls")]
    List(ListRunlists),
    #[command(visible_alias = "rm")]
    Remove(write::RemoveFromRunlist),
    Show(ShowRunlist),
}

/// Lists the runlists, with their apps
///
/// Examples:
///
///   cocaine runlist list
///
///   cocaine runlist ls --output jsonl
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ListRunlists {}

/// Shows the apps of a runlist, with their profiles
///
/// Examples:
///
///   cocaine runlist show default
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ShowRunlist {
    /// The name of the runlist
    #[arg(add = ArgValueCandidates::new(completion::runlists))]
    name: String,
}

/// The runlists of a cloud, and what they name.
struct Runlists<'a> {
    records: Records,
    profiles: Records,
    manifests: Records,
    environment: &'a Environment,
}

impl RunlistCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        until_interrupted(async {
            let runlists = Runlists::connect(environment).await?;
            match self {
                Self::Add(args) => runlists.add(args).await?,
                Self::Create(args) => runlists.create(args).await?,
                Self::Delete(args) => runlists.delete(args).await?,
                Self::List(_) => runlists.list().await?,
                Self::Remove(args) => runlists.remove(args).await?,
                Self::Show(args) => runlists.show(&args.name).await?,
            }
            Ok(ExitStatus::Done)
        })
        .await
    }
}

impl<'a> Runlists<'a> {
    async fn connect(environment: &'a Environment) -> Result<Self> {
        let (cloud, limit) = (environment.cloud()?, environment.timeout_or(DEFAULT_TIMEOUT)?);
        let storage: StorageClient = environment.service(&cloud).await?;
        let records = |kind| Records::new(&storage, kind, limit);
        Ok(Self {
            records: records(RecordKind::RUNLIST),
            profiles: records(RecordKind::PROFILE),
            manifests: records(RecordKind::MANIFEST),
            environment,
        })
    }

    async fn list(&self) -> Result<()> {
        let mut rows = Vec::new();
        for (name, entries) in self.records.all().await? {
            match entries {
                Ok(entries) => rows.push(RunlistRow { name, apps: profiles(&entries).collect() }),
                Err(error) => self.environment.output.warn(error),
            }
        }
        self.environment.output.rows(&rows)
    }

    async fn show(&self, name: &str) -> Result<()> {
        let entries = self.records.read(name).await?;
        let rows = profiles(&entries).map(|(app, profile)| RunlistEntry { app, profile });
        self.environment.output.rows(&rows.collect::<Vec<_>>())
    }
}

/// Returns the apps of a runlist with the names of their profiles.
fn profiles(entries: &RecordEntries) -> impl Iterator<Item = (String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    entries.iter().map(move |(app, profile)| (app.clone(), text(profile)))
}

/// A runlist, as it is printed in a list.
#[derive(Debug, Serialize)]
struct RunlistRow {
    name: String,
    /// The profiles of the apps.
    apps: BTreeMap<String, String>,
}

impl Row for RunlistRow {
    const COLUMNS: &'static [&'static str] = &["name", "apps"];

    fn cells(&self) -> Vec<String> {
        let apps: Vec<_> = self.apps.iter().map(|(app, profile)| format!("{app}={profile}")).collect();
        vec![self.name.clone(), apps.join(" ")]
    }
}

/// An app of a runlist.
#[derive(Debug, Serialize)]
struct RunlistEntry {
    app: String,
    profile: String,
}

impl Row for RunlistEntry {
    const COLUMNS: &'static [&'static str] = &["app", "profile"];

    fn cells(&self) -> Vec<String> {
        vec![self.app.clone(), self.profile.clone()]
    }
}
