//! What each command does.

mod app;
pub(crate) mod command_line;

use crate::{
    commands::command_line::{AppCommand, Cli, Command},
    error::{ExitStatus, Result},
};

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps it from being done. [`Error::status`](crate::Error::status) says how the program ends then.
pub async fn run(cli: &Cli) -> Result<ExitStatus> {
    match &cli.command {
        Command::App(AppCommand::Upload(args)) => app::upload::upload(args).await,
        Command::App(AppCommand::Check(args)) => app::check::check(args).await,
    }
}
