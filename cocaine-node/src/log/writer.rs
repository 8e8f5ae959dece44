//! The thread that writes the log.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use cocaine::Severity;
use tokio::sync::{mpsc, oneshot, watch};

use super::{LogCounters, LogRecord, Terminal, TerminalFormat, file::LogFile, format};

/// The source of the log's own messages.
const SOURCE: &str = "node/log";

/// The size in bytes at which a batch is written.
const BATCH_BYTES: usize = 256 << 10;

pub(super) enum Entry {
    /// A record, and its weight in the queue.
    Record(LogRecord, usize),
    /// Continues with the file at this path, or with none.
    Reopen(Option<PathBuf>, oneshot::Sender<io::Result<()>>),
    Close,
}

pub(super) struct LogWriter {
    entries: mpsc::Receiver<Entry>,
    counters: Arc<LogCounters>,
    outputs: Outputs,
    ended: watch::Sender<()>,
}

struct Outputs {
    terminal: Option<Terminal>,
    /// What is written to the terminal next.
    shown: Vec<u8>,
    file: Option<LogFile>,
    json: Vec<u8>,
}

impl LogWriter {
    pub(super) fn new(
        entries: mpsc::Receiver<Entry>,
        counters: Arc<LogCounters>,
        terminal: Option<Terminal>,
        file: Option<LogFile>,
        ended: watch::Sender<()>,
    ) -> Self {
        let outputs = Outputs { terminal, shown: Vec::new(), file, json: Vec::new() };
        Self { entries, counters, outputs, ended }
    }

    /// Writes until the log is closed or its last handle is dropped.
    pub(super) fn run(mut self) {
        while let Some(entry) = self.entries.blocking_recv() {
            let mut weight = self.append(entry);
            while self.outputs.len() < BATCH_BYTES {
                let Ok(entry) = self.entries.try_recv() else { break };
                weight += self.append(entry);
            }
            self.outputs.flush();
            self.counters.queued_bytes.fetch_sub(weight, Ordering::Relaxed);
            self.report_dropped();
        }
        self.outputs.sync();
        drop(self.ended);
    }

    /// Formats a record into the batch, and returns its weight in the queue.
    fn append(&mut self, entry: Entry) -> usize {
        match entry {
            Entry::Record(record, weight) => {
                self.outputs.add(&record);
                weight
            }
            Entry::Reopen(path, done) => {
                // Fails only if nobody waits for it any more.
                let _ = done.send(self.outputs.reopen(path));
                0
            }
            Entry::Close => {
                self.entries.close();
                0
            }
        }
    }

    /// Logs the number of records dropped since the last report.
    fn report_dropped(&mut self) {
        let dropped = self.counters.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let text = format!("{dropped} records were dropped: more came than could be written");
            self.outputs.add(&LogRecord::new(Severity::Warning, SOURCE, text));
            self.outputs.flush();
        }
    }
}

impl Outputs {
    fn add(&mut self, record: &LogRecord) {
        self.show(record);
        if self.file.is_some() {
            format::write_json(record, &mut self.json);
        }
    }

    fn show(&mut self, record: &LogRecord) {
        let Some(Terminal { format, .. }) = self.terminal else { return };
        match format {
            TerminalFormat::Text => format::write_text(record, false, &mut self.shown),
            TerminalFormat::ColouredText => format::write_text(record, true, &mut self.shown),
            TerminalFormat::Json => format::write_json(record, &mut self.shown),
        }
    }

    fn len(&self) -> usize {
        self.shown.len() + self.json.len()
    }

    fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && let Some(message) = file.write(&self.json)
        {
            self.show(&LogRecord::new(Severity::Error, SOURCE, message));
        }
        if let Some(Terminal { out, .. }) = &mut self.terminal {
            // There is no other place to report that the terminal cannot be written.
            drop(out.write_all(&self.shown).and_then(|()| out.flush()));
        }
        self.json.clear();
        self.shown.clear();
        self.json.shrink_to(BATCH_BYTES);
        self.shown.shrink_to(BATCH_BYTES);
    }

    /// Opens the file at `path`, which may be another one under the same name. After an error the old file stays in use.
    fn reopen(&mut self, path: Option<PathBuf>) -> io::Result<()> {
        // What came before belongs to the old file.
        self.flush();
        self.file = path.map(LogFile::open).transpose()?;
        Ok(())
    }

    fn sync(&mut self) {
        if let Some(file) = &self.file {
            file.sync();
        }
    }
}
