//! The events that wait to be sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::sync::{mpsc, oneshot};

use crate::protocol::{scalar::Scalar, severity::Severity, trace::Trace};

/// How many events may wait.
const MAX_EVENTS: usize = 8192;
/// The bytes of events that wait, above which further ones are dropped. A single event may exceed it.
const MAX_BYTES: usize = 4 << 20;

/// An event as `logging` takes it.
#[derive(Debug)]
pub(super) struct LogEvent {
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) attributes: Vec<(String, Scalar)>,
    /// The trace in whose scope it was logged.
    pub(super) trace: Option<Trace>,
}

impl LogEvent {
    /// Returns roughly the number of bytes that the event occupies.
    fn weight(&self) -> usize {
        let attribute = |(name, value): &(String, Scalar)| {
            let value = if let Scalar::Raw(raw) = value { raw.len() } else { 0 };
            size_of::<(String, Scalar)>() + name.len() + value
        };
        size_of::<Self>() + self.message.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }
}

#[derive(Debug)]
pub(super) enum QueueEntry {
    Event(LogEvent),
    /// Notifies the caller once all earlier events have arrived, or are lost.
    Flush(oneshot::Sender<()>),
}

#[derive(Debug, Default)]
struct QueueCounters {
    bytes: AtomicUsize,
    /// All events that were lost.
    lost: AtomicU64,
}

/// The end of the queue that events are put into; clones share it.
#[derive(Clone, Debug)]
pub(super) struct EventQueue {
    entries: mpsc::Sender<QueueEntry>,
    counters: Arc<QueueCounters>,
}

/// The other end.
#[derive(Debug)]
pub(super) struct EventQueueReceiver {
    entries: mpsc::Receiver<QueueEntry>,
    counters: Arc<QueueCounters>,
}

pub(super) fn event_queue() -> (EventQueue, EventQueueReceiver) {
    let (sender, entries) = mpsc::channel(MAX_EVENTS);
    let counters = Arc::new(QueueCounters::default());
    (EventQueue { entries: sender, counters: counters.clone() }, EventQueueReceiver { entries, counters })
}

impl EventQueue {
    /// Queues an event, unless the queue is full: then the event is lost.
    pub(super) fn push(&self, event: LogEvent) {
        let weight = event.weight();
        if self.counters.bytes.fetch_add(weight, Ordering::Relaxed) < MAX_BYTES
            && self.entries.try_send(QueueEntry::Event(event)).is_ok()
        {
            return;
        }
        self.counters.bytes.fetch_sub(weight, Ordering::Relaxed);
        self.counters.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until all events that are queued have arrived, or are lost.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.entries.send(QueueEntry::Flush(done)).await.is_ok() {
            // Fails only if the sender has ended.
            let _ = flushed.await;
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.counters.lost.load(Ordering::Relaxed)
    }
}

impl EventQueueReceiver {
    /// Returns the next entry, or `None` once all that could send one have ended.
    pub(super) async fn recv(&mut self) -> Option<QueueEntry> {
        let entry = self.entries.recv().await?;
        if let QueueEntry::Event(event) = &entry {
            self.counters.bytes.fetch_sub(event.weight(), Ordering::Relaxed);
        }
        Some(entry)
    }

    /// Returns whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn lost(&self) -> u64 {
        self.counters.lost.load(Ordering::Relaxed)
    }

    pub(super) fn add_lost(&self, count: u64) {
        self.counters.lost.fetch_add(count, Ordering::Relaxed);
    }
}
