//! `cocaine doctor`.

use clap::Args;

use crate::{
    diagnosis::{Finding, diagnose},
    environment::Environment,
    error::{ExitStatus, Result},
};

/// Says what is wrong with a cloud, and what to do
///
/// Examples:
///
///   cocaine doctor
///
///   cocaine doctor --context live --output json
///
/// Checks the contexts of this machine, the locators, the services, the runlists and the apps, changes nothing, and ends with 1 if a check
/// has failed.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Doctor {}

pub(super) async fn doctor(environment: &Environment) -> Result<ExitStatus> {
    let findings = diagnose(environment).await?;
    environment.output.rows(&findings)?;
    Ok(if findings.iter().any(Finding::is_failed) { ExitStatus::Failed } else { ExitStatus::Done })
}
