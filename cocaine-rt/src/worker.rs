//! Workers: processes that a node starts and sends events to (`worker.md`).

mod command_line;
mod context;
mod description;
pub mod event;
mod events;
mod halves;
mod node_connection;
mod payload_error;
mod session;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    env,
    ffi::OsString,
    fmt,
    future::Future,
    io::{self, Write as _},
    time::Duration,
};

use tokio::sync::{mpsc, watch};

pub use self::{
    command_line::AppToken,
    context::Context,
    events::{Events, ExecutionMode, Handler, HandlerRegistry},
    halves::{SessionReceiver, SessionSender},
    session::Session,
};
use self::{
    command_line::CommandLine,
    events::{Invocation, SpawnFn},
    node_connection::{NodeConnection, WorkerTimeouts},
};
#[cfg(feature = "tracing")]
use crate::logging::LoggingLayer;
use crate::{
    client::Client,
    protocol::{
        credit,
        error::{Error, Result},
        limits::Limits,
    },
};

/// A worker: a process that a node starts and sends events to.
///
/// Nothing is connected before [`Worker::serve`], so all handlers are registered when the first event arrives.
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
    command_line: CommandLine,
    token: Option<AppToken>,
    timeouts: WorkerTimeouts,
    limits: Limits,
    cloud: Client,
    registry: HandlerRegistry,
    terminated: watch::Sender<bool>,
    #[cfg(feature = "tracing")]
    logging: std::sync::OnceLock<LoggingLayer>,
}

/// How long the last events may take to get to `logging` when a worker ends. A node waits longer for its exit.
#[cfg(feature = "tracing")]
const LOGGING_TIMEOUT: Duration = Duration::from_millis(500);

impl Worker {
    /// The default of [`Worker::heartbeat_interval`].
    pub const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
    /// The default of [`Worker::heartbeat_timeout`].
    pub const DEFAULT_HEARTBEAT_TIMEOUT: Duration = Duration::from_mins(1);
    /// The default of [`Worker::shutdown_timeout`]. By default a node waits 10 s before it kills the worker.
    pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

    /// Creates a worker from the program's arguments and environment. An error lists the arguments that a node passes,
    /// because only nodes start workers.
    ///
    /// With the argument `--describe`, which needs no others, [`Worker::serve`] prints the schema of the events as JSON and
    /// returns, without a cloud. What a program does before that should not need the cloud, then, and should print nothing;
    /// [`Worker::is_describing`] tells.
    pub fn from_args() -> Result<Self> {
        let worker = Self::new(env::args_os().skip(1))?;
        Ok(Self { token: AppToken::from_env(|name| env::var(name).ok()), ..worker })
    }

    /// Creates a worker from these arguments: `--app`, `--endpoint`, `--uuid` and `--locator`, and the optional
    /// `--protocol`, which must be 1; or `--describe`. Others are ignored.
    pub fn new(args: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self> {
        let command_line = CommandLine::parse(args.into_iter().map(Into::into))?;
        let timeouts = WorkerTimeouts {
            heartbeat_interval: Self::DEFAULT_HEARTBEAT_INTERVAL,
            heartbeat_timeout: Self::DEFAULT_HEARTBEAT_TIMEOUT,
            shutdown: Self::DEFAULT_SHUTDOWN_TIMEOUT,
        };
        let cloud = Client::new(&command_line.locators)?;
        let (registry, limits) = (HandlerRegistry::default(), Limits::default());
        Ok(Self {
            command_line,
            token: None,
            timeouts,
            limits,
            cloud,
            registry,
            terminated: watch::Sender::new(false),
            #[cfg(feature = "tracing")]
            logging: std::sync::OnceLock::new(),
        })
    }

    /// Sets the time between two heartbeats. The node kills a worker from which it receives none for its profile's
    /// `heartbeat-timeout`, 30 s by default.
    #[must_use]
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.timeouts.heartbeat_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets how long the node may fail to answer heartbeats before [`Worker::serve`] fails.
    #[must_use]
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.heartbeat_timeout = timeout;
        self
    }

    /// Sets how long handlers may continue once the node has terminated the worker. It should be less than the profile's
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

    /// Lets the handler of this event take the body of an HTTP request in pieces: the first chunk is the request with the
    /// beginning of its body, and the chunks after it are the rest. Otherwise a handler that reads chunks gets the whole
    /// request as one.
    ///
    /// Those of a tower service and of a listener for HTTP do so anyway.
    #[must_use]
    pub fn stream_body(mut self, event: &str) -> Self {
        self.registry.stream_body(event);
        self
    }

    /// Sets a fallback that handles HTTP requests, and takes their bodies in pieces.
    #[cfg(feature = "http")]
    pub(crate) fn set_http_fallback(&mut self, handler: impl Handler) {
        self.registry.set_fallback(handler);
        self.registry.set_http_fallback();
    }

    /// Adds the handler of an event that is an HTTP request, and takes its body in pieces.
    #[cfg(feature = "http")]
    pub(crate) fn add_http_handler(&mut self, event: &str, mode: ExecutionMode, handler: impl Handler) {
        self.registry.add(event, mode, handler);
        self.registry.stream_body(event);
        self.registry.describe_as_http(event);
    }

    /// Sets the handler of an event on a borrowed worker.
    pub(crate) fn add_handler(&mut self, event: &str, handler: impl Handler) {
        self.registry.add(event, ExecutionMode::Spawned, handler);
    }

    /// Returns the name of the app.
    pub fn app(&self) -> &str {
        &self.command_line.app
    }

    /// Returns the id of this worker, which the node has assigned.
    pub fn uuid(&self) -> &str {
        &self.command_line.uuid
    }

