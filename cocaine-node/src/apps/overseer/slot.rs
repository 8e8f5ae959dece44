//! Slots: the places for events at the workers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cocaine::{Error, server::Connection};
use tokio::sync::oneshot;

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

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.returned {
            self.overseer.release_slot(&self.uuid);
        }
    }
}

/// An event that waits for a slot.
#[derive(Debug)]
pub(super) struct QueuedEvent {
    pub(super) since: Instant,
    pub(super) timeout: Duration,
    pub(super) sender: oneshot::Sender<Assignment>,
}

/// What a queued event gets.
#[derive(Debug)]
pub(super) enum Assignment {
    Assigned(Slot),
    Rejected(Error),
}
