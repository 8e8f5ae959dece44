//! Where clients connect: a TCP port, or a unix socket that only the user of the gateway can open.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixSocket, UnixStream},
};

/// How many connections may wait to be accepted on a unix socket.
const BACKLOG: u32 = 1024;

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
    path: PathBuf,
}

impl PrivateSocket {
    /// Listens on `path`, and replaces a socket there on which nobody listens any more.
    ///
    /// # Errors
    /// Something else has the path, or the socket cannot be made.
    pub(crate) async fn listen(path: &Path) -> io::Result<Self> {
        remove_stale_socket(path).await?;
        let socket = UnixSocket::new_stream()?;
        // Linux makes the file with the mode that the socket has before it is bound, so that it is never open to others.
        let descriptor = fs::File::from(socket.as_fd().try_clone_to_owned()?);
        descriptor.set_permissions(fs::Permissions::from_mode(0o600))?;
        socket.bind(path)?;
        let listener = socket.listen(BACKLOG)?;
        let private = Self { listener, path: path.to_owned() };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(private)
    }
}

async fn remove_stale_socket(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is no socket has this path",
        ));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
}

impl Port for PrivateSocket {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        Ok((self.listener.accept().await?.0, Peer::SameUser))
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Drop for PrivateSocket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "a socket is not removed");
        }
    }
}
