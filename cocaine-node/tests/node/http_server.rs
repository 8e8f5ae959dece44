//! An HTTP server that answers with any bytes, valid or not.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The response to one request.
pub(crate) enum Reply {
    /// Sends this, and waits for the next request.
    Bytes(Vec<u8>),
    /// Sends this, and then nothing more.
    Hang(Vec<u8>),
    /// Sends this, and closes the connection.
    Close(Vec<u8>),
    /// Sends the first part once, and the second again and again.
    Endless(Vec<u8>, Vec<u8>),
}

/// A server that runs until it is dropped.
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Starts a server on a free port of `address`. `reply` gets the head and the body of each request.
    pub(crate) async fn start(address: &str, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let (count, reply) = (connections.clone(), Arc::new(reply));
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, reply.clone()));
            }
        });
        Self { address, connections, task }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the number of accepted connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns a response with a body and its length.
pub(crate) fn response(head: &str, body: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into())
}

/// Returns a redirect.
pub(crate) fn redirect(status: u16, location: &str) -> Reply {
    response(&format!("{status} Elsewhere\r\nLocation: {location}"), "")
}

async fn serve(mut socket: TcpStream, reply: Arc<impl Fn(&str) -> Reply>) {
    // Ends when the client closes the connection.
    while let Some(request) = read_request(&mut socket).await {
        let reply = reply(&request);
        let bytes = match &reply {
            Reply::Bytes(bytes) | Reply::Hang(bytes) | Reply::Close(bytes) | Reply::Endless(bytes, _) => {
                bytes
            }
        };
        if socket.write_all(bytes).await.is_err() {
            return;
        }
        match reply {
            Reply::Bytes(_) => {}
            Reply::Close(_) => return,
            // Until the client closes the connection.
            Reply::Hang(_) => drop(socket.read_u8().await),
            Reply::Endless(_, more) => while socket.write_all(&more).await.is_ok() {},
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(request).unwrap();
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    socket.read_exact(&mut body).await.ok()?;
    Some(head + str::from_utf8(&body).unwrap())
}
