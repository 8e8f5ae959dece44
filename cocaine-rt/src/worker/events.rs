//! The events of a worker, by name.

use std::{
    any::Any,
    collections::{HashMap, HashSet},
    fmt,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    context::WorkerShared,
    description::{DescribeFn, Description, Descriptions},
    session::Session,
};
use crate::{
    connection::mux::{InvocationCost, PendingInvocation},
    protocol::{
        body_streaming::StreamedEvents,
        code::Code,
        error::{Error, Result},
        graph::{CLOSE, ERROR},
        panic::panic_text,
    },
    schema::{AppSchema, EventKind},
    server::Traced,
    wire::{
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
        scratch::Scratch,
    },
};

/// Handles the invocations of an event.
///
/// Functions that take a [`Session`] are handlers. `#[cocaine::worker]` turns a function with other arguments into one.
pub trait Handler: Send + Sync + 'static {
    /// Handles one invocation. If the session is dropped unfinished, the result ends it: with a close, or with the error.
    fn handle(&self, session: Session) -> impl Future<Output = Result<()>> + Send + 'static;
}

impl<F, Fut> Handler for F
where
    F: Fn(Session) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    fn handle(&self, session: Session) -> impl Future<Output = Result<()>> + Send + 'static {
        self(session)
    }
}

/// A set of events: `events![]`, a value whose type has a `#[cocaine::worker]` impl block, or a tuple of these.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no events",
    label = "no events",
    note = "list functions with `events![]`, or put `#[cocaine::worker]` on an impl block of the type"
)]
pub trait Events {
    /// Adds the events to the registry of a worker.
    fn register(self, registry: &mut HandlerRegistry);

    /// Adds the descriptions of the events to the registry of a worker, for a worker that describes itself before it can make
    /// the value that handles them ([`Worker::serve_with`](crate::Worker::serve_with)).
    fn describe(registry: &mut HandlerRegistry);
}

macro_rules! impl_events_for_tuple {
    ($($set:ident)*) => {
        impl<$($set: Events),*> Events for ($($set,)*) {
            #[allow(non_snake_case, unused_variables)]
            fn register(self, registry: &mut HandlerRegistry) {
                let ($($set,)*) = self;
                $($set.register(registry);)*
            }

            #[allow(unused_variables)]
            fn describe(registry: &mut HandlerRegistry) {
                $($set::describe(registry);)*
            }
        }
    };
}

impl_events_for_tuple!();
impl_events_for_tuple!(A);
impl_events_for_tuple!(A B);
impl_events_for_tuple!(A B C);
impl_events_for_tuple!(A B C D);
impl_events_for_tuple!(A B C D E);
impl_events_for_tuple!(A B C D E F);
impl_events_for_tuple!(A B C D E F G);
impl_events_for_tuple!(A B C D E F G H);

/// Where a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionMode {
    /// In a task of its own, on the runtime that serves the worker.
    Spawned,
    /// On the thread that owns the socket, where the event arrives: for handlers that never block.
    Inline,
}

impl AppSchema {
    /// Returns the schema of `events`, as a worker publishes it that serves them.
    ///
    /// # Errors
    ///
    /// Fails if an event has two handlers, or if there are no events.
    pub fn of(events: impl Events) -> Result<Self> {
        let mut registry = HandlerRegistry::default();
        events.register(&mut registry);
        registry.check()?;
        Ok(registry.schema().clone())
    }
}

/// The handlers of a worker, by the names of their events.
#[derive(Default)]
pub struct HandlerRegistry {
    entries: HashMap<Arc<str>, Entry>,
    fallback: Option<Entry>,
    duplicates: Vec<Arc<str>>,
    /// The events whose handlers take the body of a request in pieces.
    streamed: HashSet<Arc<str>>,
    /// Whether the fallback takes the body of a request in pieces.
    is_fallback_streamed: bool,
    descriptions: Descriptions,
}

