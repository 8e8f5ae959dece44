//! The sockets on which a server accepts connections: TCP ports, and unix sockets.

use std::{
    any::Any,
    future::poll_fn,
    io,
    net::{Shutdown, SocketAddr},
    path::Path,
    task::{Context, Poll},
};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::accept::AcceptStatus;

/// A socket on which a [`Server`](super::Server) accepts connections.
#[derive(Debug)]
pub struct ListeningSocket {
    // Dropped before the guard.
    socket: Socket,
    name: String,
    _guard: Option<Box<dyn Any + Send>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Processes that are forked have the socket, too, until they execute their programs. Nothing is to listen there meanwhile.
impl Drop for Socket {
    fn drop(&mut self) {
        let socket = match self {
            Self::Tcp(listener) => SockRef::from(&*listener),
            Self::Unix(listener) => SockRef::from(&*listener),
        };
        if let Err(error) = socket.shutdown(Shutdown::Both) {
            tracing::debug!(%error, "a listening socket is not shut down");
        }
    }
}

/// A new connection.
#[derive(Debug)]
pub(super) enum AcceptedStream {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl ListeningSocket {
    /// Returns the socket of a TCP port.
    ///
    /// # Errors
    /// The address of the socket cannot be found out.
    pub fn tcp(listener: TcpListener) -> io::Result<Self> {
        let name = listener.local_addr()?.to_string();
        Ok(Self { socket: Socket::Tcp(listener), name, _guard: None })
    }

    /// Returns the unix socket at `path`, by which callers and the log know it.
    pub fn unix(listener: UnixListener, path: &Path) -> Self {
        let name = format!("unix:{}", path.display());
        Self { socket: Socket::Unix(listener), name, _guard: None }
    }

    /// Drops `guard` as soon as the socket is closed, such as what removes the file of a unix socket.
    #[must_use]
    pub fn with_guard(self, guard: impl Any + Send) -> Self {
        Self { _guard: Some(Box::new(guard)), ..self }
    }

    /// Returns the address of a TCP port.
    pub(super) fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map(Some),
            Socket::Unix(_) => Ok(None),
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<AcceptedStream>> {
        match &self.socket {
            Socket::Tcp(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, peer)| AcceptedStream::Tcp(stream, to_canonical(peer))),
            Socket::Unix(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| AcceptedStream::Unix(stream))
            }
        }
    }
}

/// Returns the address of an IPv4 client as such, also if its connection was accepted by a socket for IPv6.
pub(super) fn to_canonical(address: SocketAddr) -> SocketAddr {
    if address.ip().to_canonical().is_ipv4() {
        return SocketAddr::new(address.ip().to_canonical(), address.port());
    }
    address
}

/// The sockets of one server.
#[derive(Debug)]
pub(super) struct ListeningSockets {
    sockets: Vec<(ListeningSocket, AcceptStatus)>,
    /// The socket that is asked first: those that have many connections keep no others waiting.
    first: usize,
}

impl ListeningSockets {
    pub(super) fn new(sockets: Vec<ListeningSocket>) -> Self {
        let with_status = |socket: ListeningSocket| {
            let status = AcceptStatus::new(&*socket.name);
            (socket, status)
        };
        Self { sockets: sockets.into_iter().map(with_status).collect(), first: 0 }
    }

    /// Accepts the next connection on any of the sockets. Returns the index of its socket, too.
    pub(super) async fn accept(&mut self) -> (usize, io::Result<AcceptedStream>) {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(usize, io::Result<AcceptedStream>)> {
        let count = self.sockets.len();
        for index in (self.first..self.first + count).map(|index| index % count) {
            if let Poll::Ready(accepted) = self.sockets[index].0.poll_accept(cx) {
                self.first = index + 1;
                return Poll::Ready((index, accepted));
            }
        }
        Poll::Pending
    }

    /// Returns the name of a socket.
    pub(super) fn name(&self, index: usize) -> &str {
        &self.sockets[index].0.name
    }

    /// Returns whether a socket can accept connections.
    pub(super) fn status(&mut self, index: usize) -> &mut AcceptStatus {
        &mut self.sockets[index].1
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener as StdListener;

    use super::*;

    #[tokio::test]
    async fn inherited_copy_of_closed_socket_frees_the_port() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, listener) = (listener.local_addr().unwrap(), listener.into_std().unwrap());
        // As a process has it that is forked and has not executed its program.
        let inherited = listener.try_clone().unwrap();
        let socket = ListeningSocket::tcp(TcpListener::from_std(listener).unwrap()).unwrap();
        assert!(StdListener::bind(address).is_err());
        drop(socket);
        StdListener::bind(address).unwrap();
        drop(inherited);
    }
}
