//! The pauses between attempts to connect to endpoints that fail.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::peer_address::PeerAddress;

/// The endpoints that fail, shared by all services and calls of a client.
///
/// The pause after a failure doubles with each further one, from 50 ms to 2 s. While an endpoint fails, one attempt at a
/// time is admitted. Callers that wait meanwhile share its failure, or continue once the peer has replied.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failing: Mutex<HashMap<PeerAddress, FailingEndpoint>>,
    /// Notified when an endpoint fails or recovers.
    changed: Notify,
}

/// An endpoint whose last attempt has failed.
#[derive(Debug)]
struct FailingEndpoint {
    failures: u32,
    failed_at: Instant,
    next_attempt: Instant,
    error: Arc<str>,
}

/// The decision whether an attempt to connect may begin.
enum Admission {
    Admitted,
    /// The attempt that the caller waited for has failed.
    Failed(Arc<str>),
    Wait(Instant),
}

impl FailingEndpoint {
    /// Returns the pause that follows the last failure.
    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1);
        Backoff::MIN_PAUSE.saturating_mul(2_u32.saturating_pow(doublings)).min(Backoff::MAX_PAUSE)
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.failed_at) > Backoff::MEMORY
    }
}

impl Backoff {
    const MIN_PAUSE: Duration = Duration::from_millis(50);
    const MAX_PAUSE: Duration = Duration::from_secs(2);
    /// The time after which a failure is forgotten.
    const MEMORY: Duration = Duration::from_secs(20);
    /// A connection that lasts this long is not a failure, however it ends.
    pub(crate) const PROVEN_AFTER: Duration = Self::MAX_PAUSE;
    /// The maximum number of remembered endpoints. A locator may name any number of them.
    const MAX_ENDPOINTS: usize = 1024;

    /// Returns whether an attempt would begin without a pause.
    pub(crate) fn is_due(&self, endpoint: &PeerAddress) -> bool {
        self.lock().get(endpoint).is_none_or(|failing| failing.next_attempt <= Instant::now())
    }

    /// Returns whether the endpoint has failed, and has not been seen to work since.
    pub(crate) fn is_failing(&self, endpoint: &PeerAddress) -> bool {
        self.lock().contains_key(endpoint)
    }

