//! The typed halves of channels: streams and single replies (`protocol.md` 4.3).

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
        channel::{Payload, decode_service_error},
        dyn_receiver::DynReceiver,
        dyn_sender::DynSender,
        mux::message::Message,
    },
    protocol::{
        error::{Error, Result},
        graph::{CLOSE, ERROR, VALUE, WRITE},
    },
    wire::decode::{DecodeError, MAX_DECODED_BYTES},
};

/// Both halves of a channel: `S` sends, `R` receives.
#[derive(Debug)]
pub struct Duplex<S, R> {
    /// The half that sends.
    pub tx: S,
    /// The half that receives.
    pub rx: R,
}

impl<In: DeserializeOwned, Out: Serialize + Send> Duplex<Sender<Out>, Receiver<In>> {
    /// Sends an item; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<Out>) -> Result<()> {
        self.tx.send(item).await
    }

    /// Returns the next item; `None` once the peer has closed its stream.
    pub async fn recv(&mut self) -> Option<Result<In>> {
        self.rx.recv().await
    }

    /// Ends this side's stream and returns the half that receives.
    pub fn finish(self) -> Result<Receiver<In>> {
        self.tx.finish()?;
        Ok(self.rx)
    }
}

/// A half of a channel that carries no messages in its direction.
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
/// If it is dropped before [`Sender::finish`], it ends the stream with an error, so that the peer never mistakes an
/// incomplete stream for a complete one.
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
        self.tx.queue(ERROR, &error.error_args())
    }

    /// Returns the untyped half, to send other than item by item.
    pub(crate) fn as_dyn_mut(&mut self) -> &mut DynSender {
        &mut self.tx
    }

    /// Waits until nobody can receive the stream: the channel was revoked, or the connection has ended.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.tx.poll_closed(cx)
    }

    /// Waits until the connection has ended, whatever has become of the channel.
    pub(crate) fn poll_disconnected(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.tx.poll_disconnected(cx)
    }

    /// Drops the half without ending the stream, once the client has said that it does not read any more.
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
/// If it is dropped before that, it sends an error.
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
        self.tx.queue(ERROR, &error.error_args())
    }

    /// Drops the half without a reply, for methods that need not reply.
    pub fn abandon(self) {
        self.tx.abandon();
    }
}

impl<T> fmt::Debug for ReplySender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReplySender").field(&self.tx).finish()
    }
}

/// The channel of an open stream.
#[derive(Debug)]
pub(crate) struct StreamChannel {
    /// Sends `close` when the stream is dropped or ends, if the protocol of the method has it (`services.md` 8).
    pub(crate) _close: Option<Box<DynSender>>,
    pub(crate) rx: DynReceiver,
}

impl From<DynReceiver> for StreamChannel {
    fn from(rx: DynReceiver) -> Self {
        Self { _close: None, rx }
    }
}

type OpenFuture = Pin<Box<dyn Future<Output = Result<StreamChannel>> + Send + Sync>>;

enum ReceiverState {
    Opening(OpenFuture),
    Open(StreamChannel),
    Ended,
}

/// The half that receives a stream of `T`: a [`Stream`] that ends after its first error.
pub struct Receiver<T> {
    state: ReceiverState,
    items: PhantomData<fn() -> T>,
}

impl<T> From<DynReceiver> for Receiver<T> {
    fn from(rx: DynReceiver) -> Self {
        StreamChannel::from(rx).into()
    }
}

impl<T> From<StreamChannel> for Receiver<T> {
    fn from(channel: StreamChannel) -> Self {
        Self { state: ReceiverState::Open(channel), items: PhantomData }
    }
}

impl<T> Receiver<T> {
    /// Returns a stream whose channel is opened by its first read.
    pub(crate) fn from_open_future(
        opening: impl Future<Output = Result<StreamChannel>> + Send + Sync + 'static,
    ) -> Self {
        Self { state: ReceiverState::Opening(Box::pin(opening)), items: PhantomData }
    }

    /// Returns a stream that fails.
    pub(crate) fn failed(error: Error) -> Self {
        Self::from_open_future(std::future::ready(Err(error)))
    }
}

