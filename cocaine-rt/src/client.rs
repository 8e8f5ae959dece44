//! Clients: resolve names, connect to services, call them.

mod address;
mod attempts;
mod backoff;
mod clock;
pub(crate) mod cloud;
mod connector;
mod drift;
pub(crate) mod event;
mod failures;
pub(crate) mod keep_alive;
mod locator;
pub(crate) mod methods;
mod peer_address;
mod race;
mod reconnect;
mod runtime_connections;
pub(crate) mod service;
pub(crate) mod service_client;
pub(crate) mod service_connection;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    client::{
        address::Address,
        cloud::{Cloud, CloudTimeouts},
        methods::Compatibility,
        service::Service,
        service_client::ServiceClient,
        service_connection::Options,
    },
    protocol::{
        endpoint::ServiceInfo,
        error::{Error, ErrorKind, Result},
        limits::Limits,
        memory::MemoryBudget,
    },
    wire::bytes::Bytes,
};

/// A client of the cloud with the given locators.
///
/// Nothing is connected before the first use. Cloning is cheap.
#[derive(Clone)]
pub struct Client {
    cloud: Arc<Cloud>,
    options: Options,
}

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    locators: Vec<Address>,
    options: Options,
    compatibility: Compatibility,
    limits: Limits,
    memory: MemoryBudget,
    timeouts: CloudTimeouts,
}

impl Client {
    /// The variable that [`Client::from_env`] reads.
    pub const LOCATOR_VARIABLE: &'static str = "COCAINE_LOCATOR";

    /// Returns a client of the cloud with these locators: `host:port`, separated by commas, tried in order. The default
    /// port is 10053. An IPv6 address with a port is written in brackets. `unix:/path` is the socket of a locator on this
    /// machine; the services that it names have TCP ports all the same.
    pub fn new(locators: &str) -> Result<Self> {
        Ok(Self::builder(locators)?.build())
    }

    /// Returns a client of the cloud that the variable `COCAINE_LOCATOR` names, by default `localhost:10053`.
    pub fn from_env() -> Result<Self> {
        match std::env::var(Self::LOCATOR_VARIABLE) {
            Ok(locators) => Self::new(&locators)
                .map_err(|error| Error::config(format!("{}: {error}", Self::LOCATOR_VARIABLE))),
            Err(std::env::VarError::NotPresent) => Self::new("localhost"),
            Err(error) => Err(Error::config(format!("{}: {error}", Self::LOCATOR_VARIABLE))),
        }
    }

    /// Returns the settings of a client with these locators.
    pub fn builder(locators: &str) -> Result<ClientBuilder> {
        Ok(ClientBuilder {
            locators: Address::parse_list(locators)?,
            options: Options::default(),
            compatibility: Compatibility::default(),
            limits: Limits::default(),
            memory: MemoryBudget::unlimited(),
            timeouts: CloudTimeouts::default(),
        })
    }

    /// Returns a typed service under its usual name: resolved, connected, and compared with its bindings.
    pub async fn service<S: ServiceClient>(&self) -> Result<S> {
        self.service_named(S::SPEC.name).await
    }

    /// Returns a typed service under another name, such as the name of an app.
    pub async fn service_named<S: ServiceClient>(&self, name: &str) -> Result<S> {
        let service = Service::new(self.cloud.clone(), name, Some(S::SPEC), self.options.clone());
        self.connect(service).await.map(S::from_service)
    }

    /// Returns several typed services, connected concurrently: `client.services::<(StorageClient, LoggingClient)>()`.
    ///
    /// The error is [`ErrorKind::Multiple`], with one error for each service that failed.
    pub async fn services<S: Services>(&self) -> Result<S> {
        S::connect(self).await
    }

    /// Returns an untyped service: resolved and connected.
    pub async fn dynamic(&self, name: &str) -> Result<Service> {
        self.connect(Service::new(self.cloud.clone(), name, None, self.options.clone())).await
    }

    /// Returns an untyped service that is not resolved yet.
    #[cfg(feature = "tracing")]
    pub(crate) fn unconnected(&self, name: &str) -> Service {
        Service::new(self.cloud.clone(), name, None, self.options.clone())
    }

