//! The program `cocaine`, for the test that runs the commands of the chapters: a test gets only programs of its own package.

use std::process::ExitCode;

use clap::Parser as _;
use cocaine_cli::{Cli, ExitStatus, run};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let ended = runtime.block_on(run(cli));
    runtime.shutdown_background();
    ended.map_or_else(|error| report(&error), ExitCode::from)
}

fn report(error: &cocaine_cli::Error) -> ExitCode {
    let status = error.status();
    if status != ExitStatus::Done {
        eprintln!("error: {error}");
        if let Some(hint) = error.hint() {
            eprintln!("hint: {hint}");
        }
    }
    status.into()
}
