//! What a connection of a client is waiting for, which decides how long the client may stay silent.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long clients may stay silent between requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadTimeouts {
    /// How long the head of a request may take, from its first byte, or from the start of the connection.
    pub(crate) head: Duration,
    /// How long a connection may be idle after a response.
    pub(crate) idle: Duration,
}

/// The phase of a connection, which its socket and its requests share.
///
/// ```text
///            request                    response sent             first byte
/// FirstHead ---------> InRequest ------------------------> Idle ------------> Head
///                          ^                                                   |
///                          +----------------- request -------------------------+
/// ```
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionPhase(Arc<AtomicU8>);

/// The head of the first request is awaited.
const FIRST_HEAD: u8 = 0;
/// A request is handled, or its response is sent.
const IN_REQUEST: u8 = 1;
/// The next request is awaited.
const IDLE: u8 = 2;
/// The head of the next request has begun.
const HEAD: u8 = 3;

impl ConnectionPhase {
    /// Enters the phase of a request, which ends when what is returned is dropped.
    pub(crate) fn start_request(&self) -> RequestPhase {
        self.0.store(IN_REQUEST, Ordering::Relaxed);
        RequestPhase(self.clone())
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request of a connection. Dropping this makes the connection idle.
#[derive(Debug)]
pub(crate) struct RequestPhase(ConnectionPhase);

impl Drop for RequestPhase {
    fn drop(&mut self) {
        self.0.0.store(IDLE, Ordering::Relaxed);
    }
}

/// Ends the reading of a connection whose client is silent for too long between requests.
#[derive(Debug)]
pub(crate) struct HeadTimer {
    phase: ConnectionPhase,
    timeouts: HeadTimeouts,
    /// The phase that `deadline` is for.
    timed: u8,
    deadline: Pin<Box<Sleep>>,
}

impl HeadTimer {
    pub(crate) fn new(phase: ConnectionPhase, timeouts: HeadTimeouts) -> Self {
        let deadline = Box::pin(sleep_until(Instant::now() + timeouts.head));
        Self { phase, timeouts, timed: FIRST_HEAD, deadline }
    }

    /// Notes that bytes have come.
    pub(crate) fn record_bytes(&self) {
        let _ = self.phase.0.compare_exchange(IDLE, HEAD, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Fails once nothing has come for too long.
    pub(crate) fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let phase = self.phase.get();
        if phase == IN_REQUEST {
            self.timed = IN_REQUEST;
            return Poll::Pending;
        }
        let limit = if phase == IDLE { self.timeouts.idle } else { self.timeouts.head };
        if phase != self.timed {
            self.timed = phase;
            self.deadline.as_mut().reset(Instant::now() + limit);
        }
        self.deadline.as_mut().poll(cx).map(|()| {
            let text = match phase {
                IDLE => format!("the client was idle for {limit:?}"),
                _ => format!("the head of a request took longer than {limit:?}"),
            };
            io::Error::new(io::ErrorKind::TimedOut, text)
        })
    }
}

pin_project_lite::pin_project! {
    /// The body of a response, until whose end its request lasts.
    pub(crate) struct PhasedBody<B> {
        #[pin]
        body: B,
        phase: RequestPhase,
    }
}

impl<B> PhasedBody<B> {
    pub(crate) fn new(body: B, phase: RequestPhase) -> Self {
        Self { body, phase }
    }
}

impl<B: Body<Data = Bytes>> Body for PhasedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
