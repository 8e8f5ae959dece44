//! What both halves of a channel share: the reference to the channel, the context of its errors, and the arguments of
//! its messages.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;

use crate::{
    connection::{
        handle::ConnectionHandle,
        mux::{ChannelKey, message::Message},
    },
    protocol::{
        code::Code,
        error::{Error, ErrorKind, Result},
        lossy::LossyStr,
    },
    wire::{
        decode::{self, EscapedTexts},
        headers::Headers,
    },
};

/// The arguments of a received message.
#[derive(Debug)]
pub struct Payload {
    args: bytes::Bytes,
    escaped_texts: EscapedTexts,
    headers: Headers,
    max_decoded_bytes: usize,
}

impl Payload {
    pub(crate) fn new(message: Message, max_decoded_bytes: usize) -> Self {
        Self {
            args: message.args,
            escaped_texts: EscapedTexts::default(),
            headers: message.headers,
            max_decoded_bytes,
        }
    }

    /// Decodes the arguments. A tuple gets all of them, any other type the first.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        let decoded = decode::args_within(&self.args, self.max_decoded_bytes, &self.escaped_texts);
        decoded.map(|(args, _)| args).map_err(Error::from_decode)
    }

    /// Returns the headers that came with the message.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

/// What the errors of a channel name.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorContext {
    pub(crate) service: Option<Arc<str>>,
    pub(crate) method: Option<Arc<str>>,
    /// The deadline of the channel, if it has one.
    pub(crate) deadline: Duration,
    /// The count of arrivals when the channel was opened.
    pub(crate) receptions: u64,
}

/// A channel of a connection.
#[derive(Clone, Debug)]
pub(crate) struct ChannelRef {
    pub(crate) handle: ConnectionHandle,
    pub(crate) key: ChannelKey,
    pub(crate) context: ErrorContext,
}

impl ChannelRef {
    /// Completes an error of this channel. If the channel has missed its deadline in silence, further calls connect again.
    pub(super) fn add_context(&self, error: Error) -> Error {
        if matches!(error.kind(), ErrorKind::Deadline(_)) {
            self.handle.check_silence(self.context.receptions);
        }
        let error = with_deadline(error, self.context.deadline);
        error.with_context(
            self.context.service.as_ref(),
            self.context.method.as_deref(),
            Some(self.handle.peer()),
        )
    }
}

/// Decodes the error of an `error` message, `[[category, code], text?]` (`protocol.md` 4.3).
pub(crate) fn decode_service_error(message: &Message) -> Error {
    match decode::args::<(Code, Option<LossyStr<'_>>)>(&message.args) {
        Ok((code, text)) => Error::service(code, text.map_or_else(String::new, LossyStr::into_string)),
        Err(malformed) => Error::decode(format!("the service's error: {malformed}")),
    }
}

/// Adds the deadline of the call to an error that says that it has passed. The connection counts in ticks and does not
/// know the deadline.
pub(crate) fn with_deadline(error: Error, deadline: Duration) -> Error {
    match error.kind() {
        ErrorKind::Deadline(_) => {
            let endpoint = error.endpoint().map(Arc::from);
            Error::new(ErrorKind::Deadline(deadline)).with_context(None, None, endpoint.as_ref())
        }
        _ => error,
    }
}
