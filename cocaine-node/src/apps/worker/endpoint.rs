//! The unix socket that the workers of an app connect to, and the handshake on it (`worker.md` 3.1).

use std::{
    collections::HashMap,
    fs::{self, Permissions},
    future::Future,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use cocaine::{
    Limits, MemoryBudget,
    bind::{Call, Dispatch, DynReceiver, DynSender, ServiceSpec},
    control::WORKER,
    server::{AcceptStatus, Connection, StreamedEvents, UnixSocket},
};
use tokio::{net::UnixListener, sync::oneshot, task::JoinHandle};

use crate::permissions::PRIVATE_FILE;

/// The connection of a worker whose handshake has arrived, and its control channel.
#[derive(Debug)]
pub(crate) struct Handshake {
    pub(crate) connection: Connection,
    pub(crate) rx: DynReceiver,
    pub(crate) tx: DynSender,
    /// The events whose handlers take the body of a request in pieces.
    pub(crate) streamed: StreamedEvents,
}

/// The workers whose handshakes are awaited, by their uuids.
type ExpectedWorkers = Arc<Mutex<HashMap<String, oneshot::Sender<Handshake>>>>;

/// The socket of an app. Dropping this removes it.
#[derive(Debug)]
pub(crate) struct WorkerEndpoint {
    path: PathBuf,
    expected: ExpectedWorkers,
    accepting: JoinHandle<()>,
    closed: AtomicBool,
}

impl WorkerEndpoint {
    /// Listens on `path`, and replaces a stale socket there.
    pub(crate) fn listen(path: PathBuf, limits: Limits, memory: MemoryBudget) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        // No other user gets as far as here in the meantime: the folder is private.
        fs::set_permissions(&path, Permissions::from_mode(PRIVATE_FILE))?;
        let expected = ExpectedWorkers::default();
        let accepting = tokio::spawn(accept(listener, path.clone(), (limits, memory), expected.clone()));
        Ok(Self { path, expected, accepting, closed: AtomicBool::new(false) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Expects the worker with this uuid, and returns where its handshake arrives.
    pub(super) fn expect_worker(&self, uuid: &str) -> oneshot::Receiver<Handshake> {
        let (handshake, receiver) = oneshot::channel();
        lock(&self.expected).insert(uuid.to_owned(), handshake);
        receiver
    }

    /// Stops expecting a worker.
    pub(crate) fn cancel_worker(&self, uuid: &str) {
        lock(&self.expected).remove(uuid);
    }

    /// Stops accepting connections.
    pub(crate) fn stop_accepting(&self) {
        self.accepting.abort();
    }

    /// Stops accepting connections, and removes the socket.
    pub(crate) fn close(&self) {
        self.stop_accepting();
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "a socket is not removed");
        }
    }
}

impl Drop for WorkerEndpoint {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(
    expected: &ExpectedWorkers,
) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Handshake>>> {
    expected.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(
    listener: UnixListener,
    path: PathBuf,
    (limits, memory): (Limits, MemoryBudget),
    expected: ExpectedWorkers,
) {
    let peer = path.display().to_string();
    let mut status = AcceptStatus::new(&peer);
    loop {
        match listener.accept().await.and_then(|(stream, _)| UnixSocket::new(stream)) {
            Ok(stream) => {
                status.record_success();
                let expected = expected.clone();
                let make_service = |connection| HandshakeService { connection, expected };
                Connection::start(stream, &peer, limits, memory.clone(), &WORKER, make_service);
            }
            Err(error) => status.recover(&error).await,
        }
    }
}

/// The service on a worker's connection: the handshake.
struct HandshakeService {
    connection: Connection,
    expected: ExpectedWorkers,
}

impl Dispatch for HandshakeService {
    fn spec(&self) -> &'static ServiceSpec {
        &WORKER
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (connection, expected) = (self.connection.clone(), self.expected.clone());
        async move {
            let (args, answer) = call.split();
            let (halves, outcome) = answer.session();
            let accepted = args.decode::<(&str,)>().map(|(uuid,)| {
                let (rx, tx) = halves.open();
                // Whatever else stands there means nothing to a node (`worker.md` 3.1).
                let announced = args.decode::<(&str, Option<StreamedEvents>)>().ok();
                let streamed = announced.and_then(|(_, streamed)| streamed).unwrap_or_default();
                accept_handshake(&expected, uuid, Handshake { connection, rx, tx, streamed });
            });
            outcome.settle(accepted);
        }
    }
}

/// Passes a handshake to the task that awaits it. A worker with an unknown uuid stays connected until its next message,
/// which breaks the protocol (`worker.md` 3.1).
fn accept_handshake(expected: &ExpectedWorkers, uuid: &str, handshake: Handshake) {
    let waiting = lock(expected).remove(uuid);
    let refused = match waiting {
        Some(waiting) => waiting.send(handshake).err(),
        None => Some(handshake),
    };
    if let Some(Handshake { rx, tx, .. }) = refused {
        tracing::warn!(uuid, "a worker that nobody waits for has connected");
        rx.reject_messages();
        tx.abandon();
    }
}
