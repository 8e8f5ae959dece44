//! The halves of channels whose trees are of a common kind, and pairs of halves (`protocol.md` 4.3).

use std::{
    fmt,
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    connection::{
        channel::{DynReceiver, DynSender, Payload, answered},
        mux::message::Message,
    },
    protocol::{
        error::{Error, Result},
        graph::{CLOSE, ERROR, VALUE, WRITE},
    },
};

/// Both halves of a channel: `S` sends, `R` receives.
#[derive(Debug)]
pub struct Duplex<S, R> {
    /// The half that sends.
    pub tx: S,
    /// The half that reads.
    pub rx: R,
}

impl<In: DeserializeOwned, Out: Serialize + Send> Duplex<Sender<Out>, Receiver<In>> {
    /// Sends an item; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<Out>) -> Result<()> {
        self.tx.send(item).await
    }

    /// Returns the next item; `None` once the other side has closed its stream.
    pub async fn recv(&mut self) -> Option<Result<In>> {
        self.rx.recv().await
    }

    /// Ends this side's stream and returns the half that goes on receiving.
    pub fn finish(self) -> Result<Receiver<In>> {
        self.tx.finish()?;
        Ok(self.rx)
    }
}

/// A half that may send nothing, or receives nothing.
#[derive(Debug)]
pub struct End;

impl From<DynSender> for End {
    fn from(_: DynSender) -> Self {
        Self
    }
}

impl From<DynReceiver> for End {
    fn from(_: DynReceiver) -> Self {
        Self
    }
}

/// The half that sends a stream of `T`.
///
/// Dropped before [`Sender::finish`], it ends the stream with an error, so that what was cut off is never taken for a
/// whole.
pub struct Sender<T> {
    tx: DynSender,
    items: PhantomData<fn(T)>,
}

impl<T> From<DynSender> for Sender<T> {
    fn from(tx: DynSender) -> Self {
        Self { tx, items: PhantomData }
    }
}

impl<T: Serialize + Send> Sender<T> {
    /// Sends an item; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<T>) -> Result<()> {
        let item = item.into();
        poll_fn(|cx| self.tx.poll_room(cx)).await;
        self.tx.queue(WRITE, &item)
    }

    /// Ends the stream.
    pub fn finish(mut self) -> Result<()> {
        self.tx.queue(CLOSE, &())
    }

    /// Ends the stream with an error.
    pub fn fail(mut self, error: &Error) -> Result<()> {
        self.tx.queue(ERROR, &error.answer())
    }

    /// The half itself, for what is not sent item by item.
    pub(crate) fn half(&mut self) -> &mut DynSender {
        &mut self.tx
    }

    /// Returns once nobody can receive the stream: the channel was revoked, or the connection has ended.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.tx.poll_closed(cx)
    }

    /// Drops the half without ending the stream: the client has said that it listens no more.
    pub fn abandon(self) {
        self.tx.abandon();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.tx).finish()
    }
}

/// The half that sends one reply.
///
/// Dropped before it has, it answers with an error.
pub struct ReplySender<T> {
    tx: DynSender,
    reply: PhantomData<fn(T)>,
}

impl<T> From<DynSender> for ReplySender<T> {
    fn from(tx: DynSender) -> Self {
        Self { tx, reply: PhantomData }
    }
}

impl<T: Serialize> ReplySender<T> {
    /// Sends the reply.
    pub fn send(mut self, reply: impl Into<T>) -> Result<()> {
        self.tx.queue(VALUE, &reply.into())
    }

    /// Sends an error instead.
    pub fn fail(mut self, error: &Error) -> Result<()> {
        self.tx.queue(ERROR, &error.answer())
    }

    /// Drops the half without a reply, where the protocol has replies that never come.
    pub fn abandon(self) {
        self.tx.abandon();
    }
}

impl<T> fmt::Debug for ReplySender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReplySender").field(&self.tx).finish()
    }
}

/// A channel that a stream is read from.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Dropped with the stream, or at its end: it sends `close`, where the protocol has that (`services.md` 8).
    pub(crate) _close: Option<Box<DynSender>>,
    pub(crate) rx: DynReceiver,
}

impl From<DynReceiver> for Reading {
    fn from(rx: DynReceiver) -> Self {
        Self { _close: None, rx }
    }
}

type OpenFuture = Pin<Box<dyn Future<Output = Result<Reading>> + Send + Sync>>;

