//! What a handler returns, and how it is sent.

use std::{
    fmt,
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::pin,
    task::Poll,
};

use futures_core::Stream;
use serde::Serialize;

use super::{Event, claims::Beside, failure::Failure};
use crate::{
    protocol::error::{Error, Result},
    wire::bytes::Bytes,
    worker::{chunk, halves::SessionSender},
};

/// What a handler has returned, to be told apart: a `Result`, or a [`Plain`] value.
#[derive(Debug)]
pub struct Returned<T>(pub T);

impl<T, E> Returned<std::result::Result<T, E>> {
    /// Returns the value, or the error as the client receives it.
    #[inline]
    pub fn outcome(self) -> Result<T>
    where
        E: Failure,
    {
        self.0.map_err(Failure::into_answer)
    }
}

/// What a handler returns that cannot fail.
pub trait Plain {
    /// The value.
    type Value;

    /// Returns the value.
    fn outcome(self) -> Result<Self::Value>;
}

impl<T> Plain for Returned<T> {
    type Value = T;

    #[inline]
    fn outcome(self) -> Result<T> {
        Ok(self.0)
    }
}

/// A type that a handler can return, by way of `Via`: one chunk or none, or a stream of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from an event",
    label = "no reply of an event",
    note = "an event returns `()`, `Bytes`, a value that implements `serde::Serialize`, a `Stream` of `Result`s of \
            those that is `Send`, or a `Result` of any of them"
)]
pub trait Reply<Via>: Sized {
    /// What is sent of it.
    type Answer: Answer;

    /// Returns what is sent.
    fn answer(self) -> Result<Self::Answer>;
}

/// By the one chunk that it is.
#[derive(Debug)]
pub struct ByChunk;

/// By its items.
#[derive(Debug)]
pub struct ByItems;

impl<T: Serialize + 'static> Reply<ByChunk> for T {
    type Answer = Last;

    #[inline]
    fn answer(self) -> Result<Last> {
        chunk::last(self).map(Last)
    }
}

impl<S, T, E> Reply<ByItems> for S
where
    S: Stream<Item = std::result::Result<T, E>> + Send + 'static,
    T: Serialize + 'static,
    E: Failure,
{
    type Answer = Items<S>;

    #[inline]
    fn answer(self) -> Result<Items<S>> {
        Ok(Items(self))
    }
}

/// The end of a handler whose arguments have claimed `C`.
pub struct Turn<C> {
    event: &'static Event,
    claims: PhantomData<fn() -> C>,
}

impl<C> Turn<C> {
    #[inline]
    pub(super) fn of(event: &'static Event) -> Self {
        Self { event, claims: PhantomData }
    }

    /// Returns what is sent of `outcome`.
    #[inline]
    pub fn reply<T, Via>(self, outcome: Result<T>) -> Result<T::Answer>
    where
        T: Reply<Via> + Beside<C>,
    {
        outcome?.answer().map_err(|error| Error::handler(format!("{}: the reply: {error}", self.event.name)))
    }
}

impl<C> fmt::Debug for Turn<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("event", &self.event).finish_non_exhaustive()
    }
}

/// What is sent once a handler has returned.
pub trait Answer: Send {
    /// Sends it, and ends the event.
    fn send(self, event: &'static Event, sender: SessionSender) -> impl Future<Output = Result<()>> + Send;
}

/// One last chunk, or none.
#[derive(Debug)]
pub struct Last(Option<Bytes>);

impl Answer for Last {
    #[inline]
    async fn send(self, _event: &'static Event, sender: SessionSender) -> Result<()> {
        sender.finish_with_chunks(self.0)
    }
}

/// A chunk for each item.
#[derive(Debug)]
pub struct Items<S>(S);

impl<S, T, E> Answer for Items<S>
where
    S: Stream<Item = std::result::Result<T, E>> + Send + 'static,
    T: Serialize + 'static,
    E: Failure,
{
    async fn send(self, event: &'static Event, mut sender: SessionSender) -> Result<()> {
        let mut items = pin!(self.0);
        loop {
            let next = poll_fn(|cx| {
                if event.cancel && sender.poll_closed(cx).is_ready() {
                    return Poll::Ready(Some(Err(event.left())));
                }
                items.as_mut().poll_next(cx).map(|item| item.map(encode))
            });
            match next.await {
                Some(chunk) => sender.send(chunk?).await?,
                None => return sender.finish(),
            }
        }
    }
}

fn encode<T: Serialize + 'static, E: Failure>(item: std::result::Result<T, E>) -> Result<Bytes> {
    chunk::write(item.map_err(Failure::into_answer)?)
}
