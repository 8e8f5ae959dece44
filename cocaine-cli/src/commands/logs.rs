//! `cocaine logs`.

use std::{collections::BTreeMap, time::Duration};

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;
use cocaine::{Client, Code, Scalar, Severity};
use cocaine_bindings::{LogLines, LoggingStream as _, LoggingStreamClient, StreamedLine};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::{
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::{Row, Style},
};

/// After how long without a line what was kept has been shown.
const QUIET: Duration = Duration::from_millis(500);
/// The first and the longest pause before a stream that was lost is opened again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Shows what apps print and what is logged
///
/// Examples:
///
///   cocaine logs shop
///
///   cocaine logs -f --level warning
///
///   cocaine logs -f --lines 0 --output jsonl shop statistics
///
/// Those are lines that the node still has, and with `-f` those that come, until Ctrl-C. A node that is restarted is followed
/// again. Lines that were lost meanwhile, or because this program was too slow, are counted on standard error. An original node
/// has no such stream: see its log file, and `cocaine app show NAME` for crashes.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Logs {
    /// The apps; everything if none is named
    #[arg(value_name = "APP", add = ArgValueCandidates::new(completion::apps))]
    apps: Vec<String>,
    /// Show what has this source, or a source below it; may be given several times
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Go on with the lines that come
    #[arg(long, short)]
    follow: bool,
    /// Begin with this many of the lines before
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    lines: u64,
    /// Leave out what is less severe; what apps print is `info`
    #[arg(long, value_enum, default_value_t)]
    level: Level,
    /// Show only lines with this text in them
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
}

/// How severe a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Level {
    #[default]
    Debug,
    Info,
    Warning,
    Error,
}

impl Level {
    fn severity(self) -> Severity {
        match self {
            Self::Debug => Severity::Debug,
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
        }
    }
}

pub(super) async fn logs(args: &Logs, environment: &Environment) -> Result<ExitStatus> {
    let cloud = environment.cloud()?;
    let (mut history, mut shown_until) = (args.lines, 0);
    let mut pause = FIRST_PAUSE;
    loop {
        let mut follower = Follower { args, environment, shown_until, last: shown_until };
        let ended = match connect(&cloud).await {
            Ok(stream) => follower.run(&stream, history).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) if !args.follow => return Ok(ExitStatus::Done),
            Err(error) if !args.follow || !is_lost(&error) => return Err(error),
            Ok(()) => environment.output.note("the node has ended the stream; it is opened again"),
            Err(error) => environment.output.note(format_args!("{error}; the stream is opened again")),
        }
        pause = if follower.last > shown_until { FIRST_PAUSE } else { (pause * 2).min(MAX_PAUSE) };
        sleep(pause).await;
        // A node that was restarted has the lines since its start; one that was not has those that are shown as well.
        (history, shown_until) = (u64::MAX, follower.last);
    }
}

async fn connect(cloud: &Client) -> Result<LoggingStreamClient> {
    cloud.service().await.map_err(|error| match error.code() {
        Some(Code::SERVICE_NOT_AVAILABLE) => Error::NotFound(
            "this cloud has no service `logging::stream`: an original node writes its log to a file, and crashes are in \
             `cocaine app show NAME`"
                .to_owned(),
        ),
        _ => Error::while_doing("the service `logging::stream` cannot be reached")(error),
    })
}

/// Returns whether the node may come back.
fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Cloud { source, .. } if source.code().is_none())
}

/// One stream of lines.
struct Follower<'a> {
    args: &'a Logs,
    environment: &'a Environment,
    /// The time of the last line of the streams before, up to which lines are left out.
    shown_until: u64,
    /// The time of the last line.
    last: u64,
}

impl Follower<'_> {
    async fn run(&mut self, stream: &LoggingStreamClient, history: u64) -> Result<()> {
        let apps = self.args.apps.iter().map(|app| format!("app/{app}"));
        let sources: Vec<_> = apps.chain(self.args.source.iter().cloned()).collect();
        let sources: Vec<_> = sources.iter().map(String::as_str).collect();
        let mut batches = stream.follow(&sources, self.args.level.severity(), history);
        loop {
            let batch = match timeout(QUIET, batches.recv()).await {
                Ok(batch) => batch,
                Err(_) if !self.args.follow => return Ok(()),
                Err(_) => batches.recv().await,
            };
            let Some(batch) = batch.transpose().map_err(Error::while_doing("the log cannot be followed"))?
            else {
                return Ok(());
            };
            self.print(&batch)?;
        }
    }

    fn print(&mut self, batch: &LogLines) -> Result<()> {
        let output = self.environment.output;
        if batch.lost > 0 {
            output
                .note(format_args!("{} lines are missing: they came faster than they were read", batch.lost));
        }
        for line in batch.lines.iter().filter(|line| line.time > self.shown_until) {
            self.last = self.last.max(line.time);
            let row = LineRow::new(line);
            if self.args.grep.as_ref().is_none_or(|text| row.message.contains(text)) {
                output.row(&row)?;
            }
        }
        Ok(())
    }
}

/// A line, as it is printed.
#[derive(Debug, Serialize)]
struct LineRow {
    time: String,
    level: &'static str,
    source: String,
    /// The worker that has printed it.
    worker: Option<String>,
    message: String,
    attributes: BTreeMap<String, Scalar>,
}

impl LineRow {
    fn new(line: &StreamedLine) -> Self {
        let time = i64::try_from(line.time).ok().and_then(|time| Timestamp::from_microsecond(time).ok());
        Self {
            time: time.unwrap_or_default().to_string(),
            level: match line.severity {
                Severity::Debug => "debug",
                Severity::Info => "info",
                Severity::Warning => "warning",
                _ => "error",
            },
            source: line.source.clone(),
            worker: line.worker.clone(),
            message: String::from_utf8_lossy(&line.message).into_owned(),
            attributes: line.attributes.iter().cloned().collect(),
        }
    }
}

impl Row for LineRow {
    const COLUMNS: &'static [&'static str] = &["time", "level", "source", "worker", "message"];

    fn cells(&self) -> Vec<String> {
        let worker = self.worker.as_deref().map_or("-", |uuid| uuid.get(..8).unwrap_or(uuid));
        let attributes: Vec<_> =
            self.attributes.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        vec![
            self.time.clone(),
            self.level.to_owned(),
            self.source.clone(),
            worker.to_owned(),
            format!("{}{}", self.message, attributes.concat()),
        ]
    }
    fn style(&self, column: usize) -> Style {
        match (column, self.level) {
            (0 | 3, _) | (1, "debug") => Style::Faint,
            (1, "warning") => Style::Warning,
            (1, "error") => Style::Failed,
            _ => Style::Plain,
        }
    }
}
