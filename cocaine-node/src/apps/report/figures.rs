//! The measured figures of `info`, in the order and the rounding of the original (`node.md` 6.1).

use std::time::{Duration, Instant};

use cocaine::Value;

use crate::metrics::EventMetrics;

const QUANTILES: [(&str, f64); 7] = [
    ("50.00%", 0.5),
    ("75.00%", 0.75),
    ("90.00%", 0.9),
    ("95.00%", 0.95),
    ("98.00%", 0.98),
    ("99.00%", 0.99),
    ("99.95%", 0.9995),
];

/// Times in milliseconds, sorted by name.
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

/// Returns `requests`: how many events were accepted and rejected.
pub(super) fn requests(metrics: &EventMetrics, now: Instant) -> Value {
    map([("accepted", metrics.accepted(now).count.into()), ("rejected", metrics.rejected().into())])
}

/// Returns `rate`: accepted events per second over 1, 5 and 15 minutes.
pub(super) fn rate(metrics: &EventMetrics, now: Instant) -> Value {
    Value::Array(metrics.accepted(now).per_second.map(|rate| round_up(rate, 1000.0)).into())
}

/// Returns `rate_mean`: accepted events per second since the start.
pub(super) fn rate_mean(metrics: &EventMetrics, now: Instant) -> Value {
    round_up(metrics.mean_rate(now), 1000.0)
}

/// Returns `depth_average`: the average number of waiting events.
pub(super) fn depth_average(metrics: &EventMetrics, now: Instant) -> Value {
    round_up(metrics.queue_depth(now), 1000.0)
}

/// Returns `timings`: for each percentage of the events, within how many milliseconds they were done.
pub(super) fn timings(metrics: &EventMetrics, now: Instant) -> Value {
    let times = metrics.distribution(now).quantiles(QUANTILES.map(|(_, quantile)| quantile));
    Value::Map(
        QUANTILES
            .iter()
            .zip(times)
            .map(|((name, _), time)| ((*name).into(), round_up(time, 1000.0)))
            .collect(),
    )
}

/// Returns `timings_reversed`: for each time, what percentage of the events was done within it.
pub(super) fn timings_reversed(metrics: &EventMetrics, now: Instant) -> Value {
    let distribution = metrics.distribution(now);
    let percent = |millis| distribution.percent_within(Duration::from_millis(millis));
    map(TIMES.map(|(name, millis)| (name, round_up(percent(millis), 100.0))))
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(name, value)| (name.into(), value)).into())
}

