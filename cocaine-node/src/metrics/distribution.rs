//! How a number of times are distributed.

use std::time::Duration;

use histogram::{Bucket, Histogram};

use super::reading::TimeStats;

/// The times of a number of events.
#[derive(Debug)]
pub(crate) struct Distribution(Histogram);

impl Distribution {
    /// Wraps a histogram of nanoseconds.
    pub(super) fn new(histogram: Histogram) -> Self {
        Self(histogram)
    }

    /// Returns quantiles in milliseconds, each as the middle of its bucket; zeros without events.
    pub(crate) fn quantiles<const N: usize>(&self, quantiles: [f64; N]) -> [f64; N] {
        let mut buckets = [const { None }; N];
        // Cannot fail: the quantiles are in range and there is a bucket for each.
        let _ = self.0.quantile_buckets_into(&quantiles, &mut buckets);
        buckets.map(|bucket| bucket.as_ref().map_or(0.0, middle))
    }

    /// Returns how many percent of the events took no longer than this; zero without events.
    pub(crate) fn percent_within(&self, limit: Duration) -> f64 {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let total = self.count(|_| true);
        if total == 0.0 { 0.0 } else { 100.0 * self.count(|bucket| bucket.start() <= limit) / total }
    }

    /// Returns mean, standard deviation and quantiles.
    pub(crate) fn times(&self) -> TimeStats {
        let count = self.count(|_| true);
        if count == 0.0 {
            return TimeStats::default();
        }
        let mean_of = |value: &dyn Fn(f64) -> f64| {
            let sum: f64 = self.0.iter().map(|bucket| value(middle(&bucket)) * float(bucket.count())).sum();
            sum / count
        };
        let mean = mean_of(&|time| time);
        let stddev = mean_of(&|time| (time - mean) * (time - mean)).sqrt();
        TimeStats { mean, stddev, quantiles: self.quantiles(TimeStats::QUANTILES) }
    }

    fn count(&self, includes: impl Fn(&Bucket) -> bool) -> f64 {
        self.0.iter().filter(includes).map(|bucket| float(bucket.count())).sum()
    }
}

/// Returns the middle of a bucket of nanoseconds, in milliseconds.
fn middle(bucket: &Bucket) -> f64 {
    f64::midpoint(float(bucket.start()), float(bucket.end())) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "times are not that exact")]
fn float(number: u64) -> f64 {
    number as f64
}
