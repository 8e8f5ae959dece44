//! Counts, rates and times of events, as `info` reports them (`node.md` 6.1).
//!
//! Nothing here has a clock or a task of its own: who records says what time it is.

use std::time::{Duration, Instant};

use cocaine::Value;
use hdrhistogram::Histogram;

use crate::metrics::{Rate, Rates};

/// Over how long an [`Average`] goes, in seconds.
const WINDOW: f64 = 2.0;

/// How long times are remembered: as long as this, and twice as long at most.
const MEMORY: Duration = Duration::from_mins(5);

/// The longest time that is told from longer ones, in microseconds: a day.
const LONGEST: u64 = 86_400_000_000;

const QUANTILES: [(&str, f64); 7] = [
    ("50.00%", 0.5),
    ("75.00%", 0.75),
    ("90.00%", 0.9),
    ("95.00%", 0.95),
    ("98.00%", 0.98),
    ("99.00%", 0.99),
    ("99.95%", 0.9995),
];

/// Times in milliseconds, in the order of their names.
const TIMES: [(&str, u64); 9] = [
    ("1000ms", 1000),
    ("100ms", 100),
    ("10ms", 10),
    ("1ms", 1),
    ("20ms", 20),
    ("2ms", 2),
    ("500ms", 500),
    ("50ms", 50),
    ("5ms", 5),
];

/// Counts the events that were taken and those that were not.
#[derive(Debug)]
pub(crate) struct Meter {
    accepted: u64,
    rejected: u64,
    born: Instant,
    /// Events that are not in `rates` yet.
    uncounted: u64,
    rates: Rates,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { accepted: 0, rejected: 0, born: now, uncounted: 0, rates: Rates::new(now) }
    }

    pub(crate) fn accept(&mut self, now: Instant) {
        self.tick(now);
        self.accepted += 1;
        self.uncounted += 1;
    }

    pub(crate) fn reject(&mut self) {
        self.rejected += 1;
    }

    /// Counts the events of all the ticks that went by.
    fn tick(&mut self, now: Instant) {
        if self.rates.tick(self.uncounted, now) {
            self.uncounted = 0;
        }
    }

    /// Returns how many events were not taken.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Returns how many events were taken, and how often.
    pub(crate) fn read(&mut self, now: Instant) -> Rate {
        self.tick(now);
        Rate { count: self.accepted, per_second: self.rates.per_second() }
    }

    /// Returns `requests`.
    pub(crate) fn requests(&self) -> Value {
        map([("accepted", self.accepted.into()), ("rejected", self.rejected.into())])
    }

    /// Returns `rate`: accepted events per second over 1, 5 and 15 minutes.
    pub(crate) fn rate(&mut self, now: Instant) -> Value {
        Value::Array(self.read(now).per_second.map(|rate| rounded(rate, 1000.0)).into())
    }

    /// Returns `rate_mean`: accepted events per second of the whole seconds since the beginning, so that it is infinite
    /// in the first one.
    pub(crate) fn rate_mean(&self, now: Instant) -> Value {
        let seconds = now.saturating_duration_since(self.born).as_secs();
        if self.accepted == 0 {
            Value::Float(0.0)
        } else {
            rounded(float(self.accepted) / float(seconds), 1000.0)
        }
    }
}

/// A quantity that stays as it is until it is set again, averaged so that what was long ago counts less.
#[derive(Debug)]
pub(crate) struct Average {
    quantity: f64,
    mean: f64,
    since: Instant,
}

impl Average {
    /// Returns the average of what was zero up to now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { quantity: 0.0, mean: 0.0, since: now }
    }

    pub(crate) fn set(&mut self, quantity: usize, now: Instant) {
        self.mean = self.at(now);
        self.since = now;
        self.quantity = float(quantity as u64);
    }

    /// Returns the average as it is now.
    pub(crate) fn at(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.quantity + (self.mean - self.quantity) * (-passed / WINDOW).exp()
    }

    /// Returns `depth_average`.
    pub(crate) fn value(&self, now: Instant) -> Value {
        rounded(self.at(now), 1000.0)
    }
}

