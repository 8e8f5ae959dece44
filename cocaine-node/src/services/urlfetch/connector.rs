//! Connects to permitted addresses only.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector, dns::Name},
    rt::TokioIo,
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
use tower_service::Service;

use super::{address_filter::AddressFilter, error::UnresolvedError};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Connects to addresses that the filter permits. Every connection is checked by its actual address: the literal one of
/// the URL, or those that its host name resolves to.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    filter: Arc<AddressFilter>,
    http: HttpConnector<Resolver>,
    idle_slots: Arc<Semaphore>,
}

impl Connector {
    /// Returns a connector that resolves at most `most` names at once, and keeps at most as many connections alive.
    pub(super) fn new(filter: Arc<AddressFilter>, most: usize) -> Self {
        let lookups = Arc::new(Semaphore::new(most));
        let mut http = HttpConnector::new_with_resolver(Resolver { filter: filter.clone(), lookups });
        http.enforce_http(false);
        http.set_nodelay(true);
        Self { filter, http, idle_slots: Arc::new(Semaphore::new(most)) }
    }
}

impl Service<Uri> for Connector {
    type Response = PooledSocket;
    type Error = BoxError;
    type Future = BoxFuture<PooledSocket>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // The connector does not call the resolver for a literal address.
        if let Some(Err(denied)) = literal(&uri).map(|address| self.filter.check(address)) {
            return Box::pin(async move { Err(denied.into()) });
        }
        let connecting = self.http.call(uri);
        let permit = self.idle_slots.clone().try_acquire_owned().ok();
        Box::pin(async move { Ok(PooledSocket { io: connecting.await?, permit }) })
    }
}

/// Returns the address in a URL without a host name.
fn literal(uri: &Uri) -> Option<IpAddr> {
    uri.host()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Resolves host names to their permitted addresses.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    filter: Arc<AddressFilter>,
    /// A lookup occupies a thread until it ends, even if its caller has stopped waiting.
    lookups: Arc<Semaphore>,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { filter, lookups } = self.clone();
        Box::pin(async move {
            let unresolved = |reason| UnresolvedError { name: name.to_string(), reason };
            let (permit, host) = (lookups.acquire_owned().await?, name.to_string());
            let lookup = move || {
                let _permit = permit;
                (host, 0).to_socket_addrs()
            };
            let found = spawn_blocking(lookup).await?.map_err(|error| unresolved(error.to_string()))?;
            let permitted = filter.permitted(found, SocketAddr::ip)?;
            if permitted.is_empty() {
                return Err(unresolved("nothing was found".to_owned()).into());
            }
            Ok(permitted.into_iter())
        })
    }
}

/// A connection. One without a permit is not returned to the pool and serves a single request.
#[derive(Debug)]
pub(super) struct PooledSocket {
    io: TokioIo<TcpStream>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Connection for PooledSocket {
    fn connected(&self) -> Connected {
        let connected = self.io.connected();
        if self.permit.is_none() {
            connected.poison();
        }
        connected
    }
}

impl Read for PooledSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for PooledSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
