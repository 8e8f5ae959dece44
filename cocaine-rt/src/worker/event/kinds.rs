//! The kinds of arguments: how each is taken, and what it claims.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    arguments::{Part, Take},
    chunks::Chunks,
    claims::{Claims, Follows, FreeChunks, FreeOutput, Taken, Unclaimed, Values, ValuesTaken},
    output::Output,
    source::Source,
};
use crate::{
    protocol::error::Result,
    worker::session::{Context, Session},
};

/// Takes a value.
#[derive(Debug)]
pub struct TakeValue<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Send + 'static> Take for TakeValue<T> {
    type Value = T;
    const IS_VALUE: bool = true;

    #[inline]
    fn named(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<T> {
        source.value(self.name)
    }
}

impl<T, V: Values, I, O> Follows<Claims<V, I, O>> for TakeValue<T> {
    type Claims = Claims<ValuesTaken, I, O>;
}

/// Takes who calls.
#[derive(Debug)]
pub struct TakeContext;

impl Part for Context {
    type Kind = TakeContext;
}

impl Take for TakeContext {
    type Value = Context;
    const IS_CONTEXT: bool = true;

    fn named(_name: &'static str) -> Self {
        Self
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<Context> {
        let context = source.parts.context.clone();
        source.part(context)
    }
}

impl<C> Follows<C> for TakeContext {
    type Claims = C;
}

/// Takes the whole event.
#[derive(Debug)]
pub struct TakeSession;

impl Part for Session {
    type Kind = TakeSession;
}

impl Take for TakeSession {
    type Value = Session;

    fn named(_name: &'static str) -> Self {
        Self
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<Session> {
        let session = source.parts.session.take();
        source.part(session)
    }
}

impl<V, I, O> Follows<Claims<V, I, O>> for TakeSession
where
    Claims<V, I, O>: Unclaimed,
{
    type Claims = Claims<Taken, Taken, Taken>;
}

/// Takes the chunks that follow.
#[derive(Debug)]
pub struct TakeChunks<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + 'static> Part for Chunks<T> {
    type Kind = TakeChunks<T>;
}

impl<T: DeserializeOwned + 'static> Take for TakeChunks<T> {
    type Value = Chunks<T>;

    fn named(_name: &'static str) -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<Chunks<T>> {
        source.parts.split();
        let incoming = source.parts.incoming.take();
        source.part(incoming).map(|incoming| Chunks::new(source.event, incoming))
    }
}

impl<T, V, I: FreeChunks, O> Follows<Claims<V, I, O>> for TakeChunks<T> {
    type Claims = Claims<V, Taken, O>;
}

/// Takes the half that sends.
#[derive(Debug)]
pub struct TakeOutput<T>(PhantomData<fn(T)>);

impl<T: Serialize + 'static> Part for Output<T> {
    type Kind = TakeOutput<T>;
}

impl<T: Serialize + 'static> Take for TakeOutput<T> {
    type Value = Output<T>;

    fn named(_name: &'static str) -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<Output<T>> {
        source.parts.split();
        let outgoing = source.parts.outgoing.take();
        source.part(outgoing).map(Output::new)
    }
}

impl<T, V, I, O: FreeOutput> Follows<Claims<V, I, O>> for TakeOutput<T> {
    type Claims = Claims<V, I, Taken>;
}
