//! What an app has at one moment: events that wait, and workers.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use cocaine::server::Connection;
use tokio::sync::mpsc;

use crate::apps::overseer::queue::Waiting;
use crate::apps::{
    overseer::pool::{CrashBackoff, Demand},
    worker::{
        channels::Channels,
        task::{Death, Order},
    },
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) queue: VecDeque<Waiting>,
    pub(super) slaves: BTreeMap<Arc<str>, Slave>,
    pub(super) manual: usize,
    pub(super) backoff: CrashBackoff,
    pub(super) spawned: u64,
    pub(super) crashed: u64,
    pub(super) failure: Option<Death>,
    pub(super) stopped: bool,
}

/// Which part of its life a worker is in, by the names that reports have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Spawning,
    Handshaking,
    Active,
    Sealing,
    Terminating,
    Broken,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spawning => "spawning",
            Self::Handshaking => "handshaking",
            Self::Active => "active",
            Self::Sealing => "sealing",
            Self::Terminating => "terminating",
            Self::Broken => "broken",
        }
    }
}

/// One worker, as those see it who give it events.
#[derive(Debug)]
pub(crate) struct Slave {
    pub(crate) phase: Phase,
    pub(crate) since: Instant,
    pub(crate) accepted: u64,
    pub(crate) channels: Arc<Channels>,
    pub(super) load: usize,
    /// When it finished its last event, or was started.
    pub(super) idle_since: Instant,
    pub(super) connection: Option<Connection>,
    pub(super) orders: mpsc::UnboundedSender<Order>,
}

impl State {
    pub(super) fn demand(&self) -> Demand {
        let active = self.slaves.values().filter(|slave| slave.phase == Phase::Active);
        Demand {
            queued: self.queue.len(),
            load: active.map(|slave| slave.load).sum(),
            pool: self.slaves.len(),
        }
    }

    /// Seals the workers that have the fewest events until no more than `target` are active.
    pub(super) fn seal_down_to(&mut self, target: usize) {
        let mut active: Vec<_> =
            self.slaves.values_mut().filter(|slave| slave.phase == Phase::Active).collect();
        active.sort_by_key(|slave| slave.load);
        let surplus = active.len().saturating_sub(target);
        for slave in active.into_iter().take(surplus) {
            slave.phase = Phase::Sealing;
            let _ = slave.orders.send(Order::Seal);
        }
    }
}
