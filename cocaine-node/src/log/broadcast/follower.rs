//! One follower, and its queue.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{
    LogBroadcast,
    line::{LogLine, LogSelection},
};

/// The queued bytes at which further lines are dropped. A single line may exceed it.
const MAX_QUEUED_BYTES: usize = 1 << 20;
/// The bytes of lines at which a batch ends.
const BATCH_BYTES: usize = 128 << 10;

/// Lines in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogBatch {
    /// How many lines before these were dropped, since the follower was slow.
    pub lost: u64,
    /// The lines.
    pub lines: Vec<Arc<LogLine>>,
}

/// The lines that a follower has not read yet.
#[derive(Debug)]
pub(super) struct FollowerQueue {
    selection: LogSelection,
    state: Mutex<PendingLines>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct PendingLines {
    lines: VecDeque<QueuedLine>,
    size: usize,
    /// The lines that were dropped after all in the queue.
    lost: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct QueuedLine {
    /// How many lines before this one were dropped.
    lost: u64,
    line: Arc<LogLine>,
}

impl FollowerQueue {
    /// Returns a queue with the last of `recent` that fit into it.
    pub(super) fn new(selection: LogSelection, recent: &[Arc<LogLine>]) -> Self {
        let mut size = 0;
        let fits = |line: &&Arc<LogLine>| {
            size += line.weight();
            size <= MAX_QUEUED_BYTES
        };
        let kept = recent.iter().rev().take_while(fits).count();
        let mut state = PendingLines::default();
        for (place, line) in recent.iter().enumerate() {
            if place + kept < recent.len() { state.lost += 1 } else { state.push(line) }
        }
        Self { selection, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Queues a line if it is selected, unless the queue is full.
    pub(super) fn push(&self, line: &Arc<LogLine>) {
        if self.selection.matches(line) {
            self.lock().push(line);
            self.changed.notify_one();
        }
    }

    /// Ends the queue: nothing comes any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, PendingLines> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PendingLines {
    fn push(&mut self, line: &Arc<LogLine>) {
        let weight = line.weight();
        if !self.lines.is_empty() && self.size + weight > MAX_QUEUED_BYTES {
            self.lost += 1;
            return;
        }
        self.size += weight;
        let lost = mem::take(&mut self.lost);
        self.lines.push_back(QueuedLine { lost, line: line.clone() });
    }

    /// Returns the next lines, as far as none was dropped between them, or `None` if nothing has come.
    fn pop_batch(&mut self) -> Option<LogBatch> {
        let Some(first) = self.lines.front() else {
            let lost = mem::take(&mut self.lost);
            return (lost > 0).then(|| LogBatch { lost, lines: Vec::new() });
        };
        let (mut batch, mut size) = (LogBatch { lost: first.lost, lines: Vec::new() }, 0);
        while let Some(next) = self.lines.front() {
            if size >= BATCH_BYTES || (!batch.lines.is_empty() && next.lost > 0) {
                break;
            }
            let Some(QueuedLine { line, .. }) = self.lines.pop_front() else { break };
            size += line.weight();
            batch.lines.push(line);
        }
        self.size -= size;
        Some(batch)
    }
}

/// Receives the lines that somebody follows.
#[derive(Debug)]
pub struct LogFollower {
    queue: Arc<FollowerQueue>,
    broadcast: LogBroadcast,
}

impl LogFollower {
    pub(super) fn new(queue: Arc<FollowerQueue>, broadcast: LogBroadcast) -> Self {
        Self { queue, broadcast }
    }

    /// Returns the next lines, as soon as there is one, or `None` once the node has stopped.
    ///
    /// Lines that were dropped are counted in the batch after them. Dropping this future loses no line.
    pub async fn recv(&mut self) -> Option<LogBatch> {
        loop {
            let changed = self.queue.changed.notified();
            {
                let mut state = self.queue.lock();
                if let Some(batch) = state.pop_batch() {
                    return Some(batch);
                }
                if state.is_closed {
                    return None;
                }
            }
            changed.await;
        }
    }
}

impl Drop for LogFollower {
    fn drop(&mut self) {
        self.broadcast.remove(&self.queue);
    }
}
