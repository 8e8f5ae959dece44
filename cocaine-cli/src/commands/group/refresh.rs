//! Has locators read routing groups anew.

use std::collections::BTreeSet;

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::ServiceClient as _;
use cocaine_bindings::{Locator as _, LocatorClient};
use tokio::time::timeout;

use super::Groups;
use crate::{
    completion,
    error::{Error, Result},
};

/// Has the locator read routing groups anew
///
/// Examples:
///
///   cocaine group refresh shop
///
///   cocaine group refresh
///
/// Without a name, those are all groups of the storage, and those that the locator has and the storage has not any more, which it
/// forgets. The locator of each node has its own table: `--locator` names the node.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct RefreshGroups {
    /// The names of the groups
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::groups))]
    names: Vec<String>,
}

impl Groups<'_> {
    pub(super) async fn refresh_named(&self, args: &RefreshGroups) -> Result<()> {
        let names: Vec<_> = if args.names.is_empty() {
            let mut names: BTreeSet<_> = self.records.names().await?.into_iter().collect();
            names.extend(self.routed().await?);
            names.into_iter().collect()
        } else {
            args.names.clone()
        };
        if names.is_empty() {
            self.environment.output.note("there is no group");
            return Ok(());
        }
        self.refresh(&names).await
    }

    /// Has the locator read these groups anew.
    pub(super) async fn refresh(&self, names: &[String]) -> Result<()> {
        let shown = names.join(", ");
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let refreshed = self.locator().await?.refresh(&names).await;
        refreshed.map_err(Error::while_doing(format!("the locator does not take {shown}")))?;
        self.environment.output.note(format_args!("the locator has read anew: {shown}"));
        Ok(())
    }

    /// Returns the groups that the locator has.
    async fn routed(&self) -> Result<Vec<String>> {
        let what = "the locator does not say which groups it has";
        let router = format!("cocaine-group-{}", std::process::id());
        let table = async {
            // A locator before April 2015 has no such stream.
            let Ok(mut routing) = self.locator().await?.routing(&router).await else { return Ok(Vec::new()) };
            let table = routing.rx.recv().await.transpose().map_err(Error::while_doing(what))?;
            Ok(table.into_iter().flatten().map(|(group, _)| group).collect())
        };
        timeout(self.limit, table).await.unwrap_or_else(|_| Err(Error::Failed(what.to_owned())))
    }

    async fn locator(&self) -> Result<LocatorClient> {
        let locator: LocatorClient = self.environment.service(&self.cloud).await?;
        Ok(locator.with_deadline(self.limit))
    }
}
