//! The return values of handlers, and how they are sent.

use std::{
    fmt,
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use futures_core::Stream;
use serde::Serialize;

use super::{Event, claims::AllowedReply, error::IntoEventError};
use crate::{
    protocol::{
        chunk,
        error::{Error, Result},
    },
    schema::AppError,
    wire::bytes::Bytes,
    worker::halves::SessionSender,
};

/// The return value of a handler: a `Result`, or a value that cannot fail.
///
/// An inherent method takes precedence over one of a trait: `result` of a `Result` is the inherent one, and of anything
/// else that of [`InfallibleOutput`].
#[derive(Debug)]
pub struct HandlerOutput<T>(pub T);

impl<T, E> HandlerOutput<std::result::Result<T, E>> {
    /// Returns the result.
    #[inline]
    pub fn result(self) -> HandlerResult<T, E> {
        HandlerResult(self.0)
    }
}

/// The return value of a handler that cannot fail.
pub trait InfallibleOutput {
    /// The value.
    type Value;

    /// Returns the value as a result.
    fn result(self) -> HandlerResult<Self::Value, Error>;
}

impl<T> InfallibleOutput for HandlerOutput<T> {
    type Value = T;

    #[inline]
    fn result(self) -> HandlerResult<T, Error> {
        HandlerResult(Ok(self.0))
    }
}

/// The result of a handler. The error of one that declares its errors has a code: the inherent method takes precedence over
/// that of [`DisplayedError`].
#[derive(Debug)]
pub struct HandlerResult<T, E>(std::result::Result<T, E>);

impl<T, E: AppError> HandlerResult<T, E> {
    /// Returns the value, or the error with its code.
    #[inline]
    pub fn into_result(self) -> Result<T> {
        self.0.map_err(Into::into)
    }
}

/// The result of a handler that declares no errors.
pub trait DisplayedError {
    /// The value.
    type Value;
    /// The error.
    type Error;

    /// Returns the value, or the error as the client receives it.
    fn into_result(self) -> Result<Self::Value>
    where
        Self::Error: IntoEventError;
}

impl<T, E> DisplayedError for HandlerResult<T, E> {
    type Value = T;
    type Error = E;

    #[inline]
    fn into_result(self) -> Result<T>
    where
        E: IntoEventError,
    {
        self.0.map_err(IntoEventError::into_error)
    }
}

/// What a handler replies. Streams whose errors are declared send their codes: the inherent method takes precedence over that
/// of [`UncodedReply`].
#[derive(Debug)]
pub struct HandlerReply<T>(pub T);

impl<S, T, E> HandlerReply<S>
where
    S: Stream<Item = std::result::Result<T, E>>,
    E: AppError,
{
    /// Returns the stream with errors that have codes.
    #[inline]
    pub fn with_codes(self) -> ErrorStream<S> {
        ErrorStream::new(self.0)
    }
}

/// A reply without declared errors.
pub trait UncodedReply {
    /// The reply.
    type Reply;

    /// Returns the reply as it is.
    fn with_codes(self) -> Self::Reply;
}

impl<T> UncodedReply for HandlerReply<T> {
    type Reply = T;

    #[inline]
    fn with_codes(self) -> T {
        self.0
    }
}

/// A type that a handler can return: one chunk or none, or a stream of chunks. `Via` keeps the two implementations
/// apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from an event",
    label = "not a reply of an event",
    note = "an event returns `()`, `Bytes`, a value that implements `serde::Serialize`, a `Stream` of `Result`s of \
            those that is `Send`, or a `Result` of any of them"
)]
pub trait IntoReply<Via>: Sized {
    /// The encoded reply.
    type Reply: SendReply;

    /// Encodes the reply.
    fn into_reply(self) -> Result<Self::Reply>;
}

/// Marks values that are one chunk.
#[derive(Debug)]
pub struct ViaChunk;

/// Marks streams, each item of which is a chunk.
#[derive(Debug)]
pub struct ViaStream;

impl<T: Serialize + 'static> IntoReply<ViaChunk> for T {
    type Reply = LastChunk;

    #[inline]
    fn into_reply(self) -> Result<LastChunk> {
        chunk::last(self).map(LastChunk)
    }
}

impl<S, T, E> IntoReply<ViaStream> for S
where
    S: Stream<Item = std::result::Result<T, E>> + Send + 'static,
    T: Serialize + 'static,
    E: IntoEventError,
{
    type Reply = ChunkStream<S>;

    #[inline]
    fn into_reply(self) -> Result<ChunkStream<S>> {
        Ok(ChunkStream(self))
    }
}

pin_project_lite::pin_project! {
    /// A stream of which each declared error becomes the error that the client receives.
    #[derive(Debug)]
    pub struct ErrorStream<S> {
        #[pin]
        stream: S,
    }
}

impl<S> ErrorStream<S> {
    /// Converts the errors of `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream }
    }
}

impl<S, T, E> Stream for ErrorStream<S>
where
    S: Stream<Item = std::result::Result<T, E>>,
    E: Into<Error>,
{
    type Item = Result<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.project().stream.poll_next(cx);
        item.map(|item| item.map(|item| item.map_err(Into::into)))
    }
}

/// Encodes the return value of a handler whose arguments have claimed `C`.
pub struct ReplyEncoder<C> {
    event: &'static Event,
    claims: PhantomData<fn() -> C>,
}

impl<C> ReplyEncoder<C> {
    #[inline]
    pub(super) fn new(event: &'static Event) -> Self {
        Self { event, claims: PhantomData }
    }

    /// Encodes the reply of `result`.
    #[inline]
    pub fn encode<T, Via>(self, result: Result<T>) -> Result<T::Reply>
    where
        T: IntoReply<Via> + AllowedReply<C>,
    {
        result?
            .into_reply()
            .map_err(|error| Error::handler(format!("{}: the reply: {error}", self.event.name)))
    }
}

impl<C> fmt::Debug for ReplyEncoder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyEncoder").field("event", &self.event).finish_non_exhaustive()
    }
}

/// A reply that is sent once its handler has returned.
pub trait SendReply: Send {
    /// Sends the reply and ends the event.
    fn send(self, event: &'static Event, sender: SessionSender) -> impl Future<Output = Result<()>> + Send;
}

/// One last chunk, or none.
#[derive(Debug)]
pub struct LastChunk(Option<Bytes>);

impl SendReply for LastChunk {
    #[inline]
    async fn send(self, _event: &'static Event, sender: SessionSender) -> Result<()> {
        sender.finish_with_chunks(self.0)
    }
}

/// A chunk for each item.
#[derive(Debug)]
pub struct ChunkStream<S>(S);

impl<S, T, E> SendReply for ChunkStream<S>
where
    S: Stream<Item = std::result::Result<T, E>> + Send + 'static,
    T: Serialize + 'static,
    E: IntoEventError,
{
    async fn send(self, event: &'static Event, mut sender: SessionSender) -> Result<()> {
        let mut items = pin!(self.0);
        loop {
            let next = poll_fn(|cx| {
                if event.cancel && sender.poll_closed(cx).is_ready() {
                    return Poll::Ready(Some(Err(event.client_left())));
                }
                items.as_mut().poll_next(cx).map(|item| item.map(encode_item))
            });
            match next.await {
                Some(chunk) => sender.send(chunk?).await?,
                None => return sender.finish(),
            }
        }
    }
}

fn encode_item<T: Serialize + 'static, E: IntoEventError>(item: std::result::Result<T, E>) -> Result<Bytes> {
    chunk::write(item.map_err(IntoEventError::into_error)?)
}
