//! How another generation of an app takes the place of the one that runs.

use cocaine::{Error, Result};

use super::{Overseer, app_queue::QueuedEventId};
use crate::errno::{self, Errno};

impl Overseer {
    /// Returns the overseer that has taken the place of this one.
    pub(super) fn successor(&self) -> Option<&Self> {
        self.0.successor.get()
    }

    /// Starts a worker, and waits until it has connected.
    ///
    /// # Errors
    /// Why the first worker that has ended did not start, or that the app is stopped.
    pub(crate) async fn start_first_worker(&self) -> Result<()> {
        self.rebalance(&mut self.state());
        let mut active = self.active_workers();
        loop {
            let (failed, emptied) = (self.0.failed.notified(), self.0.emptied.notified());
            tokio::pin!(failed, emptied);
            failed.as_mut().enable();
            emptied.as_mut().enable();
            if *active.borrow_and_update() > 0 {
                return Ok(());
            }
            self.check_start()?;
            tokio::select! {
                // The sender lives as long as `self`.
                _ = active.changed() => {}
                () = failed => {}
                () = emptied => {}
            }
        }
    }

    fn check_start(&self) -> Result<(), Error> {
        let state = self.state();
        let app = &self.config().app;
        match &state.failure.clone().or_else(|| self.limit_failure(&state)) {
            Some(failure) => Err(failure.to_client_error(app)),
            None if state.stopped => Err(stopped_meanwhile(app)),
            None => Ok(()),
        }
    }

    /// Hands over the queued events and all that come to `newer`. The workers of this overseer finish what they have.
    pub(crate) fn hand_over(&self, newer: &Self) {
        // Locks of generations are taken in their order. Nothing is queued here once the lock is released.
        let mut state = self.state();
        let mut next = newer.state();
        if self.0.successor.set(newer.clone()).is_err() {
            return;
        }
        next.queue.prepend(&mut state.queue);
        next.manual_target = state.manual_target;
        state.drain();
        self.publish_active(&state);
        newer.assign_queued(&mut next);
        newer.rebalance(&mut next);
    }

    /// Waits until the workers have finished what they had, each within the `seal-timeout` of its profile, and ended.
    pub(crate) async fn finish_draining(&self) {
        self.wait_until_empty().await;
        self.close().await;
    }

    /// Removes an event that still waits, here or in the queue that it was handed over to.
    pub(super) fn remove_queued(&self, id: QueuedEventId) {
        let removed = self.state().queue.remove(id);
        if removed.is_none()
            && let Some(successor) = self.successor()
        {
            successor.remove_queued(id);
        }
    }
}

/// Returns the error for whoever starts an app that is stopped before it runs.
pub(crate) fn stopped_meanwhile(app: &str) -> Error {
    errno::error(Errno::CANCELED, format!("app '{app}' was stopped while it started"))
}