/// How long events took, in the last minutes.
#[derive(Debug)]
pub(crate) struct Timings {
    current: Histogram<u32>,
    before: Histogram<u32>,
    since: Instant,
}

impl Timings {
    pub(crate) fn new(now: Instant) -> Self {
        let empty = Histogram::new_with_max(LONGEST, 2).expect("a day can be told to two digits");
        Self { current: empty.clone(), before: empty, since: now }
    }

    pub(crate) fn record(&mut self, time: Duration, now: Instant) {
        self.forget(now);
        self.current.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST));
    }

    /// Drops what was recorded too long ago.
    fn forget(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        if passed < MEMORY {
            return;
        }
        std::mem::swap(&mut self.current, &mut self.before);
        self.current.reset();
        if passed >= MEMORY * 2 {
            self.before.reset();
        }
        self.since = now;
    }

    fn remembered(&mut self, now: Instant) -> Histogram<u32> {
        self.forget(now);
        let mut all = self.before.clone();
        all.add(&self.current).expect("both have the same bounds");
        all
    }

    /// Returns `timings`: within how many milliseconds so many percent of the events were done.
    pub(crate) fn quantiles(&mut self, now: Instant) -> Value {
        let all = self.remembered(now);
        let millis = |quantile| float(all.value_at_quantile(quantile).min(all.max())) / 1000.0;
        map(QUANTILES.map(|(name, quantile)| (name, rounded(millis(quantile), 1000.0))))
    }

    /// Returns `timings_reversed`: how many percent of the events were done within so many milliseconds.
    pub(crate) fn reversed(&mut self, now: Instant) -> Value {
        let all = self.remembered(now);
        let percent = |millis| if all.is_empty() { 0.0 } else { all.percentile_below(millis * 1000) };
        map(TIMES.map(|(name, millis)| (name, rounded(percent(millis), 100.0))))
    }
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(name, value)| (name.into(), value)).into())
}

/// Returns `number` rounded up to a multiple of one `per`th.
fn rounded(number: f64, per: f64) -> Value {
    Value::Float((number * per).ceil() / per)
}

