//! The control channel: what node and worker say about the worker itself (`worker.md` 3.2, 3.5).

use cocaine::{
    Bytes, Code, Error,
    bind::{DynReceiver, DynSender},
    control::{HEARTBEAT, TERMINATE},
};

/// A message of a worker about itself.
pub(super) enum WorkerMessage {
    Heartbeat,
    /// The worker ends, for this reason.
    Terminate(String),
}

/// The control channel of one worker.
pub(super) struct ControlChannel {
    rx: DynReceiver,
    /// `None` once terminate was sent.
    tx: Option<DynSender>,
}

impl ControlChannel {
    pub(super) fn new(rx: DynReceiver, tx: DynSender) -> Self {
        Self { rx, tx: Some(tx) }
    }

    /// Receives the next message, and answers it if it is a heartbeat. Cancel-safe.
    pub(super) async fn recv(&mut self) -> Result<WorkerMessage, Error> {
        // A worker that never stops sending must not starve the timers of its task.
        tokio::task::coop::consume_budget().await;
        let lost = || Error::service(Code::EOF, "it ended its control channel");
        let (kind, payload) = self.rx.next_message().await.ok_or_else(lost)??;
        if kind == TERMINATE {
            let (_, reason): (i64, Bytes) = payload
                .decode()
                .map_err(|error| Error::service(Code::INVALID_ARGUMENTS, error.to_string()))?;
            return Ok(WorkerMessage::Terminate(String::from_utf8_lossy(&reason).into_owned()));
        }
        self.send_heartbeat()?;
        Ok(WorkerMessage::Heartbeat)
    }

    /// Sends a heartbeat, unless terminate was sent.
    pub(super) fn send_heartbeat(&mut self) -> Result<(), Error> {
        self.tx.as_mut().map_or(Ok(()), |tx| tx.queue_urgent(HEARTBEAT))
    }

    /// Sends the worker a terminate message.
    pub(super) fn send_terminate(&mut self, code: i64, reason: &str) {
        if let Some(tx) = self.tx.take() {
            // Fails only for a worker that is gone.
            let _ = tx.queue_last_message(TERMINATE, (code, reason));
        }
    }

    /// Ends the channel without a message.
    pub(super) fn abandon(self) {
        if let Some(tx) = self.tx {
            tx.abandon();
        }
    }
}
