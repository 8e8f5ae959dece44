//! Resolves names through the locators of a cloud (`protocol.md` 7), and connects to endpoints.

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{
    net::{TcpStream, lookup_host},
    sync::Mutex,
    time::timeout,
};

use crate::{
    client::{
        address::Address,
        drift::DriftLog,
        methods::{Compatibility, MethodTable, Selector},
        service_connection::{Options, Request, SendAttempt, ServiceConnection},
    },
    connection::{
        channel::{decode_service_error, with_deadline},
        driver,
        handle::{self, ConnectionHandle},
    },
    protocol::{
        endpoint::{Endpoint, ServiceInfo},
        error::{Error, ErrorKind, Result},
        graph::VALUE,
        limits::Limits,
        spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec},
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
    locators: Vec<Address>,
    compatibility: Compatibility,
    limits: Limits,
    timeouts: CloudTimeouts,
    /// The connection to the last locator that accepted one.
    connection: Mutex<Option<Arc<ServiceConnection>>>,
    /// The number of locators skipped because they timed out; the next one is tried first.
    skipped: AtomicUsize,
    drift_log: DriftLog,
}

/// The time limits of connecting and resolving.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloudTimeouts {
    /// Time for one address to accept a connection.
    pub(crate) connect: Duration,
    /// Time for a locator to answer before the next one is asked.
    pub(crate) locator: Duration,
}

impl Default for CloudTimeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(1), locator: Duration::from_secs(5) }
    }
}

impl Cloud {
    pub(crate) fn new(
        locators: Vec<Address>,
        compatibility: Compatibility,
        limits: Limits,
        timeouts: CloudTimeouts,
    ) -> Self {
        let (connection, skipped) = (Mutex::new(None), AtomicUsize::new(0));
        Self {
            locators,
            compatibility,
            limits,
            timeouts,
            connection,
            skipped,
            drift_log: DriftLog::default(),
        }
    }

    pub(crate) fn compatibility(&self) -> Compatibility {
        self.compatibility
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

    /// Resolves a service with the first locator that answers. 'Not found' is final: the next locator is not asked.
    pub(crate) async fn resolve(&self, name: &str, seed: Option<&str>) -> Result<ServiceInfo> {
        // One attempt more than there are locators, since the connection may have ended unnoticed. Resolving twice is
        // harmless.
        for _ in &self.locators {
            let connection = self.locator_connection().await?;
            let resolved = self.request_resolve(&connection, name, seed).await;
            match &resolved {
                Err(error) if matches!(error.kind(), ErrorKind::Disconnected(_)) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Deadline(_)) => {
                    self.skip_locator(&connection, error);
                }
                _ => return resolved,
            }
        }
        let connection = self.locator_connection().await?;
        self.request_resolve(&connection, name, seed).await
    }

    /// Closes the connection to a locator that timed out; the next one is tried from now on.
    fn skip_locator(&self, connection: &ServiceConnection, error: &Error) {
        if connection.handle.is_usable() {
            tracing::warn!(locator = %connection.handle.peer(), %error, "the locator does not answer");
            connection.handle.close(&Error::disconnected("the locator does not answer"));
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn request_resolve(
        &self,
        connection: &ServiceConnection,
        name: &str,
        seed: Option<&str>,
    ) -> Result<ServiceInfo> {
        let add_context =
            |error: Error| error.with_context(Some(&Arc::from(name)), None, Some(connection.handle.peer()));
        let mut args = Scratch::take();
        encode::args(&(name, seed), &mut args).map_err(Error::from_encode)?;
        let options = Options { deadline: self.timeouts.locator, ..Options::default() };
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

    /// Returns a usable connection to a locator, made if there is none.
    async fn locator_connection(&self) -> Result<Arc<ServiceConnection>> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = connection.as_ref().filter(|connection| connection.handle.is_usable()) {
            return Ok(connection.clone());
        }
        let mut failures = Vec::new();
        let first = self.skipped.load(Ordering::Relaxed) % self.locators.len();
        for address in self.locators.iter().cycle().skip(first).take(self.locators.len()) {
            match self.connect_to_host(address).await {
                Ok(handle) => {
                    let table =
                        MethodTable::new(Some(&RESOLVE), &ServiceInfo::default(), Compatibility::Unchecked)?;
                    let made = Arc::new(ServiceConnection { handle, table, service: RESOLVE.name.into() });
                    *connection = Some(made.clone());
                    return Ok(made);
                }
                Err(text) => failures.push(text),
            }
        }
        Err(Error::new(ErrorKind::Connect(format!("no locator answers: {}", failures.join("; ")))))
    }

    /// Connects to the first address of a host that accepts.
    async fn connect_to_host(&self, address: &Address) -> Result<ConnectionHandle, String> {
        let found = lookup_host((address.host.as_str(), address.port)).await;
        let addresses: Vec<_> = found.map_err(|error| format!("{address}: {error}"))?.collect();
        self.connect_any(&addresses).await.map_err(|failures| match failures.as_str() {
            "" => format!("{address}: the name has no address"),
            failures => failures.to_owned(),
        })
    }

    /// Connects to the first endpoint that accepts.
    pub(crate) async fn connect(&self, endpoints: &[Endpoint]) -> Result<ConnectionHandle> {
        let addresses: Vec<_> = endpoints.iter().map(|endpoint| endpoint.0).collect();
        self.connect_any(&addresses).await.map_err(|failures| {
            let text =
                if addresses.is_empty() { "the locator names no endpoint".to_owned() } else { failures };
            Error::new(ErrorKind::Connect(text))
        })
    }

    async fn connect_any(&self, addresses: &[SocketAddr]) -> Result<ConnectionHandle, String> {
        let mut failures = Vec::new();
        for address in addresses {
            match timeout(self.timeouts.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    handle::set_socket_options(&stream);
                    return Ok(driver::connect(stream, address.to_string().into(), self.limits));
                }
                Ok(Err(error)) => failures.push(format!("{address}: {error}")),
                Err(_) => {
                    failures.push(format!("{address}: no connection within {:?}", self.timeouts.connect));
                }
            }
        }
        Err(failures.join("; "))
    }
}
