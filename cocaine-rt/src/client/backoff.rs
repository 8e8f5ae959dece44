//! How long to wait before a failed connection is tried again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Doubles the wait with each failure, from 50 ms to 2 s.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Instant>,
    /// When the last attempt succeeded.
    connected: Option<Instant>,
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
        self.until = None;
        self.connected = Some(Instant::now());
    }

    /// Notes that the connection is gone: one that did not last was a failure, or a peer that accepts and hangs up
    /// would be tried again and again without a pause.
    pub(crate) fn lost(&mut self) {
        match self.connected.take() {
            Some(connected) if connected.elapsed() < Self::LONGEST => self.failed(),
            Some(_) => *self = Self::default(),
            None => {}
        }
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
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_connection_that_lasted_is_replaced_at_once() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for lasted in [0, 0, 1999, 2000, 0] {
            backoff.succeeded();
            tokio::time::advance(Duration::from_millis(lasted)).await;
            backoff.lost();
            let start = Instant::now();
            backoff.wait().await;
            waits.push(start.elapsed().as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 0, 50]);
    }
}
