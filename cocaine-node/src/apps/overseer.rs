//! The events and the workers of one app (`node.md` 5).
//!
//! ```text
//! local_event  an event of a caller in the node
//! supervisor   the task for each worker       queue   an event on its way to a worker
//! app_queue  the events that wait             handover   another generation of the app in its place
//! state slot   what both change under one lock
//! pool         how many workers there should be
//! growth permits   how they are started, and how many the node may have
//! environment  what all apps of the node share
//! ```

mod app_queue;
pub(crate) mod environment;
mod growth;
pub(crate) mod handover;
pub(crate) mod local_event;
pub(crate) mod permits;
mod pool;
mod queue;
mod slot;
mod state;
mod supervisor;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::timeout_at,
};

pub(crate) use self::state::WorkerEntry;
use self::{environment::AppEnvironment, state::AppState};
use crate::{
    apps::{
        profile::config::AppConfig,
        worker::{
            endpoint::WorkerEndpoint,
            exit::WorkerExit,
            state::WorkerState,
            task::{WorkerCommand, WorkerEvent},
        },
    },
    metrics::EventMetrics,
};

/// The events and workers of a running app; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Overseer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Arc<AppConfig>,
    environment: AppEnvironment,
    endpoint: WorkerEndpoint,
    started: Instant,
    state: Mutex<AppState>,
    metrics: EventMetrics,
    /// The number of active workers.
    active: watch::Sender<usize>,
    /// Notified when the last worker has been removed.
    emptied: Notify,
    /// Notified when a worker has crashed before it had an event.
    failed: Notify,
    /// The overseer that has the events of this app from now on, if another generation has taken its place.
    successor: OnceLock<Overseer>,
    /// Set when the workers that are left are killed.
    killed: watch::Sender<bool>,
}

impl Overseer {
    pub(crate) fn new(config: AppConfig, endpoint: WorkerEndpoint, environment: AppEnvironment) -> Self {
        let now = Instant::now();
        Self(Arc::new(Shared {
            config: Arc::new(config),
            environment,
            endpoint,
            started: now,
            state: Mutex::default(),
            metrics: EventMetrics::new(now),
            active: watch::Sender::new(0),
            emptied: Notify::new(),
            failed: Notify::new(),
            successor: OnceLock::new(),
            killed: watch::Sender::new(false),
        }))
    }

    pub(crate) fn config(&self) -> &Arc<AppConfig> {
        &self.0.config
    }

