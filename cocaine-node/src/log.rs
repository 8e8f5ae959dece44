//! The log: readable lines on a terminal, JSON lines in a file, or both.
//!
//! Logging never blocks. Records go through a queue, limited in number and in bytes, to a thread that writes them.
//! Records that find the queue full are dropped and counted, and the count is logged once there is room.

mod broadcast;
mod file;
pub(crate) mod filters;
mod format;
mod layer;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::SystemTime,
};

use cocaine::{Scalar, Severity, Trace};
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use broadcast::LogBroadcast;
pub use broadcast::{FollowerLimitError, LogBatch, LogFollower, LogLine, LogSelection};
pub(crate) use format::format_date;
pub use layer::LogLayer;

pub(crate) use file::LogFile;
use writer::{Entry, LogWriter};

/// The largest number of queued records.
const MAX_QUEUED_RECORDS: usize = 8192;
/// The queued bytes at which further records are dropped. A single record may exceed it.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// The attribute with the id of a trace, as clients write it.
const TRACE_ID: &str = "trace_id";

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// When it was logged.
    pub time: SystemTime,
    /// The severity.
    pub severity: Severity,
    /// The source, by convention `app/` and the app's name.
    pub source: String,
    /// The message.
    pub message: String,
    /// Named values that belong to the message.
    pub attributes: Vec<(String, Scalar)>,
}

impl LogRecord {
    /// Returns a record with the current time and no attributes.
    pub fn new(severity: Severity, source: impl Into<String>, message: impl Into<String>) -> Self {
        let (source, message) = (source.into(), message.into());
        Self { time: SystemTime::now(), severity, source, message, attributes: Vec::new() }
    }

    /// Adds the id of the trace of the current request, unless whoever logs has named it.
    #[must_use]
    pub(crate) fn with_current_trace(mut self) -> Self {
        let trace = Trace::current().filter(|_| self.attributes.iter().all(|(name, _)| name != TRACE_ID));
        self.attributes
            .extend(trace.map(|trace| (TRACE_ID.to_owned(), format!("{:016x}", trace.trace_id).into())));
        self
    }

    /// Returns the record for those who follow the log.
    pub(crate) fn to_line(&self) -> LogLine {
        LogLine::logged((self.time, self.severity), &self.source, &self.message, &self.attributes)
    }

    /// Returns roughly the number of bytes that the record occupies.
    fn weight(&self) -> usize {
        let attribute = |(name, value): &(String, Scalar)| {
            let value = if let Scalar::Raw(raw) = value { raw.len() } else { 0 };
            size_of::<(String, Scalar)>() + name.len() + value
        };
        let attributes: usize = self.attributes.iter().map(attribute).sum();
        size_of::<Self>() + self.source.len() + self.message.len() + attributes
    }
}

/// A terminal, or a writer in its place.
struct Terminal {
    out: Box<dyn Write + Send>,
    format: TerminalFormat,
}

/// The form of the lines on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TerminalFormat {
    Text,
    ColouredText,
    Json,
}

/// Settings of a [`Log`].
#[derive(Default)]
pub struct LogBuilder {
    terminal: Option<Terminal>,
    file: Option<PathBuf>,
    verbosity: i32,
}

