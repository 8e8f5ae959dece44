//! Serves the connections of a port: accepts them, limits their number, and ends them.

use std::{
    convert::Infallible,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use cocaine::{
    MemoryBudget,
    server::{AcceptStatus, IdleConnection, track_idle_connection},
};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout_at},
};

use super::{
    body::BodyError,
    phase::{ConnectionPhase, HeadTimeouts, HeadTimer, PhasedBody},
    port::{Peer, Port},
    socket::ClientSocket,
};

/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 128 << 10;

/// How a port treats the connections of its clients.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings {
    /// One permit for each connection.
    pub(crate) permits: Arc<Semaphore>,
    /// How long a client may take to read a part of a response.
    pub(crate) timeout: Duration,
    /// How long a client may send nothing between requests, and how long a head may take.
    pub(crate) heads: HeadTimeouts,
    /// How many headers a request may have.
    pub(crate) max_headers: usize,
    /// Counts the open connections.
    pub(crate) open: Gauge,
    /// The memory of all responses.
    pub(crate) memory: MemoryBudget,
}

/// A port whose connections are served.
#[derive(Debug)]
pub(crate) struct HttpListener {
    port: String,
    stop: watch::Sender<bool>,
    accept_task: JoinHandle<OpenConnections>,
}

impl HttpListener {
    /// Accepts connections, and answers each request with the response that `handle` returns.
    pub(crate) fn start<H, F, B>(port: impl Port + Sync, settings: ConnectionSettings, handle: H) -> Self
    where
        H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error = BodyError> + Send + 'static,
    {
        let (name, (stop, stopped)) = (port.name(), watch::channel(false));
        let accept_task = tokio::spawn(accept_loop(port, settings, handle, stopped));
        Self { port: name, stop, accept_task }
    }

    /// Stops accepting, waits until the requests in flight are answered, and closes the connections that are open at the
    /// deadline.
    pub(crate) async fn shutdown(self, deadline: Instant) {
        let _ = self.stop.send(true);
        // A panic of the task has closed its connections.
        let Ok(OpenConnections { graceful, mut tasks }) = self.accept_task.await else { return };
        if timeout_at(deadline, graceful.shutdown()).await.is_err() {
            tracing::warn!(
                port = self.port,
                connections = tasks.len(),
                "connections of HTTP clients are closed: their requests were not answered in time"
            );
        }
        tasks.shutdown().await;
    }
}

/// A connection that is closed to make room for others while no request has come on it.
#[derive(Debug, Default)]
struct HttpConnection {
    has_request: AtomicBool,
    closed: Notify,
}

impl IdleConnection for HttpConnection {
    fn is_unused(&self) -> bool {
        !self.has_request.load(Ordering::Relaxed)
    }

    fn close(&self) {
        self.closed.notify_one();
    }
}

/// The connections of a port: what asks them to end, and what closes them when it is dropped.
#[derive(Debug)]
struct OpenConnections {
    graceful: GracefulShutdown,
    tasks: JoinSet<()>,
}

async fn accept_loop<H, F, B>(
    port: impl Port + Sync,
    settings: ConnectionSettings,
    handle: H,
    mut stopped: watch::Receiver<bool>,
) -> OpenConnections
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error = BodyError> + Send + 'static,
{
    let (graceful, mut tasks) = (GracefulShutdown::new(), JoinSet::new());
    let mut status = AcceptStatus::new(port.name());
    loop {
        let accepted = tokio::select! {
            accepted = accept(&port, &settings.permits) => accepted,
            Some(_) = tasks.join_next() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => return OpenConnections { graceful, tasks },
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                status.record_success();
                let (handle, shared) = (handle.clone(), Arc::new(HttpConnection::default()));
                track_idle_connection(&shared);
                let (requested, phase) = (shared.clone(), ConnectionPhase::default());
                let head_timer = HeadTimer::new(phase.clone(), settings.heads);
                let service = service_fn(move |request| {
                    requested.has_request.store(true, Ordering::Relaxed);
                    let phase = phase.start_request();
                    let with_phase =
                        |response: Response<B>| response.map(|body| PhasedBody::new(body, phase));
                    handle(request, peer).map(|response| Ok::<_, Infallible>(with_phase(response)))
                });
                let memory = settings.memory.clone();
                let io = TokioIo::new(ClientSocket::new(stream, settings.timeout, memory, head_timer));
                let connection = graceful.watch(http1_builder(&settings).serve_connection(io, service));
                let open = settings.open.clone();
                tasks.spawn(async move {
                    open.inc();
                    tokio::select! {
                        result = connection => if let Err(error) = result {
                            tracing::debug!(%error, "a connection of an HTTP client failed");
                        },
                        () = shared.closed.notified() => {
                            tracing::debug!("a connection without a request is closed to make room for others");
                        }
                    }
                    open.dec();
                    drop(permit);
                });
            }
            Err(error) => status.recover(&error).await,
        }
    }
}

async fn accept<P: Port>(
    port: &P,
    permits: &Arc<Semaphore>,
) -> io::Result<(P::Stream, Peer, OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = port.accept().await?;
    Ok((stream, peer, permit))
}

fn http1_builder(settings: &ConnectionSettings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The socket has finer limits; this one holds if it is not asked.
        .header_read_timeout(settings.heads.idle.saturating_add(settings.heads.head))
        .max_headers(settings.max_headers)
        .max_buf_size(MAX_HEAD_BYTES)
        .half_close(true)
        .title_case_headers(true);
    builder
}
