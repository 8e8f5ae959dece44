//! Makes a new app.

use std::{env, path::PathBuf};

use clap::Args;

use crate::{
    environment::Environment,
    error::{Error, ExitStatus, Result},
    template::{Dependencies, DependencySource, Template, crate_name},
};

/// Makes a folder with a new app that works as it is, with tests: a crate, or a program in Python
///
/// Examples:
///
///   cocaine new shop
///
///   cocaine new site --template http --path ../cocaine-rust
///
///   cocaine new script --template python
///
/// Its README.md says how to test, upload and call it. The crates that it depends on come from the clone of the
/// repository that the folder is in, or from the registry if it is in none; `--path` and `--git` name another source.
/// A folder of this name that is there already is not touched.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct New {
    /// The name of the app, of its crate and of the folder
    #[arg(value_parser = crate_name)]
    name: String,
    /// What the app is made from
    #[arg(long, value_name = "TEMPLATE", value_enum, default_value = "worker")]
    template: Template,
    /// Depend on the crates in this clone of the repository
    #[arg(long, value_name = "DIR", conflicts_with = "git")]
    path: Option<PathBuf>,
    /// Depend on the crates in this repository
    #[arg(long, value_name = "URL")]
    git: Option<String>,
}

pub(super) fn new(args: &New, environment: &Environment) -> Result<ExitStatus> {
    let parent = env::current_dir().map_err(|error| Error::Failed(format!("no current folder: {error}")))?;
    let source = match (&args.path, &args.git) {
        (Some(path), _) => Some(DependencySource::clone_at(path)?),
        (None, url) => url.clone().map(DependencySource::Git),
    };
    if args.template == Template::Python && source.is_some() {
        return Err(Error::Usage(
            "the template `python` depends on no crate: leave out `--path` and `--git`".to_owned(),
        ));
    }
    let dependencies = Dependencies::within(&parent, source);
    let (name, test) = (&args.name, args.template.test_command());
    args.template.write(name, &parent.join(name), &dependencies)?;
    let next = format!("next: `cd {name}`, `{test}`, `cocaine run`; {name}/README.md goes on");
    if args.template == Template::Python {
        environment.output.note(format_args!("{name} is made; it takes nothing but Python 3.9 or newer"));
        environment.output.note(next);
        return Ok(ExitStatus::Done);
    }
    let from = match dependencies.source() {
        DependencySource::Version => {
            "the registry; where it is not published, make the app again with `--path` and a clone".to_owned()
        }
        DependencySource::Clone(path) => format!("the clone in {path}"),
        DependencySource::Git(url) => url.clone(),
    };
    environment.output.note(format_args!("{name} is made; it takes cocaine-rt from {from}"));
    environment.output.note(next);
    Ok(ExitStatus::Done)
}
