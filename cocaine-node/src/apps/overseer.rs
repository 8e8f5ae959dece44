//! The events and the workers of one app: who takes what, and how many there are (`node.md` 5).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cocaine::{Bytes, Error, Receiver, Sender, server::Connection};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use uuid::Uuid;

use super::{
    cause,
    channels::Channels,
    endpoint::Endpoint,
    event::{Ask, Ended, Exchange},
    manifest::Manifest,
    meters::Meters,
    pool::{self, CrashBackoff, Demand},
    profile::Profile,
    slave::{self, Death, Order},
    workshop::Workshop,
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
    meters: Meters,
    /// How many workers are active.
    active: watch::Sender<usize>,
    /// The last worker of an app that stops has ended.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiting>,
    slaves: BTreeMap<Arc<str>, Slave>,
    manual: usize,
    backoff: CrashBackoff,
    spawned: u64,
    crashed: u64,
    failure: Option<Death>,
    stopped: bool,
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
    load: usize,
    /// When it finished its last event, or was started.
    idle_since: Instant,
    connection: Option<Connection>,
    orders: mpsc::UnboundedSender<Order>,
}

/// An event that nobody has taken yet.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    timeout: Duration,
    grant: oneshot::Sender<Grant>,
}

/// What becomes of an event that waits.
#[derive(Debug)]
enum Grant {
    Taken(Place),
    Refused(Error),
}

/// A place for an event at a worker, given back when it is dropped.
#[derive(Debug)]
struct Place {
    overseer: Overseer,
    uuid: Arc<str>,
    connection: Connection,
    channels: Arc<Channels>,
    returned: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.returned {
            self.overseer.release(&self.uuid);
        }
    }
}