impl HandlerRegistry {
    /// Adds a handler.
    pub fn add<H: Handler>(&mut self, event: &str, mode: ExecutionMode, handler: H) {
        self.descriptions.insert(event, Description::Session);
        let event: Arc<str> = event.into();
        if self.entries.insert(event.clone(), Entry::new(mode, handler)).is_some() {
            self.duplicates.push(event);
        }
    }

    /// Sets how an event is described. One that has a handler and no description takes and sends chunks of unknown types.
    #[doc(hidden)]
    pub fn describe(&mut self, event: &str, describe: DescribeFn) {
        self.descriptions.insert(event, Description::Typed(describe));
    }

    /// Notes that an event whose handler has been added is an HTTP request.
    #[cfg(feature = "http")]
    pub(super) fn describe_as_http(&mut self, event: &str) {
        self.descriptions.insert(event, Description::Http);
    }

    /// Returns the schema of all events.
    pub(super) fn schema(&self) -> &AppSchema {
        self.descriptions.schema()
    }

    /// Removes what is known of the events, and returns it.
    pub(super) fn take_descriptions(&mut self) -> Descriptions {
        mem::take(&mut self.descriptions)
    }

    pub(super) fn set_fallback<H: Handler>(&mut self, handler: H) {
        self.fallback = Some(Entry::new(ExecutionMode::Spawned, handler));
        self.is_fallback_streamed = false;
        self.descriptions.set_fallback(EventKind::Call);
    }

    /// Notes that the handler of an event takes the body of a request in pieces.
    pub(super) fn stream_body(&mut self, event: &str) {
        self.streamed.insert(event.into());
    }

    /// Notes that the fallback handles HTTP requests, and takes their bodies in pieces.
    #[cfg(feature = "http")]
    pub(super) fn set_http_fallback(&mut self) {
        self.is_fallback_streamed = true;
        self.descriptions.set_fallback(EventKind::Http);
    }

    /// Returns the events whose handlers take the body of a request in pieces.
    pub(super) fn streamed_events(&self) -> StreamedEvents {
        let others = self.is_fallback_streamed;
        let events = self.entries.keys().map(|event| (event.to_string(), self.streamed.contains(event)));
        StreamedEvents {
            exceptions: events.filter(|(_, is_streamed)| *is_streamed != others).collect(),
            others,
        }
    }

    /// Returns the sorted names of the events, and where their handlers run.
    #[cfg(test)]
    pub(super) fn listed(&self) -> Vec<(String, ExecutionMode)> {
        let entries = self.entries.iter().map(|(event, entry)| {
            let mode = if matches!(entry, Entry::Inline(_)) {
                ExecutionMode::Inline
            } else {
                ExecutionMode::Spawned
            };
            (event.to_string(), mode)
        });
        let mut listed: Vec<_> = entries.collect();
        listed.sort_by(|(event, _), (other, _)| event.cmp(other));
        listed
    }

    /// Returns an error if an event has two handlers, or if there are no handlers.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(event) = self.duplicates.first() {
            return Err(Error::config(format!("the event `{event}` has two handlers: rename one of them")));
        }
        if self.entries.is_empty() && self.fallback.is_none() {
            return Err(Error::config(
                "the worker has no events: pass some to `serve`, as in `events![ping]`",
            ));
        }
        Ok(())
    }

    /// Returns the handler of an event, or the error to reply with.
    pub(super) fn find(&self, event: &[u8]) -> Result<(Arc<str>, Entry)> {
        let known = std::str::from_utf8(event).ok().and_then(|event| self.entries.get_key_value(event));
        if let Some((event, entry)) = known {
            return Ok((event.clone(), entry.clone()));
        }
        let event = String::from_utf8_lossy(event);
        match &self.fallback {
            Some(entry) => Ok((event.into(), entry.clone())),
            None => {
                Err(Error::service(Code::UNKNOWN_EVENT, format!("there is no handler for event {event}")))
            }
        }
    }
}

impl fmt::Debug for HandlerRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

