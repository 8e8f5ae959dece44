//! What arguments are taken from: the first chunk of an event, and its parts.

use std::{fmt, mem};

use serde::de::DeserializeOwned;

use crate::{
    protocol::error::{Error, Result},
    wire::{bytes::Bytes, decode::Elements},
    worker::{
        chunk,
        halves::{SessionReceiver, SessionSender},
        session::{Context, Session},
    },
};

/// The parts of an event that its arguments may take.
#[derive(Debug, Default)]
pub struct Parts {
    pub(super) context: Option<Context>,
    pub(super) session: Option<Session>,
    pub(super) receiver: Option<SessionReceiver>,
    pub(super) sender: Option<SessionSender>,
}

impl Parts {
    /// Splits the session, unless that has been done.
    pub(super) fn split(&mut self) {
        if let Some(session) = self.session.take() {
            let (receiver, sender) = session.split();
            self.receiver = Some(receiver);
            self.sender = Some(sender);
        }
    }
}

/// Where the values come from.
pub(super) enum Payload<'c> {
    /// There are none.
    Nothing,
    /// The one value is the chunk.
    Whole(Bytes),
    /// The values are the elements of the chunk.
    Elements(Elements<'c>),
}

/// What arguments are taken from.
pub struct Source<'c> {
    pub(super) event: &'static str,
    pub(super) parts: Parts,
    pub(super) payload: Payload<'c>,
}

impl Source<'_> {
    /// Returns the next value, which is the argument `name`.
    #[inline]
    pub(super) fn value<T: DeserializeOwned + 'static>(&mut self, name: &str) -> Result<T> {
        let value = match &mut self.payload {
            Payload::Nothing => Ok(None),
            Payload::Whole(chunk) => chunk::read(mem::take(chunk)).map(Some),
            Payload::Elements(elements) => elements.next(),
        };
        match value {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(Error::handler(format!("{}: argument `{name}` is missing", self.event))),
            Err(malformed) => Err(Error::handler(format!("{}: argument `{name}`: {malformed}", self.event))),
        }
    }

    /// Returns `part`, which the types of arguments let only one of them take.
    pub(super) fn part<T>(&self, part: Option<T>) -> Result<T> {
        part.ok_or_else(|| Error::handler(format!("{}: a part of the event was taken twice", self.event)))
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("event", &self.event)
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
