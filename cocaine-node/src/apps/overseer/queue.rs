//! The queue of an app: its events on their way to a worker (`node.md` 5.1).

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use cocaine::{
    Bytes, Duplex, Error, Receiver, Sender,
    server::{OFFER_ACCEPTED, OFFER_RECEIVED},
};
use tokio::{sync::oneshot, time::timeout};

use super::{
    Overseer,
    app_queue::{QueuedEvent, QueuedEventId},
    pool,
    slot::{Assignment, Slot},
    state::AppState,
};
use crate::apps::{
    errors,
    event::{
        relay::{EventOutcome, EventRelay},
        request::EventRequest,
    },
    worker::state::WorkerState,
};

/// An event that a worker has taken.
pub(super) struct StartedEvent {
    pub(super) slot: Slot,
    /// The id of the channel to the worker.
    pub(super) id: u64,
    pub(super) worker: Duplex<Sender<Bytes>, Receiver<Bytes>>,
    /// How long the event may still take.
    pub(super) time_left: Duration,
}

/// Who has sent an event.
pub(super) enum EventClient<'a> {
    /// A client, with the half of its channel that gets the response.
    Remote(&'a mut Sender<Bytes>),
    /// A caller in this process, whose future is dropped when it leaves.
    Local,
}

impl EventClient<'_> {
    /// Waits until the client has left.
    fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Remote(output) => output.poll_closed(cx),
            Self::Local => Poll::Pending,
        }
    }

    /// Answers the offer of a request in pieces, which only remote clients make.
    async fn answer_offer(&mut self, answer: &'static [u8]) -> Result<(), Error> {
        match self {
            Self::Remote(output) => output.send(answer).await,
            Self::Local => Ok(()),
        }
    }
}

/// A slot, or where one arrives.
enum Admission {
    Assigned(Slot),
    Queued(QueuePlace),
}

/// The place of an event in the queue. Dropping this removes the event.
struct QueuePlace {
    overseer: Overseer,
    id: QueuedEventId,
    receiver: oneshot::Receiver<Assignment>,
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.overseer.remove_queued(self.id);
    }
}

impl Overseer {
    /// Carries an event from its client to a worker and the reply back. An error means that the client's connection has
    /// to be closed.
    pub(crate) async fn handle_event(
        &self,
        request: EventRequest,
        input: Receiver<Bytes>,
        mut output: Sender<Bytes>,
    ) -> Result<(), Error> {
        let since = Instant::now();
        let StartedEvent { slot, id, worker, time_left } =
            match self.start_event(&request, EventClient::Remote(&mut output), since).await {
                Ok(started) => {
                    started.slot.channels.open(started.id, Instant::now());
                    started
                }
                Err(error) => {
                    // Fails only if the client has left.
                    let _ = output.fail(&error);
                    return Ok(());
                }
            };
        let (channels, connection) = (slot.channels.clone(), slot.connection.clone());
        let outcome = EventRelay::new(channels, connection, id, (input, output), worker, time_left).await;
        let now = Instant::now();
        self.0.metrics.record_finished(now.saturating_duration_since(since), now);
        match outcome {
            EventOutcome::Finished => Ok(()),
            EventOutcome::TimedOut { has_chunk } => {
                let hint = if has_chunk { "" } else { ": its client has sent no chunk after `enqueue`" };
                let (app, event) = (&self.0.config.app, &request.event);
                tracing::info!(%app, event, "an event has timed out{hint}");
                Ok(())
            }
            EventOutcome::ClientViolation(error) => Err(error),
        }
    }

    /// Waits for a slot, and invokes the event at its worker.
    pub(super) async fn start_event(
        &self,
        request: &EventRequest,
        mut client: EventClient<'_>,
        since: Instant,
    ) -> Result<StartedEvent, Error> {
        let timeout = request.timeout(self.config().profile.request_timeout)?;
        if request.offers_body {
            self.receive_offer(&request.event, &mut client).await?;
        }
        let mut admission = self.admit_event(since, timeout)?;
        let mut now = since;
        loop {
            let slot = match admission {
                Admission::Assigned(slot) => slot,
                Admission::Queued(place) => {
                    let slot = self.wait_for_slot(place, &client).await?;
                    now = Instant::now();
                    slot
                }
            };
            if request.offers_body && !slot.takes_pieces(&request.event) {
                slot.release_unused();
                return Err(errors::offer_declined());
            }
            let opened = slot.connection.invoke(request.event.as_bytes(), request.trace, &request.headers);
            if let Ok((id, worker)) = opened {
                let time_left = timeout.saturating_sub(now.saturating_duration_since(since));
                if request.offers_body {
                    // Fails only if the client has left, which the relay finds out.
                    let _ = client.answer_offer(OFFER_ACCEPTED).await;
                }
                return Ok(StartedEvent { slot, id, worker, time_left });
            }
            // The worker is gone, and its task has not noticed yet.
            let overseer = slot.overseer.clone();
            overseer.mark_broken(&slot.uuid);
            drop(slot);
            admission = overseer.requeue_event(since, timeout)?;
        }
    }

    /// Answers the offer of a request in pieces, unless it is clear already that no worker takes it.
    async fn receive_offer(&self, event: &str, client: &mut EventClient<'_>) -> Result<(), Error> {
        client.answer_offer(OFFER_RECEIVED).await?;
        let overseer = self.successor().unwrap_or(self);
        let state = overseer.state();
        let mut active = state.workers.values().filter(|worker| worker.is_active()).peekable();
        if active.peek().is_some() && active.all(|worker| !worker.streamed.contains(event)) {
            return Err(errors::offer_declined());
        }
        Ok(())
    }

