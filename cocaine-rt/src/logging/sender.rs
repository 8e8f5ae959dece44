//! The thread that sends events to `logging`.

use std::time::Duration;

use tokio::time::sleep;

use super::queue::{EventQueueReceiver, LogEvent, QueueEntry};
use crate::{
    client::{Client, service::Service},
    protocol::{
        error::{Error, ErrorKind, Result},
        severity::Severity,
    },
};

/// The name of the service.
const LOGGING: &str = "logging";

/// How many events are sent before it is known what has become of them.
const BATCH: u64 = 256;

/// The pauses while the service cannot be reached.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Sends events, one after the other.
pub(super) struct LogSender {
    queue: EventQueueReceiver,
    service: Service,
    source: String,
    /// How many events were sent since the last time that all were written.
    unwritten: u64,
    /// How many events were lost when that was last logged.
    reported: u64,
}

impl LogSender {
    pub(super) fn new(queue: EventQueueReceiver, client: &Client, source: String) -> Self {
        Self { queue, service: client.unconnected(LOGGING), source, unwritten: 0, reported: 0 }
    }

    /// Sends until all layers are dropped.
    pub(super) fn run(self) {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.send_all()),
            // The queue fills up, and the layer counts what is lost.
            Err(error) => tracing::error!(%error, "no events are sent to `logging`"),
        }
    }

    async fn send_all(mut self) {
        while let Some(entry) = self.queue.recv().await {
            match entry {
                QueueEntry::Event(event) => self.send(event).await,
                QueueEntry::Flush(done) => {
                    self.confirm().await;
                    // Fails only if nobody waits any more.
                    let _ = done.send(());
                }
            }
            if self.unwritten >= BATCH || self.queue.is_empty() {
                self.flush().await;
            }
        }
        self.confirm().await;
    }

    /// Sends an event, before that how many were lost.
    async fn send(&mut self, event: LogEvent) {
        let lost = self.queue.lost();
        if lost > self.reported {
            let text = format!("{} events were lost: more came than could be sent", lost - self.reported);
            self.reported = lost;
            let (attributes, trace) = (Vec::new(), None);
            self.send_event(&LogEvent { severity: Severity::Warning, message: text, attributes, trace })
                .await;
        }
        self.send_event(&event).await;
    }

    /// Sends an event, as soon as the service can be reached.
    async fn send_event(&mut self, event: &LogEvent) {
        let mut pause = MIN_PAUSE;
        loop {
            match self.try_send(event).await {
                Ok(()) => {
                    self.unwritten += 1;
                    return;
                }
                // It was not queued, so it is not sent twice.
                Err(error) if is_temporary(&error) => {
                    tracing::debug!(%error, "`logging` cannot be reached");
                    sleep(pause).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
                Err(error) => {
                    tracing::debug!(%error, "an event cannot be logged");
                    self.queue.add_lost(1);
                    return;
                }
            }
        }
    }

    async fn try_send(&self, event: &LogEvent) -> Result<()> {
        let args = (event.severity, &self.source, &event.message, &event.attributes);
        let sent = self.service.send("emit", args);
        match event.trace {
            Some(trace) => trace.scope(sent).await,
            None => sent.await,
        }
    }

    /// Waits until what was sent is written, and counts what is lost with its connection.
    async fn flush(&mut self) {
        while let Err(error) = self.service.flush().await {
            // The service does not read, and what comes meanwhile waits in the queue.
            if !matches!(error.kind(), ErrorKind::Deadline(_)) {
                self.queue.add_lost(self.unwritten);
                break;
            }
        }
        self.unwritten = 0;
    }

    /// Waits until what was sent has arrived: the answer to a later call proves it.
    async fn confirm(&mut self) {
        self.flush().await;
        if let Err(error) = self.service.call::<_, i32>("verbosity", ()).await {
            tracing::debug!(%error, "the last events may be lost");
        }
    }
}

/// Returns whether a later attempt may succeed. An error of a service is the locator's: it does not know `logging` yet.
fn is_temporary(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Connect(_)
            | ErrorKind::Disconnected(_)
            | ErrorKind::Deadline(_)
            | ErrorKind::Service { .. }
    )
}
