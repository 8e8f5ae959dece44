//! `cocaine context`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use serde::Serialize;

use super::confirmation::Confirmation;
use crate::{
    contexts::{Context, Contexts, SecretSource},
    environment::{Environment, context_names},
    error::{Error, ExitStatus, Result},
    output::Row,
};

/// Adds, selects and removes named clouds
///
/// Examples:
///
///   cocaine context add live cloud.example.org:10053 --token env:LIVE
///
///   cocaine context select live
///
///   cocaine context list
///
/// A context has the locators of a cloud, where its token is, and how long calls may take. Commands use the selected one, unless
/// `--locator`, `--context`, `COCAINE_LOCATOR` or `COCAINE_CONTEXT` names another; the first of these counts, alone.
#[derive(Debug, Subcommand)]
#[command(verbatim_doc_comment)]
pub(super) enum ContextCommand {
    Add(Add),
    #[command(visible_alias = "ls")]
    List(List),
    Rm(Remove),
    Select(Select),
    Show(Show),
}

/// Adds a named cloud, or replaces it
///
/// Examples:
///
///   cocaine context add live cloud.example.org:10053 --token env:LIVE
///
///   cocaine context add test test1:10053,test2:10053 --token env:TOKEN --timeout 5 --select
///
/// The token is read at each use. A token itself is refused: others can see a command line.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Add {
    /// The name of the context
    name: String,
    /// The locators, separated by commas
    #[arg(value_name = "HOST:PORT")]
    address: String,
    /// Where the token is that goes with each call: `file:PATH` or `env:NAME`
    #[arg(long, value_name = "SOURCE")]
    token: Option<String>,
    /// Select it, too
    #[arg(long)]
    select: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Lists the named clouds
///
/// Examples:
///
///   cocaine context list
///
///   cocaine context ls --output json
///
/// The selected one has a `*`.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct List {}

/// Removes a named cloud
///
/// Examples:
///
///   cocaine context rm test --yes
///
/// If it is the selected one, none is selected afterwards. The file with the token stays.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Remove {
    /// The name of the context
    #[arg(add = ArgValueCandidates::new(context_names))]
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Selects the cloud that commands use
///
/// Examples:
///
///   cocaine context select live
///
///   cocaine context select -
///
/// A `-` selects the one that was selected before.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Select {
    /// The name of the context, or `-`
    #[arg(add = ArgValueCandidates::new(context_names))]
    name: String,
}

/// Shows a named cloud
///
/// Examples:
///
///   cocaine context show
///
///   cocaine context show live --output json
///
/// The token itself is not shown, only where it is.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Show {
    /// The name of the context; the selected one if none is given
    #[arg(add = ArgValueCandidates::new(context_names))]
    name: Option<String>,
}

impl ContextCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        match self {
            Self::Add(args) => add(args, environment).await,
            Self::List(_) => list(environment),
            Self::Rm(args) => remove(args, environment).await,
            Self::Select(args) => select(args, environment),
            Self::Show(args) => show(args, environment),
        }
    }
}

async fn add(args: &Add, environment: &Environment) -> Result<ExitStatus> {
    let (name, contexts) = (&args.name, Contexts::open()?);
    let context = Context {
        locator: locator(&args.address)?,
        token: args.token.as_deref().map(|source| token_source(source, environment)).transpose()?,
        timeout: environment.options().timeout.map(|timeout| timeout.as_secs_f64()),
    };
    let action = if contexts.has(name)? { "replace" } else { "add" };
    let is_wanted = match (action, args.confirmation.dry_run) {
        ("add", false) => true,
        _ => args.confirmation.confirm(&format!("{action} the context `{name}`")).await?,
    };
    if !is_wanted {
        return Ok(ExitStatus::Done);
    }
    contexts.write(name, &context)?;
    let suffix = if args.select { ", and selected" } else { "" };
    if args.select {
        contexts.select(name)?;
    }
    environment.output.note(format_args!("the context `{name}` is written{suffix}"));
    Ok(ExitStatus::Done)
}

/// Returns the locators of a context, and refuses what no client can use.
fn locator(text: &str) -> Result<String> {
    cocaine::Client::builder(text).map_err(|error| Error::Usage(format!("the locator {text:?}: {error}")))?;
    Ok(text.to_owned())
}