    /// Returns whether the program was started with `--describe`, so that [`Worker::serve`] only prints the schema of the
    /// events. There is no cloud then, and no node.
    pub fn is_describing(&self) -> bool {
        self.command_line.describe
    }

    /// Returns the token that proves to services which app is calling, if the node has passed one.
    pub fn token(&self) -> Option<&AppToken> {
        self.token.as_ref()
    }

    /// Returns a client of the cloud that the worker runs in. Its locators are those that the node has passed.
    pub fn cloud(&self) -> &Client {
        &self.cloud
    }

    /// Returns a `tracing` layer that sends events to the `logging` of the cloud, with the source `app/` and the app's name. All
    /// that are returned share a queue. [`Worker::serve`] sends what is left before it returns.
    ///
    /// # Errors
    ///
    /// The thread that sends the events cannot be started.
    #[cfg(feature = "tracing")]
    pub fn logging_layer(&self) -> Result<LoggingLayer> {
        if let Some(layer) = self.logging.get() {
            return Ok(layer.clone());
        }
        let layer = LoggingLayer::start(&self.cloud, format!("app/{}", self.app()))?;
        Ok(self.logging.get_or_init(|| layer).clone())
    }

    /// Returns a future that completes once the node terminates the worker: no more events arrive, and running handlers
    /// have [`Worker::shutdown_timeout`] to finish.
    pub fn terminated(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut terminated = self.terminated.subscribe();
        async move {
            // Fails if the worker was dropped, which terminates it as well.
            let _ = terminated.wait_for(|terminated| *terminated).await;
        }
    }

    /// Connects to the node and handles events until the node terminates the worker. Running handlers then finish, and
    /// the program should exit. Each handler runs in a task of its own on the current runtime.
    ///
    /// With `--describe` it prints the schema of the events instead ([`Worker::from_args`]).
    ///
    /// # Errors
    ///
    /// Fails if an event has two handlers or there are no handlers, if the node cannot be reached, if the connection is
    /// lost, or if the node answers no heartbeat. The program should exit then; the node starts another worker. With
    /// `--describe` it fails if the schema is nested too deeply ([`AppSchema::to_json`](crate::schema::AppSchema::to_json)), or
    /// cannot be printed.
    pub async fn serve(mut self, events: impl Events) -> Result<()> {
        if self.is_describing() {
            events.register(&mut self.registry);
            self.registry.check()?;
            return self.print_schema();
        }
        #[cfg(feature = "tracing")]
        let logging = self.logging.get().cloned();
        let (connection, invocations) = self.into_connection(events)?;
        let served = connection.start()?;
        let runner = tokio::spawn(spawn_handlers(invocations));
        let result = served.await;
        runner.abort();
        #[cfg(feature = "tracing")]
        if let Some(layer) = logging {
            // What has not arrived by then is lost with the process.
            let _ = layer.flush(LOGGING_TIMEOUT).await;
        }
        result.unwrap_or_else(|_| Err(Error::disconnected("the thread of the connection has panicked")))
    }

    /// Does what [`Worker::serve`] does with the events that `open` returns, which gets a client of the cloud. With `--describe` the
    /// schema of their type is printed, and `open` is not called: a worker whose state comes from the cloud describes itself
    /// without one.
    ///
    /// ```
    /// # use cocaine::{Client, Result, Service, Worker};
    /// struct Guestbook(Service);
    ///
    /// #[cocaine::worker]
    /// impl Guestbook {
    ///     async fn guests(&self) -> Result<Vec<String>> {
    ///         self.0.call("find", ("guestbook", ["guest"])).await
    ///     }
    /// }
    ///
    /// async fn serve(worker: Worker) -> Result<()> {
    ///     worker.serve_with(async |cloud: &Client| cloud.dynamic("storage").await.map(Guestbook)).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Worker::serve`], and those of `open`.
    pub async fn serve_with<E: Events>(mut self, open: impl AsyncFnOnce(&Client) -> Result<E>) -> Result<()> {
        if self.is_describing() {
            E::describe(&mut self.registry);
            return self.print_schema();
        }
        let events = open(&self.cloud).await?;
        self.serve(events).await
    }

    /// Prints the schema of all events.
    fn print_schema(self) -> Result<()> {
        let json = self.registry.schema().to_json()?;
        let mut output = io::stdout().lock();
        let printed = output.write_all(json.as_bytes()).and_then(|()| output.flush());
        printed.map_err(|error| Error::config(format!("cannot print the schema: {error}")).with_source(error))
    }

    /// Returns the connection to the node, and the invocations whose handlers need tasks.
    fn into_connection(self, events: impl Events) -> Result<(NodeConnection, Invocations)> {
        let Self { command_line, timeouts, limits, cloud, mut registry, terminated, .. } = self;
        events.register(&mut registry);
        registry.check()?;
        let (spawned, invocations) = mpsc::unbounded_channel();
        let CommandLine { endpoint, uuid, credit: passed_credit, .. } = command_line;
        Ok((
            NodeConnection {
                endpoint,
                uuid,
                timeouts,
                limits,
                cloud,
                registry,
                offered_credit: passed_credit.or_else(credit::offered_by_node),
                terminated,
                spawned,
            },
            invocations,
        ))
    }
}

type Invocations = mpsc::UnboundedReceiver<(SpawnFn, Invocation)>;

/// Spawns a task for the handler of each invocation.
async fn spawn_handlers(mut invocations: Invocations) {
    let mut batch = Vec::new();
    while invocations.recv_many(&mut batch, BATCH).await > 0 {
        for (spawn, invocation) in batch.drain(..) {
            spawn(invocation);
        }
    }
}

/// The number of handlers that are spawned before the task yields.
const BATCH: usize = 64;

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("command_line", &self.command_line)
            .field("events", &self.registry)
            .finish_non_exhaustive()
    }
}