enum Source {
    OpenFuture(OpenFuture),
    Open(Reading),
    Ended,
}

/// The half that reads a stream of `T`: a [`Stream`] that ends after its first error.
pub struct Receiver<T> {
    source: Source,
    items: PhantomData<fn() -> T>,
}

impl<T> From<DynReceiver> for Receiver<T> {
    fn from(rx: DynReceiver) -> Self {
        Reading::from(rx).into()
    }
}

impl<T> From<Reading> for Receiver<T> {
    fn from(reading: Reading) -> Self {
        Self { source: Source::Open(reading), items: PhantomData }
    }
}

impl<T> Receiver<T> {
    /// Returns a stream whose channel is opened when it is first read.
    pub(crate) fn opening(opening: impl Future<Output = Result<Reading>> + Send + Sync + 'static) -> Self {
        Self { source: Source::OpenFuture(Box::pin(opening)), items: PhantomData }
    }

    /// Returns a stream that fails.
    pub(crate) fn failed(error: Error) -> Self {
        Self::opening(std::future::ready(Err(error)))
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// Returns the next item; `None` once the other side has closed the stream.
    pub async fn recv(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns the next item together with its headers.
    pub async fn recv_with_headers(&mut self) -> Option<Result<(T, crate::wire::headers::Headers)>> {
        let item = poll_fn(|cx| self.poll_payload(cx)).await?;
        Some(item.and_then(|payload| Ok((self.decode(&payload)?, payload.headers().clone()))))
    }

    /// Hands all messages that have come to `take`, under the lock of the connection; with none the stream has ended.
    pub(crate) fn poll_each(&mut self, cx: &mut Context<'_>, take: impl FnMut(&Message)) -> Poll<Result<()>> {
        if let Source::OpenFuture(opening) = &mut self.source {
            self.source = Source::Open(ready!(opening.as_mut().poll(cx))?);
        }
        match &mut self.source {
            Source::Open(Reading { rx, .. }) => rx.poll_each(cx, take),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Polls for the next item, as [`Receiver::recv`] does.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let payload = ready!(self.poll_payload(cx));
        Poll::Ready(payload.map(|payload| payload.and_then(|payload| self.decode(&payload))))
    }

    fn decode(&mut self, payload: &Payload) -> Result<T> {
        payload.decode().map_err(|error| {
            let error = match &self.source {
                Source::Open(Reading { rx, .. }) => rx.add_context(error),
                _ => error,
            };
            self.source = Source::Ended;
            error
        })
    }

    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Payload>>> {
        let outcome = match ready!(self.poll_open(cx)) {
            Ok(Some(message)) if message.kind == WRITE => {
                return Poll::Ready(Some(Ok(Payload::new(message))));
            }
            Ok(Some(message)) if message.kind == ERROR => Some(Err(self.answered(&message))),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        };
        self.source = Source::Ended;
        Poll::Ready(outcome)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        if let Source::OpenFuture(opening) = &mut self.source {
            self.source = Source::Open(ready!(opening.as_mut().poll(cx))?);
        }
        match &mut self.source {
            Source::Open(Reading { rx, .. }) => rx.poll_message(cx).map(Option::transpose),
            _ => Poll::Ready(Ok(None)),
        }
    }

    fn answered(&self, message: &Message) -> Error {
        match &self.source {
            Source::Open(Reading { rx, .. }) => rx.answered(message),
            _ => answered(message),
        }
    }
}

impl<T: DeserializeOwned> Stream for Receiver<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}

/// The half that reads one reply: a future.
pub struct Reply<T> {
    rx: DynReceiver,
    reply: PhantomData<fn() -> T>,
}

impl<T> From<DynReceiver> for Reply<T> {
    fn from(rx: DynReceiver) -> Self {
        Self { rx, reply: PhantomData }
    }
}

impl<T: DeserializeOwned> Future for Reply<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let message = match ready!(self.rx.poll_message(cx)) {
            Some(message) => message?,
            None => {
                return Poll::Ready(Err(self.rx.add_context(Error::protocol("the reply was read already"))));
            }
        };
        Poll::Ready(if message.kind == VALUE {
            Payload::new(message).decode().map_err(|error| self.rx.add_context(error))
        } else {
            Err(self.rx.answered(&message))
        })
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reply").field(&self.rx).finish()
    }
}
