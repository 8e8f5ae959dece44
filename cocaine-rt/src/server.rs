//! The serving side: what generated servers are called with, and the sockets that they listen on.

mod answer;
mod connection;
mod listener;
mod relay;

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use serde::Deserialize;

use self::answer::Run;
#[cfg(feature = "doubles")]
pub(crate) use self::answer::pump;
pub use self::{
    answer::{Answer, Halves, Outcome},
    connection::{Connection, EventChannel},
    listener::{Admissions, Server, ServerBuilder},
    relay::{Passed, Relay},
};
pub use crate::connection::unix::UnixSocket;
use crate::{
    connection::{
        channel::ExtraHeaders,
        handle::ConnectionHandle,
        mux::{ChannelKey, PendingInvocation},
    },
    protocol::{
        error::{Error, Result},
        graph::Graph,
        spec::ServiceSpec,
        trace::Trace,
    },
    wire::{bytes::Bytes, decode, headers::Headers},
};

/// A served service: generated code implements it around an implementation of the service's trait.
pub trait Dispatch: Send + Sync + 'static {
    /// Returns what is served.
    fn spec(&self) -> &'static ServiceSpec;

    /// Runs one invocation to its end. It is polled where it arrived, and moves to a task of its own when it is
    /// pending.
    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<Self>;
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    peer: Arc<str>,
    headers: Headers,
    trace: Option<Trace>,
}

impl Caller {
    /// Returns the caller's address.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Returns the headers of the request.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the trace of the request, if it has one.
    pub fn trace(&self) -> Option<Trace> {
        self.trace
    }

    /// Returns the `authorization` header: who the caller says to be (`protocol.md` 8).
    pub fn identity(&self) -> Option<&Bytes> {
        self.headers.get("authorization")
    }
}

/// What a served service announces, shared by its connections.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) graph: Graph,
    /// Headers of each method's replies beside the trace.
    pub(crate) extra: Vec<Option<ExtraHeaders>>,
}

/// A connection of a server, with what is served on it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) handle: ConnectionHandle,
    pub(crate) offer: Arc<Offer>,
}

/// One invocation.
///
/// Dropped before it is split, it answers with an error like an [`Answer`].
pub struct Call {
    incoming: Incoming,
    answer: Answer,
    caller: Caller,
}

impl Call {
    pub(crate) fn new(host: Arc<Host>, pending: PendingInvocation) -> Self {
        let PendingInvocation { id, method, message, trace, cost } = pending;
        let caller = Caller { peer: host.handle.peer().clone(), headers: message.headers, trace };
        let run = Run { host, key: ChannelKey { id, own: false }, cost, ended: false };
        let answer = Answer::new(run, method, trace);
        let incoming = Incoming { method, args: message.args };
        Self { incoming, answer, caller }
    }

    /// Returns who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the place of the method in the served table.
    pub fn method(&self) -> usize {
        self.incoming.method
    }

    /// Returns what came and what answers it.
    pub fn split(self) -> (Incoming, Answer) {
        (self.incoming, self.answer)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.incoming.method).finish_non_exhaustive()
    }
}

/// What an invocation asks for.
#[derive(Debug)]
pub struct Incoming {
    method: usize,
    args: bytes::Bytes,
}

impl Incoming {
    /// Returns the place of the method in the served table.
    pub fn method(&self) -> usize {
        self.method
    }

    /// Returns the arguments as `T`, which may borrow from them.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        decode::args(&self.args).map_err(|malformed| Error::invalid_arguments(malformed.to_string()))
    }
}

pin_project_lite::pin_project! {
    /// An invocation in the scope of its trace.
    pub(crate) struct Traced<F> {
        trace: Option<Trace>,
        #[pin]
        future: F,
    }
}

impl<F> Traced<F> {
    pub(crate) fn new(trace: Option<Trace>, future: F) -> Self {
        Self { trace, future }
    }
}

impl<F: Future> Future for Traced<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.trace {
            None => this.future.poll(cx),
            Some(trace) => trace.enter(|| this.future.poll(cx)),
        }
    }
}
