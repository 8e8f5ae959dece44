//! A listening socket, and the connections that it has accepted.

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
    net::{TcpListener, TcpStream, ToSocketAddrs},
    sync::watch,
    task::{self, JoinSet},
};

use super::{Call, Dispatch, Host, Offer, Traced};
use crate::{
    connection::{
        driver::Driver,
        handle::{self, ConnectionHandle, SharedConnection},
        mux::{Mux, Role, root_protocol::RootProtocol},
    },
    protocol::limits::Limits,
    wire::bytes::Bytes,
};

/// A served service. It goes on until [`Server::shutdown`], or until it is dropped, which cuts its connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    phase: watch::Sender<Phase>,
    accepting: task::JoinHandle<()>,
}

/// How far the life of a server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Accepting,
    /// Nobody new is accepted; who is connected stays.
    Retired,
    Stopping,
}

/// Settings of a [`Server`].
#[derive(Debug)]
pub struct ServerBuilder<D> {
    dispatch: D,
    limits: Limits,
    offer: Offer,
    admissions: Arc<Admissions>,
}

/// How many connections a server has accepted since it began, and how often it could not.
#[derive(Debug, Default)]
pub struct Admissions {
    accepted: AtomicU64,
    rejected: AtomicU64,
}

impl Admissions {
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
    /// How long calls that run may take to finish when the server shuts down.
    pub const GRACE: Duration = Duration::from_secs(10);
    /// How long a server waits after it failed to accept a connection, as it does when file descriptors run out.
    pub const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

    /// Returns settings for a server of `dispatch`.
    pub fn builder<D: Dispatch>(dispatch: D) -> ServerBuilder<D> {
        let graph = dispatch.spec().graph();
        let extra = graph.methods().map(|_| None).collect();
        let (limits, offer, admissions) = (Limits::default(), Offer { graph, extra }, Arc::default());
        ServerBuilder { dispatch, limits, offer, admissions }
    }

    /// Listens on `address` and serves `dispatch` there with the default limits.
    pub async fn bind<D: Dispatch>(address: impl ToSocketAddrs, dispatch: D) -> io::Result<Self> {
        Self::builder(dispatch).bind(address).await
    }

    /// Returns the address that is listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting connections. Those that are open go on until their clients leave.
    pub fn retire(&self) {
        self.phase.send_if_modified(|phase| {
            *phase == Phase::Accepting && {
                *phase = Phase::Retired;
                true
            }
        });
    }

    /// Returns whether the server has been retired, or stopped, and its last connection has ended.
    pub fn is_finished(&self) -> bool {
        self.accepting.is_finished()
    }

    /// Stops accepting, lets the calls that run finish within [`Server::GRACE`], ends streams and sessions, writes what
    /// is owed, and closes the connections.
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

    /// Counts the connections in `admissions`.
    #[must_use]
    pub fn admissions(self, admissions: Arc<Admissions>) -> Self {
        Self { admissions, ..self }
    }

    /// Adds a header to every message that answers `method`, after the trace.
    #[must_use]
    pub fn reply_header(mut self, method: &str, name: &str, value: impl Into<Bytes>) -> Self {
        let place = self.offer.graph.methods().position(|known| &*known.name == method);
        if let Some(extra) = place.and_then(|place| self.offer.extra.get_mut(place)) {
            let mut headers = extra.as_deref().unwrap_or_default().to_vec();
            headers.push((name.into(), value.into()));
            *extra = Some(headers.into());
        }
        self
    }

    /// Listens on `address` and serves until the server is shut down or dropped.
    pub async fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (phase, phases) = watch::channel(Phase::Accepting);
        let connections = Connections {
            dispatch: Arc::new(self.dispatch),
            roots: Arc::new(RootProtocol::new(&self.offer.graph)),
            offer: Arc::new(self.offer),
            limits: self.limits,
            admissions: self.admissions,
            open: JoinSet::new(),
            conns: HashMap::new(),
            phases,
        };
        let accepting = tokio::spawn(connections.accept(listener));
        Ok(Server { address, phase, accepting })
    }
}

struct Connections<D> {
    dispatch: Arc<D>,
    roots: Arc<RootProtocol>,
    offer: Arc<Offer>,
    limits: Limits,
    admissions: Arc<Admissions>,
    open: JoinSet<()>,
    conns: HashMap<task::Id, Arc<SharedConnection>>,
    phases: watch::Receiver<Phase>,
}

impl<D: Dispatch> Connections<D> {
    async fn accept(mut self, listener: TcpListener) {
        let mut phases = self.phases.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.serve(stream, peer),
                    Err(error) => {
                        self.admissions.rejected.fetch_add(1, Ordering::Relaxed);
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Server::ACCEPT_RETRY_DELAY).await;
                    }
                },
                Some(ended) = self.open.join_next_with_id() => self.forget(ended),
                () = reached(&mut phases, Phase::Retired) => break,
            }
        }
        drop(listener);
        self.retire(phases).await;
        self.conns.values().for_each(|conn| conn.with(Mux::drain));
        let finished = async { while self.open.join_next().await.is_some() {} };
        if tokio::time::timeout(Server::GRACE, finished).await.is_err() {
            tracing::warn!("calls did not finish within {:?} and were cut off", Server::GRACE);
        }
    }

    /// Waits until the server is to stop or its last client has left.
    async fn retire(&mut self, mut phases: watch::Receiver<Phase>) {
        loop {
            tokio::select! {
                ended = self.open.join_next_with_id() => match ended {
                    Some(ended) => self.forget(ended),
                    None => return,
                },
                () = reached(&mut phases, Phase::Stopping) => return,
            }
        }
    }

    fn forget(&mut self, ended: Result<(task::Id, ()), task::JoinError>) {
        let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
        self.conns.remove(&id);
    }

    fn serve(&mut self, stream: TcpStream, peer: SocketAddr) {
        self.admissions.accepted.fetch_add(1, Ordering::Relaxed);
        handle::tune(&stream);
        let conn =
            SharedConnection::new(peer.to_string().into(), self.limits, Role::Server(self.roots.clone()));
        let host = Arc::new(Host { handle: ConnectionHandle::new(conn.clone()), offer: self.offer.clone() });
        let dispatch = self.dispatch.clone();
        let driver = Driver::new(stream, conn.clone(), self.limits, move |pending| {
            let call = Call::new(host.clone(), pending);
            Traced::new(call.caller().trace(), dispatch.invoke(call))
        });
        self.conns.insert(self.open.spawn(driver).id(), conn);
    }
}

/// Returns once the server has come that far.
async fn reached(phases: &mut watch::Receiver<Phase>, wanted: Phase) {
    // A server that is gone stops as well.
    let _ = phases.wait_for(|phase| *phase >= wanted).await;
}
