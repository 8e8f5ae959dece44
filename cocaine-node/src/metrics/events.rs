//! What is measured of the events of an app.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    average::Average,
    distribution::Distribution,
    meter::Meter,
    reading::{Rate, TimeStats},
    timer::{Resolution, Timer},
};

/// Counts, rates and times of the events of one app.
///
/// It has no task of its own: the events themselves keep its rates up to date.
#[derive(Debug)]
pub(crate) struct EventMetrics {
    started: Instant,
    accepted: Meter,
    rejected: AtomicU64,
    queue_depth: Mutex<Average>,
    finished: Timer,
}

impl EventMetrics {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            started: now,
            accepted: Meter::new(now),
            rejected: AtomicU64::new(0),
            queue_depth: Mutex::new(Average::new(now)),
            finished: Timer::new(Resolution::FINE, now),
        }
    }

    /// Records an event that was accepted while `queued` others waited.
    pub(crate) fn record_accepted(&self, queued: usize, now: Instant) {
        self.set_queue_depth(queued, now);
        // Earlier events belong to the ticks before this one.
        self.accepted.tick(now);
        self.accepted.add();
    }

    /// Records an event that was rejected while `queued` others waited.
    pub(crate) fn record_rejected(&self, queued: usize, now: Instant) {
        self.set_queue_depth(queued, now);
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Records how long an event took.
    pub(crate) fn record_finished(&self, time: Duration, now: Instant) {
        self.finished.tick(now);
        self.finished.record(time);
    }

    /// Returns the number and the rates of accepted events.
    pub(crate) fn accepted(&self, now: Instant) -> Rate {
        self.accepted.read(now)
    }

    /// Returns how many events were rejected.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Returns the number of accepted events per second since the start. It counts whole seconds, as the original does,
    /// and so is infinite in the first one.
    pub(crate) fn mean_rate(&self, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(self.started).as_secs();
        match self.accepted.count() {
            0 => 0.0,
            accepted => float(accepted) / float(seconds),
        }
    }

    /// Returns the average number of waiting events.
    pub(crate) fn queue_depth(&self, now: Instant) -> f64 {
        self.average().at(now)
    }

    /// Returns the number and the rates of finished events, and how long those of the last minutes took.
    pub(crate) fn finished(&self, now: Instant) -> (Rate, TimeStats) {
        self.finished.read(now)
    }

    /// Returns how long the events of the last minutes took.
    pub(crate) fn distribution(&self, now: Instant) -> Distribution {
        self.finished.distribution(now)
    }

    fn set_queue_depth(&self, queued: usize, now: Instant) {
        self.average().set(u32::try_from(queued).unwrap_or(u32::MAX), now);
    }

    fn average(&self) -> MutexGuard<'_, Average> {
        self.queue_depth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are not that exact")]
fn float(number: u64) -> f64 {
    number as f64
}
