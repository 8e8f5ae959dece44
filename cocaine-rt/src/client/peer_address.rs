//! Where a client connects to.

use std::{fmt, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::net::{TcpStream, UnixStream};

use crate::{
    connection::{
        driver,
        handle::{self, ConnectionHandle},
        unix::UnixSocket,
    },
    protocol::{limits::Limits, memory::MemoryBudget},
};

/// The address of a peer: a TCP port, or the path of a unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PeerAddress {
    Tcp(SocketAddr),
    Unix(Arc<Path>),
}

/// A connected socket.
pub(crate) enum PeerStream {
    Tcp(TcpStream),
    Unix(UnixSocket),
}

impl PeerAddress {
    pub(crate) async fn connect(&self) -> io::Result<PeerStream> {
        match self {
            Self::Tcp(address) => TcpStream::connect(address).await.map(PeerStream::Tcp),
            Self::Unix(path) => UnixSocket::new(UnixStream::connect(path).await?).map(PeerStream::Unix),
        }
    }
}

impl PeerStream {
    /// Starts the task of the connection to `peer`. `keep_alive` is the silence after which the operating system probes it.
    pub(crate) fn start(
        self,
        peer: &PeerAddress,
        keep_alive: Duration,
        limits: Limits,
        memory: MemoryBudget,
    ) -> ConnectionHandle {
        let peer = peer.to_string().into();
        match self {
            Self::Tcp(stream) => {
                handle::set_socket_options(&stream, keep_alive);
                driver::connect(stream, peer, limits, memory)
            }
            Self::Unix(stream) => driver::connect(stream, peer, limits, memory),
        }
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
