//! Counts of events, and their rates. Counting an event from any thread takes one atomic addition; only readers lock.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::{rates::Rates, reading::Rate};

/// Counts events and their rate.
#[derive(Debug)]
pub(crate) struct Meter {
    count: AtomicU64,
    state: Mutex<MeterState>,
}

/// The rates as of the last tick.
#[derive(Debug)]
struct MeterState {
    rates: Rates,
    /// How many events the rates include.
    count: u64,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { count: AtomicU64::new(0), state: Mutex::new(MeterState { rates: Rates::new(now), count: 0 }) }
    }

    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds the events since the last tick to the rates. Call it every [`Rates::TICK`].
    pub(crate) fn tick(&self, now: Instant) {
        self.read(now);
    }

    /// Returns the count, and the rates as of the last tick.
    pub(crate) fn read(&self, now: Instant) -> Rate {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.count();
        let new = count - state.count;
        if state.rates.tick(new, now) {
            state.count = count;
        }
        Rate { count, per_second: state.rates.per_second() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_immediate_and_rates_follow_ticks() {
        let start = Instant::now();
        let meter = Meter::new(start);
        (0..50).for_each(|_| meter.add());
        assert_eq!(meter.read(start), Rate { count: 50, per_second: [0.0; 3] });
        assert_eq!(meter.read(start + Rates::TICK), Rate { count: 50, per_second: [10.0; 3] });
        let later = meter.read(start + Rates::TICK * 13);
        // A minute without events divides the rates by e, its fifth root and its fifteenth root.
        for (rate, expected) in later.per_second.into_iter().zip([3.679, 8.187, 9.355]) {
            assert!((rate - expected).abs() < 0.001, "{rate} is not {expected}");
        }
        assert_eq!(later.count, 50);
    }

    #[test]
    fn ticking_is_as_exact_as_reading() {
        let start = Instant::now();
        let (ticked, read) = (Meter::new(start), Meter::new(start));
        for tick in 1..=20_u32 {
            (0..tick).for_each(|_| (ticked.add(), read.add()).1);
            ticked.tick(start + Rates::TICK * tick);
            read.read(start + Rates::TICK * tick);
        }
        let end = start + Rates::TICK * 20;
        assert_eq!(ticked.read(end), read.read(end));
    }
}
