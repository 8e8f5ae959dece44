//! An HTTP gateway in front of a cloud: requests become events of apps, and their responses become HTTP (`worker.md` 6,
//! 7).
//!
//! # How requests are routed
//!
//! The headers `X-Cocaine-Service` and `X-Cocaine-Event` name the service and the event, and the app receives the whole
//! path. Without them the table of hosts is searched; otherwise the first two segments of the path are the service and
//! the event, and the app receives the rest. `/ping` reports whether a locator answers, and `/metrics` has the metrics for
//! Prometheus.
//!
//! # Compatibility
//!
//! Requests and responses are those of the two original proxies (`worker.md` 6). The proxies contradict each other, and
//! lose data in places; what the gateway does there is listed in `docs/differences.md` of the repository.
//!
//! # JSON-RPC
//!
//! A request with the header `X-Cocaine-JSON-RPC` is a call of JSON-RPC 2.0, or a batch of calls. With
//! `json_rpc_services = ["storage"]`:
//!
//! ```text
//! curl -H 'X-Cocaine-JSON-RPC: 1' http://127.0.0.1:8080/ \
//!     -d '{"jsonrpc": "2.0", "method": "storage.find", "params": ["manifests", ["app"]], "id": 1}'
//! {"jsonrpc":"2.0","result":["shop"],"id":1}
//! ```
//!
//! Everybody who reaches the port can call `enqueue` and `info` of apps, and the services that `json_rpc_services` lists.
//! Administrators can call every service, `storage` and `node` included, and can therefore run programs: they are who
//! sends the token of `admin_token`, or connects to the unix socket `admin_socket`. `json_rpc = false` disables JSON-RPC.
//!
//! # Web pages
//!
//! A web page can make the browsers of its visitors send requests to addresses that only these reach. Unless it comes from
//! an administrator, a request is refused with 403
//!
//! - as a call of JSON-RPC, if its `Host` is neither an address, nor a name without a dot, nor one of `names` or `hosts`; or
//!   if it has an `Origin` other than the gateway's own, a loopback address, or one of `origins`;
//! - as an event, if it comes from this machine itself, has such an `Origin`, and its method may change something.
//!
//! Apps on other addresses decide for themselves which pages they serve.
//!
//! # Layers
//!
//! ```text
//! gateway              starts and stops the listeners
//! proxy                one HTTP request, one response
//! json_rpc             requests that are calls of JSON-RPC
//! context              what both of them share
//! access               who may do what
//! request_record       what is recorded of a request
//! access_log           its line
//! http                 listeners, sockets, bodies, requests and responses
//! routing              routes, connections to services, calls of events
//! metrics  settings
//! ```

mod access;
mod access_log;
mod context;
mod http;
mod json_rpc;
mod metrics;
mod proxy;
mod request_record;
mod routing;
mod settings;

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use cocaine::{Client, MemoryBudget};
use prometheus_client::collector::Collector;
use tokio::{net::TcpListener, sync::Semaphore, time::Instant};

pub(crate) use self::routing::local_apps::{AppHandle, LocalApps, ResponseStream};
use self::{
    access_log::AccessLog,
    context::Context,
    http::{
        json_body::BodyParser,
        listener::{ConnectionSettings, HttpListener},
        port::{Port, PrivateSocket},
        request_body::BodyBuffer,
    },
    metrics::GatewayMetrics,
    proxy::Proxy,
    routing::{
        app_schemas::AppSchemas, app_state::AppLookup, lease_pool::LeasePool, service_pool::ServicePool,
    },
    settings::GatewaySettings,
};
use crate::config::{ConfigError, HttpConfig};

/// How many connections the port for administrators accepts at once.
const ADMIN_CONNECTIONS: usize = 64;

/// A running HTTP gateway.
#[derive(Debug)]
pub struct Gateway {
    public: HttpListener,
    address: SocketAddr,
    admin: Option<(HttpListener, SocketAddr)>,
    admin_socket: Option<HttpListener>,
    proxy: CurrentProxy,
}

/// The proxy that handles the next request. A request that runs has the one with which it started.
type CurrentProxy = Arc<ArcSwap<Proxy>>;

/// What a gateway uses of the node that it is part of.
#[derive(Debug, Default)]
pub(crate) struct NodeParts {
    /// The apps of the node.
    pub(crate) apps: Option<Arc<dyn LocalApps>>,
    /// Metrics that `/metrics` has beside those of the gateway.
    pub(crate) collectors: Vec<Box<dyn Collector>>,
}

