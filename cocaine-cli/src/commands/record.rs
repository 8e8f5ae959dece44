//! `cocaine record`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;

use crate::{
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
    recording::recorder::Recorder,
};

/// Writes down what passes between clients and services
///
/// Examples:
///
///   cocaine record calls.jsonl --listen 127.0.0.1:10054
///
///   cocaine record orders.jsonl shop storage
///
/// Clients that use the printed address as their locator get what they always get, and each message goes into the file: a line
/// of JSON with time, direction, method and arguments. Tokens and cookies are left out; what clients store is not, so that only
/// the owner may read the file. Ctrl-C ends the recording. `cocaine replay` answers or compares with it.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Record {
    /// The file to create
    file: PathBuf,
    /// The services and apps to record; all that clients resolve if none is named
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(completion::services))]
    services: Vec<String>,
    /// The address for clients; the services get free ports beside it
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
}

pub(super) async fn record(args: &Record, environment: &Environment) -> Result<ExitStatus> {
    let Record { file, services, listen } = args;
    let recorder = Recorder::bind(environment.locators()?, services.iter().cloned(), listen, file).await?;
    let output = environment.output;
    output.note(format_args!("clients: --locator {}; Ctrl-C ends the recording", recorder.address()));
    tokio::select! {
        ended = recorder.run() => ended?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    output.note(format_args!("{} is written", file.display()));
    Ok(ExitStatus::Done)
}
