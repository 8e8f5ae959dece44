//! Lists apps.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde::Serialize;

use super::Sources;
use crate::{
    app_store::schema_hash,
    environment::Environment,
    error::{ExitStatus, Result},
    node_apps::AppInfo,
    output::{Row, Style},
    records::RecordEntries,
};

/// Lists apps, and which of them run
///
/// Examples:
///
///   cocaine app list
///
///   cocaine app ls --output jsonl
///
/// Those are all apps with a manifest in the storage, and all that the node has.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct ListApps {}

pub(super) async fn list(environment: &Environment) -> Result<ExitStatus> {
    let sources = Sources::connect(environment).await?;
    let running = sources.node.all().await?;
    let manifests = sources.manifests.all().await?;
    let mut runlists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (runlist, entries) in sources.runlists.all().await? {
        match entries {
            Ok(entries) => {
                for app in entries.into_keys() {
                    runlists.entry(app).or_default().push(runlist.clone());
                }
            }
            Err(error) => environment.output.warn(error),
        }
    }
    let names: BTreeSet<&String> = running.keys().chain(manifests.keys()).collect();
    let mut rows = Vec::with_capacity(names.len());
    for name in names {
        let manifest = match manifests.get(name) {
            Some(Err(error)) => {
                environment.output.warn(error);
                None
            }
            Some(Ok(manifest)) => Some(manifest),
            None => None,
        };
        let runlists = runlists.remove(name).unwrap_or_default();
        rows.push(AppRow::new(name, running.get(name), manifest, runlists));
    }
    if rows.is_empty() {
        environment.output.note("there is no app; `cocaine app upload NAME --program PATH` uploads one");
    }
    environment.output.rows(&rows)?;
    Ok(ExitStatus::Done)
}

/// An app, as it is printed in a list.
#[derive(Debug, Serialize)]
struct AppRow {
    name: String,
    /// `stopped` if the node does not have it.
    state: String,
    profile: Option<String>,
    workers: Option<u64>,
    /// The hash of the uploaded schema.
    schema: Option<String>,
    runlists: Vec<String>,
}

impl AppRow {
    fn new(
        name: &str,
        info: Option<&AppInfo>,
        manifest: Option<&RecordEntries>,
        runlists: Vec<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            state: info.map_or("stopped", AppInfo::state).to_owned(),
            profile: info.and_then(AppInfo::profile).map(str::to_owned),
            workers: info.and_then(AppInfo::workers),
            schema: manifest.and_then(schema_hash),
            runlists,
        }
    }
}

impl Row for AppRow {
    const COLUMNS: &'static [&'static str] = &["name", "state", "profile", "workers", "schema", "runlists"];

    fn cells(&self) -> Vec<String> {
        let Self { name, state, profile, workers, schema, runlists } = self;
        vec![
            name.clone(),
            state.clone(),
            profile.clone().unwrap_or_default(),
            workers.map(|count| count.to_string()).unwrap_or_default(),
            schema.clone().unwrap_or_default(),
            runlists.join(" "),
        ]
    }

    fn style(&self, column: usize) -> Style {
        if column == 1 { Style::of_app_state(&self.state) } else { Style::Plain }
    }
}
