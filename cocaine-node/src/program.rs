//! The program `cocaine-node`, which `cocaine node` is, too.
//!
//! Its messages name `cocaine-node` either way, and its help what has been typed.

mod cli;
mod error;
mod init;
mod log;
mod server;
mod service_manager;
mod signals;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::{self, ExitCode},
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;

use self::cli::{Cli, Command, DataCommand};
use self::error::ProgramError;
use self::log::ProgramLog;
use self::server::Server;
use self::signals::{ProgramSignal, Signals};

use crate::{import::Import, open_files};

/// How long the log may take to write its queue when the program cannot start.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the tasks that still run may take to be dropped when the program ends.
const EXIT_TIMEOUT: Duration = Duration::from_millis(100);

/// Runs the program with these arguments, which are those after `name`, until it ends. The caller has no async runtime, and
/// has called [`exec_worker_if_requested`](crate::helper::exec_worker_if_requested) at its start.
///
/// As process 1, it runs the same executable with the same command line in a child.
pub fn run(name: &'static str, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let ended = if process::id() == init::PID { init::run() } else { start(&Cli::from_args(name, args)) };
    ended.unwrap_or_else(|error| {
        eprintln!("cocaine-node: {error}");
        ExitCode::FAILURE
    })
}

fn start(cli: &Cli) -> Result<ExitCode, ProgramError> {
    if let Some(import) = cli.import(|name| env::var_os(name))? {
        return run_import(&import);
    }
    if let Err(error) = open_files::raise_limit() {
        eprintln!("cocaine-node: the limit of open files stays as it is: {error}");
    }
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(run_command(cli));
    // Dropping the task of a worker kills it.
    runtime.shutdown_timeout(EXIT_TIMEOUT);
    ended
}

/// Runs an import, and prints what it has done.
fn run_import(import: &Import) -> Result<ExitCode, ProgramError> {
    let report = import.run()?;
    write!(io::stdout(), "{report}")?;
    Ok(ExitCode::SUCCESS)
}

/// Carries out a command, or runs a node or a gateway until the process is told to stop.
async fn run_command(cli: &Cli) -> Result<ExitCode, ProgramError> {
    match cli.data_command() {
        Some(command) if !cli.check_config => run_data_command(command).await,
        _ => run_server(cli).await,
    }
}

/// Carries out a command for a data folder. A signal ends it.
async fn run_data_command(command: &DataCommand) -> Result<ExitCode, ProgramError> {
    let mut signals = Signals::new()?;
    tokio::select! {
        done = command.run(|name| env::var_os(name)) => done.map(|()| ExitCode::SUCCESS),
        stop = signals.recv_stop() => Err(format!("{} before the end", stop.text()).into()),
    }
}

/// Runs a node or a gateway until the process is told to stop.
async fn run_server(cli: &Cli) -> Result<ExitCode, ProgramError> {
    let mut command = read_command(cli)?;
    // Checked before anything starts.
    command.shutdown_timeout()?;
    if cli.check_config || cli.print_config {
        return show(cli, &command);
    }
    let mut signals = Signals::new()?;
    let mut log = ProgramLog::start(command.log_config())?;
    let started = tokio::select! {
        started = Server::start(&command, log.log()) => started.map(Some),
        _ = signals.recv_stop() => Ok(None),
    };
    let Ok(Some(mut server)) = started else {
        log.close(LOG_TIMEOUT).await;
        return started.map(|_| ExitCode::SUCCESS);
    };
    service_manager::notify_ready();
    let stop = loop {
        match signals.recv().await {
            ProgramSignal::Stop(stop) => break stop,
            ProgramSignal::Hangup => {
                service_manager::notify_reloading();
                reload(cli, &mut command, &mut server, &mut log).await;
                service_manager::notify_ready();
            }
        }
    };
    service_manager::notify_stopping();
    let limit = command.shutdown_timeout()?;
    tracing::info!(?limit, "{}: stopping", stop.text());
    let start = Instant::now();
    let stopped = async {
        server.shutdown(limit).await;
        let left = limit.saturating_sub(start.elapsed());
        log.close(left.saturating_sub(EXIT_TIMEOUT)).await;
    };
    tokio::select! {
        () = stopped => Ok(ExitCode::SUCCESS),
        again = signals.recv_stop() => {
            eprintln!("cocaine-node: {} again: ending at once", again.text());
            Ok(again.exit_code())
        }
    }
}

/// Checks the configuration and, if that is wanted, prints it.
fn show(cli: &Cli, command: &Command) -> Result<ExitCode, ProgramError> {
    command.check()?;
    if cli.print_config {
        for warning in command.config_warnings() {
            eprintln!("cocaine-node: {warning}");
        }
        server::print_text(&command.to_toml()?);
    } else {
        for warning in command.config_warnings() {
            println!("cocaine-node: {warning}");
        }
        println!("cocaine-node: the configuration can be used");
    }
    Ok(ExitCode::SUCCESS)
}

fn read_command(cli: &Cli) -> Result<Command, ProgramError> {
    Ok(cli.clone().into_command(|name| env::var_os(name))?)
}

/// Reads the configuration again and applies what can be changed while the program runs. Reopens the log file in any case.
async fn reload(cli: &Cli, command: &mut Command, server: &mut Server, log: &mut ProgramLog) {
    let applied = read_command(cli).and_then(|newer| {
        newer.shutdown_timeout()?;
        let fixed = server.reload(command, &newer)?;
        *command = newer;
        Ok(fixed)
    });
    match applied {
        Ok(fixed) => {
            log.reload(command.log_config()).await;
            tracing::info!("the configuration is read again");
            if !fixed.is_empty() {
                let keys = fixed.join(", ");
                tracing::warn!(keys, "some changes of the configuration need a restart");
            }
        }
        Err(error) => {
            server.reopen_logs();
            log.reopen().await;
            tracing::error!(%error, "the configuration cannot be used: it stays as it is");
        }
    }
}
