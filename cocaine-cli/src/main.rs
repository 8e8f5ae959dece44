//! The command line of a Cocaine cloud.

use std::process::ExitCode;

use clap::Parser as _;
use cocaine_cli::{Cli, Error, ExitStatus, complete, print_error, run, run_program};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    // A worker of `cocaine node` starts here.
    #[cfg(target_os = "linux")]
    cocaine_node::helper::exec_worker_if_requested();
    if complete() {
        return ExitCode::SUCCESS;
    }
    if let Some(code) = run_program() {
        return code;
    }
    let cli = Cli::parse();
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error.into()),
    };
    let ended = runtime.block_on(run(cli));
    // A thread that still reads from a terminal would wait for a line.
    runtime.shutdown_background();
    ended.map_or_else(|error| report(&error), ExitCode::from)
}

/// Says why the command has failed, unless the reader of its output has had enough.
fn report(error: &Error) -> ExitCode {
    let status = error.status();
    if status != ExitStatus::Done {
        print_error(error);
    }
    status.into()
}
