//! What a framework has to bring along to be measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinSet;

use crate::work::Work;

/// A framework, or a floor, with both its sides.
pub trait Peer: 'static {
    /// Its row's name.
    const NAME: &'static str;
    /// How it is set up, as printed under the table.
    const SETTINGS: &'static str;
    /// The client's side: usually a [`Caller`].
    type Client: Load;

    /// Starts to listen on a free port of the loopback and returns the address. What serves goes on in tasks of
    /// the runtime that this is called on: single-threaded, in a thread pinned to the server's core.
    fn serve() -> impl Future<Output = Result<SocketAddr>>;

    /// Opens the one connection that all calls share, on the client's runtime.
    fn connect(server: SocketAddr) -> impl Future<Output = Result<Self::Client>>;
}

/// A client whose clones share a connection.
pub trait Caller: Clone + Send + Sync + 'static {
    /// Which of the two ways to keep calls in flight on one thread suits this client better.
    const CALLERS: Callers;
    /// The blob as the user gets it.
    type Reply: AsRef<[u8]>;

    /// Makes one call.
    fn call(&self, work: Work) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// How calls are kept in flight on a single-threaded runtime.
#[derive(Clone, Copy, Debug)]
pub enum Callers {
    /// Each caller is a spawned task.
    Tasks,
    /// All callers are futures of one task, in a `FuturesUnordered`.
    OneTask,
}

impl Callers {
    /// As the settings line says it.
    const fn describe(self) -> &'static str {
        match self {
            Self::Tasks => "a task per caller",
            Self::OneTask => "callers in one FuturesUnordered",
        }
    }
}

/// What keeps a number of calls in flight. A [`Caller`] has it for free; the floors, which have no calls, bring
/// their own.
pub trait Load: 'static {
    /// How calls are kept in flight, for the settings line.
    const STYLE: &'static str;

    /// Keeps `in_flight` calls open until `stop` is set, lets those finish, and returns how many were made. Each
    /// answer is checked; a wrong one is an error.
    fn run(&mut self, work: Work, in_flight: usize, stop: &Stop) -> impl Future<Output = Result<u64>>;
}

/// Tells a load that its time is over.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on no call is started.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<C: Caller> Load for C {
    const STYLE: &'static str = C::CALLERS.describe();

    async fn run(&mut self, work: Work, in_flight: usize, stop: &Stop) -> Result<u64> {
        match C::CALLERS {
            _ if in_flight == 1 => call_in_turn(self.clone(), work, stop.clone()).await,
            Callers::Tasks => spawn_callers(self, work, in_flight, stop).await,
            Callers::OneTask => {
                let callers: FuturesUnordered<_> =
                    (0..in_flight).map(|_| call_in_turn(self.clone(), work, stop.clone())).collect();
                callers.try_fold(0, async |sum, calls| Ok(sum + calls)).await
            }
        }
    }
}

/// As many tasks as calls in flight, spawned on whatever runtime this is called on.
pub async fn spawn_callers<C: Caller>(client: &C, work: Work, in_flight: usize, stop: &Stop) -> Result<u64> {
    let mut callers: JoinSet<_> =
        (0..in_flight).map(|_| call_in_turn(client.clone(), work, stop.clone())).collect();
    let mut sum = 0;
    while let Some(calls) = callers.join_next().await {
        sum += calls??;
    }
    Ok(sum)
}

/// One caller: a call, its check, the next call.
async fn call_in_turn<C: Caller>(client: C, work: Work, stop: Stop) -> Result<u64> {
    let mut calls = 0;
    while !stop.is_set() {
        let reply = client.call(work).await?;
        work.check(reply.as_ref())?;
        calls += 1;
    }
    Ok(calls)
}
