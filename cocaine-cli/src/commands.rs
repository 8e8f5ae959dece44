//! What each command does. The options of a command stand beside it.

mod app;
mod arguments;
mod bench;
mod call;
mod callee;
mod completion;
mod confirmation;
mod context;
mod crashlog;
mod doctor;
mod group;
mod interruption;
mod logs;
mod man;
mod new;
mod profile;
mod programs;
mod record;
mod replay;
mod run;
mod runlist;
mod service;
mod storage;
mod trace;
mod unicorn;

use std::env;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::CompleteEnv;

use self::interruption::until_interrupted;
use crate::{
    completion::words_before,
    environment::{Environment, GlobalOptions},
    error::{ExitStatus, Result},
};

pub use programs::run_program;

/// The command line of a Cocaine cloud.
///
/// Standard output carries results, standard error everything else. Ends with 0 if all is done, 1 after an error, 2 after
/// a wrong command line, 3 if there is nothing of this name, 4 if the cloud does not allow it, 5 if it cannot be reached, 6 if
/// it does not answer in time, 7 if what was compared differs, and 130 after Ctrl-C; `unicorn lock` with what its
/// command ends with.
#[derive(Debug, Parser)]
#[command(name = "cocaine", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    App(app::AppCommand),
    Bench(bench::Bench),
    Call(call::Call),
    Codegen(programs::Codegen),
    Completion(completion::Completion),
    #[command(subcommand)]
    Context(context::ContextCommand),
    #[command(subcommand)]
    Crashlog(crashlog::CrashlogCommand),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Group(group::GroupCommand),
    Logs(logs::Logs),
    #[command(hide = true)]
    Man(man::Man),
    New(new::New),
    Node(programs::Node),
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    Record(record::Record),
    Replay(replay::Replay),
    Run(run::RunApps),
    #[command(subcommand)]
    Runlist(runlist::RunlistCommand),
    #[command(subcommand)]
    Service(service::ServiceCommand),
    #[command(subcommand)]
    Storage(storage::StorageCommand),
    Trace(trace::Trace),
    #[command(subcommand)]
    Unicorn(unicorn::UnicornCommand),
}

/// Answers a shell that asks for completions (the variable `COMPLETE`), and returns whether one has asked. To be called before there
/// is another thread.
pub fn complete() -> bool {
    if env::var_os("COMPLETE").is_none() {
        return false;
    }
    // An error would be shown in the middle of the command line that is being written.
    CompleteEnv::with_factory(Cli::command).try_complete(env::args_os(), None).unwrap_or(true)
}

/// Returns an argument that the command line has so far, while a shell completes what comes after it.
fn argument_before(id: &str) -> Option<String> {
    let mut command = Cli::command().ignore_errors(true);
    let mut matches = &command.try_get_matches_from_mut(words_before()).ok()?;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    matches.try_get_one::<String>(id).ok().flatten().cloned()
}

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps it from being done. [`Error::status`](crate::Error::status) says how the program ends then.
pub async fn run(cli: Cli) -> Result<ExitStatus> {
    let environment = Environment::new(cli.global);
    match cli.command {
        Command::App(command) => command.run(&environment).await,
        Command::Bench(args) => bench::bench(args, &environment).await,
        Command::Call(args) => until_interrupted(call::call(&args, &environment)).await,
        Command::Codegen(_) => programs::refuse("codegen"),
        Command::Completion(args) => completion::print_registration(&args, &environment),
        Command::Context(command) => until_interrupted(command.run(&environment)).await,
        Command::Crashlog(command) => command.run(&environment).await,
        Command::Doctor(_) => until_interrupted(doctor::doctor(&environment)).await,
        Command::Group(command) => command.run(&environment).await,
        Command::Logs(args) => until_interrupted(logs::logs(&args, &environment)).await,
        Command::Man(args) => man::write_pages(&args, &environment),
        Command::New(args) => new::new(&args, &environment),
        Command::Node(_) => programs::refuse("node"),
        Command::Profile(command) => command.run(&environment).await,
        Command::Record(args) => record::record(&args, &environment).await,
        Command::Replay(args) => replay::replay(&args, &environment).await,
        Command::Run(args) => run::run_apps(&args, &environment).await,
        Command::Runlist(command) => command.run(&environment).await,
        Command::Service(command) => command.run(&environment).await,
        Command::Storage(command) => command.run(&environment).await,
        Command::Trace(args) => until_interrupted(trace::trace(&args, &environment)).await,
        Command::Unicorn(command) => command.run(&environment).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }
}