/// A running handler.
pub(super) type HandlerFuture = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Spawns a handler in a task of its own.
pub(super) type SpawnFn = Arc<dyn Fn(Invocation) + Send + Sync>;

/// A type-erased handler, by where it runs.
#[derive(Clone)]
pub(super) enum Entry {
    Spawned(SpawnFn),
    /// Returns the running handler, or `None` if it panicked before its first poll.
    Inline(Arc<dyn Fn(Invocation) -> Option<HandlerFuture> + Send + Sync>),
}

impl Entry {
    fn new(mode: ExecutionMode, handler: impl Handler) -> Self {
        match mode {
            ExecutionMode::Spawned => Self::Spawned(Arc::new(move |invocation| {
                if let Some(future) = start_invocation(&handler, invocation) {
                    tokio::spawn(future);
                }
            })),
            ExecutionMode::Inline => Self::Inline(Arc::new(move |invocation| {
                let future = start_invocation(&handler, invocation)?;
                Some(Box::pin(future))
            })),
        }
    }
}

/// Starts a handler; `None` if it panics before it returns its future.
fn start_invocation<H: Handler>(
    handler: &H,
    invocation: Invocation,
) -> Option<impl Future<Output = ()> + Send + 'static> {
    let Invocation { shared, event, pending } = invocation;
    let mut guard = InvocationGuard {
        id: pending.id,
        cost: pending.cost,
        event: event.clone(),
        shared: shared.clone(),
        ended: false,
    };
    let trace = pending.trace;
    let session = Session::new(&shared, event, pending);
    let started = catch_unwind(AssertUnwindSafe(|| handler.handle(session)));
    let future = started.map_err(|panic| guard.panicked(&*panic)).ok()?;
    Some(InvocationFuture { future: Traced::new(trace, future), guard })
}

/// A received event, with the state that its session needs.
pub(super) struct Invocation {
    pub(super) shared: Arc<WorkerShared>,
    pub(super) event: Arc<str>,
    pub(super) pending: PendingInvocation,
}

/// Ends an event exactly once, when its handler returns, panics or is dropped.
struct InvocationGuard {
    shared: Arc<WorkerShared>,
    event: Arc<str>,
    id: u64,
    cost: InvocationCost,
    ended: bool,
}

impl InvocationGuard {
    fn end(&mut self, result: &Result<()>) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        if let Err(error) = result {
            tracing::debug!(event = &*self.event, %error, "a handler failed");
        }
        let (mut frame, mut args) = (Scratch::take(), Encoded::default());
        let kind = match result {
            Ok(()) => encode::args(&(), &mut args).map(|()| CLOSE),
            Err(error) => encode::args(&error.worker_error_args(), &mut args).map(|()| ERROR),
        };
        self.shared.handle.with(|mux| {
            let last = kind.ok().map(|kind| {
                frame::write(&mut frame, self.id, kind, &args, FrameHeaders::None);
                &*frame
            });
            mux.finish_invocation(self.id, self.cost, last);
        });
    }

    fn panicked(&mut self, panic: &(dyn Any + Send)) {
        let text = format!("the handler of `{}` panicked: {}", self.event, panic_text(panic));
        tracing::error!("{text}");
        self.end(&Err(Error::handler(text)));
    }
}

impl Drop for InvocationGuard {
    fn drop(&mut self) {
        let text = "the worker ended before the handler did";
        self.end(&Err(Error::handler(text)));
    }
}

pin_project_lite::pin_project! {
    /// A running handler, and the guard that ends its event.
    struct InvocationFuture<F> {
        #[pin]
        future: F,
        guard: InvocationGuard,
    }
}

impl<F: Future<Output = Result<()>>> Future for InvocationFuture<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        match catch_unwind(AssertUnwindSafe(|| this.future.poll(cx))) {
            Ok(poll) => this.guard.end(&ready!(poll)),
            Err(panic) => this.guard.panicked(&*panic),
        }
        Poll::Ready(())
    }
}
