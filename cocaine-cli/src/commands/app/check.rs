//! Compares the schema of a program with the uploaded one.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::schema::AppSchema;
use cocaine_codegen::compare_apps;

use super::{Describe, connect, print_differences};
use crate::{
    commands::arguments::app_name,
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    schema,
};

/// Compares the schema of a program with the uploaded one
///
/// Examples:
///
///   cocaine app check shortener --program target/release/shortener
///
///   cocaine app check shortener --schema shortener.json
///
/// Prints the differences as a table, and ends with 7 if there are any but those of documentation.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct Check {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
    /// The program to ask for its schema
    #[arg(long, value_name = "PATH", required_unless_present = "schema")]
    program: Option<PathBuf>,
    /// Read the schema from this file
    #[arg(long, value_name = "FILE", conflicts_with = "program")]
    schema: Option<PathBuf>,
    #[command(flatten)]
    describe: Describe,
}

pub(super) async fn check(args: &Check, environment: &Environment) -> Result<ExitStatus> {
    let name = &args.name;
    let new = new_schema(args).await?;
    schema::check_limits(&new)?;
    let (_cloud, store) = connect(environment).await?;
    let manifest = store.manifest(name).await?;
    let manifest = manifest.ok_or_else(|| Error::NotFound(format!("there is no app `{name}`")))?;
    let old =
        manifest.schema().map_err(Error::while_doing(format!("the schema of `{name}` cannot be read")))?;
    let Some(old) = old else {
        return Err(Error::NotFound(format!(
            "`{name}` was uploaded without a schema: there is nothing to compare with"
        )));
    };
    let differs = print_differences(environment, &compare_apps(name, &old, &new))?;
    Ok(if differs { ExitStatus::Differs } else { ExitStatus::Done })
}

async fn new_schema(args: &Check) -> Result<AppSchema> {
    match (&args.schema, &args.program) {
        (Some(path), _) => schema::read_file(path),
        (None, Some(program)) => {
            let described = schema::describe(program, None, args.describe.describe_timeout).await;
            described.map_err(|reason| Error::File {
                path: program.display().to_string(),
                reason: format!("no schema: {reason}"),
            })
        }
        (None, None) => {
            Err(Error::Usage("name a program with `--program`, or a file with `--schema`".to_owned()))
        }
    }
}
