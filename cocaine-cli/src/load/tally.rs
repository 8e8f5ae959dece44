//! What calls have come to.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use cocaine::Code;
use histogram::Histogram;

use super::repeated::Failure;

/// Times are distinguished to one part in two to this power: 0.1 %.
const PRECISION: u8 = 10;
/// Times of two to this power of nanoseconds and more count as less: 73 minutes.
const LONGEST_BITS: u8 = 42;
/// How many kinds of errors are counted apart.
const MAX_KINDS: usize = 100;

/// Counts of the calls of a measurement.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Until when calls count for the rate.
    ends: Option<Instant>,
    times: Histogram,
    pub(crate) succeeded: u64,
    /// Those that have succeeded before the end.
    pub(crate) in_time: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_in_time: u64,
    pub(crate) failed: u64,
    pub(crate) timeouts: u64,
    sum: Duration,
    shortest: Duration,
    longest: Duration,
    errors: BTreeMap<(Option<[i64; 2]>, String), ErrorCount>,
}

/// How often an error has come.
#[derive(Clone, Debug)]
pub(crate) struct ErrorCount {
    pub(crate) code: Option<Code>,
    pub(crate) name: String,
    pub(crate) count: u64,
    /// The text of the first one.
    pub(crate) example: String,
}

/// The times of the calls that have succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Latencies {
    pub(crate) shortest: Duration,
    pub(crate) mean: Duration,
    /// Of [`Tally::QUANTILES`].
    pub(crate) quantiles: [Duration; 4],
    pub(crate) longest: Duration,
}

impl Tally {
    pub(crate) const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

    pub(crate) fn new(ends: Option<Instant>) -> Self {
        Self {
            ends,
            times: Histogram::new(PRECISION, LONGEST_BITS).expect("the precision is less than the range"),
            succeeded: 0,
            in_time: 0,
            bytes: 0,
            bytes_in_time: 0,
            failed: 0,
            timeouts: 0,
            sum: Duration::ZERO,
            shortest: Duration::MAX,
            longest: Duration::ZERO,
            errors: BTreeMap::new(),
        }
    }

    /// Counts a call that has ended.
    pub(crate) fn add(&mut self, begun: Instant, ended: Instant, outcome: Result<u64, Failure>) {
        match outcome {
            Ok(bytes) => self.add_success(begun, ended, bytes),
            Err(failure) => self.add_failure(failure),
        }
    }

    fn add_success(&mut self, begun: Instant, ended: Instant, bytes: u64) {
        self.succeeded += 1;
        self.bytes += bytes;
        if self.ends.is_none_or(|ends| ended <= ends) {
            self.in_time += 1;
            self.bytes_in_time += bytes;
        }
        let time = ended.saturating_duration_since(begun);
        self.sum += time;
        self.shortest = self.shortest.min(time);
        self.longest = self.longest.max(time);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min((1 << LONGEST_BITS) - 1);
        // Cannot fail: the histogram covers the longest time.
        let _ = self.times.increment(nanos);
    }

    fn add_failure(&mut self, failure: Failure) {
        let Failure { code, name, is_timeout, error } = failure;
        self.failed += 1;
        self.timeouts += u64::from(is_timeout);
        let key = (code.map(|code| [code.category.0, code.code]), name);
        let is_known = self.errors.contains_key(&key);
        let (key, code) = if is_known || self.errors.len() < MAX_KINDS {
            (key, code)
        } else {
            ((None, "others".to_owned()), None)
        };
        let name = key.1.clone();
        let new = || ErrorCount { code, name, count: 0, example: error.to_string() };
        self.errors.entry(key).or_insert_with(new).count += 1;
    }

    /// Returns how often each error has come, the most frequent one first.
    pub(crate) fn errors(&self) -> Vec<ErrorCount> {
        let mut errors: Vec<_> = self.errors.values().cloned().collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.count));
        errors
    }

    /// Returns the times of the calls that have succeeded, or `None` if none has.
    pub(crate) fn latencies(&self) -> Option<Latencies> {
        let mut buckets = [const { None }; Self::QUANTILES.len()];
        // Cannot fail: the quantiles are in range and there is a bucket for each.
        let _ = self.times.quantile_buckets_into(&Self::QUANTILES, &mut buckets);
        let nanos =
            buckets.map(|bucket| bucket.map_or(0, |bucket| u64::midpoint(bucket.start(), bucket.end())));
        let within = |time: Duration| time.clamp(self.shortest, self.longest);
        (self.succeeded > 0).then(|| Latencies {
            shortest: self.shortest,
            mean: self.sum.div_f64(as_float(self.succeeded)),
            quantiles: nanos.map(|nanos| within(Duration::from_nanos(nanos))),
            longest: self.longest,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are not that large")]
pub(super) fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times() {
        let begun = Instant::now();
        let mut tally = Tally::new(Some(begun + Duration::from_millis(900)));
        for millis in 1..=1000 {
            tally.add(begun, begun + Duration::from_millis(millis), Ok(2));
        }
        let latencies = tally.latencies().unwrap();
        for (time, expected) in latencies.quantiles.into_iter().zip([0.5, 0.9, 0.99, 0.999]) {
            assert!((time.as_secs_f64() / expected - 1.0).abs() < 0.001, "{time:?}");
        }
        assert_eq!(
            [latencies.shortest, latencies.mean, latencies.longest],
            [Duration::from_millis(1), Duration::from_micros(500_500), Duration::from_secs(1)]
        );
        assert_eq!(
            [tally.succeeded, tally.bytes, tally.in_time, tally.bytes_in_time],
            [1000, 2000, 900, 1800]
        );
    }

    #[test]
    fn kinds_of_errors_are_counted_and_limited() {
        let now = Instant::now();
        let mut tally = Tally::new(None);
        let failure = |code| Failure {
            code: Some(Code::user(code)),
            name: format!("error {code}"),
            is_timeout: code == 0,
            error: cocaine::Error::user(code, format!("text {code}")),
        };
        for code in (0..200).chain([0]) {
            tally.add(now, now, Err(failure(code)));
        }
        let errors = tally.errors();
        assert_eq!([errors.len() as u64, tally.failed, tally.timeouts], [101, 201, 2]);
        assert_eq!((errors[0].name.as_str(), errors[0].count, errors[0].code), ("others", 100, None));
        assert!(errors[0].example.contains("text 100"), "{errors:?}");
        assert_eq!((errors[1].name.as_str(), errors[1].count), ("error 0", 2));
        assert_eq!(tally.latencies(), None);
    }
}
