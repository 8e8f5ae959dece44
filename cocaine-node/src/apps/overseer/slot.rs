//! Slots: the places for events at the workers.

use std::sync::Arc;

use cocaine::{Error, server::Connection};

use super::Overseer;
use crate::apps::worker::channels::WorkerChannels;

/// One of the events that a worker may have at once. Dropping this releases it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) overseer: Overseer,
    pub(super) uuid: Arc<str>,
    pub(super) connection: Connection,
    pub(super) channels: Arc<WorkerChannels>,
    /// The slot was returned under the lock that it was assigned under.
    pub(super) returned: bool,
}

impl Slot {
    /// Returns whether the worker takes the body of a request for this event in pieces.
    pub(super) fn takes_pieces(&self, event: &str) -> bool {
        let state = self.overseer.state();
        state.workers.get(&self.uuid).is_some_and(|worker| worker.streamed.contains(event))
    }

    /// Releases the slot of an event that the worker has not been given.
    pub(super) fn release_unused(self) {
        if let Some(worker) = self.overseer.state().workers.get_mut(&self.uuid) {
            worker.accepted -= 1;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.returned {
            self.overseer.release_slot(&self.uuid);
        }
    }
}

/// What a queued event gets.
#[derive(Debug)]
pub(super) enum Assignment {
    Assigned(Slot),
    Rejected(Error),
}
