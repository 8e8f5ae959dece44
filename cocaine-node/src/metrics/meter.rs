//! Counts, rates and times of events that come from many threads at once. To count one is a matter of a few atomic
//! additions; locks are for those who look.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use histogram::{AtomicHistogram, Histogram};

use super::{
    rates::Rates,
    reading::{Rate, Times},
};

/// How long times are remembered: as long as this, and twice as long at most.
const MEMORY: Duration = Duration::from_mins(5);

/// Nanoseconds are told apart to one part in 2^PRECISION.
const PRECISION: u8 = 5;
/// The longest time that is told from longer ones, in nanoseconds as a power of two: more than an hour.
const LONGEST: u8 = 42;

/// Counts events, and how many there are per second.
#[derive(Debug)]
pub(crate) struct Meter {
    count: AtomicU64,
    seen: Mutex<Seen>,
}

/// What is known of the rates.
#[derive(Debug)]
struct Seen {
    rates: Rates,
    /// Events that are in the rates.
    count: u64,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { count: AtomicU64::new(0), seen: Mutex::new(Seen { rates: Rates::new(now), count: 0 }) }
    }

    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes the events that came into the rates, once their time has come; to be called every [`Rates::TICK`].
    pub(crate) fn tick(&self, now: Instant) {
        self.read(now);
    }

    pub(crate) fn read(&self, now: Instant) -> Rate {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.count();
        let new = count - seen.count;
        if seen.rates.tick(new, now) {
            seen.count = count;
        }
        Rate { count, per_second: seen.rates.per_second() }
    }
}

/// Counts events, how many there are per second, and how long they took in the last minutes.
#[derive(Debug)]
pub(crate) struct Timer {
    meter: Meter,
    /// All times since the beginning, in nanoseconds.
    times: AtomicHistogram,
    past: Mutex<Past>,
}

/// What the times were: those that are forgotten are taken from those of now.
#[derive(Debug)]
struct Past {
    since: Instant,
    /// When they were looked at last.
    last: Option<Histogram>,
    /// Before that: these are forgotten.
    forgotten: Option<Histogram>,
}

impl Timer {
    pub(crate) fn new(now: Instant) -> Self {
        let times = AtomicHistogram::new(PRECISION, LONGEST).expect("an hour can be told to one part in 32");
        let past = Mutex::new(Past { since: now, last: None, forgotten: None });
        Self { meter: Meter::new(now), times, past }
    }

    /// Counts an event that took so long.
    pub(crate) fn record(&self, time: Duration) {
        let longest = (1 << LONGEST) - 1;
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(longest).min(longest);
        // What is no longer than the longest has its place.
        let _ = self.times.increment(nanos);
        self.meter.add();
    }

    pub(crate) fn count(&self) -> u64 {
        self.meter.count()
    }

    /// As of [`Meter::tick`]; forgets what is too long ago, too.
    pub(crate) fn tick(&self, now: Instant) {
        self.meter.tick(now);
        self.forget(&mut self.past.lock().unwrap_or_else(PoisonError::into_inner), now);
    }

    fn forget(&self, past: &mut Past, now: Instant) {
        let passed = now.saturating_duration_since(past.since);
        if passed < MEMORY {
            return;
        }
        past.since = now;
        if self.count() == 0 {
            return;
        }
        past.forgotten = if passed < MEMORY * 2 { past.last.take() } else { Some(self.times.load()) };
        past.last = Some(self.times.load());
    }

    pub(crate) fn read(&self, now: Instant) -> (Rate, Times) {
        let rate = self.meter.read(now);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget(&mut past, now);
        let all = self.times.load();
        let remembered = match &past.forgotten {
            Some(forgotten) => all.wrapping_sub(forgotten).expect("both have the same bounds"),
            None => all,
        };
        (rate, times(&remembered))
    }
}

