//! What each command does. The options of a command stand beside it.

mod app;
mod arguments;
mod call;
mod completion;
mod confirmation;
mod context;
mod doctor;
mod interruption;
mod logs;
mod man;
mod new;
mod programs;
mod record;
mod replay;
mod run;
mod service;
mod storage;

use std::env;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::CompleteEnv;

use self::interruption::until_interrupted;
use crate::{
    environment::{Environment, GlobalOptions},
    error::{ExitStatus, Result},
};

pub use programs::run_program;

/// The command line of a Cocaine cloud.
///
/// Standard output carries results, standard error everything else. Ends with 0 if all is done, 1 after an error, 2 after
/// a wrong command line, 3 if there is nothing of this name, 4 if the cloud does not allow it, 5 if it cannot be reached, 6 if
/// it does not answer in time, 7 if what was compared differs, and 130 after Ctrl-C.
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
    Call(call::Call),
    Codegen(programs::Codegen),
    Completion(completion::Completion),
    #[command(subcommand)]
    Context(context::ContextCommand),
    Doctor(doctor::Doctor),
    Logs(logs::Logs),
    #[command(hide = true)]
    Man(man::Man),
    New(new::New),
    Node(programs::Node),
    Record(record::Record),
    Replay(replay::Replay),
    Run(run::RunApps),
    #[command(subcommand)]
    Service(service::ServiceCommand),
    #[command(subcommand)]
    Storage(storage::StorageCommand),
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

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps it from being done. [`Error::status`](crate::Error::status) says how the program ends then.
pub async fn run(cli: Cli) -> Result<ExitStatus> {
    let environment = Environment::new(cli.global);
    match cli.command {
        Command::App(command) => command.run(&environment).await,
        Command::Call(args) => until_interrupted(call::call(&args, &environment)).await,
        Command::Codegen(_) => programs::refuse("codegen"),
        Command::Completion(args) => completion::print_registration(&args, &environment),
        Command::Context(command) => until_interrupted(command.run(&environment)).await,
        Command::Doctor(_) => until_interrupted(doctor::doctor(&environment)).await,
        Command::Logs(args) => until_interrupted(logs::logs(&args, &environment)).await,
        Command::Man(args) => man::write_pages(&args, &environment),
        Command::New(args) => new::new(&args, &environment),
        Command::Node(_) => programs::refuse("node"),
        Command::Record(args) => record::record(&args, &environment).await,
        Command::Replay(args) => replay::replay(&args, &environment).await,
        Command::Run(args) => run::run_apps(&args, &environment).await,
        Command::Service(command) => command.run(&environment).await,
        Command::Storage(command) => command.run(&environment).await,
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
