//! The arguments of an event, chosen by their types.

use std::{any::type_name, fmt, marker::PhantomData, mem};

use super::{
    Event,
    claims::{Available, ClaimParts, Claims},
    source::{ArgumentSource, ChunkValues, SessionParts},
};
use crate::{
    protocol::error::Result,
    wire::{
        bytes::Bytes,
        decode::{DecodeError, Elements},
    },
};

/// A type that can be an argument of an event: a decoded value, or a part of the session. `Via` keeps the two
/// implementations apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of an event",
    label = "not an argument of an event",
    note = "an argument is a value that owns its data and implements `serde::Deserialize`, or one of `Bytes`, \
            `SessionReceiver<T>`, `SessionSender<T>`, `Session` and `Context`"
)]
pub trait EventArgument<Via> {
    /// Extracts it.
    type Extractor: Extract<Value = Self>;
}

/// A part of a session.
pub trait SessionPart: Sized {
    /// Extracts it.
    type Extractor: Extract<Value = Self>;
}

/// Extracts one argument.
pub trait Extract {
    /// The type of the argument.
    type Value: Send;
    /// Whether it is decoded from the first chunk.
    const IS_VALUE: bool = false;

    /// Returns the extractor of the argument `name`.
    fn with_name(name: &'static str) -> Self;

    /// Returns the name of a value.
    fn name(&self) -> &'static str {
        ""
    }

    /// Extracts the argument.
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<Self::Value>;
}

/// The arguments of an event, in order.
pub struct EventArguments<L, C> {
    pub(super) list: L,
    claims: PhantomData<fn() -> C>,
}

/// Returns an empty list of arguments.
#[inline]
pub fn arguments() -> EventArguments<(), Claims<Available, Available, Available>> {
    EventArguments { list: (), claims: PhantomData }
}

impl<L, C> EventArguments<L, C> {
    /// Adds the argument `name`.
    #[inline]
    #[must_use]
    pub fn and<T, Via>(
        self,
        name: &'static str,
    ) -> EventArguments<(L, T::Extractor), <T::Extractor as ClaimParts<C>>::Claims>
    where
        T: EventArgument<Via>,
        T::Extractor: ClaimParts<C>,
    {
        EventArguments { list: (self.list, T::Extractor::with_name(name)), claims: PhantomData }
    }
}

impl<L, C> fmt::Debug for EventArguments<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventArguments({})", type_name::<L>())
    }
}

/// A list of arguments: `()`, or a list and one more.
pub trait ArgumentList {
    /// The arguments of the handler, as nested pairs.
    type Values: Send;
    /// How many of them are decoded from the first chunk.
    const VALUES: usize;

    /// Adds the names of the values to `names`.
    fn names(&self, names: &mut Vec<&'static str>);

    /// Extracts them all, in order.
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<Self::Values>;
}

impl ArgumentList for () {
    type Values = ();
    const VALUES: usize = 0;

    fn names(&self, _names: &mut Vec<&'static str>) {}

    #[inline]
    fn extract(&self, _source: &mut ArgumentSource<'_>) -> Result<()> {
        Ok(())
    }
}

impl<L: ArgumentList, K: Extract> ArgumentList for (L, K) {
    type Values = (L::Values, K::Value);
    const VALUES: usize = L::VALUES + K::IS_VALUE as usize;

    fn names(&self, names: &mut Vec<&'static str>) {
        self.0.names(names);
        if K::IS_VALUE {
            names.push(self.1.name());
        }
    }

    #[inline]
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<Self::Values> {
        Ok((self.0.extract(source)?, self.1.extract(source)?))
    }
}

/// Returns the names of the values in `list`, for an error text.
#[cold]
pub(super) fn names(list: &impl ArgumentList) -> String {
    let mut names = Vec::new();
    list.names(&mut names);
    names.join(", ")
}

/// Extracts the arguments of `event` from its first chunk and the parts of its session.
#[inline]
pub(super) fn extract<L: ArgumentList>(
    event: &Event,
    list: &L,
    mut chunk: Option<Bytes>,
    parts: SessionParts,
) -> Result<L::Values> {
    if L::VALUES > 1 {
        return extract_elements(event, list, &chunk.unwrap_or_default(), parts);
    }
    let values = chunk.as_mut().map_or(ChunkValues::Empty, ChunkValues::Whole);
    list.extract(&mut ArgumentSource { event: event.name, parts, values })
}

fn extract_elements<L: ArgumentList>(
    event: &Event,
    list: &L,
    chunk: &Bytes,
    parts: SessionParts,
) -> Result<L::Values> {
    let mut source = ArgumentSource { event: event.name, parts, values: ChunkValues::Empty };
    let malformed = |source: &ArgumentSource<'_>, malformed: &DecodeError| {
        source.arguments_error(&format_args!("the arguments ({}): {malformed}", names(list)))
    };
    let elements = Elements::open(chunk.handle()).map_err(|error| malformed(&source, &error))?;
    source.values = ChunkValues::Elements(chunk, elements);
    let values = list.extract(&mut source)?;
    if let ChunkValues::Elements(_, elements) = mem::replace(&mut source.values, ChunkValues::Empty) {
        elements.end().map_err(|error| malformed(&source, &error))?;
    }
    Ok(values)
}
