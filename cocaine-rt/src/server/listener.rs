//! A server: its listening sockets, and the connections accepted on them.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::ToSocketAddrs,
    sync::watch,
    task::{self, JoinSet},
};

use super::{
    Call, Dispatch, ServedConnection, ServedGraph, Traced,
    accept::listen,
    idle::track_idle_connection,
    listening_socket::{AcceptedStream, ListeningSocket, ListeningSockets, to_canonical},
};
use crate::{
    connection::{
        driver::Driver,
        handle::{self, ConnectionHandle, SharedConnection},
        mux::{Mux, Role, root_protocol::RootProtocol},
        unix::UnixSocket,
    },
    protocol::{limits::Limits, memory::MemoryBudget},
    wire::bytes::Bytes,
};

/// A running server. It runs until [`Server::shutdown`]; dropping it closes its connections at once.
#[derive(Debug)]
pub struct Server {
    /// The addresses of the TCP ports; there is at least one.
    addresses: Vec<SocketAddr>,
    phase: watch::Sender<Phase>,
    accepting: task::JoinHandle<()>,
}

/// The phases of a server, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Accepting,
    /// No new connections are accepted; open ones stay.
    Draining,
    Stopping,
}

/// Settings of a [`Server`].
#[derive(Debug)]
pub struct ServerBuilder<D> {
    dispatch: D,
    limits: Limits,
    memory: MemoryBudget,
    served: ServedGraph,
    root_protocol: RootProtocol,
    accept_counters: Arc<AcceptCounters>,
}

/// Counts the connections that a server has accepted, and its failures to accept one.
#[derive(Debug, Default)]
pub struct AcceptCounters {
    accepted: AtomicU64,
    rejected: AtomicU64,
}

impl AcceptCounters {
    /// Returns how many connections were accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Returns how often a connection could not be accepted.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }
}

impl Server {
    /// How long running calls may take to finish when the server shuts down.
    pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
    /// The time after which the operating system probes an idle client. One that acknowledges or reads nothing for twice this
    /// time is given up.
    pub const KEEP_ALIVE: Duration = Duration::from_secs(30);

    /// Returns settings for a server of `dispatch`.
    pub fn builder<D: Dispatch>(dispatch: D) -> ServerBuilder<D> {
        let graph = dispatch.spec().graph();
        let extra = graph.methods().map(|_| None).collect();
        let (limits, accept_counters) = (Limits::default(), Arc::default());
        let root_protocol = RootProtocol::new(&graph);
        ServerBuilder {
            dispatch,
            limits,
            memory: MemoryBudget::unlimited(),
            served: ServedGraph { graph, extra },
            root_protocol,
            accept_counters,
        }
    }

    /// Listens on `address` and serves `dispatch` there with the default limits.
    pub async fn bind<D: Dispatch>(address: impl ToSocketAddrs, dispatch: D) -> io::Result<Self> {
        Self::builder(dispatch).bind(address).await
    }

    /// Returns the address of the listening socket; of the first TCP port, if there are several sockets.
    pub fn local_addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Returns the addresses of all TCP ports.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting connections. Open connections stay until their clients close them.
    pub fn stop_accepting(&self) {
        self.phase.send_if_modified(|phase| {
            *phase == Phase::Accepting && {
                *phase = Phase::Draining;
                true
            }
        });
    }

    /// Returns whether the server no longer accepts connections and its last connection has ended.
    pub fn is_finished(&self) -> bool {
        self.accepting.is_finished()
    }

    /// Stops accepting, lets running calls finish within [`Server::SHUTDOWN_TIMEOUT`], ends streams and sessions, writes
    /// the replies that are queued, and closes the connections.
    pub async fn shutdown(mut self) {
        self.phase.send_replace(Phase::Stopping);
        // The task ends by itself; a panic in it has been reported.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl<D: Dispatch> ServerBuilder<D> {
    /// Sets the limits of each connection.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Counts the memory of all connections in `memory`; by default it is not counted.
    #[must_use]
    pub fn memory(self, memory: MemoryBudget) -> Self {
        Self { memory, ..self }
    }

    /// Counts the accepted connections in `accept_counters`.
    #[must_use]
    pub fn accept_counters(self, accept_counters: Arc<AcceptCounters>) -> Self {
        Self { accept_counters, ..self }
    }

    /// Adds a header to every reply of `method`, after the trace.
    #[must_use]
    pub fn reply_header(mut self, method: &str, name: &str, value: impl Into<Bytes>) -> Self {
        let index = self.served.graph.methods().position(|known| &*known.name == method);
        if let Some(extra) = index.and_then(|index| self.served.extra.get_mut(index)) {
            let mut headers = extra.as_deref().unwrap_or_default().to_vec();
            headers.push((name.into(), value.into()));
            *extra = Some(headers.into());
        }
        self
    }

    /// Runs each call of these methods to its end, also if its caller leaves before it is answered. Without this, calls
    /// with one answer are cancelled then ([`Dispatch::invoke`]).
    ///
    /// # Panics
    ///
    /// If the service has no such method: the promise would be broken without a word.
    #[must_use]
    pub fn run_to_completion(mut self, methods: &[&str]) -> Self {
        for name in methods {
            let index = self.served.graph.methods().position(|known| *known.name == **name);
            self.root_protocol.run_to_completion(
                index.unwrap_or_else(|| panic!("the service has no method `{name}` to run to completion")),
            );
        }
        self
    }

    /// Listens on `address` and serves until the server is shut down or dropped.
    pub async fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        self.serve(vec![ListeningSocket::tcp(listen(address).await?)?])
    }

