//! The programs `cocaine-node` and `cocaine-codegen` as commands. They have command lines of their own, and the node an async
//! runtime: they run before those of `cocaine` are there.

use std::{env, ffi::OsString, process::ExitCode};

use clap::Args;

#[cfg(target_os = "linux")]
use crate::run::stop_with;
use crate::{
    error::{Error, ExitStatus, Result},
    run::OWN_NODE,
};

/// Runs a whole cloud on this machine: what `cocaine-node` does
///
/// Examples:
///
///   cocaine node --data state --http 127.0.0.1:8080
///
///   cocaine node backup /backups/node
///
/// `cocaine node --help` prints the options. Needs Linux.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, disable_help_flag = true)]
pub(super) struct Node {
    #[command(flatten)]
    arguments: Arguments,
}

/// Generates typed clients of services and apps: what `cocaine-codegen` does
///
/// Examples:
///
///   cocaine codegen --locator localhost:10053 --output src/bindings.rs
///
///   cocaine codegen check src/bindings.rs
///
/// `cocaine codegen --help` prints the options.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, disable_help_flag = true)]
pub(super) struct Codegen {
    #[command(flatten)]
    arguments: Arguments,
}

#[derive(Debug, Args)]
struct Arguments {
    /// The options and arguments of the program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

/// Runs the program that the first argument names, if it names one.
pub fn run_program() -> Option<ExitCode> {
    let mut args = env::args_os().skip(1);
    match args.next()?.to_str()? {
        "node" => Some(run_node(args)),
        OWN_NODE => Some(run_own_node(args)),
        "codegen" => Some(cocaine_codegen::program::run("cocaine codegen", args)),
        _ => None,
    }
}

#[cfg(target_os = "linux")]
fn run_node(args: impl Iterator<Item = OsString>) -> ExitCode {
    cocaine_node::program::run("cocaine node", args)
}

#[cfg(not(target_os = "linux"))]
fn run_node(_: impl Iterator<Item = OsString>) -> ExitCode {
    eprintln!("error: a node needs Linux; `--locator` leads to one on another machine");
    ExitCode::FAILURE
}

/// Runs the node of `cocaine run`, whose process is the first argument, and ends with that.
#[cfg(target_os = "linux")]
fn run_own_node(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let parent = args.next().unwrap_or_default();
    match stop_with(&parent.to_string_lossy()) {
        Ok(()) => run_node(args),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn run_own_node(args: impl Iterator<Item = OsString>) -> ExitCode {
    run_node(args)
}

/// Refuses a program that comes after options, which it would not see.
pub(super) fn refuse(program: &str) -> Result<ExitStatus> {
    Err(Error::Usage(format!("options of `{program}` come after it: write `cocaine {program} …`")))
}
