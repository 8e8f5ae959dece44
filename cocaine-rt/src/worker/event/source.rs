//! What arguments are taken from: the first chunk of an event, and its parts.

use std::{fmt, mem};

use serde::de::DeserializeOwned;

use super::{
    Event,
    arguments::{List, names},
};
use crate::{
    protocol::error::{Error, Result},
    wire::{
        bytes::Bytes,
        decode::{DecodeError, Elements},
    },
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
enum Payload<'c> {
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
    payload: Payload<'c>,
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

/// Takes the arguments of `event` from its first chunk and its parts.
#[inline]
pub(super) fn take<L: List>(
    event: &Event,
    list: &L,
    chunk: Option<Bytes>,
    parts: Parts,
) -> Result<L::Values> {
    let mut source = Source { event: event.name, parts, payload: Payload::Nothing };
    if L::VALUES > 1 {
        return elements(source, list, &chunk.unwrap_or_default());
    }
    source.payload = chunk.map_or(Payload::Nothing, Payload::Whole);
    list.take(&mut source)
}

fn elements<'c, L: List>(mut source: Source<'c>, list: &L, chunk: &'c Bytes) -> Result<L::Values> {
    let event = source.event;
    let malformed = |malformed: DecodeError| {
        Error::handler(format!("{event}: the arguments ({}): {malformed}", names(list)))
    };
    source.payload = Payload::Elements(Elements::open(chunk.handle()).map_err(malformed)?);
    let values = list.take(&mut source)?;
    if let Payload::Elements(elements) = source.payload {
        elements.end().map_err(malformed)?;
    }
    Ok(values)
}
