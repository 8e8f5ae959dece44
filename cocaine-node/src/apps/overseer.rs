//! The events and the workers of one app: who takes what, and how many there are (`node.md` 5).

pub(crate) mod pool;
mod queue;
mod state;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cocaine::{Error, Receiver, server::Connection};
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use self::state::State;
pub(crate) use self::state::{Phase, Slave};
use super::profile::Profile;
use crate::{
    apps::{
        profile::manifest::Manifest,
        worker::{
            channels::Channels,
            endpoint::Endpoint,
            launcher::Workshop,
            task::{self, Death, Order},
        },
    },
    metrics::EventMetrics,
};

/// What does not change while an app runs.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) app: String,
    pub(crate) profile_name: String,
    pub(crate) manifest: Manifest,
    pub(crate) profile: Profile,
    pub(crate) endpoint: Endpoint,
    pub(crate) workshop: Workshop,
}

/// The events and workers of a running app; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Overseer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    setup: Setup,
    started: Instant,
    state: Mutex<State>,
    metrics: EventMetrics,
    /// How many workers are active.
    active: watch::Sender<usize>,
    /// The last worker of an app that stops has ended.
    emptied: Notify,
}

impl Overseer {
    pub(crate) fn new(setup: Setup) -> Self {
        let shared = Shared {
            setup,
            started: Instant::now(),
            state: Mutex::default(),
            metrics: EventMetrics::new(Instant::now()),
            active: watch::Sender::new(0),
            emptied: Notify::new(),
        };
        Self(Arc::new(shared))
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.0.setup
    }

    /// Returns how many workers are active, and every change of that.
    pub(crate) fn active(&self) -> watch::Receiver<usize> {
        self.0.active.subscribe()
    }

    /// Starts or seals workers until there are as many as are wanted.
    fn rebalance(&self, state: &mut State) {
        if state.stopped {
            return;
        }
        let target = pool::target(&self.setup().profile, state.demand(), state.manual);
        if state.backoff.is_running(Instant::now()) {
            return;
        }
        while state.slaves.len() < target {
            self.start(state);
        }
        if state.manual > 0 {
            state.seal_down_to(target);
        }
    }

    fn start(&self, state: &mut State) {
        let uuid: Arc<str> = Uuid::new_v4().to_string().into();
        let (orders, received) = mpsc::unbounded_channel();
        let channels = Arc::<Channels>::default();
        let slave = Slave {
            phase: Phase::Spawning,
            since: Instant::now(),
            accepted: 0,
            channels: channels.clone(),
            load: 0,
            idle_since: Instant::now(),
            connection: None,
            orders,
        };
        state.spawned += 1;
        state.slaves.insert(uuid.clone(), slave);
        tokio::spawn(task::live(self.clone(), uuid, channels, received));
    }

    /// Notes that a worker takes events from now on.
    pub(crate) fn activate(&self, uuid: &str, connection: Connection) {
        let mut state = self.state();
        if let Some(slave) = state.slaves.get_mut(uuid) {
            slave.connection = Some(connection);
            slave.phase = Phase::Active;
        }
        self.count(&state);
        self.hand_out(&mut state);
        self.rebalance(&mut state);
    }

    pub(crate) fn set_phase(&self, uuid: &str, phase: Phase) {
        let mut state = self.state();
        if let Some(slave) = state.slaves.get_mut(uuid) {
            slave.phase = phase;
        }
        self.count(&state);
    }

    /// Returns how many events a worker has.
    pub(crate) fn load(&self, uuid: &str) -> usize {
        self.state().slaves.get(uuid).map_or(0, |slave| slave.load)
    }

