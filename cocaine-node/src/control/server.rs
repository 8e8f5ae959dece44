//! The end of the control socket in the node.

use std::{
    convert::Infallible,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use cocaine::server::AcceptStatus;
use futures_util::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::UnixListener,
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
};

use super::{BACKUP, COMPACT, backup_stream::backup_stream, socket_path::SocketPath};
use crate::{
    permissions::PRIVATE_FILE,
    store::{BackupEncoder, Store, StoreError},
};

/// The most connections at once.
const MAX_CONNECTIONS: usize = 64;

type ControlBody = UnsyncBoxBody<Bytes, Infallible>;

/// Serves the control socket until it is dropped.
#[derive(Debug)]
pub(crate) struct ControlServer {
    socket: SocketPath,
    accepting: JoinHandle<()>,
}

/// What requests share.
#[derive(Clone)]
struct Control {
    store: Store,
    /// One backup runs at a time.
    backups: Arc<Semaphore>,
}

impl ControlServer {
    /// Listens in the folder of sockets of `data`, which is private and belongs to this node alone.
    pub(crate) fn start(data: &Path, store: Store) -> io::Result<Self> {
        let socket = SocketPath::new(data)?;
        match fs::remove_file(&socket.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&socket.path)?;
        fs::set_permissions(&socket.path, Permissions::from_mode(PRIVATE_FILE))?;
        let control = Control { store, backups: Arc::new(Semaphore::new(1)) };
        Ok(Self { socket, accepting: tokio::spawn(accept(listener, control)) })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        // The task has the store, and the store the folder: no other node has a socket here yet.
        if let Err(error) = fs::remove_file(&self.socket.path) {
            tracing::debug!(%error, "the control socket is not removed");
        }
        self.accepting.abort();
    }
}

async fn accept(listener: UnixListener, control: Control) {
    let (mut tasks, mut status) = (JoinSet::new(), AcceptStatus::new("the control socket"));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if tasks.len() < MAX_CONNECTIONS => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                status.record_success();
                let control = control.clone();
                let service = service_fn(move |request| {
                    let control = control.clone();
                    async move { Ok::<_, Infallible>(control.answer(&request).await) }
                });
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tasks.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection of the control socket failed");
                    }
                });
            }
            Err(error) => status.recover(&error).await,
        }
    }
}

impl Control {
    async fn answer(&self, request: &Request<Incoming>) -> Response<ControlBody> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, BACKUP) => self.back_up(),
            (&Method::POST, COMPACT) => match self.store.compact().await {
                Ok(summary) => {
                    let sizes = serde_json::json!({
                        "bytes_before": summary.bytes_before,
                        "bytes_after": summary.bytes_after,
                    });
                    text(StatusCode::OK, &sizes.to_string())
                }
                Err(error) => failure(&error),
            },
            (_, BACKUP | COMPACT) => text(StatusCode::METHOD_NOT_ALLOWED, "this method is not known here"),
            _ => text(StatusCode::NOT_FOUND, "there are /backup and /compact"),
        }
    }

    fn back_up(&self) -> Response<ControlBody> {
        let Ok(permit) = self.backups.clone().try_acquire_owned() else {
            return text(StatusCode::CONFLICT, "another backup is under way");
        };
        match self.store.snapshot() {
            Ok(snapshot) => {
                let pieces = backup_stream(BackupEncoder::new(snapshot), permit);
                Response::new(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync())
            }
            Err(error) => failure(&error),
        }
    }
}

fn failure(error: &StoreError) -> Response<ControlBody> {
    text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
}

fn text(status: StatusCode, text: &str) -> Response<ControlBody> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())).boxed_unsync());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use test_support::wait::wait_until;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
    };

    use super::*;
    use crate::control::ControlClient;

    async fn back_up(data: &Path) -> Result<usize, String> {
        let mut bytes = 0;
        let mut client = ControlClient::connect(data).await.map_err(|error| error.to_string())?;
        let received = client.back_up(|piece| {
            bytes += piece.len();
            Ok::<_, String>(())
        });
        received.await.map_err(|error| error.to_string())??;
        Ok(bytes)
    }

    #[tokio::test]
    async fn one_backup_runs_at_a_time() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("run")).unwrap();
        let store = Store::in_memory().unwrap();
        // More than the buffers of a socket take.
        store.write("c", "k", vec![1; 16 << 20].into(), &[]).await.unwrap();
        let server = ControlServer::start(data.path(), store.clone()).unwrap();
        let mut unread = UnixStream::connect(data.path().join("run/control")).await.unwrap();
        unread.write_all(b"GET /backup HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut start = [0; 15];
        unread.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
        assert_eq!(back_up(data.path()).await, Err("another backup is under way".into()));
        drop(unread);
        wait_until("the first backup is given up", async || back_up(data.path()).await.is_ok()).await;
        assert!(back_up(data.path()).await.unwrap() > 16 << 20);
        drop(server);
        let gone = async || back_up(data.path()).await.is_err_and(|error| error.contains("does not answer"));
        wait_until("nobody listens", gone).await;
    }

    #[tokio::test]
    async fn unknown_requests_are_refused() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("run")).unwrap();
        let _server = ControlServer::start(data.path(), Store::in_memory().unwrap()).unwrap();
        for (request, status) in [("GET /", "404"), ("POST /backup", "405"), ("POST /compact", "500")] {
            let mut stream = UnixStream::connect(data.path().join("run/control")).await.unwrap();
            let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut response = String::new();
            stream.read_to_string(&mut response).await.unwrap();
            assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        }
        let mut client = ControlClient::connect(data.path()).await.unwrap();
        assert_eq!(client.compact().await.unwrap_err().to_string(), "the data is in memory");
    }
}