impl Overseer {
    pub(crate) fn new(setup: Setup) -> Self {
        let shared = Shared {
            setup,
            started: Instant::now(),
            state: Mutex::default(),
            meters: Meters::new(Instant::now()),
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

    /// Carries an event from its client to a worker and back. An error means that the client's connection is to be
    /// closed.
    pub(crate) async fn handle(
        &self,
        ask: Ask,
        input: Receiver<Bytes>,
        output: Sender<Bytes>,
    ) -> Result<(), Error> {
        let since = Instant::now();
        let (place, id, worker, timeout) = match self.take(&ask, since).await {
            Ok(taken) => taken,
            Err(error) => {
                // A client that has left need not know.
                let _ = output.answer(&error);
                return Ok(());
            }
        };
        let (channels, connection) = (place.channels.clone(), place.connection.clone());
        let ended = Exchange::new(channels, connection, id, (input, output), worker, timeout).await;
        let now = Instant::now();
        self.0.meters.finished(now.saturating_duration_since(since), now);
        match ended {
            Ended::Well => Ok(()),
            Ended::Misused(error) => Err(error),
        }
    }

    /// Finds a worker that takes the event, and hands it over.
    async fn take(&self, ask: &Ask, since: Instant) -> Result<Taken, Error> {
        let timeout = ask.timeout(self.setup().profile.request_timeout)?;
        let mut waiting = self.enqueue(since, timeout)?;
        let mut now = since;
        loop {
            let place = match waiting {
                Ok(place) => place,
                Err(granted) => {
                    let place = self.wait(granted).await?;
                    now = Instant::now();
                    place
                }
            };
            let opened = place.connection.invoke(ask.event.as_bytes(), ask.trace, &ask.headers);
            if let Ok((id, worker)) = opened {
                place.channels.open(id, now);
                let left = timeout.saturating_sub(now.saturating_duration_since(since));
                return Ok((place, id, worker, left));
            }
            // The worker is gone, and its task does not know yet.
            self.note_lost(&place.uuid);
            drop(place);
            waiting = Err(self.put_first(since, timeout)?);
        }
    }

    /// Notes that a worker could not take an event after all.
    fn note_lost(&self, uuid: &str) {
        let mut state = self.state();
        if let Some(slave) = state.slaves.get_mut(uuid) {
            slave.phase = Phase::Broken;
            slave.accepted -= 1;
        }
        self.count(&state);
    }

    /// Waits until an event is taken, has expired, or the app turns out not to start.
    async fn wait(&self, mut granted: oneshot::Receiver<Grant>) -> Result<Place, Error> {
        let patience = self.setup().workshop.patience;
        loop {
            match tokio::time::timeout(patience, &mut granted).await {
                Ok(Ok(Grant::Taken(place))) => return Ok(place),
                Ok(Ok(Grant::Refused(error))) => return Err(error),
                Ok(Err(_)) => return Err(cause::stopped()),
                Err(_) => {
                    if let Some(failure) = self.failure() {
                        drop(granted);
                        self.state().queue.retain(|waiting| !waiting.grant.is_closed());
                        return Err(failure.told(&self.setup().app));
                    }
                }
            }
        }
    }

    /// Gives an event to a worker, or a place in the queue.
    fn enqueue(
        &self,
        since: Instant,
        timeout: Duration,
    ) -> Result<Result<Place, oneshot::Receiver<Grant>>, Error> {
        let mut state = self.state();
        if state.stopped {
            return Err(cause::stopped());
        }
        let admitted = pool::admits(&self.setup().profile, state.demand());
        self.0.meters.asked(admitted, state.queue.len(), since);
        if !admitted {
            self.rebalance(&mut state);
            return Err(cause::queue_full());
        }
        if state.queue.is_empty()
            && let Some(place) = self.assign(&mut state)
        {
            return Ok(Ok(place));
        }
        let (grant, granted) = oneshot::channel();
        state.queue.push_back(Waiting { since, timeout, grant });
        self.hand_out(&mut state);
        self.rebalance(&mut state);
        Ok(Err(granted))
    }

    /// Puts an event first that a worker could not take after all.
    fn put_first(&self, since: Instant, timeout: Duration) -> Result<oneshot::Receiver<Grant>, Error> {
        let mut state = self.state();
        if state.stopped {
            return Err(cause::stopped());
        }
        let (grant, granted) = oneshot::channel();
        state.queue.push_front(Waiting { since, timeout, grant });
        self.hand_out(&mut state);
        self.rebalance(&mut state);
        Ok(granted)
    }

    /// Returns a place at the active worker that has the fewest events, if one has room.
    fn assign(&self, state: &mut State) -> Option<Place> {
        let room = usize::try_from(self.setup().profile.concurrency).unwrap_or(usize::MAX);
        let free =
            state.slaves.iter_mut().filter(|(_, slave)| slave.phase == Phase::Active && slave.load < room);
        let (uuid, slave) = free.min_by_key(|(_, slave)| slave.load)?;
        let uuid = uuid.clone();
        slave.load += 1;
        slave.accepted += 1;
        let (connection, channels) = (slave.connection.clone()?, slave.channels.clone());
        state.failure = None;
        Some(Place { overseer: self.clone(), uuid, connection, channels, returned: false })
    }

    /// Gives waiting events to workers as long as there is room; only then it shows which have expired (`node.md` 5.1).
    fn hand_out(&self, state: &mut State) {
        state.queue.retain(|waiting| !waiting.grant.is_closed());
        while !state.queue.is_empty() {
            let Some(place) = self.assign(state) else { return };
            let Some(waiting) = state.queue.pop_front() else { return };
            let grant = if waiting.since.elapsed() > waiting.timeout {
                state.retract(place);
                Grant::Refused(cause::expired())
            } else {
                Grant::Taken(place)
            };
            // Nobody else takes a place under this lock: one that comes back is given back by hand.
            if let Err(Grant::Taken(place)) = waiting.grant.send(grant) {
                state.retract(place);
            }
        }
    }

    fn release(&self, uuid: &str) {
        let mut state = self.state();
        if let Some(slave) = state.slaves.get_mut(uuid) {
            slave.load -= 1;
            if slave.load == 0 {
                slave.idle_since = Instant::now();
                if slave.phase == Phase::Sealing {
                    // The worker's task may have ended.
                    let _ = slave.orders.send(Order::Look);
                }
            }
        }
        self.hand_out(&mut state);
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
        tokio::spawn(slave::live(self.clone(), uuid, channels, received));
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
        // An idle app needs no worker: the next event starts one.
        if !death.idle {
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

    /// Stops all workers, answers the events that wait, and returns once the last has ended.
    pub(crate) async fn stop(&self) {
        {
            let mut state = self.state();
            state.stopped = true;
            state.queue.clear();
            for slave in state.slaves.values() {
                let _ = slave.orders.send(Order::Stop);
            }
        }
        self.setup().endpoint.refuse();
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
            meters: &self.0.meters,
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
    pub(crate) meters: &'a Meters,
}

/// A place at a worker, the channel that was opened there, and how long the event may take.
type Taken = (Place, u64, cocaine::Duplex<Bytes, Bytes>, Duration);

impl State {
    fn demand(&self) -> Demand {
        let active = self.slaves.values().filter(|slave| slave.phase == Phase::Active);
        Demand {
            queued: self.queue.len(),
            load: active.map(|slave| slave.load).sum(),
            pool: self.slaves.len(),
        }
    }

    /// Gives a place back under the lock that it was given out under.
    fn retract(&mut self, mut place: Place) {
        if let Some(slave) = self.slaves.get_mut(&place.uuid) {
            slave.load -= 1;
            slave.accepted -= 1;
        }
        place.returned = true;
    }

    /// Seals the workers that have the fewest events until no more than `target` are active.
    fn seal_down_to(&mut self, target: usize) {
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