    /// Seals a worker that has had nothing to do for so long, so that nothing is given to it any more; returns when to
    /// look again if it has.
    pub(crate) fn seal_idle(&self, uuid: &str, allowed: Duration) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        let slave = state.slaves.get_mut(uuid)?;
        let due = if slave.load == 0 { slave.idle_since + allowed } else { now + allowed };
        if due > now {
            return Some(due);
        }
        slave.phase = Phase::Sealing;
        self.count(&state);
        None
    }

    /// Forgets a worker that has ended, and sees to it that there are enough others.
    pub(crate) fn bury(&self, uuid: &str, death: &Death) {
        let mut state = self.state();
        let unused = state.slaves.remove(uuid).is_none_or(|slave| slave.accepted == 0);
        let now = Instant::now();
        if death.crashed {
            state.crashed += 1;
            if let Some(until) = state.backoff.crashed(now) {
                tokio::spawn(self.clone().rebalance_at(until));
            }
        }
        if death.crashed && unused {
            state.failure = Some(death.clone());
        }
        self.count(&state);
        // An idle app needs no worker: the next event starts one, unless it came while the last one ended.
        if !death.idle || !state.queue.is_empty() {
            self.rebalance(&mut state);
        }
        if state.slaves.is_empty() {
            self.0.emptied.notify_waiters();
        }
    }

    async fn rebalance_at(self, until: Instant) {
        tokio::time::sleep_until(until.into()).await;
        self.rebalance(&mut self.state());
    }

    /// Keeps as many workers as the last number of the stream says, until it ends; zero or less leaves it to the events
    /// (`node.md` 5.2). Returns how the stream has ended, if not by a close.
    pub(crate) async fn controlled(&self, input: &mut Receiver<i32>) -> Option<Error> {
        let error = loop {
            match input.recv().await {
                Some(Ok(workers)) => self.control(usize::try_from(workers).unwrap_or_default()),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        self.control(0);
        error
    }

    fn control(&self, workers: usize) {
        let mut state = self.state();
        state.manual = workers;
        self.rebalance(&mut state);
    }

    /// Tells all workers to end, and answers the events that wait.
    pub(crate) fn begin_stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        state.queue.clear();
        for slave in state.slaves.values() {
            // The task of one that has ended listens no more.
            let _ = slave.orders.send(Order::Stop);
        }
        self.setup().endpoint.refuse();
    }

    /// Stops all workers, and returns once the last has ended.
    pub(crate) async fn stop(&self) {
        self.begin_stop();
        loop {
            let emptied = self.0.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.state().slaves.is_empty() {
                return self.setup().endpoint.close();
            }
            emptied.await;
        }
    }

    /// Returns why workers do not start, if the last one did not.
    pub(crate) fn failure(&self) -> Option<Death> {
        let state = self.state();
        let active = state.slaves.values().any(|slave| slave.phase == Phase::Active);
        state.failure.clone().filter(|_| !active)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Returns what a report says of the app.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Snapshot<'_>) -> T) -> T {
        let state = self.state();
        let now = Instant::now();
        let demand = state.demand();
        look(&Snapshot {
            now,
            uptime: now.saturating_duration_since(self.0.started),
            queued: demand.queued,
            load: demand.load,
            oldest_event: state.queue.front().map(|waiting| now.saturating_duration_since(waiting.since)),
            spawned: state.spawned,
            crashed: state.crashed,
            failure: state.failure.as_ref(),
            slaves: &state.slaves,
            metrics: &self.0.metrics,
        })
    }

    fn count(&self, state: &State) {
        let active = state.slaves.values().filter(|slave| slave.phase == Phase::Active).count();
        self.0.active.send_if_modified(|known| std::mem::replace(known, active) != active);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an app does at one moment.
pub(crate) struct Snapshot<'a> {
    pub(crate) now: Instant,
    pub(crate) uptime: Duration,
    pub(crate) queued: usize,
    pub(crate) load: usize,
    pub(crate) oldest_event: Option<Duration>,
    pub(crate) spawned: u64,
    pub(crate) crashed: u64,
    pub(crate) failure: Option<&'a Death>,
    pub(crate) slaves: &'a BTreeMap<Arc<str>, Slave>,
    pub(crate) metrics: &'a EventMetrics,
}
