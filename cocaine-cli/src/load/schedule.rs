//! When calls begin.

use std::{
    cell::Cell,
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, time::sleep};

/// How late a call of the last moments of a rate may begin.
const GRACE: Duration = Duration::from_millis(20);
/// The longest pause of the thread that keeps a rate, after which it notices that nobody needs it any more.
const MAX_PAUSE: Duration = Duration::from_millis(50);
/// The pause after a call that nobody has answered.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

/// When a measurement ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// After this time.
    After(Duration),
    /// After so many calls.
    Calls(u64),
}

/// Says when the next call begins. A call is due at once, or, with a rate, at a time that does not depend on the answers.
#[derive(Debug)]
pub(crate) struct Schedule {
    started: Instant,
    ends: Option<Instant>,
    limit: u64,
    begun: Cell<u64>,
    rate: Option<Rate>,
}

/// Calls at a rate.
#[derive(Debug)]
struct Rate {
    per_second: f64,
    /// A permit for each call that is due. The timers of the runtime are not exact enough: another thread adds them.
    due: Arc<Semaphore>,
}

impl Schedule {
    /// Begins a schedule now.
    pub(crate) fn start(end: End, rate: Option<f64>) -> Self {
        let started = Instant::now();
        let (ends, limit) = match (end, rate) {
            (End::Calls(limit), _) => (None, limit),
            (End::After(time), None) => (started.checked_add(time), u64::MAX),
            (End::After(time), Some(rate)) => (started.checked_add(time), calls_within(time, rate)),
        };
        let rate = rate.map(|per_second| {
            let due = Arc::new(Semaphore::new(0));
            let thread_due = Arc::downgrade(&due);
            thread::spawn(move || add_permits(&thread_due, started, per_second, limit));
            Rate { per_second, due }
        });
        Self { started, ends, limit, begun: Cell::new(0), rate }
    }

    /// Waits until a call is to begin, and returns from when its time counts; `None` after the last one.
    pub(crate) async fn next(&self) -> Option<Instant> {
        if self.begun.get() >= self.limit {
            return None;
        }
        let Some(rate) = &self.rate else {
            let now = Instant::now();
            self.begun.set(self.begun.get() + 1);
            return self.ends.is_none_or(|ends| now < ends).then_some(now);
        };
        rate.due.acquire().await.ok()?.forget();
        let index = self.begun.get();
        let intended = self.started + offset(index, rate.per_second);
        let now = Instant::now();
        let is_over = self.ends.is_some_and(|ends| now >= ends && now.duration_since(intended) > GRACE);
        if is_over || index >= self.limit {
            // Wakes those that wait for the calls that will not be made.
            rate.due.close();
            return None;
        }
        self.begun.set(index + 1);
        if index + 1 == self.limit {
            rate.due.close();
        }
        Some(intended)
    }

    /// Returns how many calls of the rate have not begun, since all loops were waiting for answers.
    pub(crate) fn unsent(&self) -> u64 {
        let due = self.rate.as_ref().map(|rate| calls_within(self.started.elapsed(), rate.per_second));
        due.map_or(0, |due| due.min(self.limit).saturating_sub(self.begun.get()))
    }

    /// Returns for how long calls have counted so far.
    pub(crate) fn measured(&self) -> Duration {
        let now = Instant::now();
        self.ends.map_or(now, |ends| ends.min(now)).duration_since(self.started)
    }

    /// Returns when the last call begins at the latest.
    pub(crate) fn ends(&self) -> Option<Instant> {
        self.ends
    }

    /// Waits a moment where an endless number of calls would fail at once. A rate is not changed by it.
    pub(crate) async fn pause_after_failure(&self) {
        if self.rate.is_none() {
            sleep(FAILURE_PAUSE).await;
        }
    }
}

/// Returns when a call of a rate is due, after the first one.
fn offset(index: u64, per_second: f64) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "no rate lasts for 2^53 calls")]
    Duration::try_from_secs_f64(index as f64 / per_second).unwrap_or(Duration::MAX / 4)
}

/// Returns how many calls of a rate are due before a time has passed; the first one is due at once.
fn calls_within(time: Duration, per_second: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is positive")]
    let calls = (time.as_secs_f64() * per_second).ceil() as u64;
    calls.max(1)
}

/// Adds a permit when each call is due, until all are, or nobody waits any more.
fn add_permits(due: &Weak<Semaphore>, started: Instant, per_second: f64, limit: u64) {
    let mut added = 0;
    while added < limit {
        let Some(permits) = due.upgrade().filter(|permits| !permits.is_closed()) else { return };
        let next = started + offset(added, per_second);
        let Some(pause) = next.checked_duration_since(Instant::now()).filter(|pause| !pause.is_zero()) else {
            let count = calls_within(started.elapsed(), per_second).min(limit).saturating_sub(added).max(1);
            permits.add_permits(usize::try_from(count).unwrap_or(1));
            added += count;
            continue;
        };
        drop(permits);
        thread::sleep(pause.min(MAX_PAUSE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_rate_are_evenly_spaced() {
        assert_eq!([0, 1, 5].map(|index| offset(index, 10.0).as_millis()), [0, 100, 500]);
        for (millis, calls) in [(0, 1), (1, 1), (100, 1), (101, 2), (1000, 10)] {
            assert_eq!(calls_within(Duration::from_millis(millis), 10.0), calls, "{millis}");
        }
    }

    #[tokio::test]
    async fn count_limits_calls_with_and_without_rate() {
        for rate in [None, Some(1e6)] {
            let schedule = Schedule::start(End::Calls(3), rate);
            let mut begun = Vec::new();
            while let Some(at) = schedule.next().await {
                begun.push(at);
            }
            assert_eq!((begun.len(), schedule.unsent()), (3, 0), "{rate:?}");
            assert!(begun.is_sorted());
        }
    }

    #[tokio::test]
    async fn waiting_for_a_call_counts_from_its_time() {
        let schedule = Schedule::start(End::Calls(2), Some(1000.0));
        let first = schedule.next().await.unwrap();
        // The second one is taken late.
        while schedule.started.elapsed() < Duration::from_millis(3) {
            tokio::task::yield_now().await;
        }
        assert_eq!(schedule.next().await.unwrap() - first, Duration::from_millis(1));
    }

    #[tokio::test]
    async fn calls_that_never_began_are_counted() {
        let schedule = Schedule::start(End::After(Duration::from_millis(10)), Some(1000.0));
        assert!(schedule.next().await.is_some());
        // All others are too late by now.
        while schedule.started.elapsed() < Duration::from_millis(10) + 2 * GRACE {
            tokio::task::yield_now().await;
        }
        assert_eq!(schedule.next().await, None);
        assert_eq!(schedule.unsent(), 9);
    }
}
