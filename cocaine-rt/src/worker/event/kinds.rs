//! The kinds of arguments: how each is taken, and what it claims.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    arguments::{Part, Take},
    claims::{Claims, Follows, FreeReceiver, FreeSender, Taken, Unclaimed, Values, ValuesTaken},
    source::Source,
};
use crate::{
    protocol::error::Result,
    worker::{
        halves::{SessionReceiver, SessionSender},
        session::{Context, Session},
    },
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
pub struct TakeReceiver<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + 'static> Part for SessionReceiver<T> {
    type Kind = TakeReceiver<T>;
}

impl<T: DeserializeOwned + 'static> Take for TakeReceiver<T> {
    type Value = SessionReceiver<T>;

    fn named(_name: &'static str) -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<SessionReceiver<T>> {
        source.parts.split();
        let receiver = source.parts.receiver.take();
        source.part(receiver).map(|receiver| receiver.decode(source.event))
    }
}

impl<T, V, I: FreeReceiver, O> Follows<Claims<V, I, O>> for TakeReceiver<T> {
    type Claims = Claims<V, Taken, O>;
}

/// Takes the half that sends.
#[derive(Debug)]
pub struct TakeSender<T>(PhantomData<fn(T)>);

impl<T: Serialize + 'static> Part for SessionSender<T> {
    type Kind = TakeSender<T>;
}

impl<T: Serialize + 'static> Take for TakeSender<T> {
    type Value = SessionSender<T>;

    fn named(_name: &'static str) -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn take(&self, source: &mut Source<'_>) -> Result<SessionSender<T>> {
        source.parts.split();
        let sender = source.parts.sender.take();
        source.part(sender).map(SessionSender::encode)
    }
}

impl<T, V, I, O: FreeSender> Follows<Claims<V, I, O>> for TakeSender<T> {
    type Claims = Claims<V, I, Taken>;
}
