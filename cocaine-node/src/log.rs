//! Where log lines go: a readable terminal, a file of JSON lines, or both.
//!
//! Whoever logs never waits. Records go through a queue that is bounded in number and in bytes to a thread that
//! writes them; what finds the queue full is counted, and the count is logged once there is room.

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

use cocaine::{Scalar, Severity};
use tokio::sync::{mpsc, watch};

pub(crate) use format::day;
pub use layer::LogLayer;

use file::LogFile;
use writer::{Entry, LogWriter};

/// Records that may wait to be written.
const MAX_QUEUED_RECORDS: usize = 8192;
/// Bytes of records that may wait; one record more is taken when fewer do.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// When it was logged.
    pub time: SystemTime,
    /// How much it matters.
    pub severity: Severity,
    /// Who speaks, by convention `app/` and the app's name.
    pub source: String,
    /// What is said.
    pub message: String,
    /// What goes with it.
    pub attributes: Vec<(String, Scalar)>,
}

impl LogRecord {
    /// Returns a record of this moment without attributes.
    pub fn new(severity: Severity, source: impl Into<String>, message: impl Into<String>) -> Self {
        let (source, message) = (source.into(), message.into());
        Self { time: SystemTime::now(), severity, source, message, attributes: Vec::new() }
    }

    /// Returns roughly how many bytes it takes.
    fn weight(&self) -> usize {
        let attribute = |(name, value): &(String, Scalar)| {
            let value = if let Scalar::Raw(raw) = value { raw.len() } else { 0 };
            size_of::<(String, Scalar)>() + name.len() + value
        };
        let attributes: usize = self.attributes.iter().map(attribute).sum();
        size_of::<Self>() + self.source.len() + self.message.len() + attributes
    }
}

/// A terminal, or what stands for one.
struct Terminal {
    out: Box<dyn Write + Send>,
    colour: bool,
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
        let colour = io::stderr().is_terminal() && !plain;
        self.terminal(Box::new(io::stderr()), colour)
    }

    fn terminal(self, out: Box<dyn Write + Send>, colour: bool) -> Self {
        Self { terminal: Some(Terminal { out, colour }), ..self }
    }

    /// Appends JSON lines to a file.
    #[must_use]
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..self }
    }

    /// Leaves out what is less severe; 0 unless set.
    #[must_use]
    pub fn verbosity(self, verbosity: i32) -> Self {
        Self { verbosity, ..self }
    }

    /// Opens the file and starts to write.
    pub fn start(self) -> io::Result<Log> {
        let file = self.file.map(LogFile::open).transpose()?;
        let (entries, queue) = mpsc::channel(MAX_QUEUED_RECORDS);
        let (ended, end) = watch::channel(());
        let counts = Arc::new(LogCounters::default());
        let terminal = self.terminal.map(|terminal| (terminal.out, terminal.colour));
        let writer = LogWriter::new(queue, counts.clone(), terminal, file, ended);
        thread::Builder::new().name("cocaine-log".into()).spawn(move || writer.run())?;
        let verbosity = Arc::new(AtomicI32::new(self.verbosity));
        Ok(Log { entries, counts, verbosity, end })
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

/// What is in the queue, and what found no room in it.
#[derive(Debug, Default)]
struct LogCounters {
    waiting: AtomicUsize,
    /// Records that found no room since that was last said.
    dropped: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
}

/// A log that takes records; clones share it.
#[derive(Clone, Debug)]
pub struct Log {
    entries: mpsc::Sender<Entry>,
    counts: Arc<LogCounters>,
    verbosity: Arc<AtomicI32>,
    end: watch::Receiver<()>,
}

impl Log {
    /// Returns settings for a log that writes nowhere yet.
    pub fn builder() -> LogBuilder {
        LogBuilder::default()
    }

    /// Returns the least severity that [`Log::is_enabled`] lets through.
    pub fn verbosity(&self) -> i32 {
        self.verbosity.load(Ordering::Relaxed)
    }

    /// Returns whether records of this severity are wanted.
    pub fn is_enabled(&self, severity: Severity) -> bool {
        i32::from(severity) >= self.verbosity()
    }

    /// Queues a record, whatever its severity, unless the queue is full.
    pub fn write(&self, record: LogRecord) {
        let weight = record.weight();
        if self.counts.waiting.fetch_add(weight, Ordering::Relaxed) < MAX_QUEUED_BYTES
            && self.entries.try_send(Entry::Record(record, weight)).is_ok()
        {
            self.counts.accepted.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.counts.waiting.fetch_sub(weight, Ordering::Relaxed);
        self.counts.rejected.fetch_add(1, Ordering::Relaxed);
        self.counts.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many records were queued up to now.
    pub(crate) fn accepted(&self) -> u64 {
        self.counts.accepted.load(Ordering::Relaxed)
    }

    /// Returns how many records found the queue full up to now.
    pub(crate) fn rejected(&self) -> u64 {
        self.counts.rejected.load(Ordering::Relaxed)
    }

    /// Writes what waits and takes nothing more.
    pub async fn close(&self) {
        // An error means that another `close` came first.
        drop(self.entries.send(Entry::Close).await);
        let mut end = self.end.clone();
        while end.changed().await.is_ok() {}
    }
}
