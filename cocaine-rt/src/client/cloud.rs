//! The locators of a cloud: which one answers, and what it says (`protocol.md` 7).

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
        connection::{Attempt, Link, Options, Request},
        drift::Told,
        methods::{Compatibility, Selector, Table},
    },
    connection::{
        channel::{answered, deadline},
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

/// What every client knows of the locator: its first method (`protocol.md` 7).
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

/// A cloud as one client sees it.
#[derive(Debug)]
pub(crate) struct Cloud {
    locators: Vec<Address>,
    compatibility: Compatibility,
    limits: Limits,
    timeouts: Timeouts,
    /// The connection to the locator that answered last.
    link: Mutex<Option<Arc<Link>>>,
    /// Locators that did not answer in time: the one after the last of them is asked first.
    passed: AtomicUsize,
    told: Told,
}

/// How long a cloud waits for others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For one address to accept a connection.
    pub(crate) connect: Duration,
    /// For a locator to answer, before the next one is asked.
    pub(crate) locator: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(1), locator: Duration::from_secs(5) }
    }
}

impl Cloud {
    pub(crate) fn new(
        locators: Vec<Address>,
        compatibility: Compatibility,
        limits: Limits,
        timeouts: Timeouts,
    ) -> Self {
        let (link, passed) = (Mutex::new(None), AtomicUsize::new(0));
        Self { locators, compatibility, limits, timeouts, link, passed, told: Told::default() }
    }

    pub(crate) fn compatibility(&self) -> Compatibility {
        self.compatibility
    }

    /// Logs how a connected service differs from its bindings, if it has any, once.
    pub(crate) fn compare(&self, spec: Option<&'static ServiceSpec>, version: u64, link: &Link) {
        if let Some(spec) = spec.filter(|_| self.compatibility != Compatibility::Unchecked) {
            self.told.tell(spec, version, link);
        }
    }

    /// Asks the locators, one after the other, where a service is. An answer that it is nowhere is an answer.
    pub(crate) async fn resolve(&self, name: &str, seed: Option<&str>) -> Result<ServiceInfo> {
        // One attempt more than there are locators: a connection may have ended long ago, unnoticed. Asking is safe.
        for _ in &self.locators {
            let link = self.locator().await?;
            let resolved = self.ask(&link, name, seed).await;
            match &resolved {
                Err(error) if matches!(error.kind(), ErrorKind::Disconnected(_)) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Deadline(_)) => self.pass(&link, error),
                _ => return resolved,
            }
        }
        let link = self.locator().await?;
        self.ask(&link, name, seed).await
    }

    /// Gives up a locator that does not answer.
    fn pass(&self, link: &Link, error: &Error) {
        if link.handle.is_usable() {
            tracing::warn!(locator = %link.handle.peer(), %error, "the locator does not answer");
            link.handle.close(&Error::disconnected("the locator does not answer"));
            self.passed.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn ask(&self, link: &Link, name: &str, seed: Option<&str>) -> Result<ServiceInfo> {
        let blame = |error: Error| error.at(Some(&Arc::from(name)), None, Some(link.handle.peer()));
        let mut args = Scratch::take();
        encode::args(&(name, seed), &mut args).map_err(Error::from_encode)?;
        let options = Options { deadline: self.timeouts.locator, ..Options::default() };
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let bound = link.table.select(Selector::Place(0))?;
        let request = Request { args: &args, options: &options, waker: &waker };
        let Attempt::Sent(pending) = link.call(&bound, request)? else {
            return Err(blame(Error::disconnected("the locator's connection has ended")));
        };
        let message = pending.await.map_err(|error| blame(deadline(error, options.deadline)))?;
        if message.kind != VALUE {
            return Err(blame(answered(&message)));
        }
        decode::args(&message.args)
            .map_err(|malformed| blame(Error::decode(format!("the locator's answer: {malformed}"))))
    }

    /// Returns a live connection to a locator.
    async fn locator(&self) -> Result<Arc<Link>> {
        let mut link = self.link.lock().await;
        if let Some(link) = link.as_ref().filter(|link| link.handle.is_usable()) {
            return Ok(link.clone());
        }
        let mut failures = Vec::new();
        let first = self.passed.load(Ordering::Relaxed) % self.locators.len();
        for address in self.locators.iter().cycle().skip(first).take(self.locators.len()) {
            match self.reach(address).await {
                Ok(handle) => {
                    let table =
                        Table::new(Some(&RESOLVE), &ServiceInfo::default(), Compatibility::Unchecked)?;
                    let made = Arc::new(Link { handle, table, service: RESOLVE.name.into() });
                    *link = Some(made.clone());
                    return Ok(made);
                }
                Err(text) => failures.push(text),
            }
        }
        Err(Error::new(ErrorKind::Connect(format!("no locator answers: {}", failures.join("; ")))))
    }

    /// Connects to a host over all its addresses.
    async fn reach(&self, address: &Address) -> Result<ConnectionHandle, String> {
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
                    handle::tune(&stream);
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
