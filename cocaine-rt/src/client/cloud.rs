//! Resolves names through the locators of a cloud (`protocol.md` 7).

use std::{
    future::{Future, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{net::lookup_host, time::timeout_at};

use crate::{
    client::{
        address::Address,
        attempts::SharedAttempts,
        clock,
        connector::Connector,
        drift::DriftLog,
        failures::Failures,
        methods::{Compatibility, MethodTable, Selector},
        race::{race, shared_delay},
        runtime_connections::RuntimeConnections,
        service_connection::{Options, Request, SendAttempt, ServiceConnection},
    },
    connection::{
        channel::{decode_service_error, with_deadline},
        handle::ConnectionHandle,
    },
    protocol::{
        endpoint::{Endpoint, ServiceInfo},
        error::{Error, ErrorKind, Result},
        graph::VALUE,
        limits::Limits,
        spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec},
        trace::Trace,
    },
    wire::{decode, encode, scratch::Scratch},
};

/// The only method of the locator that a client needs; its id is fixed (`protocol.md` 7).
static RESOLVE: ServiceSpec = ServiceSpec {
    name: "locator",
    version: 3,
    methods: &[MethodSpec {
        id: 0,
        name: "resolve",
        dispatch: TreeSpec::END,
        upstream: TreeSpec::PRIMITIVE,
        on_drop: OnDrop::Terminal,
    }],
};

/// The locators and the settings of one client.
#[derive(Debug)]
pub(crate) struct Cloud {
    locators: Vec<Locator>,
    compatibility: Compatibility,
    connector: Arc<Connector>,
    /// Time for a locator to connect and answer.
    locator_timeout: Duration,
    /// The index of the locator that has answered last: it is asked first.
    preferred: AtomicUsize,
    drift_log: DriftLog,
}

/// A locator, the connections to it, and the attempts to make one.
#[derive(Debug)]
struct Locator {
    address: Address,
    connections: RuntimeConnections,
    attempts: SharedAttempts<Result<Arc<ServiceConnection>>>,
}

/// The time limits of connecting and resolving.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloudTimeouts {
    /// Time for one address to accept a connection.
    pub(crate) connect: Duration,
    /// Time for a locator to connect and answer.
    pub(crate) locator: Duration,
    /// The silence after which a peer counts as gone.
    pub(crate) keep_alive: Duration,
}

impl Default for CloudTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            locator: Duration::from_secs(5),
            keep_alive: Duration::from_secs(30),
        }
    }
}

/// What a locator is asked.
struct Query {
    name: Arc<str>,
    seed: Option<String>,
    deadline: Duration,
}

impl Locator {
    /// Returns the open connection unless it is the stale one.
    fn fresh_connection(&self, stale: Option<&Arc<ServiceConnection>>) -> Option<Arc<ServiceConnection>> {
        let is_fresh = |open: &Arc<_>| stale.is_none_or(|stale| !Arc::ptr_eq(stale, open));
        self.connections.usable().filter(is_fresh)
    }
}

impl Cloud {
    pub(crate) fn new(
        locators: Vec<Address>,
        compatibility: Compatibility,
        limits: Limits,
        timeouts: CloudTimeouts,
    ) -> Self {
        let locators = locators.into_iter().map(|address| Locator {
            address,
            connections: RuntimeConnections::default(),
            attempts: SharedAttempts::default(),
        });
        Self {
            locators: locators.collect(),
            compatibility,
            connector: Arc::new(Connector::new(limits, timeouts.connect, timeouts.keep_alive)),
            locator_timeout: timeouts.locator,
            preferred: AtomicUsize::new(0),
            drift_log: DriftLog::default(),
        }
    }

    pub(crate) fn max_decoded_bytes(&self) -> usize {
        self.connector.max_decoded_bytes()
    }

    pub(crate) fn compatibility(&self) -> Compatibility {
        self.compatibility
    }

