//! The serving side: listeners, connections, and the calls that generated servers handle.

mod accept;
mod connection;
mod idle;
mod listener;
mod listening_socket;
mod relay;
mod reply;
mod response_reader;

use std::{
    any::Any,
    fmt,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use serde::Deserialize;
use tokio::{sync::Mutex, time::timeout};

use self::reply::RunningCall;
#[cfg(feature = "doubles")]
pub(crate) use self::reply::send_items;
pub use self::{
    accept::{AcceptStatus, listen, listen_v6_only},
    connection::{Connection, EventChannel},
    idle::{IdleConnection, track_idle_connection},
    listener::{AcceptCounters, Server, ServerBuilder},
    listening_socket::ListeningSocket,
    relay::{Relay, RelayEnd},
    reply::{CallResponder, SessionHalves, SessionOutcome},
    response_reader::{ResponsePart, ResponseReader},
};
pub use crate::{
    connection::unix::UnixSocket,
    protocol::{
        body_streaming::{
            BODY_HEADER, BODY_IN_PIECES, BODY_KEY, OFFER_ACCEPTED, OFFER_RECEIVED, StreamedEvents,
        },
        credit::CREDIT_VARIABLE,
    },
};
use crate::{
    connection::{
        dyn_sender::ExtraHeaders,
        handle::{ConnectionHandle, SharedConnection},
        mux::{ChannelKey, PendingInvocation},
    },
    protocol::{
        error::{Error, ErrorKind, Result},
        graph::Graph,
        memory::MemoryStage,
        spec::ServiceSpec,
        trace::Trace,
    },
    wire::{
        bytes::Bytes,
        decode::{self, EscapedTexts},
        headers::Headers,
    },
};

/// A service that can be served. Generated code implements it around an implementation of the service's trait.
pub trait Dispatch: Send + Sync + 'static {
    /// Returns the description of the service.
    fn spec(&self) -> &'static ServiceSpec;

    /// Runs one invocation. The future is first polled by the task of the connection, and moves to a task of its own if it
    /// is pending.
    ///
    /// The future of a call with one answer is dropped when its caller leaves: when the connection ends, or the caller closes
    /// or revokes the channel. What the call holds is free then, as if it had failed at an `await`. A call that has to be
    /// finished all the same, such as a change in several steps, belongs to a method that
    /// [`ServerBuilder::run_to_completion`] names. Calls without an answer, whose callers do not wait, and the handlers of
    /// sessions always run to their ends; the latter learn from their halves that the caller has left.
    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<Self>;
}

/// The caller of a method.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Arc<ConnectedClient>,
    /// The channel of the call.
    id: u64,
    headers: Headers,
    trace: Option<Trace>,
}

impl Caller {
    fn channel(&self) -> ChannelKey {
        ChannelKey { id: self.id, own: false }
    }

    /// Returns the caller's address.
    pub fn peer(&self) -> &str {
        &self.client.peer
    }

    /// Returns the address that the caller has connected to, if it has done so by TCP. That of an IPv4 caller is one of IPv4,
    /// also if its connection was accepted by a socket for IPv6.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.client.local
    }

    /// Returns what the service keeps for the connection of the caller: the default of `T` at the first call of a
    /// connection, and the same value for all later ones. It is dropped after the connection has ended and its calls are
    /// done.
    ///
    /// A connection has one such value. Calls are begun in the order in which the caller sent them, and each is first polled
    /// before the next one begins, so that a service can keep their order with it.
    ///
    /// # Panics
    ///
    /// If an earlier call asked for a value of another type.
    pub fn connection_state<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let state = self.client.state.get_or_init(|| Arc::new(T::default()));
        state.clone().downcast().expect("the type that an earlier call asked for")
    }

    /// Returns what reserves the memory of the answer of this call.
    pub fn reply_memory(&self) -> ReplyMemory {
        ReplyMemory { client: self.client.clone(), id: self.id }
    }

    /// Returns the headers of the request.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Returns the trace of the request, if it has one.
    pub fn trace(&self) -> Option<Trace> {
        self.trace
    }

    /// Returns the `authorization` header: the identity that the caller claims (`protocol.md` 8).
    pub fn identity(&self) -> Option<&Bytes> {
        self.headers.get("authorization")
    }
}

/// Reserves the memory of the answer of one call, in the budget of the server.
#[derive(Debug)]
pub struct ReplyMemory {
    client: Arc<ConnectedClient>,
    /// The channel of the call.
    id: u64,
}

impl ReplyMemory {
    /// Waits until there is memory for an answer of `bytes` bytes, and reserves it until the call is answered. Whoever loads
    /// a large answer reserves its memory first ([`MemoryBudget`](crate::MemoryBudget)), so that many cannot be loaded at
    /// once. Of the calls of one connection one waits at a time, and connections get memory in the order in which they ask.
    ///
    /// # Errors
    /// `ErrorKind::LimitExceeded` if there is not enough within [`Limits::stall_timeout`](field@crate::Limits::stall_timeout),
    /// or in all.
    pub async fn reserve(&self, bytes: usize) -> Result<()> {
        let conn = &self.client.conn;
        let reserved = timeout(conn.limits().stall_timeout, async {
            let _turn = self.client.reserving.lock().await;
            Ok(conn.memory().request(bytes, MemoryStage::First)?.await)
        });
        let reservation = reserved.await.unwrap_or_else(|_| Err(conn.memory().refusal(bytes)))?;
        conn.with(|mux| mux.reserve_reply(self.id, reservation));
        Ok(())
    }
}

