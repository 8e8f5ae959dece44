//! How long to wait before a failed connection is tried again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Doubles the wait with each failure, from 50 ms to 2 s.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    /// Waits until the next attempt is due; the first one is due at once.
    pub(crate) async fn wait(&self) {
        if let Some(until) = self.until {
            sleep_until(until).await;
        }
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn failed(&mut self) {
        let wait = Self::FIRST.saturating_mul(2u32.saturating_pow(self.failures)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(Instant::now() + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_failure_doubles_the_wait_up_to_two_seconds() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let start = Instant::now();
            backoff.wait().await;
            waits.push(start.elapsed().as_millis());
            backoff.failed();
        }
        assert_eq!(waits, [0, 50, 100, 200, 400, 800, 1600, 2000]);
        backoff.succeeded();
        let start = Instant::now();
        backoff.wait().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
