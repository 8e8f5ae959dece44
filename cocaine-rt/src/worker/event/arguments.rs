//! The arguments of an event, chosen by their types.

use std::{any::type_name, fmt, marker::PhantomData};

use serde::de::DeserializeOwned;

use super::{
    claims::{Claims, Follows, Free},
    kinds::TakeValue,
    source::Source,
};
use crate::protocol::error::Result;

/// A type that can be an argument of an event, by way of `Via`: decoded, or a part of the event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of an event",
    label = "no argument of an event",
    note = "an argument is a value that owns what it holds and implements `serde::Deserialize`, or one of `Bytes`, \
            `SessionReceiver<T>`, `SessionSender<T>`, `Session` and `Context`"
)]
pub trait Argument<Via> {
    /// How it is taken.
    type Kind: Take<Value = Self>;
}

/// By its `MessagePack`, or as the chunk itself.
#[derive(Debug)]
pub struct ByValue;

/// By being a part of the event.
#[derive(Debug)]
pub struct ByPart;

impl<T: DeserializeOwned + Send + 'static> Argument<ByValue> for T {
    type Kind = TakeValue<T>;
}

impl<T: Part> Argument<ByPart> for T {
    type Kind = T::Kind;
}

/// A part of an event.
pub trait Part: Sized {
    /// How it is taken.
    type Kind: Take<Value = Self>;
}

/// How an argument is taken.
pub trait Take {
    /// What the handler receives.
    type Value: Send;
    /// Whether it is in the first chunk.
    const IS_VALUE: bool = false;
    /// Whether it is the context.
    const IS_CONTEXT: bool = false;

    /// Returns the way to take the argument `name`.
    fn named(name: &'static str) -> Self;

    /// Returns the name of a value.
    fn name(&self) -> &'static str {
        ""
    }

    /// Takes it.
    fn take(&self, source: &mut Source<'_>) -> Result<Self::Value>;
}

/// The arguments of an event, in order.
pub struct Arguments<L, C> {
    pub(super) list: L,
    claims: PhantomData<fn() -> C>,
}

/// Returns no arguments.
#[inline]
pub fn arguments() -> Arguments<(), Claims<Free, Free, Free>> {
    Arguments { list: (), claims: PhantomData }
}

impl<L, C> Arguments<L, C> {
    /// Adds the argument `name`.
    #[inline]
    #[must_use]
    pub fn and<T, Via>(self, name: &'static str) -> Arguments<(L, T::Kind), <T::Kind as Follows<C>>::Claims>
    where
        T: Argument<Via>,
        T::Kind: Follows<C>,
    {
        Arguments { list: (self.list, T::Kind::named(name)), claims: PhantomData }
    }
}

impl<L, C> fmt::Debug for Arguments<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arguments({})", type_name::<L>())
    }
}

/// A list of arguments: `()`, or a list and one more.
pub trait List {
    /// What the handler receives, as it is listed.
    type Values: Send;
    /// How many of them are in the first chunk.
    const VALUES: usize;
    /// Whether one is the context.
    const CONTEXT: bool;

    /// Adds the names of the values to `names`.
    fn names(&self, names: &mut Vec<&'static str>);

    /// Takes them all.
    fn take(&self, source: &mut Source<'_>) -> Result<Self::Values>;
}

impl List for () {
    type Values = ();
    const VALUES: usize = 0;
    const CONTEXT: bool = false;

    fn names(&self, _names: &mut Vec<&'static str>) {}

    #[inline]
    fn take(&self, _source: &mut Source<'_>) -> Result<()> {
        Ok(())
    }
}

impl<L: List, K: Take> List for (L, K) {
    type Values = (L::Values, K::Value);
    const VALUES: usize = L::VALUES + K::IS_VALUE as usize;
    const CONTEXT: bool = L::CONTEXT || K::IS_CONTEXT;

    fn names(&self, names: &mut Vec<&'static str>) {
        self.0.names(names);
        if K::IS_VALUE {
            names.push(self.1.name());
        }
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<Self::Values> {
        Ok((self.0.take(source)?, self.1.take(source)?))
    }
}

/// Returns the names of the values in `list`, for an error.
#[cold]
pub(super) fn names(list: &impl List) -> String {
    let mut names = Vec::new();
    list.names(&mut names);
    names.join(", ")
}
