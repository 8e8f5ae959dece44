//! `cocaine replay`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;

use crate::{
    environment::Environment,
    error::{ExitStatus, Result},
    output::Row,
    recording::{
        comparison::{AnswerDifference, compare},
        replay_server::{ReplayServer, Unexpected},
    },
};

/// How long an answer is waited for.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers as recorded services did, or compares a cloud with them
///
/// Examples:
///
///   cocaine replay calls.jsonl --listen 127.0.0.1:10054
///
///   cocaine replay calls.jsonl --against --locator cloud:10053
///
/// Clients that use the printed address as their locator get the recorded answers, in place of a cloud; a message that the
/// recording does not have is answered with an error, and printed. With `--against`, what the clients sent is sent to the
/// cloud, and the answers are compared: this calls whatever was called, writes included. Values that change, such as times,
/// are marked in the file as `{"$any": true}`. Either ends with 7 if anything differs.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Replay {
    /// The recording
    file: PathBuf,
    /// The address for clients; the services get free ports beside it
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0", conflicts_with = "against")]
    listen: String,
    /// Send the recorded messages to the cloud, and compare its answers
    #[arg(long)]
    against: bool,
}

pub(super) async fn replay(args: &Replay, environment: &Environment) -> Result<ExitStatus> {
    if args.against { compare_answers(args, environment).await } else { serve(args, environment).await }
}

async fn serve(args: &Replay, environment: &Environment) -> Result<ExitStatus> {
    let output = environment.output;
    let server = ReplayServer::bind(&args.file, &args.listen).await?;
    output.note(format_args!("clients: --locator {}; Ctrl-C ends the replay", server.address()?));
    let mut unexpected = 0_u64;
    let report = |message: Unexpected| {
        unexpected += 1;
        output.row(&UnexpectedRow::from(message))
    };
    tokio::select! {
        biased;
        ended = server.run(report) => ended?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(if unexpected == 0 { ExitStatus::Done } else { ExitStatus::Differs })
}

async fn compare_answers(args: &Replay, environment: &Environment) -> Result<ExitStatus> {
    let cloud = environment.cloud()?;
    let (wait, token) = (environment.timeout_or(DEFAULT_TIMEOUT)?, environment.token()?);
    let comparison = tokio::select! {
        comparison = compare(&args.file, &cloud, token.as_deref(), wait) => comparison?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            return Ok(ExitStatus::Interrupted);
        }
    };
    let rows: Vec<_> = comparison.differences.into_iter().map(DifferenceRow::from).collect();
    environment.output.rows(&rows)?;
    environment.output.note(format_args!(
        "{} calls, {} answers, {} differ",
        comparison.calls,
        comparison.answers,
        rows.len()
    ));
    Ok(if rows.is_empty() { ExitStatus::Done } else { ExitStatus::Differs })
}

/// A message that is not recorded.
#[derive(Debug, Serialize)]
struct UnexpectedRow {
    message: String,
    /// The line of the recording with the message in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
}

impl From<Unexpected> for UnexpectedRow {
    fn from(Unexpected { message, expected }: Unexpected) -> Self {
        let (line, expected) = expected.unzip();
        Self { message, line, expected }
    }
}

impl Row for UnexpectedRow {
    const COLUMNS: &'static [&'static str] = &["message", "expected"];

    fn cells(&self) -> Vec<String> {
        let expected = match (&self.expected, self.line) {
            (Some(expected), Some(line)) => format!("line {line}: {expected}"),
            _ => "not recorded".to_owned(),
        };
        vec![self.message.clone(), expected]
    }
}

/// An answer that differs.
#[derive(Debug, Serialize)]
struct DifferenceRow {
    line: usize,
    call: String,
    expected: String,
    found: String,
}

impl From<AnswerDifference> for DifferenceRow {
    fn from(AnswerDifference { line, call, expected, found }: AnswerDifference) -> Self {
        Self { line, call, expected, found }
    }
}

impl Row for DifferenceRow {
    const COLUMNS: &'static [&'static str] = &["line", "call", "expected", "found"];

    fn cells(&self) -> Vec<String> {
        vec![self.line.to_string(), self.call.clone(), self.expected.clone(), self.found.clone()]
    }
}
