//! The connection of a worker to its node. It has a thread of its own, so that no handler can delay a heartbeat.

use std::{
    future::{Future, poll_fn},
    path::PathBuf,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    sync::{mpsc, oneshot, watch},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout},
};

use super::{
    context::WorkerShared,
    events::{Entry, HandlerFuture, HandlerRegistry, Invocation, SpawnFn},
};
use crate::{
    client::Client,
    connection::{
        channel::{ChannelRef, ErrorContext},
        driver::Driver,
        dyn_receiver::DynReceiver,
        dyn_sender::{DynSender, Side},
        handle::{ConnectionHandle, SharedConnection},
        mux::{Mux, NewChannel, PendingInvocation, Role, recv_state::RecvState, root_protocol::RootProtocol},
        unix::UnixSocket,
    },
    protocol::{
        body_streaming::StreamedEvents,
        code::Code,
        control::{HANDSHAKE, HEARTBEAT, TERMINATE},
        error::{Error, ErrorKind, Result},
        graph::{ERROR, Graph},
        limits::Limits,
        memory::MemoryBudget,
        spec::{MethodSpec, OnDrop, TreeSpec},
    },
    wire::{decode::Reader, encode, frame::FrameHeaders, scratch::Scratch},
};

/// The durations of heartbeats and shutdown.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkerTimeouts {
    /// The time between two heartbeats.
    pub(super) heartbeat_interval: Duration,
    /// How long the node may leave heartbeats unanswered.
    pub(super) heartbeat_timeout: Duration,
    /// How long handlers may run after the node has terminated the worker.
    pub(super) shutdown: Duration,
}

/// The connection of a worker to its node, before it is opened.
pub(super) struct NodeConnection {
    pub(super) endpoint: PathBuf,
    pub(super) uuid: String,
    pub(super) timeouts: WorkerTimeouts,
    pub(super) limits: Limits,
    pub(super) cloud: Client,
    pub(super) registry: HandlerRegistry,
    /// The credit that the node has offered for each channel. A node that offers credit understands the other extensions
    /// as well.
    pub(super) offered_credit: Option<u64>,
    pub(super) terminated: watch::Sender<bool>,
    /// The queue of invocations whose handlers run in tasks of their own.
    pub(super) spawned: mpsc::UnboundedSender<(SpawnFn, Invocation)>,
}

/// The method with which a node opens the channel of an event (`worker.md` 2.1).
const INVOKE: MethodSpec = MethodSpec {
    id: 0,
    name: "invoke",
    dispatch: TreeSpec::STREAMING,
    upstream: TreeSpec::STREAMING,
    on_drop: OnDrop::Terminal,
};