/// An error while a gateway starts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// A setting is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The addresses of the locators are invalid.
    #[error("locators: {0}")]
    Locators(cocaine::Error),
    /// The gateway cannot listen on an address.
    #[error("cannot listen on {address} for HTTP: {source}")]
    Listen {
        /// The address.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl Gateway {
    /// How many bytes of memory the connections and responses of a gateway use together, unless another limit is set.
    pub const MAX_MEMORY_BYTES: usize = 1 << 30;

    /// How long requests in flight may take when the gateway stops, unless another time is set.
    pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

    /// Checks a configuration without starting anything.
    ///
    /// # Errors
    /// A value with which nothing could be served.
    pub fn check(config: &HttpConfig) -> Result<(), ConfigError> {
        GatewaySettings::new(config).map(drop)
    }

    /// Starts a gateway in front of the cloud with these locators (`host:port`, several separated by commas). The cloud
    /// need not be running yet. Its memory is limited to [`Gateway::MAX_MEMORY_BYTES`].
    pub async fn start(locators: &str, config: &HttpConfig) -> Result<Self, GatewayError> {
        Self::start_within(locators, config, MemoryBudget::new(Self::MAX_MEMORY_BYTES)).await
    }

    /// Does the same as [`Gateway::start`], and counts the memory of connections and responses in `memory`.
    pub async fn start_within(
        locators: &str,
        config: &HttpConfig,
        memory: MemoryBudget,
    ) -> Result<Self, GatewayError> {
        Self::start_with(locators, config, memory, NodeParts::default()).await
    }

    /// Starts the gateway of a node.
    pub(crate) async fn start_with(
        locators: &str,
        config: &HttpConfig,
        memory: MemoryBudget,
        node: NodeParts,
    ) -> Result<Self, GatewayError> {
        let settings = GatewaySettings::new(config)?;
        let access_log = open_access_log(config)?;
        let client =
            Client::builder(locators).map_err(GatewayError::Locators)?.memory(memory.clone()).build();
        let metrics = GatewayMetrics::new(node.collectors);
        let connections = ConnectionSettings {
            permits: Arc::new(Semaphore::new(settings.clients)),
            timeout: settings.client_timeout,
            heads: settings.heads,
            max_headers: settings.max_headers,
            open: metrics.clients.clone(),
            memory: memory.clone(),
        };
        let (listen, admin, admin_socket) =
            (settings.listen.clone(), settings.admin.clone(), settings.admin_socket.clone());
        let pool = ServicePool::new(client.clone(), node.apps, settings.connections, settings.refresh);
        let json_rpc_pool = LeasePool::new(client, settings.refresh);
        // Each body is in memory several times on its way to a worker.
        let buffer = memory.limit().map_or(settings.buffer, |limit| settings.buffer.min(limit / 4));
        let body_buffer = BodyBuffer::new(buffer, settings.request_body, settings.client_timeout);
        let context = Context {
            settings: Arc::new(settings),
            metrics: Arc::new(metrics),
            access_log: Arc::new(access_log),
            body_buffer: Arc::new(body_buffer),
            body_parser: Arc::new(BodyParser::new()),
            schemas: Arc::new(AppSchemas::new(memory.clone())),
            memory,
        };
        let proxy = Proxy {
            context,
            pool: Arc::new(pool),
            json_rpc_pool: Arc::new(json_rpc_pool),
            apps: Arc::new(AppLookup::new()),
        };
        let proxy = Arc::new(ArcSwap::from_pointee(proxy));
        let admins = connections.for_administrators();
        let admin = match admin {
            Some(address) => Some(listen_for_metrics(&address, admins.clone(), proxy.clone()).await?),
            None => None,
        };
        let admin_socket = match admin_socket {
            Some(path) => Some(listen_for_administrators(&path, admins, proxy.clone()).await?),
            None => None,
        };
        let (public, address) = listen_for_clients(&listen, connections, proxy.clone()).await?;
        Ok(Self { public, address, admin, admin_socket, proxy })
    }

    /// Changes the settings for the requests to come: `timeout`, `timeouts`, `hosts`, `headers`, `sampling`, `json_rpc`,
    /// `json_rpc_services`, `names`, `origins`, `admin_token`, `trusted_proxies` and `access_log`. Returns the keys of the
    /// other settings that `config` changes, which take effect when the gateway starts again.
    ///
    /// # Errors
    /// A value with which nothing could be served. Nothing is changed then.
    pub fn reload(&self, config: &HttpConfig) -> Result<Vec<&'static str>, ConfigError> {
        let newer = GatewaySettings::new(config)?;
        let proxy = self.proxy.load();
        let fixed = proxy.context.settings.fixed_changes(&newer);
        let settings = proxy.context.settings.reloaded(newer);
        let access_log = open_access_log(config)?;
        self.proxy.store(Arc::new(proxy.with_settings(settings, access_log)));
        Ok(fixed)
    }

    /// Opens the file of the access log again, which may have been moved away. [`Gateway::reload`] does so, too.
    pub fn reopen_access_log(&self) {
        self.proxy.load().context.access_log.reopen();
    }

    /// Returns the address for HTTP clients.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address for administrators, if it is a separate one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(_, address)| *address)
    }

    /// Stops accepting, answers the requests in flight within [`Gateway::SHUTDOWN_TIMEOUT`], and closes all connections.
    pub async fn shutdown(self) {
        self.shutdown_within(Self::SHUTDOWN_TIMEOUT).await;
    }

    /// Stops accepting, answers the requests in flight within `limit`, and closes all connections.
    pub async fn shutdown_within(self, limit: Duration) {
        // About thirty years overflow no clock.
        self.shutdown_until(Instant::now() + limit.min(Duration::from_secs(1 << 30))).await;
    }

    pub(crate) async fn shutdown_until(self, deadline: Instant) {
        let listeners = [Some(self.public), self.admin.map(|(listener, _)| listener), self.admin_socket];
        let shutdowns = listeners.into_iter().flatten().map(|listener| listener.shutdown(deadline));
        futures_util::future::join_all(shutdowns).await;
    }
}

