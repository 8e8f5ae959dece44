//! Exponentially weighted moving averages of events per second.
//!
//! Nothing here reads a clock: callers pass the current time.

use std::time::{Duration, Instant};

/// The periods of the three rates in minutes.
const MINUTES: [f64; 3] = [1.0, 5.0, 15.0];

/// Events per second over 1, 5 and 15 minutes; zero up to the first tick.
#[derive(Debug)]
pub(crate) struct Rates {
    /// The time up to which the means include events.
    counted: Instant,
    means: Option<[f64; 3]>,
}

impl Rates {
    /// The interval of updates.
    pub(crate) const TICK: Duration = Duration::from_secs(5);

    pub(crate) fn new(now: Instant) -> Self {
        Self { counted: now, means: None }
    }

    /// Adds the `events` since the last tick if a tick has passed, and returns whether one has. If several have passed,
    /// the events count for the first of them.
    pub(crate) fn tick(&mut self, events: u64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted);
        if passed < Self::TICK {
            return false;
        }
        let ticks = u32::try_from(passed.as_secs() / Self::TICK.as_secs()).unwrap_or(u32::MAX);
        self.counted += Self::TICK * ticks;
        let rate = float(events) / Self::TICK.as_secs_f64();
        let means = self.means.get_or_insert([rate; 3]);
        for (mean, minutes) in means.iter_mut().zip(MINUTES) {
            let kept = (-Self::TICK.as_secs_f64() / 60.0 / minutes).exp();
            *mean = (rate + (*mean - rate) * kept) * kept.powf(f64::from(ticks - 1));
        }
        true
    }

    /// Returns the rates as of the last tick.
    pub(crate) fn per_second(&self) -> [f64; 3] {
        self.means.unwrap_or_default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "no rate is that exact")]
fn float(number: u64) -> f64 {
    number as f64
}
