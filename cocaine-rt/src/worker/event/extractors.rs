//! The extractors of arguments, and what each claims.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    arguments::{EventArgument, Extract, SessionPart},
    claims::{
        AllowsReceiver, AllowsSender, AllowsSession, AllowsValues, ClaimParts, Claimed, Claims, ValuesClaimed,
    },
    source::ArgumentSource,
};
use crate::{
    protocol::error::Result,
    worker::{
        context::Context,
        halves::{SessionReceiver, SessionSender},
        session::Session,
    },
};

/// Marks values: decoded from `MessagePack`, or the chunk itself.
#[derive(Debug)]
pub struct ViaValue;

/// Marks parts of the session.
#[derive(Debug)]
pub struct ViaPart;

impl<T: DeserializeOwned + Send + 'static> EventArgument<ViaValue> for T {
    type Extractor = ValueExtractor<T>;
}

impl<T: SessionPart> EventArgument<ViaPart> for T {
    type Extractor = T::Extractor;
}

/// Extracts a value.
#[derive(Debug)]
pub struct ValueExtractor<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Send + 'static> Extract for ValueExtractor<T> {
    type Value = T;
    const IS_VALUE: bool = true;

    #[inline]
    fn with_name(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<T> {
        source.value(self.name)
    }
}

impl<T, V: AllowsValues, I, O> ClaimParts<Claims<V, I, O>> for ValueExtractor<T> {
    type Claims = Claims<ValuesClaimed, I, O>;
}

/// Extracts the context.
#[derive(Debug)]
pub struct ContextExtractor;

impl SessionPart for Context {
    type Extractor = ContextExtractor;
}

impl Extract for ContextExtractor {
    type Value = Context;

    fn with_name(_name: &'static str) -> Self {
        Self
    }

    #[inline]
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<Context> {
        let context = source.parts.context.clone();
        source.part(context)
    }
}

impl<C> ClaimParts<C> for ContextExtractor {
    type Claims = C;
}

/// Extracts the whole session.
#[derive(Debug)]
pub struct SessionExtractor;

impl SessionPart for Session {
    type Extractor = SessionExtractor;
}

impl Extract for SessionExtractor {
    type Value = Session;

    fn with_name(_name: &'static str) -> Self {
        Self
    }

    #[inline]
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<Session> {
        let session = source.parts.session.take();
        source.part(session)
    }
}

impl<V, I, O> ClaimParts<Claims<V, I, O>> for SessionExtractor
where
    Claims<V, I, O>: AllowsSession,
{
    type Claims = Claims<Claimed, Claimed, Claimed>;
}

/// Extracts the half that receives.
#[derive(Debug)]
pub struct ReceiverExtractor<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + 'static> SessionPart for SessionReceiver<T> {
    type Extractor = ReceiverExtractor<T>;
}

impl<T: DeserializeOwned + 'static> Extract for ReceiverExtractor<T> {
    type Value = SessionReceiver<T>;

    fn with_name(_name: &'static str) -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<SessionReceiver<T>> {
        source.parts.split();
        let receiver = source.parts.receiver.take();
        let context = source.parts.context.clone();
        source.part(receiver).map(|receiver| receiver.decode(context))
    }
}

impl<T, V, I: AllowsReceiver, O> ClaimParts<Claims<V, I, O>> for ReceiverExtractor<T> {
    type Claims = Claims<V, Claimed, O>;
}

/// Extracts the half that sends.
#[derive(Debug)]
pub struct SenderExtractor<T>(PhantomData<fn(T)>);

impl<T: Serialize + 'static> SessionPart for SessionSender<T> {
    type Extractor = SenderExtractor<T>;
}

impl<T: Serialize + 'static> Extract for SenderExtractor<T> {
    type Value = SessionSender<T>;

    fn with_name(_name: &'static str) -> Self {
        Self(PhantomData)
    }

    #[inline]
    fn extract(&self, source: &mut ArgumentSource<'_>) -> Result<SessionSender<T>> {
        source.parts.split();
        let sender = source.parts.sender.take();
        source.part(sender).map(SessionSender::encode)
    }
}

impl<T, V, I, O: AllowsSender> ClaimParts<Claims<V, I, O>> for SenderExtractor<T> {
    type Claims = Claims<V, I, Claimed>;
}
