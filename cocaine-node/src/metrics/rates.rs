//! Events per second, averaged so that what was long ago counts less.
//!
//! Nothing here has a clock or a task of its own: who asks says what time it is.

use std::time::{Duration, Instant};

/// Over how many minutes each of the three rates goes.
const MINUTES: [f64; 3] = [1.0, 5.0, 15.0];

/// Events per second over 1, 5 and 15 minutes; zero up to the first tick.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Up to when events are in the means.
    counted: Instant,
    means: Option<[f64; 3]>,
}

impl Rates {
    /// How often events are taken in.
    pub(crate) const TICK: Duration = Duration::from_secs(5);

    pub(crate) fn new(now: Instant) -> Self {
        Self { counted: now, means: None }
    }

    /// Takes in the `events` since the last tick, if another one has gone by; returns whether it has. If several have,
    /// the events belong to the first of them.
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
