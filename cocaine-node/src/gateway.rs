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
//! A request with the header `X-Cocaine-JSON-RPC` is a call of JSON-RPC 2.0, or a batch of calls, of any service of the
//! cloud:
//!
//! ```text
//! curl -H 'X-Cocaine-JSON-RPC: 1' http://127.0.0.1:8080/ \
//!     -d '{"jsonrpc": "2.0", "method": "storage.find", "params": ["manifests", ["app"]], "id": 1}'
//! {"jsonrpc":"2.0","result":["shop"],"id":1}
//! ```
//!
//! Everybody who reaches the port can then call every service; `json_rpc = false` in the configuration disables it.
//!
//! # Layers
//!
//! ```text
//! gateway              starts and stops the listeners
//! proxy                one HTTP request, one response
//! json_rpc             requests that are calls of JSON-RPC
//! context              what both of them share
//! http                 listeners, sockets, bodies, requests and responses
//! routing              routes, connections to services, calls of events
//! metrics  settings
//! ```

mod context;
mod http;
mod json_rpc;
mod metrics;
mod proxy;
mod routing;
mod settings;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use cocaine::Client;
use tokio::{sync::Semaphore, time::Instant};

use self::{
    context::Context,
    http::{
        body::ResponseBody,
        json_body::BodyParser,
        listener::{ConnectionSettings, HttpListener},
        request_body::BodyBuffer,
    },
    metrics::GatewayMetrics,
    proxy::Proxy,
    routing::service_pool::ServicePool,
    settings::GatewaySettings,
};
use crate::config::{ConfigError, HttpConfig};

/// How many connections the port for administrators accepts at once.
const ADMIN_CONNECTIONS: usize = 64;

/// A running HTTP gateway.
#[derive(Debug)]
pub struct Gateway {
    public: HttpListener,
    admin: Option<HttpListener>,
    proxy: CurrentProxy,
}

/// The proxy that handles the next request. A request that runs has the one with which it started.
type CurrentProxy = Arc<ArcSwap<Proxy>>;

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
    /// How long requests in flight may take when the gateway stops, unless another time is set.
    pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

    /// Starts a gateway in front of the cloud with these locators (`host:port`, several separated by commas). The cloud
    /// need not be running yet.
    pub async fn start(locators: &str, config: &HttpConfig) -> Result<Self, GatewayError> {
        let settings = GatewaySettings::new(config)?;
        let client = Client::new(locators).map_err(GatewayError::Locators)?;
        let metrics = GatewayMetrics::new();
        let connections = ConnectionSettings {
            permits: Arc::new(Semaphore::new(settings.clients)),
            timeout: settings.client_timeout,
            open: metrics.clients.clone(),
        };
        let (listen, admin) = (settings.listen.clone(), settings.admin.clone());
        let pool = ServicePool::new(client.clone(), settings.connections, settings.refresh);
        let json_rpc_pool = ServicePool::new(client, settings.connections, settings.refresh);
        let body_buffer = BodyBuffer::new(settings.buffer, settings.request_body, settings.client_timeout);
        let context = Context {
            settings,
            metrics: Arc::new(metrics),
            body_buffer: Arc::new(body_buffer),
            body_parser: Arc::new(BodyParser::new()),
        };
        let proxy = Proxy { context, pool: Arc::new(pool), json_rpc_pool: Arc::new(json_rpc_pool) };
        let proxy = Arc::new(ArcSwap::from_pointee(proxy));
        let admin = match admin {
            Some(address) => Some(listen_for_admins(&address, &connections, proxy.clone()).await?),
            None => None,
        };
        let public = listen_for_clients(&listen, connections, proxy.clone()).await?;
        Ok(Self { public, admin, proxy })
    }

    /// Changes the settings for the requests to come: `timeout`, `timeouts`, `hosts`, `headers`, `sampling` and `json_rpc`.
    /// Returns the keys of the other settings that `config` changes, which take effect when the gateway starts again.
    ///
    /// # Errors
    /// A value with which nothing could be served. Nothing is changed then.
    pub fn reload(&self, config: &HttpConfig) -> Result<Vec<&'static str>, ConfigError> {
        let newer = GatewaySettings::new(config)?;
        let proxy = self.proxy.load();
        let fixed = proxy.context.settings.fixed_changes(&newer);
        let settings = proxy.context.settings.reloaded(newer);
        self.proxy.store(Arc::new(proxy.with_settings(settings)));
        Ok(fixed)
    }

    /// Returns the address for HTTP clients.
    pub fn local_addr(&self) -> SocketAddr {
        self.public.local_addr()
    }

    /// Returns the address for administrators, if it is a separate one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(HttpListener::local_addr)
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
        let admin = async {
            if let Some(admin) = self.admin {
                admin.shutdown(deadline).await;
            }
        };
        tokio::join!(self.public.shutdown(deadline), admin);
    }
}

async fn listen_for_clients(
    address: &str,
    connections: ConnectionSettings,
    proxy: CurrentProxy,
) -> Result<HttpListener, GatewayError> {
    let handle = move |request| {
        let proxy = proxy.load_full();
        async move { proxy.handle(request).await }
    };
    listen(address, connections, handle).await
}

async fn listen_for_admins(
    address: &str,
    connections: &ConnectionSettings,
    proxy: CurrentProxy,
) -> Result<HttpListener, GatewayError> {
    let handle = move |request| {
        let proxy = proxy.load_full();
        async move { proxy.handle_admin(request).await }
    };
    let permits = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
    listen(address, ConnectionSettings { permits, ..connections.clone() }, handle).await
}

async fn listen<H, F>(
    address: &str,
    connections: ConnectionSettings,
    handle: H,
) -> Result<HttpListener, GatewayError>
where
    H: Fn(::http::Request<hyper::body::Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ::http::Response<ResponseBody>> + Send + 'static,
{
    let started = HttpListener::start(address, connections, handle).await;
    started.map_err(|source| match source.kind() {
        io::ErrorKind::InvalidInput => {
            let text = format!("cannot listen on {address} for HTTP: it is not of the form ADDRESS:PORT");
            ConfigError::Value(text).into()
        }
        _ => GatewayError::Listen { address: address.to_owned(), source },
    })
}