    /// Returns the silence after which a peer counts as gone.
    pub(crate) fn keep_alive(&self) -> Duration {
        self.connector.keep_alive()
    }

    /// Logs how a connected service differs from its bindings, unless nothing is compared.
    pub(crate) fn log_differences(
        &self,
        spec: Option<&'static ServiceSpec>,
        version: u64,
        connection: &ServiceConnection,
    ) {
        if let Some(spec) = spec.filter(|_| self.compatibility != Compatibility::Unchecked) {
            self.drift_log.log_service(spec, version, connection);
        }
    }

    /// Connects to an endpoint of a service.
    pub(crate) async fn connect(
        &self,
        endpoints: &[Endpoint],
        deadline: Duration,
    ) -> Result<ConnectionHandle> {
        if endpoints.is_empty() {
            return Err(Error::new(ErrorKind::Connect("the locator names no endpoint".into())));
        }
        let addresses = endpoints.iter().map(|endpoint| endpoint.0).collect();
        let connected = self.connector.connect(addresses, deadline).await;
        connected.map_err(|failures| Error::new(ErrorKind::Connect(failures.to_string())))
    }

    /// Resolves a service with the first locator that answers. An error that a locator answers with, such as 'not found',
    /// is final.
    ///
    /// Within `deadline` each locator is asked: first the one that has answered last, over the connection that is open,
    /// and at the end over a new one too, since the open one may lead nowhere. Resolving twice is harmless.
    pub(crate) async fn resolve(
        self: &Arc<Self>,
        name: &str,
        seed: Option<&str>,
        deadline: Duration,
    ) -> Result<ServiceInfo> {
        let query = Arc::new(Query { name: name.into(), seed: seed.map(str::to_owned), deadline });
        let (first, count) = (self.preferred.load(Ordering::Relaxed), self.locators.len());
        let indexes = || (first..first + count).map(|index| index % count);
        let again =
            indexes().filter_map(|index| Some((index, Some(self.locators[index].connections.usable()?))));
        let routes: Vec<_> = indexes().map(|index| (index, None)).chain(again).collect();
        let delay = shared_delay(deadline, routes.len());
        let attempts = routes.into_iter().map(|(index, stale)| {
            let (cloud, query) = (self.clone(), query.clone());
            in_scope(Trace::current(), async move { cloud.ask(index, stale, &query).await })
        });
        let mut errors = Vec::new();
        let answer = race(attempts, delay, |error: Error| errors.push(error)).await;
        answer.unwrap_or_else(|| Err(no_answer(errors)))
    }

    /// Asks one locator, over another connection than the stale one. The outer error says that the next one is to be
    /// asked.
    async fn ask(
        self: Arc<Self>,
        index: usize,
        stale: Option<Arc<ServiceConnection>>,
        query: &Query,
    ) -> Result<Result<ServiceInfo>> {
        let (limit, address) = (self.locator_timeout, &self.locators[index].address);
        let late = |_| {
            Error::new(ErrorKind::Deadline(limit)).with_context(None, None, Some(&address.to_string().into()))
        };
        let ends = clock::after(limit);
        let connecting = self.locator_connection(index, stale, query.deadline);
        let connection = timeout_at(ends, connecting).await.map_err(late)??;
        let receptions = connection.handle.receptions();
        let answer = timeout_at(ends, self.request_resolve(&connection, query)).await;
        let answer = answer.map_err(late).flatten();
        match answer {
            Err(error) if error.is_disconnected() => Err(error),
            Err(error) if error.is_timeout() => {
                tracing::warn!(locator = %address, %error, "the locator does not answer");
                connection.handle.check_silence(receptions);
                Err(error)
            }
            answer => {
                self.prefer(index);
                Ok(answer)
            }
        }
    }

