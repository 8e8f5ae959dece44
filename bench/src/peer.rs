//! What a framework must implement to be measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinSet;

use crate::payload::Payload;

/// A framework, or a floor: its server and its client.
pub trait Peer: 'static {
    /// The name of its row.
    const NAME: &'static str;
    /// Its settings, as printed under the table.
    const SETTINGS: &'static str;
    /// The client, usually a [`Caller`].
    type Client: Load;

    /// Listens on a free port of the loopback interface and returns the address. Serving continues in tasks of the
    /// runtime that this is called on: single-threaded, in a thread pinned to the server's core.
    fn serve() -> impl Future<Output = Result<SocketAddr>>;

    /// Opens the one connection that all calls share, on the client's runtime.
    fn connect(server: SocketAddr) -> impl Future<Output = Result<Self::Client>>;
}

/// A client whose clones share a connection.
pub trait Caller: Clone + Send + Sync + 'static {
    /// The way to keep calls in flight on one thread that is faster for this client.
    const CONCURRENCY: Concurrency;
    /// The type in which the user receives the blob.
    type Reply: AsRef<[u8]>;

    /// Makes one call.
    fn call(&self, payload: Payload) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// How calls are kept in flight on a single-threaded runtime.
#[derive(Clone, Copy, Debug)]
pub enum Concurrency {
    /// Each caller is a spawned task.
    Tasks,
    /// All callers are futures of one task, in a `FuturesUnordered`.
    OneTask,
}

impl Concurrency {
    /// Returns the text for the settings line.
    const fn describe(self) -> &'static str {
        match self {
            Self::Tasks => "a task per caller",
            Self::OneTask => "callers in one FuturesUnordered",
        }
    }
}

/// Keeps a number of calls in flight. Every [`Caller`] implements it; the floors, which have no calls, implement it
/// themselves.
pub trait Load: 'static {
    /// How calls are kept in flight, for the settings line.
    const STYLE: &'static str;

    /// Keeps `in_flight` calls open until `stop` is set, lets those finish, and returns how many were made.
    ///
    /// # Errors
    /// A wrong reply, or a failed call.
    fn run(
        &mut self,
        payload: Payload,
        in_flight: usize,
        stop: &StopFlag,
    ) -> impl Future<Output = Result<u64>>;
}

/// Ends a load.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Sets the flag: no further call is started.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<C: Caller> Load for C {
    const STYLE: &'static str = C::CONCURRENCY.describe();

    async fn run(&mut self, payload: Payload, in_flight: usize, stop: &StopFlag) -> Result<u64> {
        match C::CONCURRENCY {
            _ if in_flight == 1 => call_in_turn(self.clone(), payload, stop.clone()).await,
            Concurrency::Tasks => spawn_callers(self, payload, in_flight, stop).await,
            Concurrency::OneTask => {
                let callers: FuturesUnordered<_> =
                    (0..in_flight).map(|_| call_in_turn(self.clone(), payload, stop.clone())).collect();
                callers.try_fold(0, async |sum, calls| Ok(sum + calls)).await
            }
        }
    }
}

/// Spawns a task for each call in flight on the current runtime, and returns how many calls they made.
pub async fn spawn_callers<C: Caller>(
    client: &C,
    payload: Payload,
    in_flight: usize,
    stop: &StopFlag,
) -> Result<u64> {
    let mut callers: JoinSet<_> =
        (0..in_flight).map(|_| call_in_turn(client.clone(), payload, stop.clone())).collect();
    let mut sum = 0;
    while let Some(calls) = callers.join_next().await {
        sum += calls??;
    }
    Ok(sum)
}

/// Makes one checked call after the other, and returns how many.
async fn call_in_turn<C: Caller>(client: C, payload: Payload, stop: StopFlag) -> Result<u64> {
    let mut calls = 0;
    while !stop.is_set() {
        let reply = client.call(payload).await?;
        payload.check(reply.as_ref())?;
        calls += 1;
    }
    Ok(calls)
}