/// Returns `number` rounded up to a multiple of one `per`th.
fn round_up(number: f64, per: f64) -> Value {
    Value::Float((number * per).ceil() / per)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn accept(metrics: &EventMetrics, count: u32, now: Instant) {
        (0..count).for_each(|_| metrics.record_accepted(0, now));
    }

    fn assert_about(value: &Value, expected: f64) {
        let value = value.as_f64().unwrap();
        assert!((value - expected).abs() <= expected * 0.01, "{value} is not about {expected}");
    }

    #[test]
    fn without_events_figures_are_zero_and_sorted() {
        let now = Instant::now();
        let metrics = EventMetrics::new(now);
        assert_eq!(requests(&metrics, now).to_string(), r#"{"accepted": 0, "rejected": 0}"#);
        assert_eq!(rate(&metrics, now).to_string(), "[0.0, 0.0, 0.0]");
        assert_eq!(rate_mean(&metrics, now), Value::Float(0.0));
        assert_eq!(depth_average(&metrics, now), Value::Float(0.0));
        assert_eq!(
            timings(&metrics, now).to_string(),
            r#"{"50.00%": 0.0, "75.00%": 0.0, "90.00%": 0.0, "95.00%": 0.0, "98.00%": 0.0, "99.00%": 0.0, "99.95%": 0.0}"#
        );
        assert_eq!(
            timings_reversed(&metrics, now).to_string(),
            r#"{"1000ms": 0.0, "100ms": 0.0, "10ms": 0.0, "1ms": 0.0, "20ms": 0.0, "2ms": 0.0, "500ms": 0.0, "50ms": 0.0, "5ms": 0.0}"#
        );
    }

    #[test]
    fn rates_equal_those_of_the_original() {
        let start = Instant::now();
        let metrics = EventMetrics::new(start);
        accept(&metrics, 17, start + seconds(2.0));
        assert_eq!(rate(&metrics, start + seconds(4.9)).to_string(), "[0.0, 0.0, 0.0]");
        accept(&metrics, 9, start + seconds(6.0));
        metrics.record_rejected(0, start + seconds(6.0));
        let now = start + seconds(6.5);
        assert_eq!(rate(&metrics, now).to_string(), "[3.4, 3.4, 3.4]");
        assert_eq!(rate_mean(&metrics, now), Value::Float(4.334));
        assert_eq!(requests(&metrics, now).to_string(), r#"{"accepted": 26, "rejected": 1}"#);
        // Ticks are five seconds apart, independently of reads: 3.4 + (1.8 - 3.4) × (1 - exp(-5 / 60)), and so on.
        assert_eq!(rate(&metrics, start + seconds(10.0)).to_string(), "[3.273, 3.374, 3.392]");
    }

    #[test]
    fn short_windows_make_rates_fall_faster() {
        let start = Instant::now();
        let metrics = EventMetrics::new(start);
        accept(&metrics, 50, start);
        // One tick with ten events a second, then a minute without: divided by e, its fifth root, its fifteenth root.
        assert_eq!(rate(&metrics, start + seconds(65.0)).to_string(), "[3.679, 8.188, 9.356]");
        let stepwise = EventMetrics::new(start);
        accept(&stepwise, 50, start);
        for second in 0..65 {
            rate(&stepwise, start + Duration::from_secs(second));
        }
        assert_eq!(rate(&stepwise, start + seconds(65.0)).to_string(), "[3.679, 8.188, 9.356]");
        assert_eq!(rate(&metrics, start + seconds(1e9)).to_string(), "[0.0, 0.0, 0.0]");
    }

    #[test]
    fn mean_rate_is_infinite_in_the_first_second() {
        let start = Instant::now();
        let metrics = EventMetrics::new(start);
        accept(&metrics, 1, start);
        assert_eq!(rate_mean(&metrics, start + seconds(0.9)), Value::Float(f64::INFINITY));
        assert_eq!(rate_mean(&metrics, start + seconds(1.1)), Value::Float(1.0));
    }

    #[test]
    fn depth_average_is_rounded_up() {
        let start = Instant::now();
        let metrics = EventMetrics::new(start);
        metrics.record_accepted(10, start);
        assert_eq!(depth_average(&metrics, start), Value::Float(0.0));
        // 10 × (1 − 1/e)
        assert_eq!(depth_average(&metrics, start + seconds(2.0)), Value::Float(6.322));
        metrics.record_rejected(0, start + seconds(2.0));
        assert_eq!(depth_average(&metrics, start + seconds(4.0)), Value::Float(2.326));
        assert_eq!(depth_average(&metrics, start + seconds(1000.0)), Value::Float(0.001));
    }

    #[test]
    fn timings_and_reversed_timings_agree() {
        let now = Instant::now();
        let metrics = EventMetrics::new(now);
        for millis in 1..=1000 {
            metrics.record_finished(Duration::from_millis(millis), now);
        }
        let timings = timings(&metrics, now);
        for (name, expected) in [("50.00%", 500.0), ("75.00%", 750.0), ("99.00%", 990.0), ("99.95%", 1000.0)]
        {
            assert_about(timings.get(name).unwrap(), expected);
        }
        let reversed = timings_reversed(&metrics, now);
        let values = ["1ms", "10ms", "1000ms"].map(|name| reversed.get(name).cloned().unwrap());
        assert_eq!(values, [0.1, 1.0, 100.0].map(Value::Float));
        assert_about(reversed.get("500ms").unwrap(), 50.0);
    }

    #[test]
    fn extreme_times_are_clamped() {
        let now = Instant::now();
        let metrics = EventMetrics::new(now);
        metrics.record_finished(Duration::ZERO, now);
        assert_eq!(timings(&metrics, now).get("99.95%"), Some(&Value::Float(0.0)));
        metrics.record_finished(Duration::MAX, now);
        assert_about(timings(&metrics, now).get("99.95%").unwrap(), 86_400_000.0);
    }

    #[test]
    fn old_times_are_forgotten() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_mins(minutes);
        let metrics = EventMetrics::new(start);
        let half = |now| timings(&metrics, now).get("50.00%").cloned().unwrap();
        metrics.record_finished(Duration::from_secs(1), at(1));
        assert_about(&half(at(6)), 1000.0);
        metrics.record_finished(Duration::from_secs(2), at(7));
        metrics.record_finished(Duration::from_secs(2), at(7));
        assert_about(&half(at(7)), 2000.0);
        metrics.record_finished(Duration::from_secs(3), at(12));
        assert_about(&half(at(12)), 2000.0);
        assert_about(&half(at(17)), 3000.0);
        metrics.record_finished(Duration::from_secs(4), at(18));
        assert_eq!(half(at(60)), Value::Float(0.0));
    }
}
