//! `cocaine man`, for whoever makes packages.

use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory as _};

use super::Cli;
use crate::{
    environment::Environment,
    error::{Error, ExitStatus, Result},
};

/// Writes a manual page for each command
///
/// Examples:
///
///   cocaine man --out-dir target/man && man -l target/man/cocaine-app-upload.1
///
/// The folder is created.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Man {
    /// The folder for the pages
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
}

pub(super) fn write_pages(args: &Man, environment: &Environment) -> Result<ExitStatus> {
    let folder = &args.out_dir;
    let write = || fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    write().map_err(Error::in_file(folder))?;
    environment.output.note(format_args!("the manual pages are in {}", folder.display()));
    Ok(ExitStatus::Done)
}