    /// Waits until an attempt to connect to `endpoint` may begin. Fails with the error of an attempt that failed while the
    /// caller waited.
    pub(crate) async fn admit(&self, endpoint: &PeerAddress) -> Result<(), Arc<str>> {
        let mut failures = None;
        loop {
            let changed = self.changed.notified();
            match self.check(endpoint, &mut failures) {
                Admission::Admitted => return Ok(()),
                Admission::Failed(error) => return Err(error),
                Admission::Wait(due) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    /// Admits an attempt if it is due. `seen` is the number of failures when the caller began to wait.
    fn check(&self, endpoint: &PeerAddress, seen: &mut Option<u32>) -> Admission {
        let mut failing = self.lock();
        let now = Instant::now();
        if failing.get(endpoint).is_some_and(|state| state.is_forgotten(now)) {
            failing.remove(endpoint);
        }
        let Some(state) = failing.get_mut(endpoint) else { return Admission::Admitted };
        if seen.is_some_and(|seen| state.failures > seen) {
            return Admission::Failed(state.error.clone());
        }
        if state.next_attempt <= now {
            state.next_attempt = now + state.pause();
            return Admission::Admitted;
        }
        *seen = Some(state.failures);
        Admission::Wait(state.next_attempt)
    }

    /// Records that an attempt, or the connection that it made, has failed. Attempts that began before an earlier failure
    /// was recorded are part of that failure.
    pub(crate) fn record_failure(&self, endpoint: &PeerAddress, began: Instant, error: &str) {
        let now = Instant::now();
        let mut failing = self.lock();
        if failing.len() >= Self::MAX_ENDPOINTS && !failing.contains_key(endpoint) {
            failing.retain(|_, state| !state.is_forgotten(now));
            if failing.len() >= Self::MAX_ENDPOINTS {
                return;
            }
        }
        let fresh = FailingEndpoint { failures: 0, failed_at: now, next_attempt: now, error: Arc::default() };
        let state = failing.entry(endpoint.clone()).or_insert(fresh);
        if state.failures > 0 && began <= state.failed_at {
            return;
        }
        state.failures = if state.is_forgotten(now) { 1 } else { state.failures.saturating_add(1) };
        (state.failed_at, state.error) = (now, error.into());
        state.next_attempt = now + state.pause();
        drop(failing);
        self.changed.notify_waiters();
    }

    /// Records that the endpoint works.
    pub(crate) fn record_success(&self, endpoint: &PeerAddress) {
        if self.lock().remove(endpoint).is_some() {
            self.changed.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerAddress, FailingEndpoint>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::task::JoinSet;

    use super::*;

    fn endpoint(port: u16) -> PeerAddress {
        PeerAddress::Tcp((Ipv4Addr::LOCALHOST, port).into())
    }

    #[tokio::test(start_paused = true)]
    async fn failures_double_the_pause_up_to_two_seconds() {
        let (backoff, mut waits) = (Backoff::default(), Vec::new());
        for _ in 0..8 {
            let start = Instant::now();
            backoff.admit(&endpoint(1)).await.unwrap();
            waits.push(start.elapsed().as_millis());
            tokio::time::advance(Duration::from_millis(1)).await;
            backoff.record_failure(&endpoint(1), Instant::now(), "refused");
        }
        assert_eq!(waits, [0, 50, 100, 200, 400, 800, 1600, 2000]);
        assert!(backoff.is_due(&endpoint(2)), "another endpoint is not affected");
        backoff.record_success(&endpoint(1));
        assert!(backoff.is_due(&endpoint(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn simultaneous_failures_count_once() {
        let (backoff, began) = (Backoff::default(), Instant::now());
        tokio::time::advance(Duration::from_millis(1)).await;
        for _ in 0..50 {
            backoff.record_failure(&endpoint(1), began, "closed");
        }
        let start = Instant::now();
        backoff.admit(&endpoint(1)).await.unwrap();
        assert_eq!(start.elapsed(), Backoff::MIN_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_callers_share_the_failed_attempt() {
        let backoff = Arc::new(Backoff::default());
        backoff.record_failure(&endpoint(1), Instant::now(), "first");
        let mut callers = JoinSet::new();
        for _ in 0..50 {
            let backoff = backoff.clone();
            callers.spawn(async move { backoff.admit(&endpoint(1)).await });
        }
        callers.join_next().await.unwrap().unwrap().expect("one attempt is admitted");
        backoff.record_failure(&endpoint(1), Instant::now(), "second");
        for outcome in callers.join_all().await {
            assert_eq!(&*outcome.unwrap_err(), "second");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_callers_go_on_after_recovery() {
        let backoff = Arc::new(Backoff::default());
        backoff.record_failure(&endpoint(1), Instant::now(), "first");
        let waiting = tokio::spawn({
            let backoff = backoff.clone();
            async move { backoff.admit(&endpoint(1)).await }
        });
        tokio::task::yield_now().await;
        let start = Instant::now();
        backoff.record_success(&endpoint(1));
        waiting.await.unwrap().unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn old_failure_does_not_pace_attempts() {
        let backoff = Backoff::default();
        for _ in 0..8 {
            tokio::time::advance(Duration::from_millis(1)).await;
            backoff.record_failure(&endpoint(1), Instant::now(), "refused");
        }
        tokio::time::advance(Backoff::MEMORY * 2).await;
        let start = Instant::now();
        for _ in 0..50 {
            backoff.admit(&endpoint(1)).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn number_of_remembered_endpoints_is_bounded() {
        let backoff = Backoff::default();
        for port in 0..=u16::MAX {
            backoff.record_failure(&endpoint(port), Instant::now(), "refused");
        }
        assert_eq!(backoff.lock().len(), Backoff::MAX_ENDPOINTS);
        tokio::time::advance(Backoff::MEMORY * 2).await;
        backoff.record_failure(&endpoint(u16::MAX), Instant::now(), "refused");
        assert_eq!(backoff.lock().len(), 1, "old failures make room");
    }
}
