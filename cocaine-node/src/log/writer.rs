//! The thread that writes.

use std::{
    io::Write,
    sync::{Arc, atomic::Ordering},
};

use cocaine::Severity;
use tokio::sync::{mpsc, watch};

use super::{LogCounters, LogRecord, file::LogFile, format};

/// Who speaks when the log speaks of itself.
const SOURCE: &str = "node/log";

/// Bytes that are gathered before they are written.
const BATCH_BYTES: usize = 256 << 10;

pub(super) enum Entry {
    /// A record, and what it counts in the queue.
    Record(LogRecord, usize),
    Close,
}

pub(super) struct LogWriter {
    entries: mpsc::Receiver<Entry>,
    counts: Arc<LogCounters>,
    outputs: Outputs,
    ended: watch::Sender<()>,
}

struct Outputs {
    terminal: Option<(Box<dyn Write + Send>, bool)>,
    readable: Vec<u8>,
    file: Option<LogFile>,
    json: Vec<u8>,
}

impl LogWriter {
    pub(super) fn new(
        entries: mpsc::Receiver<Entry>,
        counts: Arc<LogCounters>,
        terminal: Option<(Box<dyn Write + Send>, bool)>,
        file: Option<LogFile>,
        ended: watch::Sender<()>,
    ) -> Self {
        let outputs = Outputs { terminal, readable: Vec::new(), file, json: Vec::new() };
        Self { entries, counts, outputs, ended }
    }

    /// Writes until the log is closed or nobody holds it any more.
    pub(super) fn run(mut self) {
        while let Some(entry) = self.entries.blocking_recv() {
            let mut taken = self.take(entry);
            while self.outputs.len() < BATCH_BYTES {
                let Ok(entry) = self.entries.try_recv() else { break };
                taken += self.take(entry);
            }
            self.outputs.flush();
            self.counts.waiting.fetch_sub(taken, Ordering::Relaxed);
            self.confess();
        }
        self.outputs.sync();
        drop(self.ended);
    }

    fn take(&mut self, entry: Entry) -> usize {
        match entry {
            Entry::Record(record, weight) => {
                self.outputs.add(&record);
                weight
            }
            Entry::Close => {
                self.entries.close();
                0
            }
        }
    }

    /// Says how much was dropped since the last time.
    fn confess(&mut self) {
        let dropped = self.counts.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let text = format!("{dropped} records were dropped: more came than could be written");
            self.outputs.add(&LogRecord::new(Severity::Warning, SOURCE, text));
            self.outputs.flush();
        }
    }
}

impl Outputs {
    fn add(&mut self, record: &LogRecord) {
        if let Some((_, colour)) = self.terminal {
            format::readable(record, colour, &mut self.readable);
        }
        if self.file.is_some() {
            format::json(record, &mut self.json);
        }
    }

    fn len(&self) -> usize {
        self.readable.len() + self.json.len()
    }

    fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && let Some(trouble) = file.write(&self.json)
        {
            let record = LogRecord::new(Severity::Error, SOURCE, trouble);
            if let Some((_, colour)) = self.terminal {
                format::readable(&record, colour, &mut self.readable);
            }
        }
        if let Some((out, _)) = &mut self.terminal {
            // There is nobody to tell that nobody can be told.
            drop(out.write_all(&self.readable).and_then(|()| out.flush()));
        }
        self.json.clear();
        self.readable.clear();
        self.json.shrink_to(BATCH_BYTES);
        self.readable.shrink_to(BATCH_BYTES);
    }

    fn sync(&mut self) {
        if let Some(file) = &self.file {
            file.sync();
        }
    }
}