/// The graph that a server announces, shared by its connections.
#[derive(Debug)]
pub(crate) struct ServedGraph {
    pub(crate) graph: Graph,
    /// Additional headers of the replies of each method.
    pub(crate) extra: Vec<Option<ExtraHeaders>>,
}

/// The client of a connection, as its calls share it.
#[derive(Debug)]
struct ConnectedClient {
    peer: Arc<str>,
    /// The address of this end.
    local: Option<SocketAddr>,
    conn: Arc<SharedConnection>,
    /// Locked by the call that waits for memory.
    reserving: Mutex<()>,
    /// What the service keeps for the connection.
    state: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// A connection of a server, with the graph that is served on it.
#[derive(Debug)]
pub(crate) struct ServedConnection {
    pub(crate) handle: ConnectionHandle,
    client: Arc<ConnectedClient>,
    pub(crate) served: Arc<ServedGraph>,
    /// [`Limits::max_decoded_bytes`](crate::Limits).
    pub(crate) max_decoded_bytes: usize,
}

impl ServedConnection {
    pub(crate) fn new(
        handle: ConnectionHandle,
        local: Option<SocketAddr>,
        served: Arc<ServedGraph>,
        max_decoded_bytes: usize,
    ) -> Self {
        let client = ConnectedClient {
            peer: handle.peer().clone(),
            local,
            conn: Arc::clone(&handle),
            reserving: Mutex::new(()),
            state: OnceLock::new(),
        };
        Self { handle, client: Arc::new(client), served, max_decoded_bytes }
    }
}

/// One invocation. It is moved several times before it runs, and has no field twice for that.
///
/// Dropping it before it is split replies with an error, as dropping a [`CallResponder`] does.
pub struct Call {
    args: CallArgs,
    responder: CallResponder,
}

impl Call {
    pub(crate) fn new(host: Arc<ServedConnection>, pending: PendingInvocation) -> Self {
        let PendingInvocation { id, method, message, trace, cost, refusal, .. } = pending;
        let caller = Caller { client: host.client.clone(), id, headers: message.headers, trace };
        let charge = ArgsCharge { host: host.clone(), bytes: AtomicUsize::new(0) };
        let run = RunningCall { host, caller, cost, is_finished: false };
        let escaped_texts = EscapedTexts::default();
        let args = CallArgs { method, args: message.args, escaped_texts, refusal, charge };
        let responder = CallResponder::new(run, method);
        Self { args, responder }
    }

    /// Returns the caller.
    pub fn caller(&self) -> &Caller {
        &self.responder.run.caller
    }

    /// Returns the index of the method in the served table.
    pub fn method(&self) -> usize {
        self.args.method
    }

    /// Returns the number of bytes of the encoded arguments.
    pub fn args_len(&self) -> usize {
        self.args.args.len()
    }

    /// Returns the arguments, and the responder that replies.
    pub fn split(self) -> (CallArgs, CallResponder) {
        (self.args, self.responder)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.args.method).finish_non_exhaustive()
    }
}

/// The method and the arguments of an invocation.
#[derive(Debug)]
pub struct CallArgs {
    method: usize,
    args: bytes::Bytes,
    escaped_texts: EscapedTexts,
    /// Why the arguments are missing, if they were too long.
    refusal: Option<Error>,
    charge: ArgsCharge,
}

/// What the decoded arguments of a call count as in use by its connection, until it is dropped.
struct ArgsCharge {
    host: Arc<ServedConnection>,
    bytes: AtomicUsize,
}

impl ArgsCharge {
    /// The bytes from which on decoded arguments are counted. Most calls are spared the lock.
    const MIN_BYTES: usize = 32 << 10;

    /// Counts decoded arguments; their encoding is counted already.
    fn add(&self, bytes: usize) -> Result<()> {
        if bytes < Self::MIN_BYTES {
            return Ok(());
        }
        if !self.host.handle.with(|mux| mux.charge_args(bytes)) {
            let text = "the arguments of all calls of the connection take more than `max_in_use_bytes`";
            return Err(Error::new(ErrorKind::LimitExceeded(text.into())));
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for ArgsCharge {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        if bytes > 0 {
            self.host.handle.with(|mux| mux.release_args(bytes));
        }
    }
}

impl fmt::Debug for ArgsCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArgsCharge").field(&self.bytes).finish()
    }
}

impl CallArgs {
    /// Returns the index of the method in the served table.
    pub fn method(&self) -> usize {
        self.method
    }

    /// Returns the arguments as `T`, which may borrow from them.
    ///
    /// # Errors
    /// `ErrorKind::InvalidArguments` for other arguments than `T`, and `ErrorKind::LimitExceeded` for more of them than
    /// [`Limits`](crate::Limits) allows: in their encoding, or once they are decoded.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        match decode::args_within(&self.args, self.charge.host.max_decoded_bytes, &self.escaped_texts) {
            Ok((args, charged)) => self.charge.add(charged).map(|()| args),
            Err(error) if error.is_over_budget() => Err(Error::from_decode(error)),
            Err(error) => Err(Error::invalid_arguments(error.to_string())),
        }
    }
}

pin_project_lite::pin_project! {
    /// A future that runs in the scope of a trace.
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
