//! What a measurement has found, as it is printed.

use std::time::Duration;

use serde::Serialize;

use super::tally::{ErrorCount, Tally, as_float};
use crate::output::Row;

/// The result of a measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    service: String,
    method: String,
    in_flight: usize,
    connections: usize,
    rate: Option<f64>,
    seconds: f64,
    calls: u64,
    pub(crate) failed: u64,
    timeouts: u64,
    /// Calls of the rate that have not begun.
    pub(crate) unsent: u64,
    calls_per_second: f64,
    bytes: u64,
    bytes_per_second: f64,
    /// In milliseconds.
    latency: Option<LatencyReport>,
    pub(crate) errors: Vec<ErrorRow>,
}

/// The times of calls in milliseconds.
#[derive(Debug, Serialize)]
struct LatencyReport {
    min: f64,
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

/// An error of the calls.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorRow {
    code: Option<[i64; 2]>,
    name: String,
    count: u64,
    example: String,
}

/// What was measured, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadSettings<'a> {
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    pub(crate) in_flight: usize,
    pub(crate) connections: usize,
    pub(crate) rate: Option<f64>,
}

impl Report {
    /// Returns the result of what has taken `time`.
    pub(crate) fn new(settings: LoadSettings<'_>, tally: &Tally, time: Duration, unsent: u64) -> Self {
        let seconds = time.as_secs_f64();
        let per_second = |count| if seconds > 0.0 { as_float(count) / seconds } else { 0.0 };
        let latency = tally.latencies().map(|times| {
            let [p50, p90, p99, p99_9] = times.quantiles.map(millis);
            let [min, mean, max] = [times.shortest, times.mean, times.longest].map(millis);
            LatencyReport { min, mean, p50, p90, p99, p99_9, max }
        });
        Self {
            service: settings.service.to_owned(),
            method: settings.method.to_owned(),
            in_flight: settings.in_flight,
            connections: settings.connections,
            rate: settings.rate,
            seconds: rounded(seconds),
            calls: tally.succeeded + tally.failed,
            failed: tally.failed,
            timeouts: tally.timeouts,
            unsent,
            calls_per_second: rounded(per_second(tally.in_time)),
            bytes: tally.bytes,
            bytes_per_second: rounded(per_second(tally.bytes_in_time)),
            latency,
            errors: tally.errors().into_iter().map(ErrorRow::from).collect(),
        }
    }

    /// Returns a line for a measurement that goes on.
    pub(crate) fn progress(&self) -> String {
        let p99 = self.latency.as_ref().map_or(0.0, |latency| latency.p99);
        format!(
            "{:.0} s: {} calls, {:.0} a second, 99 % within {p99} ms, {} failed",
            self.seconds, self.calls, self.calls_per_second, self.failed
        )
    }
}

impl Row for Report {
    const COLUMNS: &'static [&'static str] = &[
        "calls", "failed", "timeouts", "unsent", "calls/s", "bytes/s", "min", "mean", "p50", "p90", "p99",
        "p99.9", "max",
    ];

    fn cells(&self) -> Vec<String> {
        let counts = [self.calls, self.failed, self.timeouts, self.unsent].map(|count| count.to_string());
        let rates = [self.calls_per_second, self.bytes_per_second].map(|rate| format!("{rate:.0}"));
        let times = match &self.latency {
            Some(LatencyReport { min, mean, p50, p90, p99, p99_9, max }) => {
                [min, mean, p50, p90, p99, p99_9, max].map(|time| format!("{time} ms"))
            }
            None => std::array::from_fn(|_| "-".to_owned()),
        };
        counts.into_iter().chain(rates).chain(times).collect()
    }
}

impl From<ErrorCount> for ErrorRow {
    fn from(error: ErrorCount) -> Self {
        let ErrorCount { code, name, count, example } = error;
        Self { code: code.map(|code| [code.category.0, code.code]), name, count, example }
    }
}

impl Row for ErrorRow {
    const COLUMNS: &'static [&'static str] = &["count", "error", "code", "example"];

    fn cells(&self) -> Vec<String> {
        let code =
            self.code.map_or_else(|| "-".to_owned(), |[category, code]| format!("[{category},{code}]"));
        vec![self.count.to_string(), self.name.clone(), code, self.example.clone()]
    }
}

fn millis(time: Duration) -> f64 {
    rounded(time.as_secs_f64() * 1000.0)
}

/// Rounds to what is still exact.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
