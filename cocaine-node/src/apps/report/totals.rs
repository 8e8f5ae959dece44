//! The counts of a running app, for collectors of metrics.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    apps::{overseer::Overseer, worker::state::WorkerState},
    metrics::TimeStats,
};

/// What an app has and has done at one moment.
#[derive(Debug)]
pub(crate) struct AppTotals {
    pub(crate) app: String,
    /// Events that were taken, and those that found the queue full.
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// Events that wait, and the most that may.
    pub(crate) queued: u64,
    pub(crate) queue_limit: u32,
    /// How long the oldest event has waited.
    pub(crate) oldest_event: Duration,
    /// Events that workers have.
    pub(crate) running: u64,
    /// Workers by their state, and the most that there may be.
    pub(crate) workers: BTreeMap<&'static str, u64>,
    pub(crate) pool_limit: u32,
    pub(crate) spawned: u64,
    pub(crate) crashed: u64,
    /// How long events took, in milliseconds.
    pub(crate) times: TimeStats,
}

impl AppTotals {
    pub(super) const STATES: [WorkerState; 6] = [
        WorkerState::Spawning,
        WorkerState::Handshaking,
        WorkerState::Active,
        WorkerState::Sealing,
        WorkerState::Terminating,
        WorkerState::Broken,
    ];

    /// Reads the counts of an app.
    pub(crate) fn read(overseer: &Overseer) -> Self {
        let config = overseer.config();
        overseer.read_state(|snapshot| {
            let mut workers: BTreeMap<_, u64> = Self::STATES.map(|state| (state.name(), 0)).into();
            for entry in snapshot.workers.values() {
                *workers.entry(entry.state.name()).or_default() += 1;
            }
            Self {
                app: config.app.clone(),
                accepted: snapshot.metrics.accepted(snapshot.now).count,
                rejected: snapshot.metrics.rejected(),
                queued: count(snapshot.queued),
                queue_limit: config.profile.queue_limit,
                oldest_event: snapshot.oldest_event.unwrap_or_default(),
                running: count(snapshot.load),
                workers,
                pool_limit: config.profile.pool_limit,
                spawned: snapshot.spawned,
                crashed: snapshot.crashed,
                times: snapshot.metrics.finished(snapshot.now).1,
            }
        })
    }
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}
