//! What time it is, in seconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A clock that goes on evenly from what the machine's said at the start: nobody's deadline jumps when that is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    at: Duration,
}

impl Clock {
    pub(super) fn start() -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), at }
    }

    pub(super) fn now(&self) -> u64 {
        (self.at + self.started.elapsed()).as_secs()
    }
}