    /// Serves on these sockets until the server is shut down or dropped.
    ///
    /// # Errors
    /// There is no TCP port among them: a service is announced by an address and a port.
    pub fn serve(self, sockets: Vec<ListeningSocket>) -> io::Result<Server> {
        let mut addresses = Vec::with_capacity(sockets.len());
        for socket in &sockets {
            addresses.extend(socket.local_addr()?);
        }
        if addresses.is_empty() {
            let text = "a server needs a TCP port, beside its unix sockets";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let (phase, phases) = watch::channel(Phase::Accepting);
        let connections = Connections {
            dispatch: Arc::new(self.dispatch),
            root_protocol: Arc::new(self.root_protocol),
            served: Arc::new(self.served),
            limits: self.limits,
            memory: self.memory,
            accept_counters: self.accept_counters,
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            phases,
        };
        let accepting = tokio::spawn(connections.run(ListeningSockets::new(sockets)));
        Ok(Server { addresses, phase, accepting })
    }
}

struct Connections<D> {
    dispatch: Arc<D>,
    root_protocol: Arc<RootProtocol>,
    served: Arc<ServedGraph>,
    limits: Limits,
    memory: MemoryBudget,
    accept_counters: Arc<AcceptCounters>,
    tasks: JoinSet<()>,
    by_task: HashMap<task::Id, Arc<SharedConnection>>,
    phases: watch::Receiver<Phase>,
}

impl<D: Dispatch> Connections<D> {
    async fn run(mut self, mut sockets: ListeningSockets) {
        let mut phases = self.phases.clone();
        loop {
            tokio::select! {
                (index, accepted) = sockets.accept() => {
                    let served = accepted.and_then(|stream| self.serve_stream(stream, sockets.name(index)));
                    match served {
                        Ok(()) => sockets.status(index).record_success(),
                        Err(error) => {
                            self.accept_counters.rejected.fetch_add(1, Ordering::Relaxed);
                            sockets.status(index).recover(&error).await;
                        }
                    }
                },
                Some(ended) = self.tasks.join_next_with_id() => self.remove(ended),
                () = wait_for_phase(&mut phases, Phase::Draining) => break,
            }
        }
        drop(sockets);
        self.wait_until_stopped(phases).await;
        self.by_task.values().for_each(|conn| conn.with(Mux::drain));
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Server::SHUTDOWN_TIMEOUT, finished).await.is_err() {
            tracing::warn!("calls did not finish within {:?} and were cut off", Server::SHUTDOWN_TIMEOUT);
        }
    }

    /// Waits until the server stops or its last client has left.
    async fn wait_until_stopped(&mut self, mut phases: watch::Receiver<Phase>) {
        loop {
            tokio::select! {
                ended = self.tasks.join_next_with_id() => match ended {
                    Some(ended) => self.remove(ended),
                    None => return,
                },
                () = wait_for_phase(&mut phases, Phase::Stopping) => return,
            }
        }
    }

    fn remove(&mut self, ended: Result<(task::Id, ()), task::JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        self.by_task.remove(&id);
    }

    /// Serves a connection that was accepted on the socket of this name.
    fn serve_stream(&mut self, stream: AcceptedStream, socket: &str) -> io::Result<()> {
        match stream {
            AcceptedStream::Tcp(stream, peer) => {
                handle::set_socket_options(&stream, Server::KEEP_ALIVE);
                let local = stream.local_addr().ok().map(to_canonical);
                self.serve_connection(stream, &peer.to_string(), local);
            }
            AcceptedStream::Unix(stream) => self.serve_connection(UnixSocket::new(stream)?, socket, None),
        }
        Ok(())
    }

    fn serve_connection<IO>(&mut self, stream: IO, peer: &str, local: Option<SocketAddr>)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.accept_counters.accepted.fetch_add(1, Ordering::Relaxed);
        let conn = SharedConnection::new(
            peer.into(),
            self.limits,
            self.memory.clone(),
            Role::Server(self.root_protocol.clone()),
        );
        let host = Arc::new(ServedConnection::new(
            ConnectionHandle::new(conn.clone()),
            local,
            self.served.clone(),
            self.limits.max_decoded_bytes,
        ));
        let dispatch = self.dispatch.clone();
        let driver = Driver::new(stream, conn.clone(), self.limits, move |pending| {
            let call = Call::new(host.clone(), pending);
            Traced::new(call.caller().trace(), dispatch.invoke(call))
        });
        track_idle_connection(&conn);
        self.by_task.insert(self.tasks.spawn(driver).id(), conn);
    }
}

/// Waits until the server has reached `wanted`, or is gone.
async fn wait_for_phase(phases: &mut watch::Receiver<Phase>, wanted: Phase) {
    // An error means that the server was dropped, which ends the wait as well.
    let _ = phases.wait_for(|phase| *phase >= wanted).await;
}
