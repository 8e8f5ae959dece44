//! `cocaine profile`.

mod set;
mod users;

use std::{collections::BTreeMap, time::Duration};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use cocaine::Client;
use cocaine_bindings::StorageClient;
use serde::Serialize;
use serde_json::Value as Json;

use self::users::Users;
use super::{confirmation::Confirmation, interruption::until_interrupted};
use crate::{
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
    json::data_to_json,
    output::Row,
    records::{RecordKind, Records},
};

/// How long a call may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Changes with which limits and timeouts apps run
#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    #[command(visible_alias = "ls")]
    List(ListProfiles),
    #[command(visible_alias = "rm")]
    Remove(RemoveProfile),
    Set(set::SetProfile),
    Show(ShowProfile),
}

/// Lists the profiles, and which apps and runlists use them
///
/// Examples:
///
///   cocaine profile list
///
///   cocaine profile ls --output jsonl
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ListProfiles {}

/// Removes a profile
///
/// Examples:
///
///   cocaine profile remove small --dry-run
///
///   cocaine profile remove small --yes
///
/// Apps that run with it go on, and cannot be started with it again.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct RemoveProfile {
    /// The name of the profile
    #[arg(add = ArgValueCandidates::new(completion::profiles))]
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Shows a profile
///
/// Examples:
///
///   cocaine profile show small
///
///   cocaine profile show small --output json > small.json
///
/// Keys that it does not have are as in `docs/node.md` 3. As JSON it is what `cocaine profile set NAME --file` reads.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ShowProfile {
    /// The name of the profile
    #[arg(add = ArgValueCandidates::new(completion::profiles))]
    name: String,
}

/// The profiles of a cloud, and who uses them.
struct Profiles<'a> {
    cloud: Client,
    storage: StorageClient,
    records: Records,
    limit: Duration,
    environment: &'a Environment,
}

impl ProfileCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        until_interrupted(async {
            let profiles = Profiles::connect(environment).await?;
            match self {
                Self::List(_) => profiles.list().await?,
                Self::Remove(args) => profiles.remove(args).await?,
                Self::Set(args) => profiles.set(args).await?,
                Self::Show(args) => profiles.show(&args.name).await?,
            }
            Ok(ExitStatus::Done)
        })
        .await
    }
}

impl<'a> Profiles<'a> {
    async fn connect(environment: &'a Environment) -> Result<Self> {
        let (cloud, limit) = (environment.cloud()?, environment.timeout_or(DEFAULT_TIMEOUT)?);
        let storage = environment.service(&cloud).await?;
        let records = Records::new(&storage, RecordKind::PROFILE, limit);
        Ok(Self { cloud, storage, records, limit, environment })
    }

    async fn list(&self) -> Result<()> {
        let names = self.records.names().await?;
        let mut users = self.users().await?;
        let rows =
            names.into_iter().map(|name| ProfileRow { users: users.remove(&name).unwrap_or_default(), name });
        self.environment.output.rows(&rows.collect::<Vec<_>>())
    }

    async fn remove(&self, args: &RemoveProfile) -> Result<()> {
        let name = &args.name;
        // One that cannot be decoded can be removed.
        if matches!(self.records.find(name).await, Ok(None)) {
            return Err(self.records.not_found(name));
        }
        let users = self.users().await?.remove(name).unwrap_or_default();
        let users = users.text().map(|users| format!(", which {users}")).unwrap_or_default();
        let action = format!("remove the profile `{name}`{users}");
        if args.confirmation.confirm(&action).await? {
            self.records.remove(name).await?;
            self.environment.output.note(format_args!("the profile {name} is removed"));
        }
        Ok(())
    }

    async fn show(&self, name: &str) -> Result<()> {
        let profile = self.records.read(name).await?;
        let values = profile.iter().map(|(key, value)| (key.clone(), data_to_json(value)));
        let output = self.environment.output;
        if output.format().is_json() {
            return output.record(&ProfileValues(values.collect()));
        }
        let rows = values.map(|(key, value)| ProfileValue { key, value });
        output.rows(&rows.collect::<Vec<_>>())
    }
}

/// A profile, as it is printed in a list.
#[derive(Debug, Serialize)]
struct ProfileRow {
    name: String,
    #[serde(flatten)]
    users: Users,
}

impl Row for ProfileRow {
    const COLUMNS: &'static [&'static str] = &["name", "apps", "runlists"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.users.apps.join(" "), self.users.runlists.join(" ")]
    }
}

/// All of a profile.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct ProfileValues(BTreeMap<String, Json>);

impl Row for ProfileValues {
    const COLUMNS: &'static [&'static str] = &[];

    fn cells(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A key of a profile and its value.
#[derive(Debug, Serialize)]
struct ProfileValue {
    key: String,
    value: Json,
}

impl Row for ProfileValue {
    const COLUMNS: &'static [&'static str] = &["key", "value"];

    fn cells(&self) -> Vec<String> {
        vec![self.key.clone(), self.value.to_string()]
    }
}
