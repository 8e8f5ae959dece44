//! Where the workers of an app connect: a unix socket, and the handshake on it (`worker.md` 3.1).

use std::{
    collections::HashMap,
    fs,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cocaine::{
    Limits,
    bind::{Call, Dispatch, DynReceiver, DynSender, ServiceSpec},
    control::WORKER,
    server::{Connection, UnixSocket},
};
use tokio::{net::UnixListener, sync::oneshot, task::JoinHandle};

/// A worker that has said who it is.
#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) connection: Connection,
    pub(crate) rx: DynReceiver,
    pub(crate) tx: DynSender,
}

/// The workers that are waited for, by their uuids.
type Expected = Arc<Mutex<HashMap<String, oneshot::Sender<Hello>>>>;

/// The socket of an app; it is gone with this.
#[derive(Debug)]
pub(crate) struct Endpoint {
    path: PathBuf,
    expected: Expected,
    accepting: JoinHandle<()>,
    closed: AtomicBool,
}

impl Endpoint {
    /// How long to wait when no more connections can be accepted.
    const EXHAUSTED: Duration = Duration::from_millis(100);

    /// Listens on `path`, where nothing may be but a socket that nobody uses any more.
    pub(crate) fn listen(path: PathBuf, limits: Limits) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        let expected = Expected::default();
        let accepting = tokio::spawn(accept(listener, path.clone(), limits, expected.clone()));
        Ok(Self { path, expected, accepting, closed: AtomicBool::new(false) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what to wait for until the worker of this uuid has connected; nobody else is waited for.
    pub(crate) fn expect(&self, uuid: &str) -> oneshot::Receiver<Hello> {
        let (hello, receiver) = oneshot::channel();
        lock(&self.expected).insert(uuid.to_owned(), hello);
        receiver
    }

    /// Waits for a worker no longer.
    pub(crate) fn forget(&self, uuid: &str) {
        lock(&self.expected).remove(uuid);
    }
}

impl Endpoint {
    /// Accepts nobody any more.
    pub(crate) fn refuse(&self) {
        self.accepting.abort();
    }

    /// Accepts nobody any more, and makes room for another socket of the same path.
    pub(crate) fn close(&self) {
        self.refuse();
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "a socket is not removed");
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(expected: &Expected) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Hello>>> {
    expected.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: UnixListener, path: PathBuf, limits: Limits, expected: Expected) {
    let peer = path.display().to_string();
    loop {
        match listener.accept().await.and_then(|(stream, _)| UnixSocket::new(stream)) {
            Ok(stream) => {
                let expected = expected.clone();
                let make = |connection| Handshake { connection, expected };
                Connection::start(stream, &peer, limits, &WORKER, make);
            }
            Err(error) => {
                tracing::warn!(path = peer, %error, "cannot accept a worker");
                tokio::time::sleep(Endpoint::EXHAUSTED).await;
            }
        }
    }
}

/// What a worker's connection serves: the handshake.
struct Handshake {
    connection: Connection,
    expected: Expected,
}

impl Dispatch for Handshake {
    fn spec(&self) -> &'static ServiceSpec {
        &WORKER
    }

    fn invoke(&self, call: Call) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (connection, expected) = (self.connection.clone(), self.expected.clone());
        async move {
            let (args, answer) = call.split();
            let (halves, outcome) = answer.session();
            let greeted = args.decode::<(&str,)>().map(|(uuid,)| {
                let (rx, tx) = halves.open();
                greet(&expected, uuid, Hello { connection, rx, tx });
            });
            outcome.settle(greeted);
        }
    }
}

/// Hands a worker to who waits for it. Nothing happens to one that nobody knows until it says something else
/// (`worker.md` 3.1).
fn greet(expected: &Expected, uuid: &str, hello: Hello) {
    let waiting = lock(expected).remove(uuid);
    let refused = match waiting {
        Some(waiting) => waiting.send(hello).err(),
        None => Some(hello),
    };
    if let Some(Hello { rx, tx, .. }) = refused {
        tracing::warn!(uuid, "a worker that nobody waits for has connected");
        rx.reject_messages();
        tx.abandon();
    }
}
