//! The pause between attempts to connect.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Doubles the pause with each failure, from 50 ms to 2 s.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    next_attempt: Option<Instant>,
    /// When the last attempt succeeded.
    connected_at: Option<Instant>,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    /// Waits until the next attempt is due; the first one is due at once.
    pub(crate) async fn wait(&self) {
        if let Some(next_attempt) = self.next_attempt {
            sleep_until(next_attempt).await;
        }
    }

    pub(crate) fn record_success(&mut self) {
        self.next_attempt = None;
        self.connected_at = Some(Instant::now());
    }

    /// Records that the connection ended. A short-lived connection counts as a failure; otherwise a peer that accepts
    /// and hangs up would be tried again and again without a pause.
    pub(crate) fn record_disconnect(&mut self) {
        match self.connected_at.take() {
            Some(connected_at) if connected_at.elapsed() < Self::LONGEST => self.record_failure(),
            Some(_) => *self = Self::default(),
            None => {}
        }
    }

    pub(crate) fn record_failure(&mut self) {
        let wait = Self::FIRST.saturating_mul(2u32.saturating_pow(self.failures)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.next_attempt = Some(Instant::now() + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_double_the_pause_up_to_two_seconds() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let start = Instant::now();
            backoff.wait().await;
            waits.push(start.elapsed().as_millis());
            backoff.record_failure();
        }
        assert_eq!(waits, [0, 50, 100, 200, 400, 800, 1600, 2000]);
    }

    #[tokio::test(start_paused = true)]
    async fn lasting_connection_is_replaced_at_once() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for lasted in [0, 0, 1999, 2000, 0] {
            backoff.record_success();
            tokio::time::advance(Duration::from_millis(lasted)).await;
            backoff.record_disconnect();
            let start = Instant::now();
            backoff.wait().await;
            waits.push(start.elapsed().as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 0, 50]);
    }
}
