//! A monotonic clock of Unix time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Starts with the machine's time and then advances monotonically, so that setting the machine's clock moves no
/// deadline.
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
