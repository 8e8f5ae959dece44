//! One event, from its first chunk to its end.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use super::{
    Event,
    arguments::{Arguments, List, names},
    claims::{Claims, Free, Taken},
    reply::{Answer, Turn},
    source::{self, Parts},
};
use crate::{
    protocol::error::{Error, Result},
    wire::bytes::Bytes,
    worker::{
        halves::SessionSender,
        session::{Context as Caller, Session},
    },
};

/// Runs `handler` with the arguments of `event`, and sends what it returns.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps room for its arguments twice")]
pub fn run<L, C, F, R, A>(
    event: &'static Event,
    mut session: Session,
    arguments: Arguments<L, C>,
    handler: F,
) -> impl Future<Output = Result<()>>
where
    L: List,
    C: Stage,
    F: FnOnce(Turn<C>, L::Values) -> R,
    R: Future<Output = Result<A>>,
    A: Answer,
{
    async move {
        let chunk = first(event, &mut session, &arguments.list).await?;
        let context = L::CONTEXT.then(|| session.context().clone());
        let (parts, end) = C::part(session, context);
        // Only the future is kept while it is pending, not what it is made of.
        let values = source::take(event, &arguments.list, chunk, parts)?;
        let handling = handler(Turn::of(event), values);
        let answer = {
            let mut handling = pin!(handling);
            poll_fn(|cx| poll(event, handling.as_mut(), &end, cx)).await?
        };
        end.end(event, answer).await
    }
}

/// Returns the outcome of a handler, or an error if it is not to go on.
fn poll<A>(
    event: &Event,
    handling: Pin<&mut impl Future<Output = Result<A>>>,
    end: &impl End,
    cx: &mut Context<'_>,
) -> Poll<Result<A>> {
    if event.cancel && end.poll_closed(cx).is_ready() {
        return Poll::Ready(Err(event.left()));
    }
    handling.poll(cx)
}

/// Returns the chunk that the values are in, if there are any.
async fn first<L: List>(event: &Event, session: &mut Session, list: &L) -> Result<Option<Bytes>> {
    if L::VALUES == 0 {
        return Ok(None);
    }
    match session.recv().await {
        Some(chunk) => chunk.map(Some),
        None => Err(unsent(event, list)),
    }
}

#[cold]
fn unsent(event: &Event, list: &impl List) -> Error {
    let text = "the client closed its stream before it sent the arguments";
    Error::handler(format!("{}: {text} ({})", event.name, names(list)))
}

/// What the arguments of an event have claimed, and so what is left to end it with.
pub trait Stage {
    /// What ends the event.
    type End: End;

    /// Returns the parts that arguments take, and what ends the event.
    fn part(session: Session, context: Option<Caller>) -> (Parts, Self::End);
}

impl<V, I> Stage for Claims<V, I, Free> {
    type End = SessionSender;

    #[inline]
    fn part(session: Session, context: Option<Caller>) -> (Parts, SessionSender) {
        let (receiver, sender) = session.split();
        (Parts { context, receiver: Some(receiver), ..Parts::default() }, sender)
    }
}

impl<V, I> Stage for Claims<V, I, Taken> {
    type End = Caller;

    #[inline]
    fn part(session: Session, context: Option<Caller>) -> (Parts, Caller) {
        let caller = session.context().clone();
        (Parts { context, session: Some(session), ..Parts::default() }, caller)
    }
}

/// What ends an event after its handler.
pub trait End: Send {
    /// Returns once the client has left.
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Ends the event with what its handler has returned.
    fn end<A: Answer>(self, event: &'static Event, answer: A) -> impl Future<Output = Result<()>> + Send;
}

impl End for SessionSender {
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_closed(cx)
    }

    #[inline]
    async fn end<A: Answer>(self, event: &'static Event, answer: A) -> Result<()> {
        answer.send(event, self).await
    }
}

/// The handler had the sending half itself.
impl End for Caller {
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_closed(cx)
    }

    #[inline]
    async fn end<A: Answer>(self, _event: &'static Event, _answer: A) -> Result<()> {
        Ok(())
    }
}
