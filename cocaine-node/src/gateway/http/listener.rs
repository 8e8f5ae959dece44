//! A port on which HTTP is spoken: its connections, how many, how long, and their end.

use std::{convert::Infallible, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::FutureExt;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{body::ReplyBody, socket::Socket};

/// Bytes of the head of a request.
const HEAD: usize = 128 << 10;

/// How long the accepting of connections rests after it has failed.
const REST: Duration = Duration::from_millis(100);

/// How a port treats its clients.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    /// How many there may be at once.
    pub(crate) clients: Arc<Semaphore>,
    /// How long one may take to send the head of a request, or to take a part of an answer.
    pub(crate) patience: Duration,
    pub(crate) count: Gauge,
}

/// A port that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<GracefulShutdown>,
}

impl Listener {
    /// Listens, and answers each request with what `answer` returns.
    pub(crate) async fn start<A, F>(address: &str, manners: Manners, answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<ReplyBody>> + Send + 'static,
    {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(socket, manners, answer, stopped));
        Ok(Self { address, stop, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nobody any more, lets requests that run be answered, and returns when they are or the time is over.
    pub(crate) async fn shutdown(self, grace: Duration) {
        let _ = self.stop.send(true);
        if let Ok(connections) = self.accepting.await
            && timeout(grace, connections.shutdown()).await.is_err()
        {
            tracing::warn!("connections of HTTP clients are cut: they did not end within {grace:?}");
        }
    }
}

async fn accept<A, F>(
    socket: TcpListener,
    manners: Manners,
    answer: A,
    mut stopped: watch::Receiver<bool>,
) -> GracefulShutdown
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<ReplyBody>> + Send + 'static,
{
    let connections = GracefulShutdown::new();
    loop {
        let next = next(&socket, &manners.clients);
        let accepted = tokio::select! {
            accepted = next => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => return connections,
        };
        match accepted {
            Ok((stream, permit)) => {
                let answer = answer.clone();
                let service = service_fn(move |request| answer(request).map(Ok::<_, Infallible>));
                let connection = protocol(&manners).serve_connection(manners.socket(stream), service);
                let connection = connections.watch(connection);
                let count = manners.count.clone();
                tokio::spawn(async move {
                    count.inc();
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection of an HTTP client ended");
                    }
                    count.dec();
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of an HTTP client could not be accepted");
                sleep(REST).await;
            }
        }
    }
}

async fn next(
    socket: &TcpListener,
    clients: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    // Nobody closes it.
    let permit = clients.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = socket.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

fn protocol(manners: &Manners) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(manners.patience)
        .max_buf_size(HEAD)
        .half_close(true)
        .title_case_headers(true);
    protocol
}

impl Manners {
    fn socket(&self, stream: TcpStream) -> TokioIo<Socket> {
        TokioIo::new(Socket::new(stream, self.patience))
    }
}
