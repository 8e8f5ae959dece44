//! One event, from its first chunk to its end.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
};

use super::{
    Event,
    arguments::{Arguments, List, names},
    claims::{Claims, Free, Taken},
    failure::{as_answer, failed},
    reply::{Answer, Turn},
    source::{self, Parts},
};
use crate::{
    bytes::Bytes,
    error::{Error, Result},
    worker::session::{Outgoing, Session, Settlement},
};

/// Runs `handler` with the arguments of `event`, and sends what it returns.
pub async fn run<L, C, F, R, A>(event: Event, mut session: Session, arguments: Arguments<L, C>, handler: F)
where
    L: List,
    C: Stage,
    F: FnOnce(Turn<C>, L::Values) -> R,
    R: Future<Output = Result<A>>,
    A: Answer,
{
    let list = arguments.list;
    let chunk = match first(event, &mut session, &list).await {
        Ok(chunk) => chunk,
        Err(error) => return drop(session.fail(&error)),
    };
    let context = L::CONTEXT.then(|| session.context().clone());
    let (parts, mut end) = C::part(session);
    let parts = Parts { context, ..parts };
    let outcome = {
        let mut running = pin!(async move {
            let values = source::take(event, &list, chunk, parts)?;
            handler(Turn::of(event), values).await
        });
        poll_fn(|cx| {
            if event.cancel && end.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(failed(format!("{}: the client has left", event.name))));
            }
            event.catch(|| running.as_mut().poll(cx)).unwrap_or_else(|panicked| Poll::Ready(Err(panicked)))
        })
        .await
    };
    end.end(event, outcome).await;
}

/// Returns the chunk that the values are in, if there are any.
async fn first<L: List>(event: Event, session: &mut Session, list: &L) -> Result<Option<Bytes>> {
    if L::VALUES == 0 {
        return Ok(None);
    }
    match session.recv().await {
        Some(chunk) => chunk.map(Some).map_err(as_answer),
        None => Err(unsent(event, list)),
    }
}

#[cold]
fn unsent(event: Event, list: &impl List) -> Error {
    let text = "the client closed its stream before it sent the arguments";
    failed(format!("{}: {text} ({})", event.name, names(list)))
}

/// What the arguments of an event have claimed, and so what is left to end it with.
pub trait Stage {
    /// What ends the event.
    type End: End;

    /// Returns the parts that arguments take, and what ends the event.
    fn part(session: Session) -> (Parts, Self::End);
}

impl<V, I> Stage for Claims<V, I, Free> {
    type End = Outgoing;

    #[inline]
    fn part(session: Session) -> (Parts, Outgoing) {
        let (incoming, outgoing) = session.split();
        (Parts { incoming: Some(incoming), ..Parts::default() }, outgoing)
    }
}

impl<V, I> Stage for Claims<V, I, Taken> {
    type End = Settlement;

    #[inline]
    fn part(session: Session) -> (Parts, Settlement) {
        let settlement = session.settlement();
        (Parts { session: Some(session), ..Parts::default() }, settlement)
    }
}

/// What ends an event after its handler.
pub trait End: Send {
    /// Returns once the client has left.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Ends the event.
    fn end<A: Answer>(self, event: Event, outcome: Result<A>) -> impl Future<Output = ()> + Send;
}

impl End for Outgoing {
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_gone(cx)
    }

    #[inline]
    async fn end<A: Answer>(self, event: Event, outcome: Result<A>) {
        match outcome {
            Ok(answer) => answer.send(event, self).await,
            Err(error) => drop(self.fail(&error)),
        }
    }
}

impl End for Settlement {
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_gone(cx)
    }

    #[inline]
    async fn end<A: Answer>(self, _event: Event, outcome: Result<A>) {
        self.settle(&outcome.map(drop));
    }
}