#[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn accept(meter: &mut Meter, count: u32, now: Instant) {
        (0..count).for_each(|_| meter.accept(now));
    }

    #[test]
    fn without_events_all_is_zero_and_in_the_order_of_the_original() {
        let now = Instant::now();
        let mut meter = Meter::new(now);
        assert_eq!(meter.requests().to_string(), r#"{"accepted": 0, "rejected": 0}"#);
        assert_eq!(meter.rate(now).to_string(), "[0.0, 0.0, 0.0]");
        assert_eq!(meter.rate_mean(now), Value::Float(0.0));
        assert_eq!(Average::new(now).value(now), Value::Float(0.0));
        let mut timings = Timings::new(now);
        assert_eq!(
            timings.quantiles(now).to_string(),
            r#"{"50.00%": 0.0, "75.00%": 0.0, "90.00%": 0.0, "95.00%": 0.0, "98.00%": 0.0, "99.00%": 0.0, "99.95%": 0.0}"#
        );
        assert_eq!(
            timings.reversed(now).to_string(),
            r#"{"1000ms": 0.0, "100ms": 0.0, "10ms": 0.0, "1ms": 0.0, "20ms": 0.0, "2ms": 0.0, "500ms": 0.0, "50ms": 0.0, "5ms": 0.0}"#
        );
    }

    #[test]
    fn rates_are_those_that_the_original_reports() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        accept(&mut meter, 17, start + seconds(2.0));
        assert_eq!(meter.rate(start + seconds(4.9)).to_string(), "[0.0, 0.0, 0.0]");
        accept(&mut meter, 9, start + seconds(6.0));
        meter.reject();
        let now = start + seconds(6.5);
        assert_eq!(meter.rate(now).to_string(), "[3.4, 3.4, 3.4]");
        assert_eq!(meter.rate_mean(now), Value::Float(4.334));
        assert_eq!(meter.requests().to_string(), r#"{"accepted": 26, "rejected": 1}"#);
        // The ticks are at every fifth second, whenever somebody looks: 3.4 + (1.8 - 3.4) × (1 - exp(-5 / 60)), and so on.
        assert_eq!(meter.rate(start + seconds(10.0)).to_string(), "[3.273, 3.374, 3.392]");
    }

    #[test]
    fn rates_fall_as_fast_as_their_windows_are_short() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        accept(&mut meter, 50, start);
        // One tick with ten a second, and a minute without any: by e, by its fifth and by its fifteenth root.
        assert_eq!(meter.rate(start + seconds(65.0)).to_string(), "[3.679, 8.188, 9.356]");
        let mut stepwise = Meter::new(start);
        accept(&mut stepwise, 50, start);
        for second in 0..65 {
            stepwise.rate(start + Duration::from_secs(second));
        }
        assert_eq!(stepwise.rate(start + seconds(65.0)).to_string(), "[3.679, 8.188, 9.356]");
        assert_eq!(meter.rate(start + seconds(1e9)).to_string(), "[0.0, 0.0, 0.0]");
    }

    #[test]
    fn the_mean_rate_is_infinite_in_the_first_second() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        meter.accept(start);
        assert_eq!(meter.rate_mean(start + seconds(0.9)), Value::Float(f64::INFINITY));
        assert_eq!(meter.rate_mean(start + seconds(1.1)), Value::Float(1.0));
    }

    #[test]
    fn an_average_follows_what_it_is_of() {
        let start = Instant::now();
        let mut average = Average::new(start);
        average.set(10, start);
        assert_eq!(average.value(start), Value::Float(0.0));
        // 10 × (1 − 1/e)
        assert_eq!(average.value(start + seconds(2.0)), Value::Float(6.322));
        average.set(0, start + seconds(2.0));
        assert_eq!(average.value(start + seconds(4.0)), Value::Float(2.326));
        assert_eq!(average.value(start + seconds(1000.0)), Value::Float(0.001));
    }

    fn about(value: &Value, expected: f64) {
        let value = value.as_f64().unwrap();
        assert!((value - expected).abs() <= expected * 0.01, "{value} is not about {expected}");
    }

    #[test]
    fn times_are_told_by_quantiles_and_the_other_way_round() {
        let now = Instant::now();
        let mut timings = Timings::new(now);
        for millis in 1..=1000 {
            timings.record(Duration::from_millis(millis), now);
        }
        let quantiles = timings.quantiles(now);
        for (name, expected) in [("50.00%", 500.0), ("75.00%", 750.0), ("99.00%", 990.0), ("99.95%", 1000.0)]
        {
            about(quantiles.get(name).unwrap(), expected);
        }
        let reversed = timings.reversed(now);
        let values = ["1ms", "10ms", "1000ms"].map(|name| reversed.get(name).cloned().unwrap());
        assert_eq!(values, [0.1, 1.0, 100.0].map(Value::Float));
        about(reversed.get("500ms").unwrap(), 50.0);
    }

    #[test]
    fn no_time_is_too_long_or_too_short() {
        let now = Instant::now();
        let mut timings = Timings::new(now);
        timings.record(Duration::ZERO, now);
        assert_eq!(timings.quantiles(now).get("99.95%"), Some(&Value::Float(0.0)));
        timings.record(Duration::MAX, now);
        about(timings.quantiles(now).get("99.95%").unwrap(), 86_400_000.0);
    }

    #[test]
    fn times_are_forgotten() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_mins(minutes);
        let half = |timings: &mut Timings, now| timings.quantiles(now).get("50.00%").cloned().unwrap();
        let mut timings = Timings::new(start);
        timings.record(Duration::from_secs(1), at(1));
        about(&half(&mut timings, at(6)), 1000.0);
        timings.record(Duration::from_secs(2), at(7));
        timings.record(Duration::from_secs(2), at(7));
        about(&half(&mut timings, at(7)), 2000.0);
        timings.record(Duration::from_secs(3), at(12));
        about(&half(&mut timings, at(12)), 2000.0);
        about(&half(&mut timings, at(17)), 3000.0);
        timings.record(Duration::from_secs(4), at(18));
        assert_eq!(half(&mut timings, at(60)), Value::Float(0.0));
    }
}
