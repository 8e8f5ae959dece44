//! Makes a new app.

use std::{env, path::PathBuf};

use clap::Args;

use crate::{
    environment::Environment,
    error::{Error, ExitStatus, Result},
    template::{Dependencies, DependencySource, Template, crate_name},
};

/// Makes a folder with a new app: a crate that builds as it is, with a test
///
/// Examples:
///
///   cocaine new shop
///
///   cocaine new site --template http --path ../cocaine-rust
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
    let dependencies = Dependencies::within(&parent, source);
    let name = &args.name;
    args.template.write(name, &parent.join(name), &dependencies)?;
    let from = match dependencies.source() {
        DependencySource::Version => {
            "the registry; where it is not published, make the app again with `--path` and a clone".to_owned()
        }
        DependencySource::Clone(path) => format!("the clone in {path}"),
        DependencySource::Git(url) => url.clone(),
    };
    environment.output.note(format_args!("{name} is made; it takes cocaine-rt from {from}"));
    environment
        .output
        .note(format_args!("next: `cd {name}`, `cargo test`, `cocaine run`; {name}/README.md goes on"));
    Ok(ExitStatus::Done)
}
