//! Writes runlists.

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::Runlists;
use crate::{
    commands::{
        arguments::{app_name, assignment},
        confirmation::Confirmation,
    },
    completion,
    error::{Error, ExitStatus, Result},
    records::{RecordEntries, Records},
};

/// Adds an app to a runlist, or gives it another profile there
///
/// Examples:
///
///   cocaine runlist add default links --profile small
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct AddToRunlist {
    /// The name of the runlist
    #[arg(add = ArgValueCandidates::new(completion::runlists))]
    name: String,
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    app: String,
    /// The profile that it is started with
    #[arg(long, value_name = "NAME", default_value = "default", add = ArgValueCandidates::new(completion::profiles))]
    profile: String,
}

/// Creates a runlist
///
/// Examples:
///
///   cocaine runlist create default shortener=small links=default
///
/// A node starts the apps of the one that its configuration names (`runlist`).
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct CreateRunlist {
    /// The name of the runlist
    #[arg(value_parser = app_name)]
    name: String,
    /// Apps with their profiles
    #[arg(value_name = "APP=PROFILE", value_parser = assignment)]
    entries: Vec<(String, String)>,
}

/// Deletes a runlist
///
/// Examples:
///
///   cocaine runlist delete default --yes
///
/// Apps that run go on.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct DeleteRunlist {
    /// The name of the runlist
    #[arg(add = ArgValueCandidates::new(completion::runlists))]
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Removes apps from a runlist
///
/// Examples:
///
///   cocaine runlist remove default links
///
/// Apps that run go on.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct RemoveFromRunlist {
    /// The name of the runlist
    #[arg(add = ArgValueCandidates::new(completion::runlists))]
    name: String,
    /// The names of the apps
    #[arg(required = true, value_name = "APP", add = ArgValueCandidates::new(completion::apps))]
    apps: Vec<String>,
}

impl Runlists<'_> {
    pub(super) async fn add(&self, args: &AddToRunlist) -> Result<()> {
        let AddToRunlist { name, app, profile } = args;
        let add = |entries: &mut RecordEntries| {
            entries.insert(app.clone(), profile.as_str().into());
        };
        self.records.update(name, add).await.map_err(|error| match error {
            Error::NotFound(text) => {
                Error::NotFound(format!("{text}: `cocaine runlist create {name} {app}={profile}` creates it"))
            }
            other => other,
        })?;
        self.environment
            .output
            .note(format_args!("the runlist {name} starts {app} with the profile {profile}"));
        self.warn_of_missing(app, profile).await
    }

    pub(super) async fn create(&self, args: &CreateRunlist) -> Result<()> {
        let CreateRunlist { name, entries } = args;
        if !matches!(self.records.find(name).await, Ok(None)) {
            return Err(Error::Failed(format!(
                "there is a runlist `{name}` already: `cocaine runlist add {name} APP` adds an app to it"
            )));
        }
        let record = entries.iter().map(|(app, profile)| (app.clone(), profile.as_str().into()));
        self.records.write(name, &record.collect()).await?;
        self.environment.output.note(format_args!("the runlist {name} is created"));
        for (app, profile) in entries {
            self.warn_of_missing(app, profile).await?;
        }
        Ok(())
    }

    pub(super) async fn delete(&self, args: &DeleteRunlist) -> Result<()> {
        let name = &args.name;
        let what = match self.records.find(name).await {
            Ok(None) => return Err(self.records.not_found(name)),
            Ok(Some(entries)) => format!("with {} apps", entries.len()),
            Err(_) => "which cannot be read".to_owned(),
        };
        if args.confirmation.confirm(&format!("delete the runlist `{name}` {what}")).await? {
            self.records.remove(name).await?;
            self.environment.output.note(format_args!("the runlist {name} is deleted"));
        }
        Ok(())
    }

    pub(super) async fn remove(&self, args: &RemoveFromRunlist) -> Result<()> {
        let RemoveFromRunlist { name, apps } = args;
        let entries = self.records.read(name).await?;
        if let Some(app) = apps.iter().find(|app| !entries.contains_key(*app)) {
            return Err(Error::NotFound(format!("the runlist `{name}` has no app `{app}`")));
        }
        self.records.update(name, |entries| entries.retain(|app, _| !apps.contains(app))).await?;
        self.environment.output.note(format_args!("the runlist {name} starts {} no more", apps.join(", ")));
        Ok(())
    }

    /// Warns if there is no such app or profile yet: a node does not start it then.
    async fn warn_of_missing(&self, app: &str, profile: &str) -> Result<()> {
        for (records, noun, name) in [(&self.manifests, "app", app), (&self.profiles, "profile", profile)] {
            if is_missing(records, name).await? {
                self.environment.output.warn(format_args!("there is no {noun} {name} yet"));
            }
        }
        Ok(())
    }
}

/// Returns whether there is no record of this name. One that cannot be decoded is there.
async fn is_missing(records: &Records, name: &str) -> Result<bool> {
    match records.find(name).await {
        Err(error @ Error::Cloud { .. }) if error.status() != ExitStatus::Failed => Err(error),
        found => Ok(matches!(found, Ok(None))),
    }
}
