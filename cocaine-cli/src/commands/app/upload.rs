//! Uploads a program as an app.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::{Client, Code, ServiceClient as _, schema::AppSchema};
use cocaine_bindings::{Node as _, NodeClient};
use cocaine_codegen::{AppDifference, compare_apps};

use super::{DEFAULT_TIMEOUT, Describe, connect, print_differences};
use crate::{
    app_store::{Manifest, encode_package},
    commands::arguments::app_name,
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    package, schema,
};

/// The header with which `start_app` of an embedded node replaces an app that runs (`node.md` 10.5).
const REPLACE: &str = "replace";

/// Uploads a program as an app, with its schema
///
/// Examples:
///
///   cocaine app upload shortener --program target/release/shortener --start
///
///   cocaine app upload shortener --program worker.py --schema shortener.json
///
/// The program is asked for its schema with `--describe`, unless it is for another machine. Without a schema it is
/// uploaded, too, and called with bytes. A version that breaks callers of the uploaded one is refused, with the
/// differences as a table (exit code 7), unless `--breaking` is given.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct Upload {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
    /// The program that its workers run
    #[arg(long, value_name = "PATH")]
    program: PathBuf,
    /// Read the schema from this file, and do not ask the program
    #[arg(long, value_name = "FILE", conflicts_with = "no_schema")]
    schema: Option<PathBuf>,
    /// Upload without a schema
    #[arg(long)]
    no_schema: bool,
    /// Upload even if callers of the uploaded version break
    #[arg(long)]
    breaking: bool,
    /// Start the app, or replace the version that runs
    #[arg(long)]
    start: bool,
    /// The profile to start it with; it is created if it is not there, and not touched if it is
    #[arg(long, value_name = "NAME", default_value = "default", requires = "start", add = ArgValueCandidates::new(completion::profiles))]
    profile: String,
    #[command(flatten)]
    describe: Describe,
}

pub(super) async fn upload(args: &Upload, environment: &Environment) -> Result<ExitStatus> {
    let name = &args.name;
    let package = encode_package(&package::pack(name, &args.program)?)?;
    let new = new_schema(args).await?;
    let (cloud, store) = connect(environment).await?;
    let current = store.manifest(name).await?;
    check_callers(args, environment, current.as_ref(), new.as_ref())?;
    let manifest = Manifest::new(current.as_ref(), name, new.as_ref())?;
    store.write(name, &package, &manifest).await?;
    environment.output.note(format_args!("{name} is uploaded"));
    if args.start {
        store.create_profile(&args.profile).await?;
        start(&cloud, args, environment).await?;
        environment.output.note(format_args!("{name} is started with the profile {}", args.profile));
    }
    Ok(ExitStatus::Done)
}

/// Returns the schema to upload. A program that cannot say its own is uploaded without one.
async fn new_schema(args: &Upload) -> Result<Option<AppSchema>> {
    let schema = match &args.schema {
        Some(path) => schema::read_file(path)?,
        None if args.no_schema => return Ok(None),
        None => match schema::describe(&args.program, args.describe.describe_timeout).await {
            Ok(schema) => schema,
            Err(reason) => {
                eprintln!("no schema: {}: {reason}", args.program.display());
                return Ok(None);
            }
        },
    };
    schema::check_limits(&schema)?;
    Ok(Some(schema))
}

/// Refuses what breaks callers of the uploaded version.
fn check_callers(
    args: &Upload,
    environment: &Environment,
    current: Option<&Manifest>,
    new: Option<&AppSchema>,
) -> Result<()> {
    let name = &args.name;
    let old = match current.map(Manifest::schema) {
        None => return Ok(()),
        Some(Ok(old)) => old,
        Some(Err(error)) => {
            eprintln!("warning: the schema of `{name}` cannot be read, so that nothing is compared: {error}");
            return Ok(());
        }
    };
    match (old, new) {
        (Some(old), Some(new)) => {
            let differences = compare_apps(name, &old, new);
            print_differences(environment, &differences)?;
            let breaks =
                differences.iter().filter(|difference| AppDifference::breaks_callers(difference)).count();
            if breaks == 0 || args.breaking {
                return Ok(());
            }
            Err(Error::Breaking(format!(
                "{breaks} of the differences break callers of the uploaded `{name}`: nothing is uploaded; `--breaking` \
                 uploads it all the same"
            )))
        }
        (Some(_), None) if !args.no_schema && !args.breaking => Err(Error::Breaking(format!(
            "the uploaded `{name}` has a schema, and the new version would have none: nothing is uploaded; give it one with \
             `--schema FILE`, or drop it with `--no-schema`"
        ))),
        _ => Ok(()),
    }
}

/// Starts the app, or puts it in the place of the version that runs. An original node cannot do that, and stops that first.
async fn start(cloud: &Client, args: &Upload, environment: &Environment) -> Result<()> {
    let Upload { name, profile, .. } = args;
    let failed = || Error::while_doing(format!("`{name}` is uploaded, and cannot be started"));
    let node: NodeClient = environment.service(cloud).await?;
    let node = node.with_deadline(environment.timeout_or(DEFAULT_TIMEOUT)?);
    let started = node.with_header(REPLACE, "1").start_app(name, profile).await;
    match started {
        Err(error) if error.code() == Some(Code::ALREADY_STARTED) => {}
        started => return started.map_err(failed()),
    }
    match node.pause_app(name).await {
        Err(error) if error.code() != Some(Code::NOT_RUNNING) => return Err(failed()(error)),
        _ => {}
    }
    node.start_app(name, profile).await.map_err(failed())
}
