//! `cocaine trace`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use cocaine::Severity;
use cocaine_bindings::{LogLines, LoggingStream as _, LoggingStreamClient};
use tokio::time::{Instant, timeout_at};

use crate::{
    environment::Environment,
    error::{Error, ExitStatus, Result},
    log_lines::{LineRow, connect_stream},
    trace::{self, Beginning, TraceRow, file, request::RequestKey},
};

/// After how long without a line all that was kept has come, and after how long in any case.
const QUIET: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// Shows what the log has of one request
///
/// Examples:
///
///   cocaine trace 5f1d00c2a9be4411
///
///   cocaine trace order-5 --file /var/log/cocaine/node.log --file /var/log/cocaine/access.log
///
///   cocaine trace -f 5f1d00c2a9be4411
///
/// ID is what `cocaine call --trace` prints, the `X-Request-Id` or `traceparent` of a request over HTTP, or the attribute `trace_id` of a
/// line. Lines are those that have it in an attribute or in their text, in the order of their times, with what has passed since the
/// first. They are what services and apps have logged, as far as the node has kept it. What a node logs itself, requests over HTTP
/// included, is in its files alone (`log.file`, `http.access_log.file`): `--file` reads them in place of the cloud. So does what an
/// original node logs.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Trace {
    /// The id
    #[arg(value_name = "ID")]
    request: RequestKey,
    /// Go on with the lines that come
    #[arg(long, short, conflicts_with = "file")]
    follow: bool,
    /// Read this file, `-` for standard input, in place of the log of the cloud; may be given several times
    #[arg(long, value_name = "LOG")]
    file: Vec<PathBuf>,
}

pub(super) async fn trace(args: &Trace, environment: &Environment) -> Result<ExitStatus> {
    if !args.file.is_empty() {
        let mut lines = Vec::new();
        for path in &args.file {
            lines.extend(file::lines_of(&args.request, path)?);
        }
        return print(environment, &trace::rows(lines), || {
            "the files have no line of this request".to_owned()
        });
    }
    let stream = connect_stream(&environment.cloud()?).await?;
    let mut reader = StreamReader { request: &args.request, environment, oldest: None, lost: 0 };
    if args.follow {
        return reader.follow(&stream).await;
    }
    let lines = reader.kept(&stream).await?;
    let since =
        reader.oldest.as_deref().map_or("has no lines".to_owned(), |time| format!("has lines since {time}"));
    if reader.lost > 0 {
        environment
            .output
            .note(format_args!("{} lines are missing: they came faster than they were read", reader.lost));
    }
    if !lines.is_empty() {
        environment.output.note(format_args!(
            "the node {since}; older ones, and what it logs itself, are in its files: `--file LOG`"
        ));
    }
    print(environment, &trace::rows(lines), || {
        format!(
            "no line of this request: the node {since}. Older ones, and what it logs itself, are in its files (`--file LOG`); what an app \
             logs has the id if it logs through the cloud"
        )
    })
}

fn print(
    environment: &Environment,
    rows: &[TraceRow],
    missing: impl FnOnce() -> String,
) -> Result<ExitStatus> {
    if rows.is_empty() {
        return Err(Error::NotFound(missing()));
    }
    environment.output.rows(rows)?;
    Ok(ExitStatus::Done)
}

/// Reads the lines of a request from the stream of the node.
struct StreamReader<'a> {
    request: &'a RequestKey,
    environment: &'a Environment,
    /// The time of the oldest line of any request.
    oldest: Option<String>,
    lost: u64,
}

impl StreamReader<'_> {
    /// Returns the lines that the node has kept.
    async fn kept(&mut self, stream: &LoggingStreamClient) -> Result<Vec<LineRow>> {
        let mut batches = stream.follow(&[], Severity::Debug, u64::MAX);
        let (mut lines, latest) = (Vec::new(), Instant::now() + LONGEST);
        // Lines that come meanwhile are of no request that is over, and must not make this endless.
        while let Ok(Some(batch)) = timeout_at(latest.min(Instant::now() + QUIET), batches.recv()).await {
            lines.extend(self.select(&batch.map_err(Error::while_doing("the log cannot be read"))?));
        }
        Ok(lines)
    }

    /// Prints the lines as they come.
    async fn follow(&mut self, stream: &LoggingStreamClient) -> Result<ExitStatus> {
        let mut batches = stream.follow(&[], Severity::Debug, u64::MAX);
        let mut beginning = Beginning::default();
        while let Some(batch) = batches.recv().await {
            for line in self.select(&batch.map_err(Error::while_doing("the log cannot be followed"))?) {
                self.environment.output.row(&beginning.row(line))?;
            }
        }
        Err(Error::Failed(
            "the node has ended the stream of its log; follow it again when it is back".to_owned(),
        ))
    }

    fn select(&mut self, batch: &LogLines) -> Vec<LineRow> {
        self.lost += batch.lost;
        let rows: Vec<_> = batch.lines.iter().map(LineRow::from_stream).collect();
        self.oldest = rows.iter().map(|row| &row.time).chain(&self.oldest).min().cloned();
        rows.into_iter().filter(|row| self.request.is_in(row)).collect()
    }
}
