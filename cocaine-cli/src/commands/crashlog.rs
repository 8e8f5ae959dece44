//! `cocaine crashlog`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use cocaine_bindings::StorageClient;
use serde::Serialize;

use super::{
    arguments::{age, app_name},
    confirmation::Confirmation,
    interruption::until_interrupted,
};
use crate::{
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::{Row, printable},
    records::{CrashlogKey, Crashlogs},
};

/// How long a call may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Shows what workers have printed before they crashed
#[derive(Debug, Subcommand)]
pub(super) enum CrashlogCommand {
    Clean(CleanCrashlogs),
    #[command(visible_alias = "ls")]
    List(ListCrashlogs),
    Show(ShowCrashlog),
}

/// Removes crashlogs of an app
///
/// Examples:
///
///   cocaine crashlog clean shortener --keep 3
///
///   cocaine crashlog clean shortener --older-than 7d --yes
///
/// Without `--keep` and `--older-than`, it removes all of them; with both, those that neither of them spares.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CleanCrashlogs {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    app: String,
    /// Keep this many of the newest ones
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    keep: usize,
    /// Keep those that are not older than this: a number with `s`, `m`, `h`, `d` or `w`
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Lists the crashlogs of an app, from the oldest to the newest
///
/// Examples:
///
///   cocaine crashlog list shortener
///
///   cocaine crashlog ls shortener --last 3 --output jsonl
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ListCrashlogs {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    app: String,
    /// Only this many of the newest ones
    #[arg(long, value_name = "COUNT", default_value_t = usize::MAX, hide_default_value = true)]
    last: usize,
}

/// Shows a crashlog of an app
///
/// Examples:
///
///   cocaine crashlog show shortener
///
///   cocaine crashlog show shortener 1700000000000000:6a7e6e0c-5b5d-4a5e-8d2b-0d3e9f1b2c3d
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ShowCrashlog {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    app: String,
    /// The key of the crashlog; the newest one if none is given
    key: Option<String>,
}

impl CrashlogCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        until_interrupted(async {
            let storage: StorageClient = environment.service(&environment.cloud()?).await?;
            let crashlogs = Crashlogs::new(&storage, environment.timeout_or(DEFAULT_TIMEOUT)?);
            match self {
                Self::Clean(args) => clean(args, &crashlogs, environment).await?,
                Self::List(args) => list(args, &crashlogs, environment).await?,
                Self::Show(args) => show(args, &crashlogs, environment).await?,
            }
            Ok(ExitStatus::Done)
        })
        .await
    }
}

async fn clean(args: &CleanCrashlogs, crashlogs: &Crashlogs, environment: &Environment) -> Result<()> {
    let app = &args.app;
    let mut keys = crashlogs.keys(app).await?;
    keys.truncate(keys.len().saturating_sub(args.keep));
    if let Some(age) = args.older_than {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = now.saturating_sub(age).as_micros();
        // One whose key does not say when it was written stays.
        keys.retain(|key| key.micros.is_some_and(|micros| u128::from(micros) < oldest));
    }
    if keys.is_empty() {
        environment.output.note(format_args!("there is no crashlog of {app} to remove"));
        return Ok(());
    }
    let what = match keys.as_slice() {
        [key] => format!("the crashlog {} of `{app}`", key.text),
        _ => format!("{} crashlogs of `{app}`", keys.len()),
    };
    if args.confirmation.confirm(&format!("remove {what}")).await? {
        crashlogs.remove(&keys).await?;
        environment.output.note(format_args!("removed: {what}"));
    }
    Ok(())
}

async fn list(args: &ListCrashlogs, crashlogs: &Crashlogs, environment: &Environment) -> Result<()> {
    let mut keys = crashlogs.keys(&args.app).await?;
    keys.drain(..keys.len().saturating_sub(args.last));
    if keys.is_empty() {
        environment.output.note(format_args!("there is no crashlog of {}", args.app));
    }
    environment.output.rows(&keys.iter().map(CrashlogRow::new).collect::<Vec<_>>())
}

async fn show(args: &ShowCrashlog, crashlogs: &Crashlogs, environment: &Environment) -> Result<()> {
    let key = match &args.key {
        Some(key) => CrashlogKey::new(key.clone()),
        None => crashlogs
            .keys(&args.app)
            .await?
            .pop()
            .ok_or_else(|| Error::NotFound(format!("there is no crashlog of `{}`", args.app)))?,
    };
    let lines = crashlogs.read(&key.text).await?;
    if environment.output.format().is_json() {
        return environment.output.record(&CrashlogText { header: CrashlogRow::new(&key), lines });
    }
    let mut lines = lines.iter().map(|line| line.trim_end_matches('\n'));
    lines.try_for_each(|line| environment.output.line(&printable(line)))
}

/// A crashlog, as it is printed in a list.
#[derive(Debug, Serialize)]
struct CrashlogRow {
    key: String,
    time: String,
    worker: String,
}

/// A crashlog with its lines.
#[derive(Debug, Serialize)]
struct CrashlogText {
    #[serde(flatten)]
    header: CrashlogRow,
    lines: Vec<String>,
}

impl CrashlogRow {
    fn new(key: &CrashlogKey) -> Self {
        Self { key: key.text.clone(), time: key.time(), worker: key.worker().to_owned() }
    }
}

impl Row for CrashlogRow {
    const COLUMNS: &'static [&'static str] = &["key", "time", "worker"];

    fn cells(&self) -> Vec<String> {
        vec![self.key.clone(), self.time.clone(), self.worker.clone()]
    }
}

impl Row for CrashlogText {
    const COLUMNS: &'static [&'static str] = CrashlogRow::COLUMNS;

    fn cells(&self) -> Vec<String> {
        self.header.cells()
    }
}
