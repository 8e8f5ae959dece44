//! The thread that appends lines to a file, so that no request waits for a disk.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use crate::log::LogFile;

/// How many lines may wait; further ones are dropped and counted.
const MAX_QUEUED_LINES: usize = 8192;

/// How many bytes are written at once.
const MAX_BATCH_BYTES: usize = 64 << 10;

/// Appends lines to a file. Dropping this writes what is queued.
#[derive(Debug)]
pub(super) struct LineWriter {
    lines: SyncSender<Queued>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Queued {
    Line(String),
    Reopen,
}

impl LineWriter {
    /// Opens the file and starts the thread.
    pub(super) fn start(path: PathBuf) -> io::Result<Self> {
        let file = LogFile::open(path.clone())?;
        let (lines, queue) = sync_channel(MAX_QUEUED_LINES);
        let dropped = Arc::<AtomicU64>::default();
        let counter = dropped.clone();
        let write = move || write_lines(&path, file, &queue, &counter);
        thread::Builder::new().name("cocaine-access".into()).spawn(write)?;
        Ok(Self { lines, dropped })
    }

    /// Queues a line.
    pub(super) fn write(&self, line: String) {
        if self.lines.try_send(Queued::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the file again behind the lines that are queued.
    pub(super) fn reopen(&self) {
        if self.lines.try_send(Queued::Reopen).is_err() {
            tracing::error!("the access log is not opened again: too many lines wait to be written");
        }
    }
}

fn write_lines(path: &Path, mut file: LogFile, queue: &Receiver<Queued>, dropped: &AtomicU64) {
    let report = |message: Option<String>| {
        if let Some(message) = message {
            tracing::error!("{message}");
        }
    };
    let mut batch = Vec::new();
    while let Ok(first) = queue.recv() {
        let mut next = Some(first);
        while let Some(queued) = next.take() {
            match queued {
                Queued::Line(line) => {
                    batch.extend_from_slice(line.as_bytes());
                    batch.push(b'\n');
                }
                Queued::Reopen => {
                    report(file.write(&batch));
                    batch.clear();
                    match LogFile::open(path.to_owned()) {
                        Ok(reopened) => file = reopened,
                        Err(error) => {
                            tracing::error!(%error, "the access log goes on in the file that was open");
                        }
                    }
                }
            }
            if batch.len() < MAX_BATCH_BYTES {
                next = queue.try_recv().ok();
            }
        }
        report(file.write(&batch));
        batch.clear();
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "lines of the access log are missing: they came faster than the disk");
        }
    }
}
