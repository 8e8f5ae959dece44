//! One locator of a cloud: the connections to it, and the requests over them (`protocol.md` 7).

use std::{future::poll_fn, net::SocketAddr, sync::Arc, task::Poll, time::Duration};

use tokio::{net::lookup_host, time::timeout_at};

use crate::{
    client::{
        address::Address,
        attempts::SharedAttempts,
        clock,
        connector::Connector,
        methods::{Compatibility, MethodTable, Selector},
        peer_address::PeerAddress,
        runtime_connections::RuntimeConnections,
        service_connection::{Options, Request, SendAttempt, ServiceConnection},
    },
    connection::{
        channel::{decode_service_error, with_deadline},
        handle::ConnectionHandle,
    },
    protocol::{
        endpoint::ServiceInfo,
        error::{Error, ErrorKind, Result},
        graph::VALUE,
        spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec},
    },
    wire::{decode, encode, scratch::Scratch},
};

/// The only method of the locator that a client needs. Its id is fixed (`protocol.md` 7).
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

/// A request to resolve a name.
pub(crate) struct Query {
    pub(crate) name: Arc<str>,
    pub(crate) seed: Option<String>,
    /// The deadline of the caller, by which the attempts to connect are paced.
    pub(crate) deadline: Duration,
}

/// A locator, the connections to it, and the attempts to establish one.
#[derive(Debug)]
pub(crate) struct Locator {
    address: Address,
    connector: Arc<Connector>,
    /// The time limit of connecting and resolving.
    timeout: Duration,
    pub(crate) connections: RuntimeConnections,
    attempts: SharedAttempts<Result<Arc<ServiceConnection>>>,
}

impl Locator {
    pub(crate) fn new(address: Address, connector: Arc<Connector>, timeout: Duration) -> Self {
        Self {
            address,
            connector,
            timeout,
            connections: RuntimeConnections::default(),
            attempts: SharedAttempts::default(),
        }
    }

    /// Resolves a name over a connection other than `stale`. The inner result is the reply of the locator; the outer error
    /// says that there was none.
    pub(crate) async fn resolve(
        self: &Arc<Self>,
        stale: Option<Arc<ServiceConnection>>,
        query: &Query,
    ) -> Result<Result<ServiceInfo>> {
        let deadline_error = |_| {
            let address = self.address.to_string().into();
            Error::new(ErrorKind::Deadline(self.timeout)).with_context(None, None, Some(&address))
        };
        let ends = clock::after(self.timeout);
        let connecting = self.connection(stale, query.deadline);
        let connection = timeout_at(ends, connecting).await.map_err(deadline_error)??;
        let receptions = connection.handle.receptions();
        let reply = timeout_at(ends, self.request_resolve(&connection, query)).await;
        match reply.map_err(deadline_error).flatten() {
            Err(error) if error.is_disconnected() => Err(error),
            Err(error) if error.is_timeout() => {
                tracing::warn!(locator = %self.address, %error, "the locator does not answer");
                connection.handle.check_silence(receptions);
                Err(error)
            }
            reply => Ok(reply),
        }
    }

    async fn request_resolve(&self, connection: &ServiceConnection, query: &Query) -> Result<ServiceInfo> {
        let add_context =
            |error: Error| error.with_context(Some(&query.name), None, Some(connection.handle.peer()));
        let mut args = Scratch::take();
        encode::args(&(&*query.name, query.seed.as_deref()), &mut args).map_err(Error::from_encode)?;
        let options = Options { deadline: self.timeout, ..Options::default() };
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let bound = connection.table.select(Selector::Index(0))?;
        let request = Request { args: &args, options: &options, waker: &waker, event: None };
        let SendAttempt::Sent(pending) = connection.call(&bound, request)? else {
            return Err(add_context(Error::disconnected("the locator's connection has ended")));
        };
        let message = pending.await.map_err(|error| add_context(with_deadline(error, options.deadline)))?;
        if message.kind != VALUE {
            return Err(add_context(decode_service_error(&message)));
        }
        let mut resolved: ServiceInfo = decode::args(&message.args)
            .map_err(|malformed| add_context(Error::decode(format!("the locator's answer: {malformed}"))))?;
        if let Ok(SocketAddr::V6(locator)) = connection.handle.peer().parse() {
            resolved.set_scope(locator);
        }
        Ok(resolved)
    }

    /// Returns a connection other than `stale`. Callers share the attempt to establish one.
    async fn connection(
        self: &Arc<Self>,
        stale: Option<Arc<ServiceConnection>>,
        deadline: Duration,
    ) -> Result<Arc<ServiceConnection>> {
        if let Some(connection) = self.usable_connection(stale.as_ref()) {
            return Ok(connection);
        }
        let locator = self.clone();
        let connected = self.attempts.join(|| async move {
            if let Some(connection) = locator.usable_connection(stale.as_ref()) {
                return Ok(connection);
            }
            let handle = locator.connect(deadline).await?;
            let table = MethodTable::new(Some(&RESOLVE), &ServiceInfo::default(), Compatibility::Unchecked)?;
            let connection = Arc::new(ServiceConnection { handle, table, service: RESOLVE.name.into() });
            locator.connections.insert(&connection);
            Ok(connection)
        });
        connected.await.unwrap_or_else(|| Err(Error::disconnected("the runtime shuts down")))
    }

    /// Returns the open connection unless it is `stale`.
    fn usable_connection(&self, stale: Option<&Arc<ServiceConnection>>) -> Option<Arc<ServiceConnection>> {
        let is_fresh = |open: &Arc<_>| stale.is_none_or(|stale| !Arc::ptr_eq(stale, open));
        self.connections.usable().filter(is_fresh)
    }

    /// Connects to the first address of the locator that accepts.
    async fn connect(&self, deadline: Duration) -> Result<ConnectionHandle> {
        let failed = |text: String| Error::new(ErrorKind::Connect(text));
        let addresses = find_addresses(&self.address).await;
        let addresses = addresses.map_err(|reason| failed(format!("{}: {reason}", self.address)))?;
        let connected = self.connector.connect(addresses, deadline).await;
        connected.map(|new| new.handle).map_err(|failures| failed(failures.to_string()))
    }
}

/// Returns the addresses of a host, or the only one of a socket.
async fn find_addresses(address: &Address) -> Result<Vec<PeerAddress>, String> {
    let (host, port) = match address {
        Address::Tcp { host, port } => (host.as_str(), *port),
        Address::Unix(path) => return Ok(vec![PeerAddress::Unix(path.clone())]),
    };
    let found = lookup_host((host, port)).await.map_err(|error| error.to_string())?;
    let addresses: Vec<_> = found.map(PeerAddress::from).collect();
    if addresses.is_empty() { Err("the name has no address".into()) } else { Ok(addresses) }
}
