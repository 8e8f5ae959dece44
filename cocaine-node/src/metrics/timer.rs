//! How long events take. Recording one from any thread takes two atomic additions; only readers lock.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use histogram::{AtomicHistogram, Histogram};

use super::{
    distribution::Distribution,
    meter::Meter,
    reading::{Rate, TimeStats},
};

/// A timer covers the events of at least this period, and of at most twice as long.
const PERIOD: Duration = Duration::from_mins(5);

/// The precision and the range of a [`Timer`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolution {
    /// Times are distinguished to one part in two to this power.
    precision: u8,
    /// Longer times count as this many nanoseconds.
    longest: u64,
}

impl Resolution {
    /// Times of up to 73 minutes to 3 %: 10 KiB.
    pub(crate) const COARSE: Self = Self { precision: 5, longest: (1 << 42) - 1 };
    /// Times of up to a day to 1 %: 40 KiB.
    pub(crate) const FINE: Self = Self { precision: 7, longest: 86_400_000_000_000 };
}

/// Counts events, their rate, and how long they took in the last minutes.
#[derive(Debug)]
pub(crate) struct Timer {
    meter: Meter,
    longest: u64,
    /// All times since the start, in nanoseconds.
    times: AtomicHistogram,
    snapshots: Mutex<Snapshots>,
}

/// Snapshots of [`Timer::times`]: subtracting the older one leaves the times of the last minutes.
#[derive(Debug)]
struct Snapshots {
    /// When the last snapshot was due.
    since: Instant,
    last: Option<Histogram>,
    /// The snapshot before the last one; its times are forgotten.
    forgotten: Option<Histogram>,
}

impl Timer {
    pub(crate) fn new(resolution: Resolution, now: Instant) -> Self {
        let Resolution { precision, longest } = resolution;
        let bits = u8::try_from(u64::BITS - longest.leading_zeros()).unwrap_or(u8::MAX);
        let times = AtomicHistogram::new(precision, bits).expect("the precision is less than the range");
        let snapshots = Mutex::new(Snapshots { since: now, last: None, forgotten: None });
        Self { meter: Meter::new(now), longest, times, snapshots }
    }

    /// Counts an event that took this long.
    pub(crate) fn record(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(self.longest).min(self.longest);
        // Cannot fail: the histogram covers the longest time.
        let _ = self.times.increment(nanos);
        self.meter.add();
    }

    pub(crate) fn count(&self) -> u64 {
        self.meter.count()
    }

    /// Does what [`Meter::tick`] does, and forgets old times.
    pub(crate) fn tick(&self, now: Instant) {
        self.meter.tick(now);
        self.forget(&mut self.snapshots(), now);
    }

    fn forget(&self, snapshots: &mut Snapshots, now: Instant) {
        let passed = now.saturating_duration_since(snapshots.since);
        if passed < PERIOD {
            return;
        }
        snapshots.since = now;
        if self.count() == 0 {
            return;
        }
        snapshots.forgotten =
            if passed < PERIOD * 2 { snapshots.last.take() } else { Some(self.times.load()) };
        snapshots.last = Some(self.times.load());
    }

    /// Returns the times of the last minutes.
    pub(crate) fn distribution(&self, now: Instant) -> Distribution {
        let mut snapshots = self.snapshots();
        self.forget(&mut snapshots, now);
        let all = self.times.load();
        Distribution::new(match &snapshots.forgotten {
            Some(forgotten) => all.wrapping_sub(forgotten).expect("both have the same resolution"),
            None => all,
        })
    }

    pub(crate) fn read(&self, now: Instant) -> (Rate, TimeStats) {
        (self.meter.read(now), self.distribution(now).times())
    }

    fn snapshots(&self) -> MutexGuard<'_, Snapshots> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(now: Instant) -> Timer {
        Timer::new(Resolution::COARSE, now)
    }

    fn about(value: f64, expected: f64) {
        assert!((value - expected).abs() <= expected * 0.04, "{value} is not about {expected}");
    }

    #[test]
    fn without_events_everything_is_zero() {
        let now = Instant::now();
        assert_eq!(timer(now).read(now), (Rate::default(), TimeStats::default()));
    }

    #[test]
    fn times_have_quantiles_mean_and_deviation() {
        let now = Instant::now();
        let timer = timer(now);
        (1..=1000).for_each(|millis| timer.record(Duration::from_millis(millis)));
        let (rate, stats) = timer.read(now);
        assert_eq!((rate.count, timer.count()), (1000, 1000));
        for (quantile, expected) in
            stats.quantiles.into_iter().zip([500.0, 750.0, 900.0, 950.0, 980.0, 990.0])
        {
            about(quantile, expected);
        }
        about(stats.mean, 500.5);
        about(stats.stddev, 288.7);
    }

    #[test]
    fn extreme_times_are_clamped() {
        let now = Instant::now();
        let timer = timer(now);
        timer.record(Duration::ZERO);
        assert_eq!(timer.read(now).1, TimeStats::default());
        timer.record(Duration::MAX);
        about(timer.read(now).1.quantiles[5], 4_398_046.0);
    }

    #[test]
    fn old_times_are_forgotten_and_counts_are_not() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_mins(minutes);
        let timer = timer(start);
        timer.record(Duration::from_secs(1));
        about(timer.read(at(4)).1.quantiles[0], 1000.0);
        timer.tick(at(5));
        (0..3).for_each(|_| timer.record(Duration::from_secs(2)));
        about(timer.read(at(9)).1.mean, 1750.0);
        timer.tick(at(10));
        about(timer.read(at(14)).1.mean, 2000.0);
        timer.tick(at(15));
        let (rate, stats) = timer.read(at(15));
        assert_eq!((rate.count, stats), (4, TimeStats::default()));
        timer.record(Duration::from_secs(3));
        assert_eq!(timer.read(at(60)).1, TimeStats::default(), "a long pause forgets everything");
    }

    #[test]
    fn events_of_many_threads_are_all_counted() {
        let timer = timer(Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10_000).for_each(|_| timer.record(Duration::from_micros(1))));
            }
        });
        assert_eq!(timer.count(), 80_000);
        assert_eq!(timer.times.load().iter().map(|bucket| bucket.count()).sum::<u64>(), 80_000);
    }
}