impl LogBuilder {
    /// Writes to the standard error stream, in colour if it is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn stderr(self) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_coloured = io::stderr().is_terminal() && !plain;
        let format = if is_coloured { TerminalFormat::ColouredText } else { TerminalFormat::Text };
        self.terminal(Box::new(io::stderr()), format)
    }

    /// Writes JSON lines to the standard error stream, like those of a file.
    #[must_use]
    pub fn stderr_json(self) -> Self {
        self.terminal(Box::new(io::stderr()), TerminalFormat::Json)
    }

    fn terminal(self, out: Box<dyn Write + Send>, format: TerminalFormat) -> Self {
        Self { terminal: Some(Terminal { out, format }), ..self }
    }

    /// Appends JSON lines to a file.
    #[must_use]
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..self }
    }

    /// Sets the least severity that is logged. The default is 0.
    #[must_use]
    pub fn verbosity(self, verbosity: i32) -> Self {
        Self { verbosity, ..self }
    }

    /// Opens the file and starts the writer thread.
    pub fn start(self) -> io::Result<Log> {
        let file = self.file.map(LogFile::open).transpose()?;
        let (entries, queue) = mpsc::channel(MAX_QUEUED_RECORDS);
        let (ended, end) = watch::channel(());
        let counters = Arc::new(LogCounters::default());
        let writer = LogWriter::new(queue, counters.clone(), self.terminal, file, ended);
        thread::Builder::new().name("cocaine-log".into()).spawn(move || writer.run())?;
        let verbosity = Arc::new(AtomicI32::new(self.verbosity));
        Ok(Log { entries, counters, verbosity, end })
    }
}

impl fmt::Debug for LogBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBuilder")
            .field("terminal", &self.terminal.is_some())
            .field("file", &self.file)
            .field("verbosity", &self.verbosity)
            .finish()
    }
}

/// Counts queued and dropped records.
#[derive(Debug, Default)]
struct LogCounters {
    /// The queued bytes.
    queued_bytes: AtomicUsize,
    /// The records dropped since that was last reported.
    dropped: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
}

/// A log; clones share it.
#[derive(Clone, Debug)]
pub struct Log {
    entries: mpsc::Sender<Entry>,
    counters: Arc<LogCounters>,
    verbosity: Arc<AtomicI32>,
    end: watch::Receiver<()>,
}

impl Log {
    /// Returns a builder of a log, which by default writes nowhere.
    pub fn builder() -> LogBuilder {
        LogBuilder::default()
    }

    /// Returns the least severity for which [`Log::is_enabled`] is true.
    pub fn verbosity(&self) -> i32 {
        self.verbosity.load(Ordering::Relaxed)
    }

    /// Returns whether records of this severity are logged.
    pub fn is_enabled(&self, severity: Severity) -> bool {
        i32::from(severity) >= self.verbosity()
    }

    /// Queues a record of any severity, unless the queue is full.
    pub fn write(&self, record: LogRecord) {
        let weight = record.weight();
        if self.counters.queued_bytes.fetch_add(weight, Ordering::Relaxed) < MAX_QUEUED_BYTES
            && self.entries.try_send(Entry::Record(record, weight)).is_ok()
        {
            self.counters.accepted.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.counters.queued_bytes.fetch_sub(weight, Ordering::Relaxed);
        self.counters.rejected.fetch_add(1, Ordering::Relaxed);
        self.counters.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of records queued so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.counters.accepted.load(Ordering::Relaxed)
    }

    /// Returns the number of records dropped so far.
    pub(crate) fn rejected(&self) -> u64 {
        self.counters.rejected.load(Ordering::Relaxed)
    }

    /// Sets the least severity for which [`Log::is_enabled`] is true.
    pub fn set_verbosity(&self, verbosity: i32) {
        self.verbosity.store(verbosity, Ordering::Relaxed);
    }

    /// Continues with the file at `path`, or without a file. The path may be that of the current file: whoever rotates logs
    /// moves a file away and lets the next lines go to a new one. Records that are queued go to the old file.
    ///
    /// # Errors
    /// The new file cannot be opened; the old one stays in use.
    pub async fn reopen(&self, path: Option<PathBuf>) -> io::Result<()> {
        let closed = || io::Error::other("the log is closed");
        let (done, reopened) = oneshot::channel();
        self.entries.send(Entry::Reopen(path, done)).await.map_err(|_| closed())?;
        reopened.await.map_err(|_| closed())?
    }

    /// Writes the queued records and closes the log.
    pub async fn close(&self) {
        // An error means that another `close` came first.
        drop(self.entries.send(Entry::Close).await);
        let mut end = self.end.clone();
        while end.changed().await.is_ok() {}
    }
}