    /// Asks a locator for the endpoints and the methods of a service. For a routing group, `seed` selects the member;
    /// without one, any member is returned.
    pub async fn resolve(&self, name: &str, seed: Option<&str>) -> Result<ServiceInfo> {
        let deadline = self.options.deadline;
        let resolved = timeout(deadline, self.cloud.resolve(name, seed, deadline)).await;
        resolved.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Deadline(deadline)).with_context(Some(&name.into()), None, None))
        })
    }

    /// Returns the same client with another deadline for each call.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { cloud: self.cloud.clone(), options: self.options.with_deadline(deadline) }
    }

    /// Returns the same client with an additional header on each call.
    #[must_use]
    pub fn with_header(&self, name: &str, value: impl Into<Bytes>) -> Self {
        Self { cloud: self.cloud.clone(), options: self.options.with_header(name, value.into()) }
    }

    async fn connect(&self, service: Service) -> Result<Service> {
        match service.connection().await {
            Ok(_) => Ok(service),
            Err(error) => Err(error.with_context(Some(&service.name().into()), None, None)),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("cloud", &self.cloud).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Sets the deadline of each call; 30 s by default.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { options: self.options.with_deadline(deadline), ..self }
    }

    /// Adds a header to each call.
    #[must_use]
    pub fn header(self, name: &str, value: impl Into<Bytes>) -> Self {
        Self { options: self.options.with_header(name, value.into()), ..self }
    }

    /// Sets how strictly bindings are compared with the methods that services announce.
    #[must_use]
    pub fn compatibility(self, compatibility: Compatibility) -> Self {
        Self { compatibility, ..self }
    }

    /// Sets the limits of each connection.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Counts the memory of all connections in `memory`; by default it is not counted.
    #[must_use]
    pub fn memory(self, memory: MemoryBudget) -> Self {
        Self { memory, ..self }
    }

    /// Sets how long one address may take to accept a connection; 1 s by default.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { timeouts: CloudTimeouts { connect: timeout, ..self.timeouts }, ..self }
    }

    /// Sets how long a locator may take to connect and answer; 5 s by default. The next locator is asked sooner: after
    /// 250 ms, or a share of the call's deadline if that is shorter.
    #[must_use]
    pub fn locator_timeout(self, timeout: Duration) -> Self {
        Self { timeouts: CloudTimeouts { locator: timeout, ..self.timeouts }, ..self }
    }

    /// Sets the silence after which a peer is considered dead; 30 s by default. Streams and sessions then fail, and the
    /// next call reconnects.
    ///
    /// If a service announces the control message `ping`, it is sent one when it has been silent for a part of this time
    /// while a channel is open. The operating system probes each connection that is idle for this time, and closes it if the
    /// peer acknowledges or reads nothing for twice this time, in whole seconds.
    #[must_use]
    pub fn keep_alive(self, silence: Duration) -> Self {
        Self { timeouts: CloudTimeouts { keep_alive: silence, ..self.timeouts }, ..self }
    }

    /// Returns the client. Nothing is connected yet.
    pub fn build(self) -> Client {
        let Self { locators, compatibility, limits, memory, timeouts, options } = self;
        let cloud = Cloud::new(locators, compatibility, limits, memory, timeouts);
        Client { cloud: Arc::new(cloud), options }
    }
}

/// A tuple of typed services that are connected concurrently.
pub trait Services: Sized {
    /// Connects all of them concurrently.
    fn connect(client: &Client) -> impl Future<Output = Result<Self>> + Send;
}

macro_rules! services {
    ($($service:ident $result:ident),+) => {
        impl<$($service: ServiceClient),+> Services for ($($service,)+) {
            async fn connect(client: &Client) -> Result<Self> {
                let ($($result,)+) = tokio::join!($(client.service::<$service>()),+);
                let errors = [$($result.as_ref().err().cloned()),+];
                match ($($result,)+) {
                    ($(Ok($result),)+) => Ok(($($result,)+)),
                    _ => Err(Error::new(ErrorKind::Multiple(errors.into_iter().flatten().collect()))),
                }
            }
        }
    };
}

services!(A a);
services!(A a, B b);
services!(A a, B b, C c);
services!(A a, B b, C c, D d);
services!(A a, B b, C c, D d, E e);
services!(A a, B b, C c, D d, E e, F f);
services!(A a, B b, C c, D d, E e, F f, G g);
services!(A a, B b, C c, D d, E e, F f, G g, H h);
