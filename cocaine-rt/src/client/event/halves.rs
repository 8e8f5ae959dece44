//! The halves of an event's channel that its caller holds: chunks to the worker, and the reply.

use std::{
    fmt,
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};

use super::reply::ReplyFuture;
use crate::{
    connection::{
        dyn_receiver::DynReceiver,
        dyn_sender::DynSender,
        halves::{Duplex, Receiver},
    },
    protocol::{
        chunk,
        error::{Error, Result},
        graph::{CLOSE, ERROR, WRITE},
    },
    wire::bytes::Bytes,
};

/// The half of an event's channel that sends: chunks to the worker, after the arguments.
///
/// [`Bytes`] are sent as they are, anything else encoded. If it is dropped before [`EventSender::finish`], it ends the stream
/// with an error, so that the worker never mistakes an incomplete stream for a complete one.
pub struct EventSender<T> {
    tx: DynSender,
    items: PhantomData<fn(T)>,
}

impl<T> From<DynSender> for EventSender<T> {
    fn from(tx: DynSender) -> Self {
        Self { tx, items: PhantomData }
    }
}

impl<T> EventSender<T> {
    /// Ends the stream.
    pub fn finish(mut self) -> Result<()> {
        self.tx.queue(CLOSE, &())
    }

    /// Ends the stream with an error.
    pub fn fail(mut self, error: &Error) -> Result<()> {
        self.tx.queue(ERROR, &error.error_args())
    }

    /// Waits until nobody can receive the stream: the worker is gone, or the connection has ended.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.tx.poll_closed(cx)
    }
}

impl<T: Serialize + Send + 'static> EventSender<T> {
    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<T>) -> Result<()> {
        let chunk = chunk::write(item.into()).map_err(|error| self.tx.add_context(error))?;
        self.tx.push(WRITE, (chunk,)).await
    }

    /// Sends a last chunk and ends the stream.
    pub async fn finish_with(mut self, last: impl Into<T>) -> Result<()> {
        self.send(last).await?;
        self.finish()
    }
}

impl<T> fmt::Debug for EventSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventSender").field(&self.tx).finish()
    }
}

/// The chunks of a worker's answer: a [`Stream`] that ends after its first error.
///
/// [`Bytes`] are the chunks as they are, anything else is decoded. `E` is made of the errors.
pub struct EventReceiver<T, E = Error> {
    /// `None` after the end of the stream.
    chunks: Option<Receiver<Bytes>>,
    /// The number of chunks that have come.
    count: u64,
    items: PhantomData<fn() -> (T, E)>,
}

impl<T, E> EventReceiver<T, E> {
    pub(super) fn new(chunks: Receiver<Bytes>) -> Self {
        Self { chunks: Some(chunks), count: 0, items: PhantomData }
    }
}

impl<T, E> From<DynReceiver> for EventReceiver<T, E> {
    fn from(rx: DynReceiver) -> Self {
        Self::new(rx.into())
    }
}

impl<T: DeserializeOwned + 'static, E: From<Error>> EventReceiver<T, E> {
    /// Returns the next chunk; `None` once the worker has closed its stream.
    pub async fn recv(&mut self) -> Option<Result<T, E>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next chunk, as [`EventReceiver::recv`] does.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        let Some(chunks) = &mut self.chunks else {
            return Poll::Ready(None);
        };
        let item = ready!(chunks.poll_recv(cx)).map(|chunk| {
            self.count += 1;
            let limit = chunks.max_decoded_bytes();
            chunk::read_within(chunk?, limit).map_err(|malformed| {
                let position = format_args!("chunk {} of the answer", self.count);
                chunks.malformed_chunk(&position, &malformed)
            })
        });
        if !matches!(item, Some(Ok(_))) {
            self.chunks = None;
        }
        Poll::Ready(item.map(|item| item.map_err(E::from)))
    }
}

impl<T: DeserializeOwned + 'static, E: From<Error>> Stream for EventReceiver<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl<T, E> fmt::Debug for EventReceiver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReceiver").field("count", &self.count).finish_non_exhaustive()
    }
}

/// The reply of a worker to an event with a stream of input: a future.
pub struct EventReply<T, E = Error> {
    reply: ReplyFuture,
    value: PhantomData<fn() -> (T, E)>,
}

impl<T, E> From<DynReceiver> for EventReply<T, E> {
    fn from(rx: DynReceiver) -> Self {
        Self { reply: ReplyFuture::new(rx), value: PhantomData }
    }
}

impl<T: DeserializeOwned + 'static, E: From<Error>> Future for EventReply<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let ended = ready!(Pin::new(&mut self.reply).poll(cx));
        Poll::Ready(ended.and_then(|()| self.reply.decode()).map_err(E::from))
    }
}

impl<T, E> fmt::Debug for EventReply<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventReply").field(&self.reply).finish()
    }
}

impl<Out, In, E> Duplex<EventSender<Out>, EventReceiver<In, E>>
where
    Out: Serialize + Send + 'static,
    In: DeserializeOwned + 'static,
    E: From<Error>,
{
    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<Out>) -> Result<()> {
        self.tx.send(item).await
    }

    /// Returns the next chunk of the answer; `None` once the worker has closed its stream.
    pub async fn recv(&mut self) -> Option<Result<In, E>> {
        self.rx.recv().await
    }

    /// Ends this side's stream and returns the half that receives.
    pub fn finish(self) -> Result<EventReceiver<In, E>> {
        self.tx.finish()?;
        Ok(self.rx)
    }
}

impl<Out, T, E> Duplex<EventSender<Out>, EventReply<T, E>>
where
    Out: Serialize + Send + 'static,
    T: DeserializeOwned + 'static,
    E: From<Error>,
{
    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<Out>) -> Result<()> {
        self.tx.send(item).await
    }

    /// Ends this side's stream and returns the reply.
    pub async fn finish(self) -> Result<T, E> {
        self.tx.finish().map_err(E::from)?;
        self.rx.await
    }
}
