//! The source of arguments: the first chunk of an event, and the parts of its session.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{
    protocol::{
        chunk,
        error::{Error, Result},
    },
    wire::{
        bytes::Bytes,
        decode::{DecodeError, Elements},
    },
    worker::{
        context::Context,
        halves::{SessionReceiver, SessionSender},
        payload_error,
        session::Session,
    },
};

/// The parts of a session that arguments may claim.
#[derive(Debug, Default)]
pub struct SessionParts {
    pub(super) context: Option<Context>,
    pub(super) session: Option<Session>,
    pub(super) receiver: Option<SessionReceiver>,
    pub(super) sender: Option<SessionSender>,
}

impl SessionParts {
    /// Splits the session if it is still whole.
    pub(super) fn split(&mut self) {
        if let Some(session) = self.session.take() {
            let (receiver, sender) = session.split();
            self.receiver = Some(receiver);
            self.sender = Some(sender);
        }
    }
}

/// The values in the first chunk.
pub(super) enum ChunkValues<'c> {
    /// No argument is a value.
    Empty,
    /// The chunk is the only value.
    Whole(&'c mut Bytes),
    /// The chunk is an array of the values.
    Elements(&'c Bytes, Elements<'c>),
}

/// The source that arguments are extracted from.
pub struct ArgumentSource<'c> {
    pub(super) event: &'static str,
    pub(super) parts: SessionParts,
    pub(super) values: ChunkValues<'c>,
}

impl ArgumentSource<'_> {
    /// Decodes the next value, which is the argument `name`.
    #[inline]
    pub(super) fn value<T: DeserializeOwned + 'static>(&mut self, name: &str) -> Result<T> {
        let value = match &mut self.values {
            ChunkValues::Empty => Ok(None),
            ChunkValues::Whole(chunk) => chunk::read(chunk).map(Some),
            ChunkValues::Elements(_, elements) => elements.next(),
        };
        match value {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(self.arguments_error(&format_args!("argument `{name}` is missing"))),
            Err(malformed) => Err(self.argument_error(name, &malformed)),
        }
    }

    #[cold]
    fn argument_error(&self, name: &str, malformed: &DecodeError) -> Error {
        let chunk = match &self.values {
            ChunkValues::Empty => &Bytes::default(),
            ChunkValues::Whole(chunk) => chunk,
            ChunkValues::Elements(chunk, _) => chunk,
        };
        payload_error::argument_error(self.event, self.parts.context.as_ref(), name, chunk, malformed)
    }

    /// Returns the error for the arguments as a whole.
    #[cold]
    pub(super) fn arguments_error(&self, problem: &dyn fmt::Display) -> Error {
        payload_error::arguments_error(self.parts.context.as_ref(), format!("{}: {problem}", self.event))
    }

    /// Returns `part`. The claims ensure that no other argument has taken it.
    pub(super) fn part<T>(&self, part: Option<T>) -> Result<T> {
        part.ok_or_else(|| Error::handler(format!("{}: a part of the event was taken twice", self.event)))
    }
}

impl fmt::Debug for ArgumentSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentSource")
            .field("event", &self.event)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
