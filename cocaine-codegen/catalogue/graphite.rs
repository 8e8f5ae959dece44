/// Metrics for a Graphite server. They are kept for a moment and sent on together.
#[service(name = "graphite", version = 1)]
trait Graphite {
    /// Takes several metrics.
    ///
    /// # Errors
    ///
    /// If the connection is lost. That the server of Graphite cannot be reached is no error.
    fn send_bulk(metrics: &[Metric]);

    /// Takes one metric.
    ///
    /// # Errors
    ///
    /// As of `send_bulk`.
    fn send_one(metric: &Metric);
}

/// A number with a name and a time.
struct Metric {
    /// The name, with dots between its parts.
    name: String,
    /// The number.
    value: f64,
    /// When it was so, in seconds since 1970; without it, when the service takes the metric (inferred).
    time: Option<i64>,
}