impl<T> Receiver<T> {
    /// Waits until the channel has failed because too little of it was read.
    pub(crate) fn poll_failed(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.state {
            ReceiverState::Open(StreamChannel { rx, .. }) => rx.poll_failed(cx),
            _ => Poll::Pending,
        }
    }

    /// Returns the error for a chunk that cannot be decoded, with the context of the channel.
    #[cold]
    pub(crate) fn malformed_chunk(&self, chunk: &dyn fmt::Display, malformed: &DecodeError) -> Error {
        let error = Error::from_chunk(chunk, malformed);
        match &self.state {
            ReceiverState::Open(StreamChannel { rx, .. }) => rx.add_context(error),
            _ => error,
        }
    }

    /// Returns the memory that an item may take beyond its encoding.
    pub(crate) fn max_decoded_bytes(&self) -> usize {
        match &self.state {
            ReceiverState::Open(StreamChannel { rx, .. }) => rx.max_decoded_bytes(),
            _ => MAX_DECODED_BYTES,
        }
    }

    /// Requires that the socket is read even if readers of other channels are slow: what arrives here is urgent.
    pub(crate) fn forbid_pauses(&self) {
        if let ReceiverState::Open(StreamChannel { rx, .. }) = &self.state {
            rx.forbid_pauses();
        }
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// Returns the next item; `None` once the peer has closed the stream.
    pub async fn recv(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns the next item together with its headers.
    pub async fn recv_with_headers(&mut self) -> Option<Result<(T, crate::wire::headers::Headers)>> {
        let item = poll_fn(|cx| self.poll_payload(cx)).await?;
        Some(item.and_then(|payload| Ok((self.decode(&payload)?, payload.headers().clone()))))
    }

    /// Calls `read` with the unread messages until they have used up `budget`, under the lock of the connection; returns
    /// without a call once the stream has ended.
    pub(crate) fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        budget: u64,
        read: impl FnMut(&Message) -> u64,
    ) -> Poll<Result<()>> {
        if let ReceiverState::Opening(opening) = &mut self.state {
            self.state = ReceiverState::Open(ready!(opening.as_mut().poll(cx))?);
        }
        match &mut self.state {
            ReceiverState::Open(StreamChannel { rx, .. }) => rx.poll_each(cx, budget, read),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Polls for the next item, like [`Receiver::recv`].
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let payload = ready!(self.poll_payload(cx));
        Poll::Ready(payload.map(|payload| payload.and_then(|payload| self.decode(&payload))))
    }

    fn decode(&mut self, payload: &Payload) -> Result<T> {
        payload.decode().map_err(|error| {
            let error = match &self.state {
                ReceiverState::Open(StreamChannel { rx, .. }) => rx.add_context(error),
                _ => error,
            };
            self.state = ReceiverState::Ended;
            error
        })
    }

    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Payload>>> {
        let outcome = match ready!(self.poll_message(cx)) {
            Ok(Some(message)) if message.kind == WRITE => {
                let ReceiverState::Open(StreamChannel { rx, .. }) = &self.state else {
                    return Poll::Ready(None);
                };
                return Poll::Ready(Some(Ok(rx.payload(message))));
            }
            Ok(Some(message)) if message.kind == ERROR => Some(Err(self.service_error(&message))),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        };
        self.state = ReceiverState::Ended;
        Poll::Ready(outcome)
    }

    /// Returns the next message, whatever it is; `None` once the peer has ended the channel.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>>> {
        if let ReceiverState::Opening(opening) = &mut self.state {
            self.state = ReceiverState::Open(ready!(opening.as_mut().poll(cx))?);
        }
        match &mut self.state {
            ReceiverState::Open(StreamChannel { rx, .. }) => rx.poll_message(cx).map(Option::transpose),
            _ => Poll::Ready(Ok(None)),
        }
    }

    fn service_error(&self, message: &Message) -> Error {
        match &self.state {
            ReceiverState::Open(StreamChannel { rx, .. }) => rx.service_error(message),
            _ => decode_service_error(message),
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

/// The half that receives one reply: a future.
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
            self.rx.payload(message).decode().map_err(|error| self.rx.add_context(error))
        } else {
            Err(self.rx.service_error(&message))
        })
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reply").field(&self.rx).finish()
    }
}