fn open_access_log(config: &HttpConfig) -> Result<AccessLog, ConfigError> {
    let mut log = AccessLog::new(&config.access_log)?;
    log.open(config.access_log.file.clone())
        .map_err(|error| ConfigError::Value(format!("http.access_log.file: {error}")))?;
    Ok(log)
}

impl ConnectionSettings {
    /// Returns the settings of a port for administrators, which others cannot fill.
    fn for_administrators(&self) -> Self {
        Self { permits: Arc::new(Semaphore::new(ADMIN_CONNECTIONS)), ..self.clone() }
    }
}

async fn listen_for_clients(
    address: &str,
    connections: ConnectionSettings,
    proxy: CurrentProxy,
) -> Result<(HttpListener, SocketAddr), GatewayError> {
    let (port, address) = listen(address).await?;
    Ok((serve(port, connections, proxy), address))
}

async fn listen_for_metrics(
    address: &str,
    connections: ConnectionSettings,
    proxy: CurrentProxy,
) -> Result<(HttpListener, SocketAddr), GatewayError> {
    let (port, address) = listen(address).await?;
    let handle = move |request, _| {
        let proxy = proxy.load_full();
        async move { proxy.handle_admin(request).await }
    };
    Ok((HttpListener::start(port, connections, handle), address))
}

async fn listen_for_administrators(
    path: &Path,
    connections: ConnectionSettings,
    proxy: CurrentProxy,
) -> Result<HttpListener, GatewayError> {
    let listen_error = |source| GatewayError::Listen { address: path.display().to_string(), source };
    let port = PrivateSocket::listen(path).await.map_err(listen_error)?;
    Ok(serve(port, connections, proxy))
}

fn serve(port: impl Port + Sync, connections: ConnectionSettings, proxy: CurrentProxy) -> HttpListener {
    let handle = move |request, peer| {
        let proxy = proxy.load_full();
        // Boxed because the future is large, and is moved several times before it is polled.
        Box::pin(async move { proxy.handle(request, peer).await })
    };
    HttpListener::start(port, connections, handle)
}

async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), GatewayError> {
    let bound = async {
        let listener = cocaine::server::listen(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::InvalidInput => {
            let text = format!("cannot listen on {address} for HTTP: it is not of the form ADDRESS:PORT");
            ConfigError::Value(text).into()
        }
        _ => GatewayError::Listen { address: address.to_owned(), source },
    })
}