/// How long connecting to the node's socket may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl NodeConnection {
    /// Starts the thread of the connection, and returns a receiver of its result. Dropping the receiver ends the thread.
    pub(super) fn start(self) -> Result<oneshot::Receiver<Result<()>>> {
        let (done, served) = oneshot::channel();
        let thread = thread::Builder::new().name("cocaine-wire".to_owned());
        let started = thread.spawn(move || self.run_thread(done));
        started
            .map_err(|error| Error::config(format!("cannot start the thread of the connection: {error}")))?;
        Ok(served)
    }

    fn run_thread(self, mut done: oneshot::Sender<Result<()>>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = match runtime {
            Ok(runtime) => runtime.block_on(async {
                tokio::select! {
                    result = self.connect() => result,
                    () = done.closed() => Ok(()),
                }
            }),
            Err(error) => Err(Error::config(format!("cannot start the runtime of the connection: {error}"))),
        };
        // `Worker::serve` may have been dropped.
        let _ = done.send(result);
    }

    async fn connect(self) -> Result<()> {
        let peer: Arc<str> = self.endpoint.display().to_string().into();
        let failed = |reason: String| {
            let advice = "the node that started the worker must be running on this machine";
            Error::new(ErrorKind::Connect(format!("{reason}; {advice}"))).with_context(
                None,
                None,
                Some(&peer),
            )
        };
        let io = timeout(CONNECT_TIMEOUT, UnixStream::connect(&self.endpoint)).await;
        let io = io.map_err(|_| failed(format!("no answer within {CONNECT_TIMEOUT:?}")))?;
        let io =
            io.and_then(UnixSocket::new).map_err(|error| failed(error.to_string()).with_source(error))?;
        self.serve(io).await
    }

    /// Serves over a connected socket until the node terminates the worker or the connection is lost.
    pub(super) async fn serve<IO>(self, io: IO) -> Result<()>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self {
            endpoint,
            uuid,
            timeouts,
            limits,
            cloud,
            mut registry,
            offered_credit,
            terminated,
            spawned,
        } = self;
        let roots = RootProtocol::new(&Graph::new([INVOKE.method()]).with_controls());
        let peer: Arc<str> = endpoint.display().to_string().into();
        let role = Role::Worker(Arc::new(roots));
        let conn = SharedConnection::new(peer, limits, MemoryBudget::unlimited(), role);
        if let Some(window) = offered_credit {
            conn.with(|mux| mux.accept_credit(window));
        }
        let streamed = offered_credit.map(|_| registry.streamed_events());
        let handle = ConnectionHandle::new(conn.clone());
        let shared = WorkerShared {
            handle: handle.clone(),
            stream: TreeSpec::STREAMING.tree(),
            cloud,
            descriptions: registry.take_descriptions(),
        };
        let router = Router { registry, shared: Arc::new(shared), spawned };
        let mut control = ControlChannel::open(handle, &uuid, streamed, timeouts.heartbeat_interval)?;
        let driver = tokio::spawn(Driver::new(io, conn, limits, move |pending| router.route(pending)));
        let served = control.exchange_heartbeats(timeouts).await;
        let ended = match served {
            Ok(()) => {
                terminated.send_replace(true);
                control.drain(timeouts).await
            }
            Err(error) => {
                control.handle.close(&error);
                Err(error)
            }
        };
        // The driver ends at once, because its connection is closed.
        let _ = driver.await;
        ended
    }
}

/// Routes invocations to their handlers.
struct Router {
    registry: HandlerRegistry,
    shared: Arc<WorkerShared>,
    spawned: mpsc::UnboundedSender<(SpawnFn, Invocation)>,
}

impl Router {
    /// Sends an invocation to be spawned, or returns its handler if that runs inline.
    fn route(&self, pending: PendingInvocation) -> RoutedInvocation {
        match event_name(&pending).and_then(|event| self.registry.find(event)) {
            Ok((event, entry)) => {
                let invocation = Invocation { shared: self.shared.clone(), event, pending };
                match entry {
                    Entry::Inline(handle) => return RoutedInvocation(handle(invocation)),
                    // The receiver is closed once the worker is no longer served.
                    Entry::Spawned(spawn) => drop(self.spawned.send((spawn, invocation))),
                }
            }
            Err(error) => self.reject(&pending, &error),
        }
        RoutedInvocation(None)
    }

    fn reject(&self, pending: &PendingInvocation, error: &Error) {
        let mut args = Scratch::take();
        let encoded = encode::args(&error.worker_error_args(), &mut args);
        self.shared.handle.with(|mux| {
            if encoded.is_ok() {
                // Fails only if the connection has ended.
                let _ = mux.send(pending.id, ERROR, &args, FrameHeaders::None);
            }
            mux.finish_invocation(pending.id, pending.cost, None);
        });
    }
}

/// An inline handler to poll on this thread, or nothing.
struct RoutedInvocation(Option<HandlerFuture>);

impl Future for RoutedInvocation {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |future| future.as_mut().poll(cx))
    }
}

/// Decodes the name of an event from the arguments of `invoke`: `[name]`.
fn event_name(pending: &PendingInvocation) -> Result<&[u8]> {
    let mut reader = Reader::new(&pending.message.args);
    let name = reader.array_len().and_then(|_| reader.raw());
    name.map_err(|malformed| Error::service(Code::BAD_MESSAGE, format!("invoke: {malformed}")))
}

/// The control channel: handshake, heartbeats and termination.
struct ControlChannel {
    handle: ConnectionHandle,
    rx: DynReceiver,
    tx: DynSender,
    /// When the next heartbeat is due.
    beat: Interval,
}

