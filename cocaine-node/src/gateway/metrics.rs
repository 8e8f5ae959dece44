//! What a gateway counts, in the text format of Prometheus.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use http::StatusCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// The media type of what [`Metrics::text`] returns.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The label of requests that no known service was asked for, whose names are anybody's.
const NOBODY: &str = "";

/// How many services have labels of their own; those that come later share one.
const SERVICES: usize = 1024;

/// What a gateway counts.
#[derive(Clone)]
pub(super) struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Answered, Counter>,
    seconds: Family<Of, Histogram, Buckets>,
    retries: Family<Of, Counter>,
    received: Counter,
    in_flight: Gauge,
    pub(super) clients: Gauge,
    known: Arc<Mutex<std::collections::HashSet<String>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    service: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    service: String,
}

#[derive(Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        // From half a millisecond to 65 seconds.
        Histogram::new(exponential_buckets(0.0005, 2.0, 18))
    }
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("cocaine_gateway");
        let seconds = Family::new_with_constructor(Buckets);
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            seconds,
            retries: Family::default(),
            received: Counter::default(),
            in_flight: Gauge::default(),
            clients: Gauge::default(),
            known: Arc::default(),
        };
        registry.register("requests", "Requests that were answered", metrics.requests.clone());
        registry.register(
            "seconds",
            "Time from a request to the head of its answer",
            metrics.seconds.clone(),
        );
        registry.register("retries", "Events that were sent again", metrics.retries.clone());
        registry.register("received_bytes", "Bodies of requests", metrics.received.clone());
        registry.register("in_flight", "Requests whose answers have not begun", metrics.in_flight.clone());
        registry.register("clients", "Connections of clients", metrics.clients.clone());
        Self { registry: Arc::new(registry), ..metrics }
    }

    /// Counts a request that begins.
    pub(super) fn begin(&self) -> Watch<'_> {
        self.in_flight.inc();
        Watch { metrics: self, start: Instant::now() }
    }

    /// Counts an event that is sent again.
    pub(super) fn retried(&self, service: &str) {
        self.retries.get_or_create(&Of { service: self.label(service) }).inc();
    }

    /// Counts the body of a request.
    pub(super) fn received(&self, bytes: usize) {
        self.received.inc_by(bytes as u64);
    }

    /// Returns all that was counted.
    pub(super) fn text(&self) -> String {
        let mut written = String::new();
        // A text takes all that is written to it.
        let _ = text::encode(&mut written, &self.registry);
        written
    }

    /// Returns the service as a label: its name, as long as there are not too many.
    fn label(&self, service: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(service) {
            return service.to_owned();
        }
        if known.len() == SERVICES {
            return "other".to_owned();
        }
        known.insert(service.to_owned());
        service.to_owned()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A request whose answer has not begun.
pub(super) struct Watch<'a> {
    metrics: &'a Metrics,
    start: Instant,
}

impl Watch<'_> {
    /// Counts the answer of a service, or of the gateway itself.
    pub(super) fn answered(self, service: Option<&str>, status: StatusCode) {
        let service = service.map_or_else(|| NOBODY.to_owned(), |service| self.metrics.label(service));
        let of = Of { service };
        self.metrics.seconds.get_or_create(&of).observe(self.start.elapsed().as_secs_f64());
        let answered = Answered { service: of.service, status: status.as_u16() };
        self.metrics.requests.get_or_create(&answered).inc();
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}
