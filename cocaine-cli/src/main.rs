//! The command line of a Cocaine cloud.

use std::process::ExitCode;

use clap::Parser as _;
use cocaine_cli::{Cli, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("error: {error}");
            error.status().into()
        }
    }
}
