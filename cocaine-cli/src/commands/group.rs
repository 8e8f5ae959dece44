//! `cocaine group`.

mod refresh;
mod write;

use std::{collections::BTreeMap, time::Duration};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use cocaine::{Client, Value};
use cocaine_bindings::StorageClient;
use serde::Serialize;
use serde_json::Value as Json;

use super::interruption::until_interrupted;
use crate::{
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
    json::data_to_json,
    output::Row,
    records::{RecordEntries, RecordKind, Records},
};

/// How long a call may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Changes routing groups: names of which each stands for several apps, by weight
#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    Add(write::AddToGroup),
    Create(write::CreateGroup),
    Delete(write::DeleteGroup),
    #[command(visible_alias = "ls")]
    List(ListGroups),
    Refresh(refresh::RefreshGroups),
    #[command(visible_alias = "rm")]
    Remove(write::RemoveFromGroup),
    Show(ShowGroup),
}

/// Lists the routing groups, with the weights of their members
///
/// Examples:
///
///   cocaine group list
///
///   cocaine group ls --output jsonl
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ListGroups {}

/// Shows the members of a routing group, with their weights and shares
///
/// Examples:
///
///   cocaine group show shop
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ShowGroup {
    /// The name of the group
    #[arg(add = ArgValueCandidates::new(completion::groups))]
    name: String,
}

/// The routing groups of a cloud.
struct Groups<'a> {
    cloud: Client,
    records: Records,
    limit: Duration,
    environment: &'a Environment,
}

impl GroupCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        until_interrupted(async {
            let groups = Groups::connect(environment).await?;
            match self {
                Self::Add(args) => groups.add(args).await?,
                Self::Create(args) => groups.create(args).await?,
                Self::Delete(args) => groups.delete(args).await?,
                Self::List(_) => groups.list().await?,
                Self::Refresh(args) => groups.refresh_named(args).await?,
                Self::Remove(args) => groups.remove(args).await?,
                Self::Show(args) => groups.show(&args.name).await?,
            }
            Ok(ExitStatus::Done)
        })
        .await
    }
}

impl<'a> Groups<'a> {
    async fn connect(environment: &'a Environment) -> Result<Self> {
        let (cloud, limit) = (environment.cloud()?, environment.timeout_or(DEFAULT_TIMEOUT)?);
        let storage: StorageClient = environment.service(&cloud).await?;
        let records = Records::new(&storage, RecordKind::GROUP, limit);
        Ok(Self { cloud, records, limit, environment })
    }

    async fn list(&self) -> Result<()> {
        let mut rows = Vec::new();
        for (name, entries) in self.records.all().await? {
            match entries {
                Ok(entries) => {
                    let members =
                        entries.iter().map(|(member, weight)| (member.clone(), data_to_json(weight)));
                    rows.push(GroupRow { name, members: members.collect() });
                }
                Err(error) => self.environment.output.warn(error),
            }
        }
        self.environment.output.rows(&rows)
    }

    async fn show(&self, name: &str) -> Result<()> {
        let entries = self.records.read(name).await?;
        let total = total_weight(&entries);
        let rows = entries.iter().map(|(member, weight)| GroupMember {
            member: member.clone(),
            weight: data_to_json(weight),
            share: share(weight, total),
        });
        self.environment.output.rows(&rows.collect::<Vec<_>>())
    }
}

/// Returns the sum of the weights. What is no weight counts nothing.
fn total_weight(entries: &RecordEntries) -> u64 {
    entries.values().filter_map(Value::as_u64).fold(0, u64::saturating_add)
}

/// Returns how many calls of all a member gets.
fn share(weight: &Value, total: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share is shown in thousandths")]
    let share = weight.as_u64().filter(|_| total > 0)? as f64 / total as f64;
    Some((share * 1000.0).round() / 1000.0)
}

/// A group, as it is printed in a list.
#[derive(Debug, Serialize)]
struct GroupRow {
    name: String,
    /// The weights of the members.
    members: BTreeMap<String, Json>,
}

impl Row for GroupRow {
    const COLUMNS: &'static [&'static str] = &["name", "members"];

    fn cells(&self) -> Vec<String> {
        let members: Vec<_> =
            self.members.iter().map(|(member, weight)| format!("{member}={weight}")).collect();
        vec![self.name.clone(), members.join(" ")]
    }
}

/// A member of a group.
#[derive(Debug, Serialize)]
struct GroupMember {
    member: String,
    weight: Json,
    /// How many calls of all it gets; `None` if that cannot be said.
    share: Option<f64>,
}

impl Row for GroupMember {
    const COLUMNS: &'static [&'static str] = &["member", "weight", "share"];

    fn cells(&self) -> Vec<String> {
        let share = self.share.map(|share| format!("{:.1} %", share * 100.0)).unwrap_or_default();
        vec![self.member.clone(), self.weight.to_string(), share]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_weights() {
        let entries = [("a", Value::UInt(1)), ("b", Value::UInt(2)), ("c", Value::from("x"))];
        let entries = entries.map(|(member, weight)| (member.to_owned(), weight)).into();
        let total = total_weight(&entries);
        let shares: Vec<_> = entries.values().map(|weight| share(weight, total)).collect();
        assert_eq!(shares, [Some(0.333), Some(0.667), None]);
        assert_eq!(share(&Value::UInt(0), 0), None);
    }
}
