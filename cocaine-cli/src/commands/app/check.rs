//! Compares the schema of a program with the uploaded one.

use cocaine::schema::AppSchema;
use cocaine_codegen::compare_apps;

use super::{connect, print_differences};
use crate::{
    commands::command_line::Check,
    error::{Error, ExitStatus, Result},
    schema,
};

pub(in crate::commands) async fn check(args: &Check) -> Result<ExitStatus> {
    let name = &args.name;
    let new = new_schema(args).await?;
    schema::check_limits(&new)?;
    let (_cloud, store) = connect(&args.cloud).await?;
    let manifest = store.manifest(name).await?;
    let manifest = manifest.ok_or_else(|| Error::NotFound(format!("there is no app `{name}`")))?;
    let old =
        manifest.schema().map_err(Error::while_doing(format!("the schema of `{name}` cannot be read")))?;
    let Some(old) = old else {
        return Err(Error::NotFound(format!(
            "`{name}` was uploaded without a schema: there is nothing to compare with"
        )));
    };
    let differs = print_differences(&compare_apps(name, &old, &new));
    Ok(if differs { ExitStatus::Differs } else { ExitStatus::Done })
}

async fn new_schema(args: &Check) -> Result<AppSchema> {
    match (&args.schema, &args.program) {
        (Some(path), _) => schema::read_file(path),
        (None, Some(program)) => {
            let described = schema::describe(program, args.describe.describe_timeout).await;
            described.map_err(|reason| Error::File {
                path: program.display().to_string(),
                reason: format!("no schema: {reason}"),
            })
        }
        (None, None) => {
            Err(Error::Schema("name a program with `--program`, or a file with `--schema`".to_owned()))
        }
    }
}
