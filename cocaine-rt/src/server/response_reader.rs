//! Reads what a worker answers to an event, for a caller in the process of the node.

use std::task::{Context, Poll, ready};

use crate::{
    connection::{halves::Receiver, mux::message::Message},
    protocol::{
        code::{Category, Code},
        error::Error,
        graph::{ERROR, WRITE},
        lossy::LossyStr,
    },
    wire::{
        bytes::Bytes,
        decode::{self, DecodeError},
    },
};

/// Reads the response to an event as the client of a [`Relay`](super::Relay) would receive it: an unknown category of an error
/// becomes [`Category::UNKNOWN`] (`worker.md` 3.6).
#[derive(Debug)]
pub struct ResponseReader(Receiver<Bytes>);

/// What comes next of a response.
#[derive(Debug)]
pub enum ResponsePart {
    /// A chunk; more may follow.
    Chunk(Bytes),
    /// The response is complete.
    Closed,
    /// The worker has ended the response with this error.
    Failed(Error),
    /// The worker has sent an invalid message.
    Malformed(Error),
    /// The channel has ended: the worker has revoked it, or its connection is closed.
    Lost(Error),
}

impl ResponseReader {
    /// Returns the reader of the response that comes on a channel.
    pub fn new(responses: Receiver<Bytes>) -> Self {
        Self(responses)
    }

    /// Returns the next part of the response. Must not be polled after one that is not a chunk.
    pub fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<ResponsePart> {
        let message = match ready!(self.0.poll_message(cx)) {
            Ok(Some(message)) => message,
            Ok(None) => return Poll::Ready(ResponsePart::Closed),
            Err(error) => return Poll::Ready(ResponsePart::Lost(error)),
        };
        Poll::Ready(read(&message).unwrap_or_else(|malformed| {
            let error = Error::protocol(format!("a message of a stream: {malformed}"));
            ResponsePart::Malformed(error.with_wire_code(Code::INVALID_ARGUMENTS))
        }))
    }
}

fn read(message: &Message) -> Result<ResponsePart, DecodeError> {
    Ok(match message.kind {
        WRITE => ResponsePart::Chunk(decode::args::<(Bytes,)>(&message.args)?.0),
        ERROR => {
            let ((category, code), text): ((i64, i32), Option<LossyStr<'_>>) = decode::args(&message.args)?;
            let code = Code::new(Category(category).registered(), code.into());
            ResponsePart::Failed(Error::service(code, text.map_or_else(String::new, LossyStr::into_string)))
        }
        _ => ResponsePart::Closed,
    })
}
