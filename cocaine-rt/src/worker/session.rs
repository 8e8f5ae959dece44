//! A stand-in for the worker's session: what [`super::event`] is written against, kept in memory. It speaks to nobody.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use crate::{
    bytes::Bytes,
    codes::Category,
    error::{Error, Result},
};

/// Who calls.
#[derive(Clone, Debug, Default)]
pub struct Context;

#[derive(Debug, Default)]
struct Line {
    chunks: VecDeque<Result<Bytes>>,
    sent: Vec<Bytes>,
    end: Option<Result<()>>,
    settled_elsewhere: bool,
    gone: bool,
    waker: Option<Waker>,
}

type Shared = Arc<Mutex<Line>>;

fn lock(line: &Shared) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(line: &Shared, last: Option<Bytes>, end: Result<()>) -> Result<()> {
    let mut line = lock(line);
    if line.end.is_some() {
        return Err(Error::disconnected("ended"));
    }
    line.sent.extend(last);
    line.end = Some(end);
    Ok(())
}

/// One event in hand.
#[derive(Debug)]
pub struct Session {
    context: Context,
    incoming: Incoming,
    outgoing: Outgoing,
}

/// What comes.
#[derive(Debug)]
pub struct Incoming(Shared);

/// What answers.
#[derive(Debug)]
pub struct Outgoing(Shared);

/// What ends an event whose session was handed over.
#[derive(Debug)]
pub struct Settlement(Shared);

impl Session {
    /// Returns who calls.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the next chunk.
    pub async fn recv(&mut self) -> Option<Result<Bytes>> {
        self.incoming.recv().await
    }

    /// Sends a chunk.
    pub async fn send(&mut self, chunk: impl Into<Bytes>) -> Result<()> {
        self.outgoing.send(chunk.into()).await
    }

    /// Ends the event.
    pub fn finish(self, last: Option<Bytes>) -> Result<()> {
        self.outgoing.finish(last)
    }

    /// Ends the event with an error.
    pub fn fail(self, error: &Error) -> Result<()> {
        self.outgoing.fail(error)
    }

    /// Returns the halves.
    pub fn split(self) -> (Incoming, Outgoing) {
        (self.incoming, self.outgoing)
    }

    /// Returns what ends the event after the session.
    pub fn settlement(&self) -> Settlement {
        lock(&self.outgoing.0).settled_elsewhere = true;
        Settlement(self.outgoing.0.clone())
    }
}

impl Incoming {
    /// Returns the next chunk.
    pub fn poll_chunk(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let mut line = lock(&self.0);
        if line.gone || !line.chunks.is_empty() {
            return Poll::Ready(line.chunks.pop_front());
        }
        line.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Returns the next chunk.
    pub async fn recv(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }
}

impl Outgoing {
    /// Sends a chunk.
    #[expect(clippy::unused_async, reason = "the session's own waits for room")]
    pub async fn send(&mut self, chunk: Bytes) -> Result<()> {
        lock(&self.0).sent.push(chunk);
        Ok(())
    }

    /// Ends the event.
    pub fn finish(self, last: Option<Bytes>) -> Result<()> {
        end(&self.0, last, Ok(()))
    }

    /// Ends the event with an error.
    pub fn fail(self, error: &Error) -> Result<()> {
        end(&self.0, None, Err(error.clone()))
    }

    /// Returns once the client has left.
    pub fn poll_gone(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        poll_gone(&self.0, cx)
    }
}

fn poll_gone(line: &Shared, cx: &mut std::task::Context<'_>) -> Poll<()> {
    let mut line = lock(line);
    line.waker = Some(cx.waker().clone());
    if line.gone { Poll::Ready(()) } else { Poll::Pending }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !lock(&self.0).settled_elsewhere {
            let _ = end(&self.0, None, Err(Error::service(Category::WORKER, 100, "dropped")));
        }
    }
}

impl Settlement {
    /// Ends the event, unless it has ended.
    pub fn settle(self, outcome: &Result<()>) {
        let _ = end(&self.0, None, outcome.clone());
    }

    /// Returns once the client has left.
    pub fn poll_gone(&mut self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        poll_gone(&self.0, cx)
    }
}

/// Handlers that can be registered.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no events",
    label = "no events",
    note = "put `#[cocaine::worker]` on an `impl` block with its events"
)]
pub trait Events {
    /// Registers them.
    fn register(self, table: &mut Table);
}

/// Where a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In a task of its own.
    Spawned,
    /// On the wire's thread.
    Inline,
}

/// What handles an event.
pub trait Handler: Send + Sync + 'static {
    /// Handles it.
    fn handle(&self, session: Session) -> impl Future<Output = ()> + Send + 'static;
}

impl<F, R> Handler for F
where
    F: Fn(Session) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    fn handle(&self, session: Session) -> impl Future<Output = ()> + Send + 'static {
        self(session)
    }
}

type Erased = Box<dyn Fn(Session) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>>;

/// The events of a worker.
#[derive(Default)]
pub struct Table(Vec<(&'static str, Mode, Erased)>);

impl Table {
    /// Adds an event.
    pub fn add<H: Handler>(&mut self, name: &'static str, mode: Mode, handler: H) {
        self.0.push((name, mode, Box::new(move |session| Box::pin(handler.handle(session)))));
    }
}

#[cfg(test)]
pub(crate) mod script;
