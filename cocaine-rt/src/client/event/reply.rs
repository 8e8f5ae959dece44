//! The reply of an event that is answered once: a chunk, or none, and the end of the stream.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use serde::de::DeserializeOwned;

use crate::{
    connection::dyn_receiver::DynReceiver,
    protocol::{
        chunk,
        error::{Error, Result},
        graph::{ERROR, WRITE},
    },
    wire::decode::DecodeError,
};

/// Waits for the reply.
#[derive(Debug)]
pub(super) struct ReplyFuture {
    rx: DynReceiver,
    /// The arguments of the message that has the chunk.
    chunk: Option<bytes::Bytes>,
}

impl ReplyFuture {
    pub(super) fn new(rx: DynReceiver) -> Self {
        Self { rx, chunk: None }
    }

    /// Waits for the chunk and the end of the stream after it.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let Some(message) = ready!(self.rx.poll_message(cx)) else {
                let error = Error::protocol("the reply was read already");
                return Poll::Ready(Err(self.rx.add_context(error)));
            };
            let message = message?;
            match message.kind {
                WRITE if self.chunk.is_some() => {
                    return Poll::Ready(Err(self.error("a second chunk, where the event answers with one")));
                }
                WRITE => self.chunk = Some(message.args),
                ERROR => return Poll::Ready(Err(self.rx.service_error(&message))),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Decodes the reply.
    pub(super) fn decode<T: DeserializeOwned + 'static>(&mut self) -> Result<T> {
        match self.chunk.take() {
            Some(args) => {
                let limit = self.rx.max_decoded_bytes();
                chunk::read_args(&args, limit).map_err(|malformed| self.malformed(&malformed))
            }
            None => chunk::read_absent().ok_or_else(|| self.error("the stream was closed without a chunk")),
        }
    }

    /// Makes further calls connect again if nothing has arrived since the event was sent, which has missed its deadline.
    pub(super) fn check_silence(&self) {
        self.rx.check_silence();
    }

    #[cold]
    fn malformed(&self, malformed: &DecodeError) -> Error {
        self.rx.add_context(Error::from_chunk(&"the reply", malformed))
    }

    #[cold]
    fn error(&self, reason: &str) -> Error {
        self.malformed(&DecodeError::new(reason))
    }
}

impl Future for ReplyFuture {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_end(cx)
    }
}
