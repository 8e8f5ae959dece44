//! The errors of payloads that cannot be read: where, why, and whether their caller was made for another schema.

use std::fmt::Display;

use super::context::Context;
use crate::{
    protocol::{code::Code, error::Error},
    schema::{AppSchema, EventSchema, HASH_HEADER, Mismatch, Type, find_mismatch, hash_text, parse_hash},
    wire::{bytes::Bytes, decode, value::Value},
};

/// How much memory a payload may take while the place of its error is looked for.
const MAX_EXAMINED_BYTES: usize = 4 << 20;

/// Returns the error for the argument `name` of an event, which cannot be read from its first chunk.
#[cold]
pub(super) fn argument_error(
    event: &str,
    context: Option<&Context>,
    name: &str,
    chunk: &Bytes,
    problem: &dyn Display,
) -> Error {
    let known = context.and_then(KnownEvent::of);
    let mismatch = known.as_ref().and_then(|known| known.find_in_argument(name, chunk));
    let text = match mismatch {
        Some(Mismatch { path, expected, found }) => {
            format!("{event}: argument `{name}{path}`: expected {expected}, found {found}")
        }
        None => format!("{event}: argument `{name}`: {problem}"),
    };
    error(known.as_ref(), text)
}

/// Returns the error for the chunk after the arguments of an event, which cannot be read.
#[cold]
pub(super) fn chunk_error(context: Option<&Context>, chunk: &Bytes, problem: &dyn Display) -> Error {
    let event = context.map_or("", Context::event);
    let known = context.and_then(KnownEvent::of);
    let mismatch = known.as_ref().and_then(|known| known.find_in_chunk(chunk));
    let text = match mismatch {
        Some(Mismatch { path, expected, found }) if path.is_empty() => {
            format!("{event}: a chunk: expected {expected}, found {found}")
        }
        Some(Mismatch { path, expected, found }) => {
            format!("{event}: a chunk: `{path}`: expected {expected}, found {found}")
        }
        None => format!("{event}: a chunk: {problem}"),
    };
    error(known.as_ref(), text)
}

/// Returns the error for the arguments of an event as a whole.
#[cold]
pub(super) fn arguments_error(context: Option<&Context>, text: String) -> Error {
    error(context.and_then(KnownEvent::of).as_ref(), text)
}

fn error(known: Option<&KnownEvent<'_>>, text: String) -> Error {
    let Some((own, caller)) = known.and_then(KnownEvent::outdated) else { return Error::handler(text) };
    let (own, caller) = (hash_text(own), hash_text(caller));
    let advice = format!("the caller was made for schema {caller} of this event, this worker has {own}");
    Error::service(Code::SCHEMA_MISMATCH, format!("{text}; {advice}"))
}

/// An event whose schema is known.
struct KnownEvent<'c> {
    context: &'c Context,
    app: &'c AppSchema,
    event: &'c EventSchema,
}

impl<'c> KnownEvent<'c> {
    fn of(context: &'c Context) -> Option<Self> {
        let app = context.descriptions().schema();
        Some(Self { context, app, event: app.events.get(context.event())? })
    }

    /// Returns the hash of the event and that of the caller, if they differ. A malformed hash counts as none.
    fn outdated(&self) -> Option<(u64, u64)> {
        let own = self.app.event_hash(self.context.event())?;
        let caller = self.context.headers().get(HASH_HEADER)?.as_str().and_then(parse_hash)?;
        (caller != own).then_some((own, caller))
    }

    /// Returns the place to name, unless the decoder says as much: it knows no place within a value, and nothing of other
    /// schemas.
    fn find(&self, ty: &Type, value: &Value) -> Option<Mismatch> {
        let mismatch = find_mismatch(&self.app.types, ty, value)?;
        (!mismatch.path.is_empty() || self.outdated().is_some()).then_some(mismatch)
    }

    fn find_in_argument(&self, name: &str, chunk: &Bytes) -> Option<Mismatch> {
        let arguments = &self.event.arguments;
        let position = arguments.iter().position(|argument| argument.name == name)?;
        let ty = &arguments[position].ty;
        let value = read_value(chunk)?;
        if arguments.len() == 1 {
            return self.find(ty, &value);
        }
        self.find(ty, value.as_array()?.get(position)?)
    }

    fn find_in_chunk(&self, chunk: &Bytes) -> Option<Mismatch> {
        self.find(self.event.input.as_ref()?, &read_value(chunk)?)
    }
}

fn read_value(chunk: &Bytes) -> Option<Value> {
    decode::from_slice_within(chunk, MAX_EXAMINED_BYTES).ok()
}
