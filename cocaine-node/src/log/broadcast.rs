//! Following what workers print and what is logged, as it happens.
//!
//! Nobody waits for a follower: each has a queue of its own, limited in bytes. Lines that find it full are dropped, and the
//! follower learns their number with the next lines.

mod follower;
mod history;
mod line;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::{follower::FollowerQueue, history::History};
pub use self::{
    follower::{LogBatch, LogFollower},
    line::{LogLine, LogSelection},
};

/// How many followers there may be at once.
const MAX_FOLLOWERS: usize = 64;

/// There are as many followers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log has {MAX_FOLLOWERS} followers, and may have no more at once: end one")]
pub struct FollowerLimitError;

/// Passes lines to those who follow them, and keeps the last ones; clones share all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogBroadcast(Arc<Mutex<BroadcastState>>);

#[derive(Debug, Default)]
struct BroadcastState {
    history: History,
    followers: Vec<Arc<FollowerQueue>>,
    is_closed: bool,
}

impl LogBroadcast {
    /// Passes a line to the followers that have selected it. A long one is cut ([`LogLine::MAX_MESSAGE_BYTES`]).
    pub(crate) fn publish(&self, line: LogLine) {
        let line = Arc::new(line.cut());
        let mut state = self.lock();
        for follower in &state.followers {
            follower.push(&line);
        }
        state.history.push(line);
    }

    /// Follows what is selected, beginning with the last lines that the selection asks for.
    pub(crate) fn follow(&self, selection: LogSelection) -> Result<LogFollower, FollowerLimitError> {
        let mut state = self.lock();
        if state.followers.len() == MAX_FOLLOWERS {
            return Err(FollowerLimitError);
        }
        let recent = state.history.last(&selection);
        let queue = Arc::new(FollowerQueue::new(selection, &recent));
        if state.is_closed {
            queue.close();
        } else {
            state.followers.push(queue.clone());
        }
        Ok(LogFollower::new(queue, self.clone()))
    }

    /// Ends all followers, which still get what they have not read.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        for follower in state.followers.drain(..) {
            follower.close();
        }
    }

    fn remove(&self, queue: &Arc<FollowerQueue>) {
        self.lock().followers.retain(|other| !Arc::ptr_eq(other, queue));
    }

    fn lock(&self) -> MutexGuard<'_, BroadcastState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
