//! What is counted of an app while it runs.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::meter::{Average, Meter, Timings};
use crate::metrics::{Rate, Timer, Times};

/// The counts of one app.
#[derive(Debug)]
pub(crate) struct Meters {
    counts: Mutex<Counts>,
    finished: Timer,
}

#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) requests: Meter,
    pub(crate) depth: Average,
    pub(crate) timings: Timings,
}

impl Meters {
    pub(crate) fn new(now: Instant) -> Self {
        let (requests, depth, timings) = (Meter::new(now), Average::new(now), Timings::new(now));
        Self { counts: Mutex::new(Counts { requests, depth, timings }), finished: Timer::new(now) }
    }

    /// Notes that an event was asked for while `queued` others waited.
    pub(crate) fn asked(&self, admitted: bool, queued: usize, now: Instant) {
        let mut counts = self.counts();
        counts.depth.set(queued, now);
        if admitted {
            counts.requests.accept(now);
        } else {
            counts.requests.reject();
        }
    }

    /// Notes how long an event has taken.
    pub(crate) fn finished(&self, time: Duration, now: Instant) {
        self.counts().timings.record(time, now);
        self.finished.tick(now);
        self.finished.record(time);
    }

    /// Returns how many events have ended, how often, and how long they took.
    pub(crate) fn timings(&self, now: Instant) -> (Rate, Times) {
        self.finished.read(now)
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