/// Returns the source of a token. A relative path counts from the current folder.
fn token_source(text: &str, environment: &Environment) -> Result<SecretSource> {
    let refused = |reason| Error::Usage(format!("`--token`: {reason}"));
    let source = match text.strip_prefix("file:") {
        Some(path) if !path.is_empty() => {
            SecretSource::File(std::path::absolute(path).map_err(Error::in_file(Path::new(path)))?)
        }
        _ => SecretSource::try_from(text.to_owned()).map_err(refused)?,
    };
    if let SecretSource::File(path) = &source {
        match fs::metadata(path) {
            Err(error) => {
                environment.output.warn(format_args!("{}: {error}", path.display()));
            }
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                environment.output.warn(format_args!("others may read {0}: `chmod 600 {0}`", path.display()));
            }
            Ok(_) => {}
        }
    }
    Ok(source)
}

fn list(environment: &Environment) -> Result<ExitStatus> {
    let contexts = Contexts::open()?;
    let selected = contexts.selected()?;
    let (mut rows, mut status) = (Vec::new(), ExitStatus::Done);
    for name in contexts.names()? {
        match contexts.read(&name) {
            Ok(context) => rows.push(ContextRow::new(&name, context, selected.as_deref())),
            Err(error) => {
                environment.output.note(format_args!("error: {error}"));
                status = ExitStatus::Failed;
            }
        }
    }
    if rows.is_empty() && status == ExitStatus::Done {
        environment.output.note("there is no context; `cocaine context add NAME HOST:PORT` adds one");
    }
    environment.output.rows(&rows)?;
    Ok(status)
}

async fn remove(args: &Remove, environment: &Environment) -> Result<ExitStatus> {
    let (name, contexts) = (&args.name, Contexts::open()?);
    if !contexts.has(name)? {
        contexts.read(name)?;
    }
    if args.confirmation.confirm(&format!("remove the context `{name}`")).await? {
        contexts.remove(name)?;
        environment.output.note(format_args!("the context `{name}` is removed"));
    }
    Ok(ExitStatus::Done)
}

fn select(args: &Select, environment: &Environment) -> Result<ExitStatus> {
    let contexts = Contexts::open()?;
    let name = if args.name == "-" {
        contexts.select_previous()?
    } else {
        contexts.select(&args.name)?;
        args.name.clone()
    };
    environment.output.note(format_args!("the context `{name}` is selected"));
    for variable in ["COCAINE_LOCATOR", "COCAINE_CONTEXT"] {
        if std::env::var(variable).is_ok_and(|value| !value.trim().is_empty()) {
            environment.output.warn(format_args!("{variable} is set, and counts before it"));
        }
    }
    Ok(ExitStatus::Done)
}

fn show(args: &Show, environment: &Environment) -> Result<ExitStatus> {
    let contexts = Contexts::open()?;
    let selected = contexts.selected()?;
    let name = args.name.as_ref().or(selected.as_ref()).ok_or_else(|| {
        Error::NotFound("no context is selected; `cocaine context select NAME` selects one".to_owned())
    })?;
    let row = ContextRow::new(name, contexts.read(name)?, selected.as_deref());
    environment.output.record(&row)?;
    Ok(ExitStatus::Done)
}

/// A context, as it is printed.
#[derive(Debug, Serialize)]
struct ContextRow {
    name: String,
    locator: String,
    token: Option<SecretSource>,
    timeout: Option<f64>,
    selected: bool,
}

impl ContextRow {
    fn new(name: &str, context: Context, selected: Option<&str>) -> Self {
        let Context { locator, token, timeout } = context;
        Self { name: name.to_owned(), locator, token, timeout, selected: selected == Some(name) }
    }
}

impl Row for ContextRow {
    const COLUMNS: &'static [&'static str] = &["selected", "name", "locator", "token", "timeout"];

    fn cells(&self) -> Vec<String> {
        let Self { name, locator, token, timeout, selected } = self;
        let selected = if *selected { "*" } else { "" };
        let token = token.as_ref().map(ToString::to_string).unwrap_or_default();
        let timeout = timeout.map(|seconds| format!("{seconds} s")).unwrap_or_default();
        vec![selected.to_owned(), name.clone(), locator.clone(), token, timeout]
    }
}