    /// Marks a worker that could not take an event it was assigned.
    fn mark_broken(&self, uuid: &str) {
        let mut state = self.state();
        if let Some(worker) = state.workers.get_mut(uuid) {
            worker.state = WorkerState::Broken;
            worker.accepted -= 1;
        }
        self.publish_active(&state);
    }

    /// Waits until an event gets a slot, has expired, its client has left, or the app turns out not to start.
    async fn wait_for_slot(&self, mut place: QueuePlace, client: &EventClient<'_>) -> Result<Slot, Error> {
        let startup_timeout = self.environment().startup_timeout;
        loop {
            let assigned = tokio::select! {
                biased;
                assigned = timeout(startup_timeout, &mut place.receiver) => assigned,
                () = poll_fn(|cx| client.poll_closed(cx)) => return Err(errors::client_left()),
            };
            match assigned {
                Ok(Ok(Assignment::Assigned(slot))) => return Ok(slot),
                Ok(Ok(Assignment::Rejected(error))) => return Err(error),
                Ok(Err(_)) => return Err(errors::stopped()),
                Err(_) => {
                    if let Some(failure) = self.startup_failure() {
                        return Err(failure.to_client_error(&self.config().app));
                    }
                }
            }
        }
    }

    /// Assigns a slot to a new event, or queues it.
    fn admit_event(&self, since: Instant, timeout: Duration) -> Result<Admission, Error> {
        let mut state = self.state();
        if let Some(successor) = self.successor() {
            drop(state);
            return successor.admit_event(since, timeout);
        }
        if state.stopped {
            return Err(errors::stopped());
        }
        let queued = state.queue.len();
        if !pool::has_room(&self.config().profile, state.demand()) || self.is_over_fair_share(queued) {
            self.0.metrics.record_rejected(queued, since);
            self.rebalance(&mut state);
            return Err(errors::queue_full());
        }
        self.0.metrics.record_accepted(queued, since);
        if state.queue.is_empty()
            && let Some(slot) = self.assign_slot(&mut state)
        {
            return Ok(Admission::Assigned(slot));
        }
        let (sender, receiver) = oneshot::channel();
        let id = state.queue.push_back(QueuedEvent { since, timeout, sender });
        self.assign_queued(&mut state);
        self.rebalance(&mut state);
        Ok(Admission::Queued(QueuePlace { overseer: self.clone(), id, receiver }))
    }

    /// Returns whether no further event may be queued because memory is scarce: an app with few events may go on.
    fn is_over_fair_share(&self, queued: usize) -> bool {
        /// The events of an app that may wait however scarce memory is.
        const FEW_EVENTS: usize = 8;
        queued >= FEW_EVENTS && self.environment().memory.is_scarce()
    }

    /// Puts an event at the front of the queue that its worker could not take.
    fn requeue_event(&self, since: Instant, timeout: Duration) -> Result<Admission, Error> {
        let mut state = self.state();
        if let Some(successor) = self.successor() {
            drop(state);
            return successor.requeue_event(since, timeout);
        }
        if state.stopped {
            return Err(errors::stopped());
        }
        let (sender, receiver) = oneshot::channel();
        let id = state.queue.push_front(QueuedEvent { since, timeout, sender });
        self.assign_queued(&mut state);
        self.rebalance(&mut state);
        Ok(Admission::Queued(QueuePlace { overseer: self.clone(), id, receiver }))
    }

    /// Takes a slot at the least loaded active worker, if one has a free slot.
    fn assign_slot(&self, state: &mut AppState) -> Option<Slot> {
        let concurrency = usize::try_from(self.config().profile.concurrency).unwrap_or(usize::MAX);
        let free =
            state.workers.iter_mut().filter(|(_, worker)| worker.is_active() && worker.load < concurrency);
        let (uuid, worker) = free.min_by_key(|(_, worker)| worker.load)?;
        let uuid: Arc<str> = uuid.clone();
        worker.load += 1;
        worker.accepted += 1;
        let (connection, channels) = (worker.connection.clone()?, worker.channels.clone());
        state.failure = None;
        Some(Slot { overseer: self.clone(), uuid, connection, channels, returned: false })
    }

    /// Assigns slots to queued events while there are any. Expiry shows only when a slot is free, as in the original.
    pub(super) fn assign_queued(&self, state: &mut AppState) {
        while !state.queue.is_empty() {
            let Some(slot) = self.assign_slot(state) else { return };
            let Some(event) = state.queue.pop_front() else { return };
            let assignment = if event.since.elapsed() > event.timeout {
                state.return_slot(slot);
                Assignment::Rejected(errors::expired())
            } else {
                Assignment::Assigned(slot)
            };
            // Dropping the slot here would deadlock: the state is locked.
            if let Err(Assignment::Assigned(slot)) = event.sender.send(assignment) {
                state.return_slot(slot);
            }
        }
    }

    pub(super) fn release_slot(&self, uuid: &str) {
        let mut state = self.state();
        if let Some(worker) = state.workers.get_mut(uuid) {
            worker.load -= 1;
            if worker.load == 0 {
                worker.idle_since = Instant::now();
                worker.terminate_if_sealed();
            }
        }
        self.assign_queued(&mut state);
    }
}
