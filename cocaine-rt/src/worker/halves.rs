//! The two halves of a session: chunks from the client, and chunks to it.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};

use super::{context::Context as EventContext, payload_error};
use crate::{
    connection::{dyn_receiver::DynReceiver, dyn_sender::DynSender, halves::Receiver},
    protocol::{
        chunk,
        error::{Error, Result},
        graph::{CLOSE, ERROR, WRITE},
    },
    wire::{
        bytes::Bytes,
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
        scratch::Scratch,
    },
};

/// The half of a session that receives: the chunks that its client sends.
///
/// As an argument of an annotated function, it receives the chunks that follow those of the values. It is a [`Stream`] that
/// ends after its first error. [`Bytes`] are the chunks as they are; anything else is decoded.
pub struct SessionReceiver<T = Bytes> {
    /// The circumstances of the event, for the error of a chunk that cannot be decoded. `Bytes` always can.
    context: Option<EventContext>,
    /// `None` after the end of the stream.
    chunks: Option<Receiver<Bytes>>,
    items: PhantomData<fn() -> T>,
}

impl SessionReceiver {
    pub(super) fn new(rx: DynReceiver) -> Self {
        Self { context: None, chunks: Some(rx.into()), items: PhantomData }
    }

    /// Returns this half with its chunks decoded as `T`.
    pub(super) fn decode<T>(self, context: Option<EventContext>) -> SessionReceiver<T> {
        SessionReceiver { context, chunks: self.chunks, items: PhantomData }
    }
}

impl<T: DeserializeOwned + 'static> SessionReceiver<T> {
    /// Returns the next chunk; `None` once the client has closed its stream. The error of a client that gives up or
    /// disconnects is returned once.
    pub async fn recv(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next chunk, as [`SessionReceiver::recv`] does.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let Some(chunks) = &mut self.chunks else {
            return Poll::Ready(None);
        };
        let item = ready!(chunks.poll_recv(cx)).map(|chunk| {
            let mut chunk = chunk?;
            chunk::read(&mut chunk)
                .map_err(|malformed| payload_error::chunk_error(self.context.as_ref(), &chunk, &malformed))
        });
        if !matches!(item, Some(Ok(_))) {
            self.chunks = None;
        }
        Poll::Ready(item)
    }
}

impl<T: DeserializeOwned + 'static> Stream for SessionReceiver<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl<T> fmt::Debug for SessionReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionReceiver").field("context", &self.context).finish_non_exhaustive()
    }
}

/// The half of a session that sends: the chunks of the reply.
///
/// [`Bytes`] are sent as they are, anything else encoded. The reply ends with [`SessionSender::finish`] or
/// [`SessionSender::fail`], or when the handler returns: with a close if the handler succeeds, else with its error.
pub struct SessionSender<T = Bytes> {
    chunks: ChunkSender,
    items: PhantomData<fn(T)>,
}

impl SessionSender {
    pub(super) fn new(tx: DynSender) -> Self {
        Self { chunks: ChunkSender(tx), items: PhantomData }
    }

    /// Returns this half with items of `T` encoded as chunks.
    pub(super) fn encode<T>(self) -> SessionSender<T> {
        SessionSender { chunks: self.chunks, items: PhantomData }
    }

    /// Sends all these chunks and ends the reply, in one write.
    pub(crate) fn finish_with_chunks(self, chunks: impl IntoIterator<Item = Bytes>) -> Result<()> {
        self.chunks.finish(chunks)
    }

    /// Returns once a chunk may be queued.
    #[cfg(feature = "http")]
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.chunks.0.poll_room(cx).map(drop)
    }

    /// Queues a chunk at once.
    #[cfg(feature = "http")]
    pub(crate) fn queue(&mut self, chunk: Bytes) -> Result<()> {
        self.chunks.0.queue(WRITE, &(chunk,))
    }
}

impl<T: Serialize + 'static> SessionSender<T> {
    /// Sends a chunk; waits while too much is queued.
    pub async fn send(&mut self, item: impl Into<T>) -> Result<()> {
        let chunk = chunk::write(item.into())?;
        self.chunks.0.push(WRITE, (chunk,)).await
    }

    /// Ends the reply.
    pub fn finish(self) -> Result<()> {
        self.chunks.finish(None)
    }

    /// Sends a last chunk and ends the reply.
    pub fn finish_with(self, last: impl Into<T>) -> Result<()> {
        let chunk = chunk::write(last.into())?;
        self.chunks.finish(Some(chunk))
    }
}

impl<T> SessionSender<T> {
    /// Ends the reply with an error: a service's own code ([`Error::user`]), or category 42, code 100 with its text.
    pub fn fail(mut self, error: &Error) -> Result<()> {
        self.chunks.0.queue(ERROR, &error.worker_error_args())
    }

    /// Polls for the client's departure, as [`Context::cancelled`](crate::Context::cancelled) does.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.chunks.0.poll_closed(cx)
    }
}

impl<T> fmt::Debug for SessionSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionSender").field(&self.chunks).finish()
    }
}

/// Sends chunks. Dropped before the reply has ended, it leaves the end to the handler's result.
#[derive(Debug)]
struct ChunkSender(DynSender);

impl ChunkSender {
    fn finish(mut self, chunks: impl IntoIterator<Item = Bytes>) -> Result<()> {
        let (mut frames, mut args) = (Scratch::take(), Encoded::default());
        for chunk in chunks {
            encode::args(&(chunk,), &mut args).map_err(Error::from_encode)?;
            frame::write(&mut frames, self.0.id(), WRITE, &args, FrameHeaders::None);
            args.clear();
        }
        encode::write_array_len(&mut args.buf, 0);
        frame::write(&mut frames, self.0.id(), CLOSE, &args, FrameHeaders::None);
        self.0.queue_encoded(&frames, 0, true)
    }
}

impl Drop for ChunkSender {
    fn drop(&mut self) {
        if !self.0.is_ended() {
            // Sent only if the handler does not end the reply itself when it returns.
            let error = Error::handler("the session was dropped without an answer");
            let _ = self.0.finish(ERROR, &error.worker_error_args());
        }
    }
}
