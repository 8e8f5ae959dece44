//! How an app gets as many workers as it needs, within the limit of the node.

use std::{sync::Arc, time::Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Overseer, permits::WorkerPermit, pool, state::AppState, state::WorkerEntry, supervisor};
use crate::apps::worker::channels::WorkerChannels;

impl Overseer {
    /// Starts or seals workers until their number is the target. Of very many, those that are left start as the first ones
    /// have connected.
    pub(super) fn rebalance(&self, state: &mut AppState) {
        self.rebalance_with(state, None);
    }

    /// As [`Overseer::rebalance`], with a permit that was waited for. One that is not needed is released.
    fn rebalance_with(&self, state: &mut AppState, mut permit: Option<WorkerPermit>) {
        if state.stopped || self.successor().is_some() {
            return;
        }
        let target = pool::target_size(&self.config().profile, state.demand(), state.manual_target);
        let now = Instant::now();
        for _ in 0..pool::startable(target, state.workers.len(), state.starting()) {
            if !state.backoff.can_start(now) {
                break;
            }
            let Some(permit) = permit.take().or_else(|| self.environment().permits.try_acquire()) else {
                self.wait_for_permit(state);
                break;
            };
            self.start_worker(state, permit, now);
        }
        if state.manual_target > 0 && state.backoff.can_start(now) {
            state.seal_surplus(target);
        }
    }

    fn start_worker(&self, state: &mut AppState, permit: WorkerPermit, now: Instant) {
        let uuid: Arc<str> = Uuid::new_v4().to_string().into();
        let (sender, commands) = mpsc::unbounded_channel();
        let channels = Arc::<WorkerChannels>::default();
        state.spawned += 1;
        let is_replacement = state.backoff.record_start(now);
        state.workers.insert(uuid.clone(), WorkerEntry::new(channels.clone(), sender, is_replacement));
        tokio::spawn(supervisor::run_worker(self.clone(), uuid, channels, commands, permit));
    }

    /// Goes on once a worker of any app has ended.
    fn wait_for_permit(&self, state: &mut AppState) {
        if state.permit_wait.is_some() {
            return;
        }
        let (app, limit) = (&self.config().app, self.environment().permits.limit());
        tracing::warn!(app, limit, "more workers are wanted than the node may run (`apps.max_workers`)");
        let overseer = self.clone();
        let waiting = tokio::spawn(async move {
            let permit = overseer.environment().permits.acquire().await;
            let mut state = overseer.state();
            state.permit_wait = None;
            overseer.rebalance_with(&mut state, permit);
        });
        state.permit_wait = Some(waiting.abort_handle());
        if state.workers.is_empty() {
            self.0.failed.notify_waiters();
        }
    }
}