    /// Returns whether both are clones of one overseer.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn environment(&self) -> &AppEnvironment {
        &self.0.environment
    }

    fn endpoint(&self) -> &WorkerEndpoint {
        &self.0.endpoint
    }

    /// Returns the number of active workers, and its changes.
    pub(crate) fn active_workers(&self) -> watch::Receiver<usize> {
        self.0.active.subscribe()
    }

    /// Applies what has happened to a worker.
    fn apply_event(&self, uuid: &str, event: WorkerEvent) {
        let mut state = self.state();
        let Some(worker) = state.workers.get_mut(uuid) else { return };
        match event {
            WorkerEvent::StateChanged(changed) => {
                worker.state = changed;
                self.publish_active(&state);
            }
            WorkerEvent::Activated(connection, streamed) => {
                worker.connection = Some(connection);
                worker.streamed = streamed;
                worker.state = WorkerState::Active;
                self.publish_active(&state);
                self.assign_queued(&mut state);
                self.rebalance(&mut state);
            }
        }
    }

    /// Terminates an active worker that has had no events for `timeout`. Returns when to check again, unless the worker is
    /// no longer active.
    fn seal_if_idle(&self, uuid: &str, timeout: Duration) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        let worker = state.workers.get_mut(uuid).filter(|worker| worker.is_active())?;
        let due = if worker.load == 0 { worker.idle_since + timeout } else { now + timeout };
        if due > now {
            return Some(due);
        }
        // A sealed worker is assigned no event before it gets the command.
        worker.state = WorkerState::Sealing;
        worker.send(WorkerCommand::TerminateIdle);
        self.publish_active(&state);
        None
    }

    /// Removes a worker that has ended, and replaces it if the app needs another one.
    fn remove_worker(&self, uuid: &str, exit: &WorkerExit) {
        let mut state = self.state();
        let worker = state.workers.remove(uuid);
        let unused = worker.as_ref().is_none_or(|worker| worker.accepted == 0);
        if exit.crashed {
            state.crashed += 1;
            let is_replacement = worker.is_some_and(|worker| worker.is_replacement);
            if let Some(until) = state.backoff.record_crash(Instant::now(), is_replacement) {
                tokio::spawn(self.clone().rebalance_at(until));
            }
        }
        if exit.crashed && unused {
            state.failure = Some(exit.clone());
            self.0.failed.notify_waiters();
        }
        self.publish_active(&state);
        // An idle app needs no worker, unless an event came while the last one ended.
        if !exit.idle || !state.queue.is_empty() {
            self.rebalance(&mut state);
        }
        if state.workers.is_empty() {
            self.0.emptied.notify_waiters();
        }
    }

    async fn rebalance_at(self, until: Instant) {
        tokio::time::sleep_until(until.into()).await;
        self.rebalance(&mut self.state());
    }

    /// Sets the number of workers that a controlling client wants. With zero the events decide (`node.md` 5.2).
    pub(crate) fn set_manual_target(&self, workers: usize) {
        let mut state = self.state();
        state.manual_target = workers;
        self.rebalance(&mut state);
    }

    /// Starts to terminate all workers, and fails the queued events.
    pub(crate) fn start_stopping(&self) {
        let mut state = self.state();
        state.stopped = true;
        if let Some(waiting) = state.permit_wait.take() {
            waiting.abort();
        }
        state.queue.clear();
        state.workers.values().for_each(|worker| worker.send(WorkerCommand::Stop));
        self.endpoint().stop_accepting();
    }

    /// Stops all workers, kills those that are left at the deadline, and returns once the last has ended.
    pub(crate) async fn stop(&self, deadline: Option<tokio::time::Instant>) {
        self.start_stopping();
        if let Some(deadline) = deadline
            && timeout_at(deadline, self.wait_until_empty()).await.is_err()
        {
            let (app, workers) = (&self.config().app, self.state().workers.len());
            tracing::warn!(app, workers, "workers are killed: they did not end in time");
            self.0.killed.send_replace(true);
        }
        self.wait_until_empty().await;
        self.close().await;
    }

    pub(super) async fn wait_until_empty(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.state().workers.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Returns why workers do not start, if the last one did not and none is active.
    fn startup_failure(&self) -> Option<WorkerExit> {
        if let Some(successor) = self.successor() {
            return successor.startup_failure();
        }
        let state = self.state();
        let any_active = state.workers.values().any(WorkerEntry::is_active);
        state.failure.clone().filter(|_| !any_active).or_else(|| self.limit_failure(&state))
    }

    /// Returns why no worker starts if the reason is the limit of the node.
    fn limit_failure(&self, state: &AppState) -> Option<WorkerExit> {
        let is_limited = state.permit_wait.is_some() && state.workers.is_empty();
        is_limited.then(|| WorkerExit::node_limit(self.environment().permits.limit()))
    }

    /// Removes the socket, and the package of a later generation: that of the first one is replaced by the next start.
    pub(super) async fn close(&self) {
        self.endpoint().close();
        let config = self.config();
        if config.generation > 0 {
            let folder = self.environment().folders.package(&config.app, config.generation);
            // The next start of the node removes what is left.
            let _ = spawn_blocking(move || std::fs::remove_dir_all(folder)).await;
        }
    }

    /// Returns when the workers that are left have to be killed.
    async fn wait_until_killed(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.killed.subscribe().wait_for(|killed| *killed).await;
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Calls `read` with the state of the app, under its lock.
    pub(crate) fn read_state<T>(&self, read: impl FnOnce(&OverseerSnapshot<'_>) -> T) -> T {
        let state = self.state();
        let now = Instant::now();
        let demand = state.demand();
        read(&OverseerSnapshot {
            now,
            uptime: now.saturating_duration_since(self.0.started),
            queued: demand.queued,
            load: demand.load,
            oldest_event: state.queue.front().map(|event| now.saturating_duration_since(event.since)),
            spawned: state.spawned,
            crashed: state.crashed,
            failure: state.failure.as_ref(),
            exceeded_limit: state.permit_wait.is_some().then(|| self.environment().permits.limit()),
            workers: &state.workers,
            metrics: &self.0.metrics,
        })
    }

    /// Updates the number that [`Overseer::active_workers`] returns.
    fn publish_active(&self, state: &AppState) {
        let active = state.workers.values().filter(|worker| worker.is_active()).count();
        self.0.active.send_if_modified(|known| std::mem::replace(known, active) != active);
    }

    fn state(&self) -> MutexGuard<'_, AppState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of an app at one moment.
pub(crate) struct OverseerSnapshot<'a> {
    pub(crate) now: Instant,
    pub(crate) uptime: Duration,
    /// How many events wait.
    pub(crate) queued: usize,
    /// How many events the workers have.
    pub(crate) load: usize,
    pub(crate) oldest_event: Option<Duration>,
    pub(crate) spawned: u64,
    pub(crate) crashed: u64,
    pub(crate) failure: Option<&'a WorkerExit>,
    /// The limit of the node, if more workers are wanted.
    pub(crate) exceeded_limit: Option<usize>,
    pub(crate) workers: &'a BTreeMap<Arc<str>, WorkerEntry>,
    pub(crate) metrics: &'a EventMetrics,
}
