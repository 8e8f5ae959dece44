//! The state of an app at one moment: the queued events, and the workers.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use cocaine::server::{Connection, StreamedEvents};
use tokio::{sync::mpsc, task::AbortHandle};

use super::{
    app_queue::AppQueue,
    pool::{CrashBackoff, Demand},
    slot::Slot,
};
use crate::apps::worker::{
    channels::WorkerChannels, exit::WorkerExit, state::WorkerState, task::WorkerCommand,
};

/// The state of an app.
#[derive(Debug, Default)]
pub(super) struct AppState {
    pub(super) queue: AppQueue,
    pub(super) workers: BTreeMap<Arc<str>, WorkerEntry>,
    /// How many workers a controlling client wants; 0 if no client controls the app.
    pub(super) manual_target: usize,
    pub(super) backoff: CrashBackoff,
    pub(super) spawned: u64,
    pub(super) crashed: u64,
    /// The exit of the last worker that crashed before it had an event, until one takes an event.
    pub(super) failure: Option<WorkerExit>,
    pub(super) stopped: bool,
    /// The task that waits until the node may run one more worker, if more are wanted.
    pub(super) permit_wait: Option<AbortHandle>,
}

/// A worker as the overseer knows it.
#[derive(Debug)]
pub(crate) struct WorkerEntry {
    pub(crate) state: WorkerState,
    pub(crate) since: Instant,
    /// How many events it has been given.
    pub(crate) accepted: u64,
    pub(crate) channels: Arc<WorkerChannels>,
    /// How many slots are in use.
    pub(super) load: usize,
    /// When its last event finished, or else when it was started.
    pub(super) idle_since: Instant,
    pub(super) connection: Option<Connection>,
    /// The events that it takes with bodies in pieces.
    pub(super) streamed: StreamedEvents,
    /// Whether it was started in the place of one that has crashed.
    pub(super) is_replacement: bool,
    pub(super) commands: mpsc::UnboundedSender<WorkerCommand>,
}

impl WorkerEntry {
    pub(super) fn new(
        channels: Arc<WorkerChannels>,
        commands: mpsc::UnboundedSender<WorkerCommand>,
        is_replacement: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            state: WorkerState::Spawning,
            since: now,
            accepted: 0,
            channels,
            load: 0,
            idle_since: now,
            connection: None,
            streamed: StreamedEvents::default(),
            is_replacement,
            commands,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.state == WorkerState::Active
    }

    pub(super) fn send(&self, command: WorkerCommand) {
        // Fails only for a worker that has ended, which needs no command.
        let _ = self.commands.send(command);
    }

    /// Lets the worker finish its events, and ends it when it has.
    fn seal(&mut self) {
        self.state = WorkerState::Sealing;
        self.send(WorkerCommand::Seal);
        self.terminate_if_sealed();
    }

    /// Ends a sealed worker without events.
    pub(super) fn terminate_if_sealed(&self) {
        if self.load == 0 && self.state == WorkerState::Sealing {
            self.send(WorkerCommand::TerminateSealed);
        }
    }
}

impl AppState {
    pub(super) fn demand(&self) -> Demand {
        let active = self.workers.values().filter(|worker| worker.is_active());
        Demand {
            queued: self.queue.len(),
            load: active.map(|worker| worker.load).sum(),
            pool: self.workers.len(),
        }
    }

    /// Returns how many workers have not connected yet.
    pub(super) fn starting(&self) -> usize {
        let is_starting =
            |worker: &&WorkerEntry| matches!(worker.state, WorkerState::Spawning | WorkerState::Handshaking);
        self.workers.values().filter(is_starting).count()
    }

    /// Seals the least loaded workers until no more than `target` are active.
    pub(super) fn seal_surplus(&mut self, target: usize) {
        let mut active: Vec<_> = self.workers.values_mut().filter(|worker| worker.is_active()).collect();
        active.sort_by_key(|worker| worker.load);
        let surplus = active.len().saturating_sub(target);
        active.into_iter().take(surplus).for_each(WorkerEntry::seal);
    }

    /// Lets all workers finish their events, and ends those that are not active yet.
    pub(super) fn drain(&mut self) {
        for worker in self.workers.values_mut() {
            match worker.state {
                WorkerState::Active => worker.seal(),
                WorkerState::Spawning | WorkerState::Handshaking => worker.send(WorkerCommand::Stop),
                WorkerState::Sealing | WorkerState::Terminating | WorkerState::Broken => {}
            }
        }
    }

    /// Returns a slot under the lock that it was assigned under.
    pub(super) fn return_slot(&mut self, mut slot: Slot) {
        if let Some(worker) = self.workers.get_mut(&slot.uuid) {
            worker.load -= 1;
            worker.accepted -= 1;
        }
        slot.returned = true;
    }
}
