//! One event, from its first chunk to its end.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
};

use super::{
    Event,
    arguments::{ArgumentList, EventArguments, extract, names},
    claims::{Available, Claimed, Claims},
    reply::{ReplyEncoder, SendReply},
    source::SessionParts,
};
use crate::{
    protocol::error::{Error, Result},
    wire::bytes::Bytes,
    worker::{
        context::Context as EventContext, halves::SessionSender, payload_error::arguments_error,
        session::Session,
    },
};

/// Runs `handler` with the arguments of `event`, and sends what it returns.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps room for its arguments twice")]
pub fn run<L, C, F, R, A>(
    event: &'static Event,
    mut session: Session,
    arguments: EventArguments<L, C>,
    handler: F,
) -> impl Future<Output = Result<()>>
where
    L: ArgumentList,
    C: SplitSession,
    F: FnOnce(ReplyEncoder<C>, L::Values) -> R,
    R: Future<Output = Result<A>>,
    A: SendReply,
{
    async move {
        let chunk = recv_first_chunk(event, &mut session, &arguments.list).await?;
        let (parts, finisher) = C::split(session);
        // While the handler is pending, this future holds the handler's future alone, not the arguments.
        let values = extract(event, &arguments.list, chunk, parts)?;
        let handler_future = handler(ReplyEncoder::new(event), values);
        let reply = {
            let mut handler_future = pin!(handler_future);
            poll_fn(|cx| poll_handler(event, handler_future.as_mut(), &finisher, cx)).await?
        };
        finisher.finish(event, reply).await
    }
}

/// Polls a handler, or returns an error if its client has disconnected and the event can be cancelled.
fn poll_handler<A>(
    event: &Event,
    handler_future: Pin<&mut impl Future<Output = Result<A>>>,
    finisher: &impl FinishReply,
    cx: &mut Context<'_>,
) -> Poll<Result<A>> {
    if event.cancel && finisher.poll_closed(cx).is_ready() {
        return Poll::Ready(Err(event.client_left()));
    }
    handler_future.poll(cx)
}

/// Receives the chunk with the values, if the handler has any.
async fn recv_first_chunk<L: ArgumentList>(
    event: &Event,
    session: &mut Session,
    list: &L,
) -> Result<Option<Bytes>> {
    if L::VALUES == 0 {
        return Ok(None);
    }
    match session.recv().await {
        Some(chunk) => chunk.map(Some),
        None => Err(missing_arguments(event, session.context(), list)),
    }
}

#[cold]
fn missing_arguments(event: &Event, context: &EventContext, list: &impl ArgumentList) -> Error {
    let text = "the client closed its stream before it sent the arguments";
    arguments_error(Some(context), format!("{}: {text} ({})", event.name, names(list)))
}

/// Splits a session into the parts that arguments have claimed and the rest, which ends the event.
pub trait SplitSession {
    /// Ends the event.
    type Finisher: FinishReply;

    /// Returns the parts for the arguments, and the finisher of the event.
    fn split(session: Session) -> (SessionParts, Self::Finisher);
}

impl<V, I> SplitSession for Claims<V, I, Available> {
    type Finisher = SessionSender;

    #[inline]
    fn split(session: Session) -> (SessionParts, SessionSender) {
        let (receiver, sender, context) = session.into_parts();
        let (context, receiver) = (Some(context), Some(receiver));
        (SessionParts { context, receiver, ..SessionParts::default() }, sender)
    }
}

impl<V, I> SplitSession for Claims<V, I, Claimed> {
    type Finisher = EventContext;

    #[inline]
    fn split(session: Session) -> (SessionParts, EventContext) {
        let caller = session.context().clone();
        let (context, session) = (Some(caller.clone()), Some(session));
        (SessionParts { context, session, ..SessionParts::default() }, caller)
    }
}

/// Ends an event after its handler.
pub trait FinishReply: Send {
    /// Polls for the client's departure.
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()>;

    /// Ends the event with its handler's reply.
    fn finish<A: SendReply>(self, event: &'static Event, reply: A)
    -> impl Future<Output = Result<()>> + Send;
}

impl FinishReply for SessionSender {
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_closed(cx)
    }

    #[inline]
    async fn finish<A: SendReply>(self, event: &'static Event, reply: A) -> Result<()> {
        reply.send(event, self).await
    }
}

/// The handler owned the sending half, so nothing remains to be sent.
impl FinishReply for EventContext {
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_closed(cx)
    }

    #[inline]
    async fn finish<A: SendReply>(self, _event: &'static Event, _reply: A) -> Result<()> {
        Ok(())
    }
}