/// Returns what times have in common, each taken for the middle of its place.
fn times(all: &Histogram) -> Times {
    let mut buckets = [const { None }; Times::QUANTILES.len()];
    // Neither is a quantile out of range nor is there room for too few.
    let _ = all.quantile_buckets_into(&Times::QUANTILES, &mut buckets);
    let quantiles = buckets.map(|bucket| bucket.map_or(0.0, |bucket| middle(bucket.start(), bucket.end())));
    let taken = || all.iter().filter(|bucket| bucket.count() > 0);
    let count: f64 = taken().map(|bucket| float(bucket.count())).sum();
    if count == 0.0 {
        return Times::default();
    }
    let mean_of = |value: &dyn Fn(f64) -> f64| {
        let sum: f64 =
            taken().map(|bucket| value(middle(bucket.start(), bucket.end())) * float(bucket.count())).sum();
        sum / count
    };
    let mean = mean_of(&|time| time);
    let stddev = mean_of(&|time| (time - mean) * (time - mean)).sqrt();
    Times { mean, stddev, quantiles }
}

/// Returns the middle of two times in nanoseconds, in milliseconds.
fn middle(start: u64, end: u64) -> f64 {
    f64::midpoint(float(start), float(end)) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "no time is measured that exactly")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(value: f64, expected: f64) {
        assert!((value - expected).abs() <= expected * 0.04, "{value} is not about {expected}");
    }

    #[test]
    fn without_events_all_is_zero() {
        let now = Instant::now();
        assert_eq!(Timer::new(now).read(now), (Rate::default(), Times::default()));
    }

    #[test]
    fn events_are_counted_at_once_and_their_rates_at_every_tick() {
        let start = Instant::now();
        let meter = Meter::new(start);
        (0..50).for_each(|_| meter.add());
        assert_eq!(meter.read(start), Rate { count: 50, per_second: [0.0; 3] });
        assert_eq!(meter.read(start + Rates::TICK), Rate { count: 50, per_second: [10.0; 3] });
        let later = meter.read(start + Rates::TICK * 13);
        // A minute without any: by e, by its fifth and by its fifteenth root.
        for (rate, expected) in later.per_second.into_iter().zip([3.679, 8.187, 9.355]) {
            assert!((rate - expected).abs() < 0.001, "{rate} is not {expected}");
        }
        assert_eq!(later.count, 50);
    }

    #[test]
    fn a_meter_that_ticks_is_as_exact_as_one_that_is_read() {
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

    #[test]
    fn times_are_told_by_quantiles_mean_and_deviation() {
        let now = Instant::now();
        let timer = Timer::new(now);
        (1..=1000).for_each(|millis| timer.record(Duration::from_millis(millis)));
        let (rate, told) = timer.read(now);
        assert_eq!((rate.count, timer.count()), (1000, 1000));
        for (quantile, expected) in told.quantiles.into_iter().zip([500.0, 750.0, 900.0, 950.0, 980.0, 990.0])
        {
            about(quantile, expected);
        }
        about(told.mean, 500.5);
        about(told.stddev, 288.7);
    }

    #[test]
    fn no_time_is_too_long_or_too_short() {
        let now = Instant::now();
        let timer = Timer::new(now);
        timer.record(Duration::ZERO);
        assert_eq!(timer.read(now).1, Times::default());
        timer.record(Duration::MAX);
        about(timer.read(now).1.quantiles[5], 4_398_046.0);
    }

    #[test]
    fn times_are_forgotten_and_counts_are_not() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_mins(minutes);
        let timer = Timer::new(start);
        timer.record(Duration::from_secs(1));
        about(timer.read(at(4)).1.quantiles[0], 1000.0);
        timer.tick(at(5));
        (0..3).for_each(|_| timer.record(Duration::from_secs(2)));
        about(timer.read(at(9)).1.mean, 1750.0);
        timer.tick(at(10));
        about(timer.read(at(14)).1.mean, 2000.0);
        timer.tick(at(15));
        let (rate, told) = timer.read(at(15));
        assert_eq!((rate.count, told), (4, Times::default()));
        timer.record(Duration::from_secs(3));
        assert_eq!(timer.read(at(60)).1, Times::default(), "nobody looked for longer than times last");
    }

    #[test]
    fn what_many_threads_count_is_all_counted() {
        let timer = Timer::new(Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10_000).for_each(|_| timer.record(Duration::from_micros(1))));
            }
        });
        assert_eq!(timer.count(), 80_000);
        assert_eq!(timer.times.load().iter().map(|bucket| bucket.count()).sum::<u64>(), 80_000);
    }
}