impl ControlChannel {
    /// Opens the channel and queues the handshake and the first heartbeat. The handshake has an argument more if the node
    /// understands it and there are events with streamed bodies.
    fn open(
        handle: ConnectionHandle,
        uuid: &str,
        streamed: Option<StreamedEvents>,
        heartbeat_interval: Duration,
    ) -> Result<Self> {
        let mut args = Scratch::take();
        let encoded = match streamed.filter(|events| !events.is_empty()) {
            Some(events) => encode::args(&(uuid, events), &mut args),
            None => encode::args(&(uuid,), &mut args),
        };
        encoded.map_err(Error::from_encode)?;
        let tree = HANDSHAKE.dispatch.tree();
        let recv_state = RecvState::new(&tree);
        let (method, headers) = (HANDSHAKE.id, FrameHeaders::None);
        let open = NewChannel {
            method,
            args: &args,
            headers,
            recv_state,
            ticks: u64::MAX,
            reader: None,
            offers_credit: false,
        };
        let key = handle.with(|mux| mux.open(open))?;
        let channel = ChannelRef { handle: handle.clone(), key, context: ErrorContext::default() };
        let rx = DynReceiver::new(channel.clone(), &tree);
        let tx = DynSender::new(channel, &tree, Side::Client, OnDrop::Terminal, false);
        let mut beat = interval_at(Instant::now() + heartbeat_interval, heartbeat_interval);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut control = Self { handle, rx, tx, beat };
        control.tx.queue(HEARTBEAT, &())?;
        Ok(control)
    }

    /// Sends heartbeats until the node terminates the worker.
    async fn exchange_heartbeats(&mut self, timeouts: WorkerTimeouts) -> Result<()> {
        let mut expired = pin!(sleep_until(Instant::now() + timeouts.heartbeat_timeout));
        let mut congestions = 0;
        loop {
            tokio::select! {
                _ = self.beat.tick() => self.tx.queue_urgent(HEARTBEAT)?,
                message = poll_fn(|cx| self.rx.poll_message(cx)) => match message {
                    Some(Ok(message)) if message.kind == TERMINATE => return Ok(()),
                    Some(Ok(_)) => expired.as_mut().reset(Instant::now() + timeouts.heartbeat_timeout),
                    Some(Err(error)) => return Err(error),
                    None => return Err(Error::disconnected("the node ended the control channel")),
                },
                () = &mut expired => {
                    // What the node has answered may be unread, because handlers are slow to read.
                    let (count, is_congested) = self.handle.with(super::super::connection::mux::Mux::congestion);
                    if is_congested || count != std::mem::replace(&mut congestions, count) {
                        expired.as_mut().reset(Instant::now() + timeouts.heartbeat_timeout);
                        continue;
                    }
                    let text = format!("disowned: the node has answered no heartbeat for {:?}", timeouts.heartbeat_timeout);
                    return Err(Error::disconnected(text).with_wire_code(Code::CANCELLED));
                }
            }
        }
    }

    /// Waits for running handlers, confirms the termination, and closes the connection once the confirmation is written.
    /// Until then the heartbeats go on: the node kills a worker without them, also one that it has terminated.
    async fn drain(mut self, timeouts: WorkerTimeouts) -> Result<()> {
        let shutdown_timeout = timeouts.shutdown;
        let handle = self.handle.clone();
        let mut finished = pin!(poll_fn(|cx| handle.with(|mux| mux.poll_finished(cx.waker()))));
        let mut cut_off = pin!(sleep(shutdown_timeout));
        loop {
            tokio::select! {
                () = &mut finished => break,
                () = &mut cut_off => {
                    tracing::warn!("handlers did not finish within {shutdown_timeout:?} and are cut off");
                    break;
                }
                // Fails only if the node has disconnected meanwhile.
                _ = self.beat.tick() => drop(self.tx.queue_urgent(HEARTBEAT)),
            }
        }
        // Fails only if the node has disconnected meanwhile.
        let _ = self.tx.queue(TERMINATE, &(0, "confirmed"));
        let flushed = poll_fn(|cx| self.handle.with(|mux| mux.poll_flushed(cx.waker())));
        let _ = timeout(shutdown_timeout, flushed).await;
        self.handle
            .with(|mux: &mut Mux| mux.close(&Error::disconnected("the node has terminated the worker")));
        Ok(())
    }
}
