//! Where clients connect: a TCP port, or a unix socket that only the user of the gateway can open.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

use crate::private_socket::{SocketFile, listen_privately};

/// Accepts connections.
pub(crate) trait Port: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Accepts the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;

    /// Returns what the log calls the port.
    fn name(&self) -> String;
}

/// The other side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A client on the network or on this machine.
    Ip(IpAddr),
    /// A process that can open the unix socket: one of the gateway's user, or of root.
    SameUser,
}

impl Peer {
    /// Returns whether the client has connected to a loopback address, as the browsers of this machine can.
    pub(crate) fn is_loopback(self) -> bool {
        matches!(self, Self::Ip(address) if address.is_loopback())
    }
}

impl Port for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = Self::accept(self).await?;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set a socket option");
        }
        Ok((stream, Peer::Ip(address.ip().to_canonical())))
    }

    fn name(&self) -> String {
        self.local_addr().as_ref().map_or_else(|_| String::new(), SocketAddr::to_string)
    }
}

/// A unix socket with the mode 0600. Dropping this removes it.
#[derive(Debug)]
pub(crate) struct PrivateSocket {
    listener: UnixListener,
    file: SocketFile,
}

impl PrivateSocket {
    /// Listens on `path`, and replaces a socket there on which nobody listens any more.
    ///
    /// # Errors
    /// Something else has the path, or the socket cannot be made.
    pub(crate) async fn listen(path: &Path) -> io::Result<Self> {
        let (listener, file) = listen_privately(path).await?;
        Ok(Self { listener, file })
    }
}

impl Port for PrivateSocket {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        Ok((self.listener.accept().await?.0, Peer::SameUser))
    }

    fn name(&self) -> String {
        self.file.path().display().to_string()
    }
}
