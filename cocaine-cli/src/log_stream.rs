//! The lines that apps print and that are logged, from the service `logging::stream` of a node.

use std::{fmt, time::Duration};

use cocaine::{Client, Severity};
use cocaine_bindings::{LogLines, LoggingStream as _, LoggingStreamClient, StreamedLine};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    error::{Error, Result},
    log_lines::connect_stream,
};

/// After how long without a line what was kept has been shown, and after how long in any case.
const QUIET: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);
/// The first and the longest pause before a stream that was lost is opened again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Which lines are wanted.
#[derive(Debug)]
pub(crate) struct LogFilter {
    /// Everything if there is none.
    pub(crate) sources: Vec<String>,
    /// What is less severe is left out.
    pub(crate) severity: Severity,
}

/// What comes from a stream of lines.
#[derive(Debug)]
pub(crate) enum LogEvent<'a> {
    Line(&'a StreamedLine),
    /// So many lines came faster than they were read.
    Missing(u64),
    /// The stream has ended, with this error if there was one, and is opened again.
    Lost(Option<Error>),
}

/// One stream of lines.
struct Follower<'a, F> {
    filter: &'a LogFilter,
    on_event: F,
    /// The time of the last line of the streams before, up to which lines are left out.
    shown_until: u64,
    /// The time of the last line.
    last: u64,
}

/// When a stream is read no longer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StreamEnd {
    /// When nothing has come for a while.
    Quiet,
    /// When the node ends it.
    Node,
}

impl LogFilter {
    /// Calls `on_event` for the last `history` lines that the node has, and returns.
    pub(crate) async fn read_recent(
        &self,
        cloud: &Client,
        history: u64,
        on_event: impl FnMut(LogEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut follower = Follower { filter: self, on_event, shown_until: 0, last: 0 };
        follower.run(&connect_stream(cloud).await?, history, StreamEnd::Quiet).await
    }

    /// Calls `on_event` for the last `history` lines and for those that come, until it fails. A node that is restarted is
    /// followed again.
    pub(crate) async fn follow(
        &self,
        cloud: &Client,
        mut history: u64,
        on_event: impl FnMut(LogEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut follower = Follower { filter: self, on_event, shown_until: 0, last: 0 };
        let mut pause = FIRST_PAUSE;
        loop {
            let ended = match connect_stream(cloud).await {
                Ok(stream) => follower.run(&stream, history, StreamEnd::Node).await,
                Err(error) => Err(error),
            };
            match ended {
                Err(error) if !is_lost(&error) => return Err(error),
                ended => (follower.on_event)(LogEvent::Lost(ended.err()))?,
            }
            let has_shown = follower.last > follower.shown_until;
            pause = if has_shown { FIRST_PAUSE } else { (pause * 2).min(MAX_PAUSE) };
            sleep(pause).await;
            // A node that was restarted has the lines since its start; one that was not has those that are shown as well.
            (history, follower.shown_until) = (u64::MAX, follower.last);
        }
    }
}

impl fmt::Display for LogEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(&String::from_utf8_lossy(&line.message)),
            Self::Missing(lines) => {
                write!(f, "{lines} lines are missing: they came faster than they were read")
            }
            Self::Lost(Some(error)) => write!(f, "{error}; the stream is opened again"),
            Self::Lost(None) => f.write_str("the node has ended the stream; it is opened again"),
        }
    }
}

/// Returns whether the node may come back.
fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Cloud { source, .. } if source.code().is_none())
}

impl<F: FnMut(LogEvent<'_>) -> Result<()>> Follower<'_, F> {
    async fn run(&mut self, stream: &LoggingStreamClient, history: u64, end: StreamEnd) -> Result<()> {
        let sources: Vec<_> = self.filter.sources.iter().map(String::as_str).collect();
        let mut batches = stream.follow(&sources, self.filter.severity, history);
        let latest = Instant::now() + LONGEST;
        loop {
            let batch = match end {
                StreamEnd::Node => batches.recv().await,
                // On a busy node there is always another line.
                StreamEnd::Quiet => {
                    match timeout_at(latest.min(Instant::now() + QUIET), batches.recv()).await {
                        Ok(batch) => batch,
                        Err(_) => return Ok(()),
                    }
                }
            };
            let Some(batch) = batch.transpose().map_err(Error::while_doing("the log cannot be followed"))?
            else {
                return Ok(());
            };
            self.pass_on(&batch)?;
        }
    }

    fn pass_on(&mut self, batch: &LogLines) -> Result<()> {
        if batch.lost > 0 {
            (self.on_event)(LogEvent::Missing(batch.lost))?;
        }
        for line in batch.lines.iter().filter(|line| line.time > self.shown_until) {
            self.last = self.last.max(line.time);
            (self.on_event)(LogEvent::Line(line))?;
        }
        Ok(())
    }
}
