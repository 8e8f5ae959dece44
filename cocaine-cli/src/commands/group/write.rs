//! Writes routing groups.

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::Value;

use super::{Groups, total_weight};
use crate::{
    commands::{
        arguments::{app_name, assignment},
        confirmation::Confirmation,
    },
    completion,
    error::{Error, Result},
    records::RecordEntries,
};

/// Adds a member to a routing group, or gives it another weight
///
/// Examples:
///
///   cocaine group add shop shop-v2 --weight 10 --refresh
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct AddToGroup {
    /// The name of the group
    #[arg(add = ArgValueCandidates::new(completion::groups))]
    name: String,
    /// The app, or another service
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::services))]
    member: String,
    /// How many calls it gets, in proportion to the weights of all members
    #[arg(long, default_value_t = 1)]
    weight: u32,
    #[command(flatten)]
    effect: Effect,
}

/// Creates a routing group
///
/// Examples:
///
///   cocaine group create shop shop-v1=9 shop-v2=1 --refresh
///
/// A service of the same name is not found as long as the group is there.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct CreateGroup {
    /// The name of the group
    #[arg(value_parser = app_name)]
    name: String,
    /// The apps or other services, with their weights
    #[arg(required = true, value_name = "MEMBER=WEIGHT", value_parser = weighted)]
    members: Vec<(String, u32)>,
    #[command(flatten)]
    effect: Effect,
}

/// Deletes a routing group
///
/// Examples:
///
///   cocaine group delete shop --yes --refresh
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct DeleteGroup {
    /// The name of the group
    #[arg(add = ArgValueCandidates::new(completion::groups))]
    name: String,
    #[command(flatten)]
    effect: Effect,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Removes members from a routing group
///
/// Examples:
///
///   cocaine group remove shop shop-v1 --refresh
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct RemoveFromGroup {
    /// The name of the group
    #[arg(add = ArgValueCandidates::new(completion::groups))]
    name: String,
    /// The members
    #[arg(required = true, value_name = "MEMBER")]
    members: Vec<String>,
    #[command(flatten)]
    effect: Effect,
}

/// When a change takes effect.
#[derive(Clone, Copy, Debug, Args)]
struct Effect {
    /// Have the locator read the group anew
    #[arg(long)]
    refresh: bool,
}

fn weighted(text: &str) -> Result<(String, u32), String> {
    let (member, weight) = assignment(text)?;
    let weight = weight.parse().map_err(|_| format!("`{weight}` is no weight, which is a whole number"))?;
    Ok((member, weight))
}

impl Groups<'_> {
    pub(super) async fn add(&self, args: &AddToGroup) -> Result<()> {
        let AddToGroup { name, member, weight, effect } = args;
        let change = |entries: &mut RecordEntries| {
            entries.insert(member.clone(), (*weight).into());
        };
        self.update(name, change).await.map_err(|error| match error {
            Error::NotFound(text) => {
                Error::NotFound(format!("{text}: `cocaine group create {name} {member}={weight}` creates it"))
            }
            other => other,
        })?;
        self.environment.output.note(format_args!("the group {name} has {member} with the weight {weight}"));
        self.take_effect(name, *effect).await
    }

    pub(super) async fn create(&self, args: &CreateGroup) -> Result<()> {
        let CreateGroup { name, members, effect } = args;
        if !matches!(self.records.find(name).await, Ok(None)) {
            return Err(Error::Failed(format!(
                "there is a group `{name}` already: `cocaine group add {name} MEMBER` adds a member to it"
            )));
        }
        let entries = members.iter().map(|(member, weight)| (member.clone(), (*weight).into())).collect();
        check_weights(name, &entries)?;
        self.records.write(name, &entries).await?;
        self.environment.output.note(format_args!("the group {name} is created"));
        self.take_effect(name, *effect).await
    }

    pub(super) async fn delete(&self, args: &DeleteGroup) -> Result<()> {
        let name = &args.name;
        let what = match self.records.find(name).await {
            Ok(None) => return Err(self.records.not_found(name)),
            Ok(Some(entries)) => format!("with {} members", entries.len()),
            Err(_) => "which cannot be read".to_owned(),
        };
        if args.confirmation.confirm(&format!("delete the group `{name}` {what}")).await? {
            self.records.remove(name).await?;
            self.environment.output.note(format_args!("the group {name} is deleted"));
            self.take_effect(name, args.effect).await?;
        }
        Ok(())
    }

    pub(super) async fn remove(&self, args: &RemoveFromGroup) -> Result<()> {
        let RemoveFromGroup { name, members, effect } = args;
        let entries = self.records.read(name).await?;
        if let Some(member) = members.iter().find(|member| !entries.contains_key(*member)) {
            return Err(Error::NotFound(format!("the group `{name}` has no member `{member}`")));
        }
        self.update(name, |entries| entries.retain(|member, _| !members.contains(member))).await?;
        self.environment.output.note(format_args!("the group {name} has {} no more", members.join(", ")));
        self.take_effect(name, *effect).await
    }

    /// Changes a group, unless no locator would take it then.
    async fn update(&self, name: &str, change: impl Fn(&mut RecordEntries) + Send + Sync) -> Result<()> {
        let mut entries = self.records.read(name).await?;
        change(&mut entries);
        check_weights(name, &entries)?;
        self.records.update(name, change).await.map(drop)
    }

    /// Has the locator read a group anew, or says that it does not by itself.
    async fn take_effect(&self, name: &str, effect: Effect) -> Result<()> {
        if effect.refresh {
            return self.refresh(&[name.to_owned()]).await;
        }
        let output = self.environment.output;
        output.note(format_args!("locators do not read it by themselves: `cocaine group refresh {name}`"));
        Ok(())
    }
}

/// Refuses a group that no locator takes.
fn check_weights(name: &str, entries: &RecordEntries) -> Result<()> {
    if let Some((member, weight)) = entries.iter().find(|(_, weight)| !is_weight(weight)) {
        return Err(Error::Failed(format!(
            "the weight of `{member}` in the group `{name}` is {weight}, and no locator takes it: give it another one"
        )));
    }
    if total_weight(entries) == 0 {
        return Err(Error::Failed(format!(
            "the group `{name}` would have no member with a weight above 0, and no locator takes that: `cocaine group delete \
             {name}` deletes it"
        )));
    }
    Ok(())
}

fn is_weight(weight: &Value) -> bool {
    weight.as_u64().is_some_and(|weight| u32::try_from(weight).is_ok())
}
