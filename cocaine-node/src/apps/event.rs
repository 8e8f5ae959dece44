//! One event: what its client and its worker say to each other, and how it ends (`worker.md` 3.4).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use cocaine::{
    Bytes, Code, Duplex, Error, Headers, Receiver, Sender,
    bind::Caller,
    server::{Connection, Passed, Relay},
};
use tokio::time::Sleep;

use crate::{
    apps::{
        errors,
        worker::channels::{Channels, Side},
    },
    errno,
};

/// What a client asks for.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) event: String,
    pub(crate) headers: Headers,
    pub(crate) trace: Option<cocaine::Trace>,
}

/// The header by which a client limits the time of an event.
const REQUEST_TIMEOUT: &str = "request_timeout";

impl Ask {
    pub(crate) fn new(event: &str, caller: &Caller) -> Self {
        Self { event: event.to_owned(), headers: caller.headers().clone(), trace: caller.trace() }
    }

    /// Returns how long the event may take from now on: as the client says, or else as the profile does
    /// (`node.md` 5.1).
    pub(crate) fn timeout(&self, otherwise: Duration) -> Result<Duration, Error> {
        let Some(value) = self.headers.get(REQUEST_TIMEOUT) else { return Ok(otherwise) };
        let millis = <[u8; 8]>::try_from(value.as_ref()).map_err(|_| {
            let len = value.len();
            errno::invalid_argument(&format!(
                "{REQUEST_TIMEOUT} has {len} bytes; it takes 8, of milliseconds"
            ))
        })?;
        Ok(Duration::from_millis(u64::from_le_bytes(millis)))
    }
}

/// An event that a worker has taken.
pub(crate) struct Exchange {
    channels: Arc<Channels>,
    connection: Connection,
    id: u64,
    requests: Option<Relay>,
    answers: Option<Relay>,
    /// The worker is gone, and the client waits to be told.
    discarded: bool,
    /// The client does not read.
    blocked: bool,
    deadline: Pin<Box<Sleep>>,
}

/// Why an event has ended, where somebody has to act.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nobody has.
    Well,
    /// The client broke the rules: its connection is to be closed.
    Misused(Error),
}

impl Exchange {
    /// Joins the halves of the client's channel to those of the worker's.
    pub(crate) fn new(
        channels: Arc<Channels>,
        connection: Connection,
        id: u64,
        client: (Receiver<Bytes>, Sender<Bytes>),
        worker: Duplex<Sender<Bytes>, Receiver<Bytes>>,
        timeout: Duration,
    ) -> Self {
        let requests = Some(Relay::new(client.0, worker.tx));
        let answers = Some(Relay::new(worker.rx, client.1));
        let deadline = Box::pin(tokio::time::sleep(timeout));
        Self { channels, connection, id, requests, answers, discarded: false, blocked: false, deadline }
    }

    /// Hands on what the client says; ready when that has ended the whole event.
    fn pass_requests(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let Some(relay) = &mut self.requests else { return Poll::Pending };
        let Poll::Ready(passed) = relay.poll(cx) else { return Poll::Pending };
        let Some(relay) = self.requests.take() else { return Poll::Pending };
        let (error, ended) = match passed {
            Passed::Closed | Passed::Failed => {
                self.channels.end(self.id, Side::Requests);
                return Poll::Pending;
            }
            Passed::Malformed(error) => (error.clone(), Ended::Misused(error)),
            Passed::Lost(error) if errors::is_overflow(&error) => {
                self.requests = Some(relay);
                self.cut_off(&error);
                return Poll::Ready(Ended::Well);
            }
            Passed::Lost(error) => (error, Ended::Well),
        };
        match error.wire_code().unwrap_or(Code::EOF) {
            // Who revokes a channel without a reason says nothing to the worker either.
            Code { code: 0, .. } => relay.abandon(),
            told => relay.fail(&Error::service(told, errors::text(told))),
        }
        self.abandon_answers();
        Poll::Ready(ended)
    }

    fn pass_answers(&mut self, cx: &mut Context<'_>) {
        if !self.discarded {
            let Some(relay) = &mut self.answers else { return };
            match relay.poll(cx) {
                Poll::Pending => {
                    let blocked = relay.is_blocked();
                    if blocked != std::mem::replace(&mut self.blocked, blocked) {
                        self.channels.block(self.id, blocked);
                    }
                    return;
                }
                Poll::Ready(Passed::Closed | Passed::Failed) => {
                    self.answers = None;
                    return self.channels.end(self.id, Side::Answers);
                }
                Poll::Ready(Passed::Malformed(error)) => self.connection.close(&error),
                Poll::Ready(Passed::Lost(error)) if errors::is_overflow(&error) => {
                    return self.cut_off(&error);
                }
                Poll::Ready(Passed::Lost(_)) => {}
            }
            self.discarded = true;
            if self.blocked {
                self.channels.block(self.id, false);
            }
            if let Some(relay) = self.requests.take() {
                relay.abandon();
            }
        }
        if let Poll::Ready(why) = self.channels.poll_turn(self.id, cx)
            && let Some(relay) = self.answers.take()
        {
            relay.fail(&Error::service(why, errors::DISCARDED));
        }
    }

    /// Ends the event when the worker has finished and is gone. It goes on when only the client is: the worker, which is
    /// not told by then, works on what it has taken (`worker.md` 3.4).
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let gone = match (&self.requests, &self.answers) {
            (Some(relay), None) if !self.discarded => relay.poll_closed(cx),
            _ => Poll::Pending,
        };
        if gone.is_ready()
            && let Some(relay) = self.requests.take()
        {
            relay.abandon();
        }
        gone.map(|()| Ended::Well)
    }

    /// Ends both streams: one side sends more than the other takes.
    fn cut_off(&mut self, error: &Error) {
        let error = errors::overflow(error);
        for relay in [self.requests.take(), self.answers.take()].into_iter().flatten() {
            relay.fail(&error);
        }
    }

    fn expire(&mut self) {
        let code = Code::INVOCATION_TIMED_OUT;
        if let Some(relay) = self.requests.take() {
            relay.fail(&Error::service(code, "invocation has timed out"));
        }
        if let Some(relay) = self.answers.take() {
            relay.fail(&Error::service(code, errors::DISCARDED));
        }
    }

    fn abandon_answers(&mut self) {
        if let Some(relay) = self.answers.take() {
            relay.abandon();
        }
    }
}

/// Hands on what both sides say until both have ended, or the time has passed.
impl Future for Exchange {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        if !self.discarded
            && let Poll::Ready(ended) = self.pass_requests(cx)
        {
            return Poll::Ready(ended);
        }
        self.pass_answers(cx);
        if self.requests.is_none() && self.answers.is_none() {
            return Poll::Ready(Ended::Well);
        }
        if !self.discarded && self.deadline.as_mut().poll(cx).is_ready() {
            self.expire();
            return Poll::Ready(Ended::Well);
        }
        self.poll_closed(cx)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.channels.close(self.id);
    }
}