    /// Asks this locator first from now on, and closes the connections to the others.
    fn prefer(&self, preferred: usize) {
        if self.preferred.swap(preferred, Ordering::Relaxed) != preferred {
            for (index, locator) in self.locators.iter().enumerate() {
                if index != preferred {
                    locator.connections.remove();
                }
            }
        }
    }

    async fn request_resolve(&self, connection: &ServiceConnection, query: &Query) -> Result<ServiceInfo> {
        let add_context =
            |error: Error| error.with_context(Some(&query.name), None, Some(connection.handle.peer()));
        let mut args = Scratch::take();
        encode::args(&(&*query.name, query.seed.as_deref()), &mut args).map_err(Error::from_encode)?;
        let options = Options { deadline: self.locator_timeout, ..Options::default() };
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let bound = connection.table.select(Selector::Index(0))?;
        let request = Request { args: &args, options: &options, waker: &waker };
        let SendAttempt::Sent(pending) = connection.call(&bound, request)? else {
            return Err(add_context(Error::disconnected("the locator's connection has ended")));
        };
        let message = pending.await.map_err(|error| add_context(with_deadline(error, options.deadline)))?;
        if message.kind != VALUE {
            return Err(add_context(decode_service_error(&message)));
        }
        decode::args(&message.args)
            .map_err(|malformed| add_context(Error::decode(format!("the locator's answer: {malformed}"))))
    }

    /// Returns a connection to a locator other than the stale one. Callers share the attempt to make it.
    async fn locator_connection(
        self: &Arc<Self>,
        index: usize,
        stale: Option<Arc<ServiceConnection>>,
        deadline: Duration,
    ) -> Result<Arc<ServiceConnection>> {
        let locator = &self.locators[index];
        if let Some(connection) = locator.fresh_connection(stale.as_ref()) {
            return Ok(connection);
        }
        let cloud = self.clone();
        let connected = locator.attempts.join(|| async move {
            let locator = &cloud.locators[index];
            if let Some(connection) = locator.fresh_connection(stale.as_ref()) {
                return Ok(connection);
            }
            let handle = cloud.connect_to_host(&locator.address, deadline).await?;
            let table = MethodTable::new(Some(&RESOLVE), &ServiceInfo::default(), Compatibility::Unchecked)?;
            let connection = Arc::new(ServiceConnection { handle, table, service: RESOLVE.name.into() });
            locator.connections.insert(&connection);
            Ok(connection)
        });
        connected.await.unwrap_or_else(|| Err(Error::disconnected("the runtime shuts down")))
    }

    /// Connects to the first address of a host that accepts.
    async fn connect_to_host(&self, address: &Address, deadline: Duration) -> Result<ConnectionHandle> {
        let failed = |text: String| Error::new(ErrorKind::Connect(text));
        let found = lookup_host((address.host.as_str(), address.port)).await;
        let addresses: Vec<_> = found.map_err(|error| failed(format!("{address}: {error}")))?.collect();
        if addresses.is_empty() {
            return Err(failed(format!("{address}: the name has no address")));
        }
        let connected = self.connector.connect(addresses, deadline).await;
        connected.map_err(|failures| failed(failures.to_string()))
    }
}

/// Runs a future in the scope of a trace, if there is one.
async fn in_scope<F: Future>(trace: Option<Trace>, future: F) -> F::Output {
    match trace {
        Some(trace) => trace.scope(future).await,
        None => future.await,
    }
}

/// Returns the error of a name for which no locator has an answer.
fn no_answer(mut errors: Vec<Error>) -> Error {
    if errors.len() == 1 && !errors[0].is_connect() {
        return errors.swap_remove(0);
    }
    if errors.iter().all(Error::is_timeout)
        && let Some(last) = errors.pop()
    {
        return last;
    }
    let mut failures = Failures::default();
    for error in &errors {
        match error.kind() {
            ErrorKind::Connect(text) => failures.add(text),
            _ => failures.add(error),
        }
    }
    Error::new(ErrorKind::Connect(format!("no locator answers: {failures}")))
}
