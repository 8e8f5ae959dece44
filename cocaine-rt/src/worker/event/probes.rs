//! Finds out the types of a handler, for the schema of its event.
//!
//! The expansion of `#[cocaine::worker]` calls methods of these types where every type is known. An inherent method takes
//! precedence over one of a trait, and a method of a value over one of a reference: the most particular one is called, such
//! as that of a type that has a schema.

use std::{convert::Infallible, future::Future, marker::PhantomData};

use futures_core::Stream;

use crate::{
    schema::{AppError, EventOutput, Schema, Type},
    worker::{
        context::Context,
        description::EventDescriber,
        halves::{SessionReceiver, SessionSender},
        session::Session,
    },
};

/// Stands for an argument of the type `T`.
#[derive(Debug)]
pub struct ArgumentProbe<T>(PhantomData<fn() -> T>);

impl<T> ArgumentProbe<T> {
    /// Returns the probe of `T`.
    #[expect(clippy::new_without_default, reason = "only generated code uses it")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: Schema> ArgumentProbe<T> {
    /// Describes a value that has a schema.
    pub fn describe(self, name: &str, event: &mut EventDescriber<'_>) {
        let ty = T::schema(event.definitions());
        event.add_argument(name, ty);
    }
}

impl<T: Schema> ArgumentProbe<SessionReceiver<T>> {
    /// Describes the chunks that follow the arguments.
    pub fn describe(self, _name: &str, event: &mut EventDescriber<'_>) {
        let ty = T::schema(event.definitions());
        event.set_input(ty);
    }
}

impl<T: Schema> ArgumentProbe<SessionSender<T>> {
    /// Describes the chunks of the reply.
    pub fn describe(self, _name: &str, event: &mut EventDescriber<'_>) {
        let ty = T::schema(event.definitions());
        event.set_output(EventOutput::Stream(ty));
    }
}

impl ArgumentProbe<Session> {
    /// Describes both directions.
    pub fn describe(self, _name: &str, event: &mut EventDescriber<'_>) {
        event.set_input(Type::Opaque);
        event.set_output(EventOutput::Stream(Type::Opaque));
    }
}

impl ArgumentProbe<Context> {
    /// Describes nothing, since the context does not travel.
    pub fn describe(self, _name: &str, _event: &mut EventDescriber<'_>) {}
}

/// A half of a session whose chunks have no schema.
pub trait OpaquePart {
    /// Describes the chunks.
    fn describe(self, name: &str, event: &mut EventDescriber<'_>);
}

impl<T> OpaquePart for ArgumentProbe<SessionReceiver<T>> {
    fn describe(self, _name: &str, event: &mut EventDescriber<'_>) {
        event.set_input(Type::Opaque);
    }
}

impl<T> OpaquePart for ArgumentProbe<SessionSender<T>> {
    fn describe(self, _name: &str, event: &mut EventDescriber<'_>) {
        event.set_output(EventOutput::Stream(Type::Opaque));
    }
}

/// A value that has no schema.
pub trait OpaqueArgument {
    /// Describes the value.
    fn describe(self, name: &str, event: &mut EventDescriber<'_>);
}

impl<T> OpaqueArgument for &ArgumentProbe<T> {
    fn describe(self, name: &str, event: &mut EventDescriber<'_>) {
        event.add_argument(name, Type::Opaque);
    }
}

/// Stands for what a handler returns.
#[derive(Debug)]
pub struct OutputProbe<T>(PhantomData<fn() -> T>);

/// Returns the probe of what `handler` returns. The handler is not called.
pub fn output_probe<A, F, R>(_handler: F) -> OutputProbe<R::Output>
where
    F: FnOnce(A) -> R,
    R: Future,
{
    OutputProbe(PhantomData)
}

impl<T, E> OutputProbe<Result<T, E>> {
    /// Returns the probe of the value.
    pub fn value(&self) -> ReplyProbe<T> {
        ReplyProbe(PhantomData)
    }

    /// Returns the probe of the error.
    pub fn error(&self) -> ErrorProbe<E> {
        ErrorProbe(PhantomData)
    }
}

/// What a handler that cannot fail returns.
pub trait InfallibleProbe {
    /// The value.
    type Value;

    /// Returns the probe of the value.
    fn value(&self) -> ReplyProbe<Self::Value>;

    /// Returns the probe of no error.
    fn error(&self) -> ErrorProbe<Infallible> {
        ErrorProbe(PhantomData)
    }
}

impl<T> InfallibleProbe for OutputProbe<T> {
    type Value = T;

    fn value(&self) -> ReplyProbe<T> {
        ReplyProbe(PhantomData)
    }
}

/// Stands for a reply: a value, or a stream.
#[derive(Debug)]
pub struct ReplyProbe<T>(PhantomData<fn() -> T>);

impl<S, T, E> ReplyProbe<S>
where
    S: Stream<Item = Result<T, E>>,
{
    /// Returns the probe of the items.
    pub fn chunks(&self) -> ChunkProbe<T, true> {
        ChunkProbe(PhantomData)
    }

    /// Returns the probe of the error of an item.
    pub fn error(&self) -> ErrorProbe<E> {
        ErrorProbe(PhantomData)
    }
}

/// A reply that is no stream.
pub trait SingleReply {
    /// The value.
    type Value;

    /// Returns the probe of the value.
    fn chunks(&self) -> ChunkProbe<Self::Value, false>;

    /// Returns the probe of no error.
    fn error(&self) -> ErrorProbe<Infallible> {
        ErrorProbe(PhantomData)
    }
}

impl<T> SingleReply for ReplyProbe<T> {
    type Value = T;

    fn chunks(&self) -> ChunkProbe<T, false> {
        ChunkProbe(PhantomData)
    }
}

/// Stands for the chunks of a reply: its only one, or those of a stream.
#[derive(Debug)]
pub struct ChunkProbe<T, const IS_STREAM: bool>(PhantomData<fn() -> T>);

fn output<const IS_STREAM: bool>(ty: Type) -> EventOutput {
    if IS_STREAM { EventOutput::Stream(ty) } else { EventOutput::Reply(ty) }
}

impl<T: Schema, const IS_STREAM: bool> ChunkProbe<T, IS_STREAM> {
    /// Describes chunks that have a schema.
    pub fn describe(self, event: &mut EventDescriber<'_>) {
        let ty = T::schema(event.definitions());
        event.set_output(output::<IS_STREAM>(ty));
    }
}

/// Chunks that have no schema.
pub trait OpaqueChunk {
    /// Describes the chunks.
    fn describe(self, event: &mut EventDescriber<'_>);
}

impl<T, const IS_STREAM: bool> OpaqueChunk for ChunkProbe<T, IS_STREAM> {
    fn describe(self, event: &mut EventDescriber<'_>) {
        event.set_output(output::<IS_STREAM>(Type::Opaque));
    }
}

/// Stands for an error.
#[derive(Debug)]
pub struct ErrorProbe<E>(PhantomData<fn() -> E>);

impl<E: AppError> ErrorProbe<E> {
    /// Describes errors that are declared.
    pub fn describe(self, event: &mut EventDescriber<'_>) {
        event.add_errors(E::NAME, E::definition());
    }
}

/// An error that is not declared.
pub trait UndeclaredError {
    /// Describes nothing.
    fn describe(self, event: &mut EventDescriber<'_>);
}

impl<E> UndeclaredError for ErrorProbe<E> {
    fn describe(self, _event: &mut EventDescriber<'_>) {}
}
