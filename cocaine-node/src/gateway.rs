//! HTTP in front of a cloud: requests become events of apps, and their answers become HTTP (`worker.md` 6, 7).
//!
//! # Whom a request is for
//!
//! The headers `X-Cocaine-Service` and `X-Cocaine-Event` name the service and the event, and the app gets the path as
//! it is. Without them the table of hosts is asked, and then the first two segments of the path are the service and the
//! event, and the app gets what follows them. `/ping` tells whether a locator answers, and `/metrics` what was counted,
//! for Prometheus.
//!
//! # What is better than in the original proxies
//!
//! - Repeated headers stay apart, both ways; every `Set-Cookie` arrives. Names arrive as `X-Request-Id`, whatever their
//!   letters were, and bytes over 127 as they were.
//! - Headers that concern one connection (`Connection` and what it names, `Keep-Alive`, `Proxy-*`, `TE`, `Trailer`,
//!   `Transfer-Encoding`, `Upgrade`) go no further, in either direction.
//! - An answer is streamed as it comes, and has a length if it is whole at once. An error before the head has a status
//!   of its own; one after it ends the connection, so that nobody takes a part for the whole.
//! - An empty chunk ends nothing, unless the app has asked for that (`X-Cocaine-HTTP-Proto-Version: 1.1`).
//! - A client of HTTP/1.0 never gets chunks. HEAD, 204 and 304 never have bodies.
//! - A body that is longer than its `Content-Length` is cut there; one that is shorter is an error.
//! - Only an event that was surely not taken is sent again: a full queue, an app that is stopped.
//! - A client that has closed its side still gets its answer, and one that still sends is told why it is refused.
//! - What others may understand otherwise is refused: two lengths, folded headers, a `Transfer-Encoding` that is not one
//!   `chunked` (501), a second `Host`.
//!
//! # Calls
//!
//! A request with the header `X-Cocaine-JSON-RPC` is a call of JSON-RPC 2.0, or a batch of them, of any service of the
//! cloud:
//!
//! ```text
//! curl -H 'X-Cocaine-JSON-RPC: 1' http://127.0.0.1:8080/ \
//!     -d '{"jsonrpc": "2.0", "method": "storage.find", "params": ["manifests", ["app"]], "id": 1}'
//! {"jsonrpc":"2.0","result":["shop"],"id":1}
//! ```
//!
//! Whoever reaches the port can so reach every service: `json_rpc = false` in the configuration ends that.
//!
//! # Layers
//!
//! ```text
//! gateway              starts and stops the listeners
//! proxy                one HTTP request, one response
//! json_rpc             requests that are calls of JSON-RPC
//! http                 listeners, sockets, bodies, requests and responses
//! routing              routes, connections to services, calls of events
//! metrics  settings    what all of them use
//! ```

mod http;
mod json_rpc;
mod metrics;
mod proxy;
mod routing;
mod settings;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use cocaine::{Client, Limits};
use tokio::sync::Semaphore;

use self::{
    http::{
        body::ReplyBody,
        listener::{Listener, Manners},
        request::Buffer,
    },
    metrics::Metrics,
    proxy::Gate,
    routing::service_pool::Fleet,
    settings::Settings,
};
use crate::config::{ConfigError, HttpConfig};

/// HTTP in front of a cloud.
#[derive(Debug)]
pub struct Gateway {
    public: Listener,
    admin: Option<Listener>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// A setting that cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address of a locator that cannot be used.
    #[error("locators: {0}")]
    Locators(cocaine::Error),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address} for HTTP: {source}")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system reported.
        source: io::Error,
    },
}

impl Gateway {
    /// How long requests that run may take when the gateway stops.
    pub const GRACE: Duration = Duration::from_secs(10);

    /// Listens, in front of the cloud with these locators (`host:port`, several with commas between). The cloud need
    /// not be there yet.
    pub async fn start(locators: &str, config: &HttpConfig) -> Result<Self, GatewayError> {
        let settings = Settings::new(config)?;
        let cloud = cloud(locators, &settings).map_err(GatewayError::Locators)?;
        let metrics = Metrics::new();
        let clients = Arc::new(Semaphore::new(settings.clients));
        let patience = settings.client_timeout;
        let manners = Manners { clients, patience, count: metrics.clients.clone() };
        let (listen, admin) = (settings.listen.clone(), settings.admin.clone());
        let fleet = Fleet::new(cloud.clone(), settings.connections, settings.refresh);
        let rpc_fleet = Fleet::new(cloud, settings.connections, settings.refresh);
        let buffer = Buffer::new(settings.buffer, settings.request_body, patience);
        let gate = Arc::new(Gate { settings, fleet, rpc_fleet, metrics, buffer });

        let admin = match admin {
            Some(address) => {
                let gate = gate.clone();
                let answer = move |request| {
                    let gate = gate.clone();
                    async move { gate.admin(request).await }
                };
                let own = Manners { clients: Arc::new(Semaphore::new(ADMINISTRATORS)), ..manners.clone() };
                Some(start(&address, own, answer).await?)
            }
            None => None,
        };
        let answer = move |request| {
            let gate = gate.clone();
            async move { gate.answer(request).await }
        };
        let public = start(&listen, manners, answer).await?;
        Ok(Self { public, admin })
    }

    /// Returns where HTTP is spoken.
    pub fn local_addr(&self) -> SocketAddr {
        self.public.address()
    }

    /// Returns where administrators are answered, if that is elsewhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Listener::address)
    }

    /// Accepts nobody any more, lets requests that run be answered within [`Gateway::GRACE`], and closes all
    /// connections.
    pub async fn shutdown(self) {
        self.public.shutdown(Self::GRACE).await;
        if let Some(admin) = self.admin {
            admin.shutdown(Self::GRACE).await;
        }
    }
}

/// How many connections administrators may have.
const ADMINISTRATORS: usize = 64;

fn cloud(locators: &str, settings: &Settings) -> cocaine::Result<Client> {
    let limits = Limits { unread: settings.response_buffer, ..Limits::default() };
    Ok(Client::builder(locators)?.limits(limits).build())
}

async fn start<A, F>(address: &str, manners: Manners, answer: A) -> Result<Listener, GatewayError>
where
    A: Fn(::http::Request<hyper::body::Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ::http::Response<ReplyBody>> + Send + 'static,
{
    let started = Listener::start(address, manners, answer).await;
    started.map_err(|source| match source.kind() {
        io::ErrorKind::InvalidInput => {
            let text = format!("cannot listen on {address} for HTTP: it is no ADDRESS:PORT");
            ConfigError::Value(text).into()
        }
        _ => GatewayError::Listen { address: address.to_owned(), source },
    })
}
