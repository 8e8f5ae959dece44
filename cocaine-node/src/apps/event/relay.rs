//! The relay of an event: what its client and its worker send each other, and how it ends (`worker.md` 3.4).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use cocaine::{
    Bytes, Code, Duplex, Error, Receiver, Sender,
    server::{Connection, Relay, RelayEnd},
};
use tokio::time::Sleep;

use crate::apps::{
    errors,
    worker::channels::{Direction, WorkerChannels},
};

/// Relays between the channel of a client and that of a worker until both have finished, or the time is up.
pub(crate) struct EventRelay {
    channels: Arc<WorkerChannels>,
    connection: Connection,
    id: u64,
    requests: Option<Relay>,
    responses: Option<Relay>,
    /// The worker is gone, and the client waits for its error.
    discarded: bool,
    /// The client does not read.
    blocked: bool,
    /// The client has revoked its channel: it sends nothing more, but still gets what the worker sends.
    revoked: bool,
    /// The requests of a client that has revoked its channel so that the worker does not read of it.
    unended: Option<Relay>,
    deadline: Pin<Box<Sleep>>,
}

/// How an event has ended.
#[derive(Debug)]
pub(crate) enum EventOutcome {
    /// The client and the worker have their responses.
    Finished,
    /// The time was up.
    TimedOut {
        /// The client has sent at least one chunk.
        has_chunk: bool,
    },
    /// The client broke the protocol: its connection has to be closed.
    ClientViolation(Error),
}

impl EventRelay {
    /// Connects the halves of the client's channel with those of the worker's.
    pub(crate) fn new(
        channels: Arc<WorkerChannels>,
        connection: Connection,
        id: u64,
        client: (Receiver<Bytes>, Sender<Bytes>),
        worker: Duplex<Sender<Bytes>, Receiver<Bytes>>,
        timeout: Duration,
    ) -> Self {
        let requests = Some(Relay::new(client.0, worker.tx));
        let responses = Some(Relay::new(worker.rx, client.1));
        let deadline = Box::pin(tokio::time::sleep(timeout));
        Self {
            channels,
            connection,
            id,
            requests,
            responses,
            discarded: false,
            blocked: false,
            revoked: false,
            unended: None,
            deadline,
        }
    }

    /// Relays requests; ready when the client has ended the whole event.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<EventOutcome> {
        let Some(relay) = &mut self.requests else { return Poll::Pending };
        let Poll::Ready(passed) = relay.poll(cx) else { return Poll::Pending };
        let Some(relay) = self.requests.take() else { return Poll::Pending };
        let (error, ended) = match passed {
            RelayEnd::Closed | RelayEnd::Failed => {
                self.channels.finish_direction(self.id, Direction::Request);
                return Poll::Pending;
            }
            RelayEnd::Malformed(error) => (error.clone(), EventOutcome::ClientViolation(error)),
            RelayEnd::Lost(error) if errors::is_overflow(&error) => {
                self.requests = Some(relay);
                self.cut_off(&error);
                return Poll::Ready(EventOutcome::Finished);
            }
            RelayEnd::Lost(error) => (error, EventOutcome::Finished),
        };
        // Only a revoke has a code of the client's own.
        self.revoked = error.code().is_some();
        match error.wire_code().unwrap_or(Code::EOF) {
            // A client that revokes a channel with code 0 sends the worker nothing.
            Code { code: 0, .. } => self.unended = Some(relay),
            cause => relay.fail(&Error::service(cause, errors::cause_text(cause))),
        }
        if self.revoked {
            self.channels.finish_direction(self.id, Direction::Request);
            return Poll::Pending;
        }
        self.abandon_responses();
        Poll::Ready(ended)
    }

    /// Relays responses, or sends the client its error when the worker is gone.
    fn poll_responses(&mut self, cx: &mut Context<'_>) {
        if !self.discarded {
            let Some(relay) = &mut self.responses else { return };
            match relay.poll(cx) {
                Poll::Pending => {
                    let blocked = relay.is_blocked();
                    if blocked != std::mem::replace(&mut self.blocked, blocked) {
                        self.channels.set_blocked(self.id, blocked);
                    }
                    return;
                }
                Poll::Ready(RelayEnd::Closed | RelayEnd::Failed) => {
                    self.responses = None;
                    return self.channels.finish_direction(self.id, Direction::Response);
                }
                Poll::Ready(RelayEnd::Malformed(error)) => self.connection.close(&error),
                Poll::Ready(RelayEnd::Lost(error)) if errors::is_overflow(&error) => {
                    return self.cut_off(&error);
                }
                Poll::Ready(RelayEnd::Lost(_)) => {}
            }
            self.discarded = true;
            if self.blocked {
                self.channels.set_blocked(self.id, false);
            }
            if let Some(relay) = self.requests.take() {
                relay.abandon();
            }
        }
        if let Poll::Ready(cause) = self.channels.poll_discarded(self.id, cx)
            && let Some(relay) = self.responses.take()
        {
            relay.fail(&Error::service(cause, errors::DISCARDED));
        }
    }

    /// Ends the event when the worker has finished and is gone. If only the client is gone, the event continues: the worker
    /// does not know by then, and finishes what it has taken (`worker.md` 3.4). A worker that has not read of a revoke may
    /// never finish: it reads of the end of the client's connection.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<EventOutcome> {
        if self.revoked
            && let Some(relay) = &self.responses
        {
            ready!(relay.poll_disconnected(cx));
            if let Some(relay) = self.unended.take() {
                relay.fail(&Error::service(Code::EOF, errors::cause_text(Code::EOF)));
            }
            self.abandon_responses();
            return Poll::Ready(EventOutcome::Finished);
        }
        let gone = match (&self.requests, &self.responses) {
            (Some(relay), None) if !self.discarded => relay.poll_closed(cx),
            _ => Poll::Pending,
        };
        if gone.is_ready()
            && let Some(relay) = self.requests.take()
        {
            relay.abandon();
        }
        gone.map(|()| EventOutcome::Finished)
    }

    /// Fails both directions, because one side sends more than the other reads.
    fn cut_off(&mut self, error: &Error) {
        let error = errors::overflow(error);
        for relay in [self.requests.take(), self.responses.take()].into_iter().flatten() {
            relay.fail(&error);
        }
    }

    /// Fails both directions, because the time is up.
    fn expire(&mut self) -> EventOutcome {
        let code = Code::INVOCATION_TIMED_OUT;
        let has_chunk = self.requests.as_ref().is_none_or(Relay::has_started);
        if let Some(relay) = self.requests.take().or(self.unended.take()) {
            relay.fail(&Error::service(code, "invocation has timed out"));
        }
        if let Some(relay) = self.responses.take() {
            relay.fail(&Error::service(code, errors::DISCARDED));
        }
        EventOutcome::TimedOut { has_chunk }
    }

    fn abandon_responses(&mut self) {
        if let Some(relay) = self.responses.take() {
            relay.abandon();
        }
    }
}

impl Future for EventRelay {
    type Output = EventOutcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<EventOutcome> {
        if !self.discarded
            && let Poll::Ready(ended) = self.poll_requests(cx)
        {
            return Poll::Ready(ended);
        }
        self.poll_responses(cx);
        if self.requests.is_none() && self.responses.is_none() {
            return Poll::Ready(EventOutcome::Finished);
        }
        if !self.discarded && self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(self.expire());
        }
        self.poll_closed(cx)
    }
}

impl Drop for EventRelay {
    fn drop(&mut self) {
        if let Some(relay) = self.unended.take() {
            relay.abandon();
        }
        self.channels.remove(self.id);
    }
}
