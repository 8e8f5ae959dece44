//! Connects to endpoints in order, and passes over those that fail or do not respond.

use std::{error::Error as _, future::poll_fn, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};

use crate::{
    client::{
        backoff::Backoff,
        failures::Failures,
        peer_address::PeerAddress,
        race::{race, shared_delay},
    },
    connection::handle::{ConnectionHandle, SharedConnection},
    protocol::{error::Error, limits::Limits, memory::MemoryBudget},
};

/// A new connection to an endpoint.
pub(crate) struct NewConnection {
    pub(crate) handle: ConnectionHandle,
    /// The endpoint has failed before: that it accepts a connection does not show that it works.
    pub(crate) is_unproven: bool,
}

/// Makes the connections of a client.
#[derive(Debug)]
pub(crate) struct Connector {
    limits: Limits,
    memory: MemoryBudget,
    /// The time limit of connecting to one address.
    connect_timeout: Duration,
    /// The silence after which a peer is considered dead.
    keep_alive: Duration,
    backoff: Backoff,
}

impl Connector {
    /// The time limit of all endpoints of a service together, in multiples of that of one.
    const MAX_TIMEOUTS: u32 = 10;

    pub(crate) fn new(
        limits: Limits,
        memory: MemoryBudget,
        connect_timeout: Duration,
        keep_alive: Duration,
    ) -> Self {
        Self { limits, memory, connect_timeout, keep_alive, backoff: Backoff::default() }
    }

    pub(crate) fn max_decoded_bytes(&self) -> usize {
        self.limits.max_decoded_bytes
    }

    pub(crate) fn keep_alive(&self) -> Duration {
        self.keep_alive
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Connects to the first address that accepts. Addresses that have failed recently come last. The next address is
    /// tried when one has failed, or concurrently when one takes long.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        addresses: Vec<PeerAddress>,
        deadline: Duration,
    ) -> Result<NewConnection, Failures> {
        let mut failures = Failures::default();
        let count = addresses.len();
        let (due, paused): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|address| self.backoff.is_due(address));
        let attempts = due.into_iter().chain(paused).map(|address| {
            let connector = self.clone();
            async move { connector.connect_to(address).await }
        });
        let delay = shared_delay(deadline, count);
        let limit = self.connect_timeout.saturating_mul(Self::MAX_TIMEOUTS);
        let connected = timeout(limit, race(attempts, delay, |failure: String| failures.add(failure))).await;
        match connected {
            Ok(Some(connection)) => Ok(connection),
            Ok(None) => Err(failures),
            Err(_) => {
                failures.set_total(count);
                Err(failures)
            }
        }
    }

    async fn connect_to(self: Arc<Self>, address: PeerAddress) -> Result<NewConnection, String> {
        self.backoff.admit(&address).await.map_err(|error| error.to_string())?;
        let (is_unproven, began) = (self.backoff.is_failing(&address), Instant::now());
        let reason = match timeout(self.connect_timeout, address.connect()).await {
            Ok(Ok(stream)) => {
                let handle = stream.start(&address, self.keep_alive, self.limits, self.memory.clone());
                tokio::spawn(self.clone().watch(Arc::clone(&handle), address, began));
                return Ok(NewConnection { handle, is_unproven });
            }
            Ok(Err(error)) => format!("{address}: {error}"),
            Err(_) => format!("{address}: no connection within {:?}", self.connect_timeout),
        };
        self.backoff.record_failure(&address, began, &reason);
        Err(reason)
    }

    /// Records whether a new connection works. If the peer closes it early without a reply, the endpoint has failed:
    /// otherwise a peer that accepts and closes connections would be retried without a pause.
    async fn watch(self: Arc<Self>, connection: Arc<SharedConnection>, address: PeerAddress, began: Instant) {
        let answered = poll_fn(|cx| connection.with(|mux| mux.poll_answered(cx.waker())));
        match timeout(Backoff::PROVEN_AFTER, answered).await {
            Ok(Err(error)) if is_closed_by_peer(&error) => {
                self.backoff.record_failure(&address, began, &format!("{address}: {error}"));
            }
            // This side has closed it, which says nothing about the endpoint.
            Ok(Err(_)) => {}
            Ok(Ok(())) | Err(_) => self.backoff.record_success(&address),
        }
    }
}

/// Returns whether the peer or the network has ended the connection, rather than this side.
fn is_closed_by_peer(error: &Error) -> bool {
    error.wire_code().is_some() || error.source().is_some()
}
