//! A listener whose connections are events.

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
    worker::{Context, Session, Worker},
};

/// How many streams wait to be accepted; events beyond that wait in their handlers.
const ACCEPT_BACKLOG: usize = 1024;

/// Accepts events as streams, in place of a TCP listener.
///
/// A listener that is dropped answers its event with an error from then on.
#[derive(Debug)]
pub struct Listener<S> {
    event: Arc<str>,
    streams: mpsc::Receiver<(S, EventAddr)>,
}

/// Where a stream comes from: the event, and who asks.
#[derive(Clone)]
pub struct EventAddr {
    event: Arc<str>,
    context: Option<Context>,
}

impl Worker {
    /// Returns a listener for the requests of an event, each of them a stream of HTTP/1.1: what the quick start's listen
    /// handle is. Whatever serves streams can take it; with the feature `axum`, `axum::serve` does.
    ///
    /// What the server writes becomes the answer, each piece as it is written. Interim answers and trailers are passed
    /// over, and switching protocols is refused. A request that HTTP does not allow is answered with status 400 and does
    /// not reach the server.
    pub fn listen(&mut self, event: &str) -> Listener<HttpStream> {
        self.listener(event, |session, handler| async move {
            let Some(IncomingRequest { chunk, remaining, outgoing, context }) =
                IncomingRequest::read(session).await?
            else {
                return Ok(None);
            };
            match build_request(chunk, remaining, context) {
                Ok(request) => Ok(Some(HttpStream::new(request, ResponseSink::new(outgoing, handler)))),
                Err(reason) => send_bad_request(outgoing, &reason).map(|()| None),
            }
        })
    }

    /// Returns a listener for the plain bytes of an event: a tunnel, with an end of its own in each direction.
    pub fn listen_raw(&mut self, event: &str) -> Listener<RawStream> {
        self.listener(event, |session, handler| async move {
            let (incoming, outgoing) = session.split();
            Ok(Some(RawStream::new(incoming, ResponseSink::new(outgoing, handler))))
        })
    }

    fn listener<S, F>(
        &mut self,
        event: &str,
        open: impl Fn(Session, oneshot::Sender<()>) -> F + Copy + Send + Sync + 'static,
    ) -> Listener<S>
    where
        S: Send + 'static,
        F: Future<Output = Result<Option<S>>> + Send,
    {
        let (streams, accepted) = mpsc::channel(ACCEPT_BACKLOG);
        self.on(event, move |session: Session| {
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
                // Whatever holds the stream ends the event; nothing is ever sent here.
                let _ = sink_dropped.await;
                Ok(())
            }
        });
        Listener { event: event.into(), streams: accepted }
    }
}

impl<S> Listener<S> {
    /// Returns the name of the event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Returns the next stream; `None` once the worker has ended.
    pub async fn accept(&mut self) -> Option<(S, EventAddr)> {
        self.streams.recv().await
    }
}

impl EventAddr {
    /// Returns the name of the event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Returns who asks; `None` for the address of the listener itself.
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
