//! The worker side: a process that a node starts, and to which it hands events (`worker.md`).

mod chunk;
mod command_line;
pub mod event;
mod events;
mod halves;
mod session;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

use std::{env, ffi::OsString, fmt, future::Future, time::Duration};

use tokio::sync::{mpsc, watch};

pub use self::{
    command_line::AppToken,
    events::{Events, ExecutionMode, Handler, HandlerRegistry},
    halves::{SessionReceiver, SessionSender},
    session::{Context, Session},
};
use self::{
    command_line::CommandLine,
    events::{Begun, Spawn},
    wire::{Timeouts, Wire},
};
use crate::{
    client::Client,
    protocol::{
        error::{Error, Result},
        limits::Limits,
    },
};

/// A worker: a process that a node has started and hands events to.
///
/// Nothing is connected before [`Worker::serve`], so that all handlers are in place when the first event comes.
///
/// ```no_run
/// use cocaine::{Result, Session, Worker, events};
///
/// /// The event `ping`: its first chunk is a text, and so is the answer.
/// #[cocaine::worker]
/// async fn ping(message: String) -> Result<String> {
///     Ok(format!("pong {message}"))
/// }
///
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     Worker::from_args()?
///         // A handler that reads and writes chunk by chunk.
///         .on("echo", |mut session: Session| async move {
///             while let Some(chunk) = session.recv().await.transpose()? {
///                 session.send(chunk).await?;
///             }
///             session.finish()
///         })
///         .serve(events![ping])
///         .await
/// }
/// ```
pub struct Worker {
    line: CommandLine,
    token: Option<AppToken>,
    timeouts: Timeouts,
    limits: Limits,
    cloud: Client,
    registry: HandlerRegistry,
    terminated: watch::Sender<bool>,
}

impl Worker {
    /// The default of [`Worker::heartbeat_interval`].
    pub const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
    /// The default of [`Worker::heartbeat_timeout`].
    pub const DEFAULT_HEARTBEAT_TIMEOUT: Duration = Duration::from_mins(1);
    /// The default of [`Worker::shutdown_timeout`]. By default a node waits 10 s before it kills the worker.
    pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

    /// Returns the worker that the program's arguments and environment describe. An error says what a node passes, for
    /// that is who starts workers.
    pub fn from_args() -> Result<Self> {
        let worker = Self::new(env::args_os().skip(1))?;
        Ok(Self { token: AppToken::from_env(|name| env::var(name).ok()), ..worker })
    }

    /// Returns the worker that these arguments describe: `--app`, `--endpoint`, `--uuid` and `--locator`, and
    /// `--protocol`, which must be 1 if it is there. Others are passed over.
    pub fn new(args: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self> {
        let line = CommandLine::parse(args.into_iter().map(Into::into))?;
        let timeouts = Timeouts {
            heartbeat_interval: Self::DEFAULT_HEARTBEAT_INTERVAL,
            heartbeat_timeout: Self::DEFAULT_HEARTBEAT_TIMEOUT,
            shutdown: Self::DEFAULT_SHUTDOWN_TIMEOUT,
        };
        let cloud = Client::new(&line.locators)?;
        let (registry, limits) = (HandlerRegistry::default(), Limits::default());
        Ok(Self {
            line,
            token: None,
            timeouts,
            limits,
            cloud,
            registry,
            terminated: watch::Sender::new(false),
        })
    }

    /// Sets the time between two heartbeats. The node kills a worker from which it receives none for its profile's
    /// `heartbeat-timeout`, 30 s by default.
    #[must_use]
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.timeouts.heartbeat_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets how long the node may leave heartbeats unanswered before [`Worker::serve`] fails.
    #[must_use]
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.heartbeat_timeout = timeout;
        self
    }

    /// Sets how long handlers may run on once the node has terminated the worker. It should be less than the profile's
    /// `terminate-timeout`, after which the node kills the worker.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.shutdown = timeout;
        self
    }

    /// Sets the limits of the connection to the node.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the handler of an event.
    #[must_use]
    pub fn on(mut self, event: &str, handler: impl Handler) -> Self {
        self.add_handler(event, handler);
        self
    }

    /// Sets the handler of every event that has none of its own; [`Session::event`] is the event's name. Without it, such
    /// an event is answered with category 42, code 200.
    #[must_use]
    pub fn fallback(mut self, handler: impl Handler) -> Self {
        self.registry.set_fallback(handler);
        self
    }

    /// Sets the handler of an event on a borrowed worker.
    pub(crate) fn add_handler(&mut self, event: &str, handler: impl Handler) {
        self.registry.add(event, ExecutionMode::Spawned, handler);
    }

    /// Returns the name of the app.
    pub fn app(&self) -> &str {
        &self.line.app
    }

    /// Returns the name by which the node knows this worker.
    pub fn uuid(&self) -> &str {
        &self.line.uuid
    }

    /// Returns what proves to services which app calls, if the node has passed it.
    pub fn token(&self) -> Option<&AppToken> {
        self.token.as_ref()
    }

    /// Returns the cloud that the worker runs in, by the locators that the node has passed.
    pub fn cloud(&self) -> &Client {
        &self.cloud
    }

    /// Returns a future that is ready once the node has said to terminate: nothing more comes, and what runs has the
    /// time of [`Worker::shutdown_timeout`].
    pub fn terminated(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut terminated = self.terminated.subscribe();
        async move {
            // A worker that is gone is terminated as well.
            let _ = terminated.wait_for(|terminated| *terminated).await;
        }
    }

    /// Connects to the node and handles events, until the node terminates the worker: then what runs is finished and
    /// answered, and the program is to end. Each event has a task of its own on the runtime that this is called on.
    ///
    /// # Errors
    ///
    /// If an event has two handlers or there is none at all; if the node cannot be reached; if the connection is lost or
    /// the node answers no heartbeat. There is no way back then: the program is to end, and the node starts another.
    pub async fn serve(self, events: impl Events) -> Result<()> {
        let (wire, events) = self.wire(events)?;
        let served = wire.start()?;
        let runner = tokio::spawn(run(events));
        let result = served.await;
        runner.abort();
        result.unwrap_or_else(|_| Err(Error::disconnected("the thread of the connection has panicked")))
    }

    /// Returns what serves the worker, and where its events come out.
    fn wire(self, events: impl Events) -> Result<(Wire, Arrivals)> {
        let Self { line, timeouts, limits, cloud, mut registry, terminated, .. } = self;
        events.register(&mut registry);
        registry.check()?;
        let (events, arrivals) = mpsc::unbounded_channel();
        let CommandLine { endpoint, uuid, .. } = line;
        Ok((Wire { endpoint, uuid, timeouts, limits, cloud, registry, terminated, events }, arrivals))
    }
}

type Arrivals = mpsc::UnboundedReceiver<(Spawn, Begun)>;

/// Gives each event a task.
async fn run(mut events: Arrivals) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, BATCH).await > 0 {
        for (spawn, begun) in batch.drain(..) {
            spawn(begun);
        }
    }
}

/// How many events are given tasks before others run.
const BATCH: usize = 64;

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("line", &self.line)
            .field("events", &self.registry)
            .finish_non_exhaustive()
    }
}
