//! A listener that accepts events in place of TCP connections.

use std::{fmt, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use super::{
    http_stream::HttpStream,
    raw_stream::RawStream,
    request::{IncomingRequest, build_request, send_bad_request},
    response_sink::ResponseSink,
};
use crate::{
    protocol::error::{Error, Result},
    worker::{Context, ExecutionMode, Handler, Session, Worker},
};

/// How many streams may wait to be accepted. Further events wait in their handlers.
const ACCEPT_BACKLOG: usize = 1024;

/// Accepts events as streams, in place of a TCP listener.
///
/// Once the listener is dropped, its event fails with an error.
#[derive(Debug)]
pub struct Listener<S> {
    event: Arc<str>,
    streams: mpsc::Receiver<(S, EventAddr)>,
}

/// The remote address of a stream: the event, and the context of its invocation.
#[derive(Clone)]
pub struct EventAddr {
    event: Arc<str>,
    context: Option<Context>,
}

impl Worker {
    /// Returns a listener for the requests of an event. Each request is a stream of HTTP/1.1, for any server that accepts
    /// streams; with the feature `axum`, `axum::serve` accepts the listener itself.
    ///
    /// Everything that the server writes is sent as it is written. Interim responses and trailers are skipped, and
    /// switching protocols is an error. An invalid request is answered with status 400 and does not reach the server.
    pub fn listen(&mut self, event: &str) -> Listener<HttpStream> {
        let (listener, handler) = accept(event, |session, handler| async move {
            let Some(IncomingRequest { chunk, remaining, outgoing, context }) =
                IncomingRequest::read(session).await?
            else {
                return Ok(None);
            };
            match build_request(chunk, remaining, context) {
                Ok(request) => Ok(Some(HttpStream::new(request, ResponseSink::new(outgoing, handler)))),
                Err(reason) => send_bad_request(outgoing, &reason).map(|()| None),
            }
        });
        self.add_http_handler(event, ExecutionMode::Spawned, handler);
        listener
    }

    /// Returns a listener for streams of plain bytes. Each direction of a stream is closed on its own.
    pub fn listen_raw(&mut self, event: &str) -> Listener<RawStream> {
        let (listener, handler) = accept(event, |session, handler| async move {
            let (incoming, outgoing) = session.split();
            Ok(Some(RawStream::new(incoming, ResponseSink::new(outgoing, handler))))
        });
        self.add_handler(event, handler);
        listener
    }
}

/// Returns a listener, and the handler that passes it the streams that `open` makes of sessions.
fn accept<S, F>(
    event: &str,
    open: impl Fn(Session, oneshot::Sender<()>) -> F + Copy + Send + Sync + 'static,
) -> (Listener<S>, impl Handler)
where
    S: Send + 'static,
    F: Future<Output = Result<Option<S>>> + Send,
{
    let (streams, accepted) = mpsc::channel(ACCEPT_BACKLOG);
    let handler = move |session: Session| {
        let streams = streams.clone();
        async move {
            let not_listening = || Error::handler("the worker has stopped listening for this event");
            if streams.is_closed() {
                return Err(not_listening());
            }
            let (handler, sink_dropped) = oneshot::channel();
            let context = session.context().clone();
            let Some(stream) = open(session, handler).await? else { return Ok(()) };
            let addr = EventAddr { event: context.event().into(), context: Some(context) };
            streams.send((stream, addr)).await.map_err(|_| not_listening())?;
            // The event is over when the stream drops its sink; nothing is ever sent on this channel.
            let _ = sink_dropped.await;
            Ok(())
        }
    };
    (Listener { event: event.into(), streams: accepted }, handler)
}

impl<S> Listener<S> {
    /// Returns the name of the event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Waits for the next stream. Returns `None` once the worker has ended.
    pub async fn accept(&mut self) -> Option<(S, EventAddr)> {
        self.streams.recv().await
    }
}

impl EventAddr {
    /// Returns the name of the event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Returns the context of the invocation. The local address of a listener has none.
    pub fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }
}

impl fmt::Debug for EventAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventAddr").field(&self.event).finish()
    }
}

#[cfg(feature = "axum")]
impl<S> axum::serve::Listener for Listener<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    type Io = S;
    type Addr = EventAddr;

    async fn accept(&mut self) -> (S, EventAddr) {
        match Self::accept(self).await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<EventAddr> {
        Ok(EventAddr { event: self.event.clone(), context: None })
    }
}

#[cfg(feature = "axum")]
impl<S> axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Listener<S>>> for EventAddr
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    fn connect_info(stream: axum::serve::IncomingStream<'_, Listener<S>>) -> Self {
        stream.remote_addr().clone()
    }
}
