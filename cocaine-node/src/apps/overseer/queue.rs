//! The events of an app, on their way to a worker.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cocaine::{Bytes, Error, Receiver, Sender, server::Connection};
use tokio::sync::oneshot;

use super::{
    Overseer,
    state::{Phase, State},
};
use crate::apps::{
    errors,
    event::{Ask, Ended, Exchange},
    overseer::pool,
    worker::{channels::Channels, task::Order},
};

/// An event that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) since: Instant,
    timeout: Duration,
    grant: oneshot::Sender<Grant>,
}

/// What becomes of an event that waits.
#[derive(Debug)]
pub(super) enum Grant {
    Taken(Place),
    Refused(Error),
}

/// A place for an event at a worker, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
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

/// A place at a worker, the channel that was opened there, and how long the event may take.
type Taken = (Place, u64, cocaine::Duplex<Sender<Bytes>, Receiver<Bytes>>, Duration);

impl Overseer {
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
                let _ = output.fail(&error);
                return Ok(());
            }
        };
        let (channels, connection) = (place.channels.clone(), place.connection.clone());
        let ended = Exchange::new(channels, connection, id, (input, output), worker, timeout).await;
        let now = Instant::now();
        self.0.metrics.record_finished(now.saturating_duration_since(since), now);
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
                Ok(Err(_)) => return Err(errors::stopped()),
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
            return Err(errors::stopped());
        }
        let admitted = pool::admits(&self.setup().profile, state.demand());
        if admitted {
            self.0.metrics.record_accepted(state.queue.len(), since);
        } else {
            self.0.metrics.record_rejected(state.queue.len(), since);
            self.rebalance(&mut state);
            return Err(errors::queue_full());
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
            return Err(errors::stopped());
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
    pub(super) fn hand_out(&self, state: &mut State) {
        state.queue.retain(|waiting| !waiting.grant.is_closed());
        while !state.queue.is_empty() {
            let Some(place) = self.assign(state) else { return };
            let Some(waiting) = state.queue.pop_front() else { return };
            let grant = if waiting.since.elapsed() > waiting.timeout {
                state.retract(place);
                Grant::Refused(errors::expired())
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
}

impl State {
    /// Gives a place back under the lock that it was given out under.
    fn retract(&mut self, mut place: Place) {
        if let Some(slave) = self.slaves.get_mut(&place.uuid) {
            slave.load -= 1;
            slave.accepted -= 1;
        }
        place.returned = true;
    }
}
