//! A cloud as a client sees it: resolves names through its locators, and connects to endpoints (`protocol.md` 7).

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    client::{
        address::Address,
        connector::{Connector, NewConnection},
        drift::DriftLog,
        failures::Failures,
        locator::{Locator, Query},
        methods::Compatibility,
        race::{race, shared_delay},
        service_connection::ServiceConnection,
    },
    protocol::{
        endpoint::{Endpoint, ServiceInfo},
        error::{Error, ErrorKind, Result},
        limits::Limits,
        memory::MemoryBudget,
        spec::ServiceSpec,
        trace::Trace,
    },
};

/// The locators and the settings of one client.
#[derive(Debug)]
pub(crate) struct Cloud {
    locators: Vec<Arc<Locator>>,
    compatibility: Compatibility,
    connector: Arc<Connector>,
    /// The index of the locator that has answered last. It is asked first.
    preferred: AtomicUsize,
    drift_log: DriftLog,
}

/// The time limits of connecting and resolving.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloudTimeouts {
    /// The time limit of connecting to one address.
    pub(crate) connect: Duration,
    /// The time limit of connecting to a locator and resolving a name.
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

impl Cloud {
    pub(crate) fn new(
        locators: Vec<Address>,
        compatibility: Compatibility,
        limits: Limits,
        memory: MemoryBudget,
        timeouts: CloudTimeouts,
    ) -> Self {
        let connector = Arc::new(Connector::new(limits, memory, timeouts.connect, timeouts.keep_alive));
        let locators = (locators.into_iter())
            .map(|address| Arc::new(Locator::new(address, connector.clone(), timeouts.locator)));
        Self {
            locators: locators.collect(),
            compatibility,
            connector,
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
    pub(crate) async fn connect(&self, endpoints: &[Endpoint], deadline: Duration) -> Result<NewConnection> {
        if endpoints.is_empty() {
            return Err(Error::new(ErrorKind::Connect("the locator names no endpoint".into())));
        }
        let addresses = endpoints.iter().map(|endpoint| endpoint.0.into()).collect();
        let connected = self.connector.connect(addresses, deadline).await;
        connected.map_err(|failures| Error::new(ErrorKind::Connect(failures.to_string())))
    }

    /// Returns how long an endpoint may take to accept a connection.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connector.connect_timeout()
    }

    /// Resolves a service with the first locator that replies. An error reply, such as 'not found', is final.
    ///
    /// Within `deadline` each locator is asked, first the one that has answered last. All are asked over their open
    /// connections, and then over new ones too, since an open connection may be dead. Resolving twice is harmless.
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
            in_scope(Trace::current(), async move {
                let reply = cloud.locators[index].resolve(stale, &query).await?;
                cloud.prefer(index);
                Ok(reply)
            })
        });
        let mut errors = Vec::new();
        let reply = race(attempts, delay, |error: Error| errors.push(error)).await;
        reply.unwrap_or_else(|| Err(no_reply_error(errors)))
    }

    /// Makes this locator the first to be asked, and closes the connections to the others.
    fn prefer(&self, preferred: usize) {
        if self.preferred.swap(preferred, Ordering::Relaxed) != preferred {
            for (index, locator) in self.locators.iter().enumerate() {
                if index != preferred {
                    locator.connections.remove();
                }
            }
        }
    }
}

/// Runs a future in the scope of a trace, if there is one.
async fn in_scope<F: Future>(trace: Option<Trace>, future: F) -> F::Output {
    match trace {
        Some(trace) => trace.scope(future).await,
        None => future.await,
    }
}

/// Returns the error for a name that no locator has replied to.
fn no_reply_error(mut errors: Vec<Error>) -> Error {
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
