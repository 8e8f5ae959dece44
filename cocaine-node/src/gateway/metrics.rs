//! The metrics of a gateway, in the text format of Prometheus.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use http::StatusCode;
use prometheus_client::{
    collector::Collector,
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::config::Target;

/// The media type of [`GatewayMetrics::render`].
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The label of requests that reached no service. The names in them are arbitrary and must not become labels.
const NO_SERVICE: &str = "";

/// How many services have labels of their own; later ones share one.
const MAX_LABELS: usize = 1024;

/// The metrics of a gateway.
#[derive(Clone)]
pub(super) struct GatewayMetrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<ServiceLabel, Histogram, Buckets>,
    retries: Family<ServiceLabel, Counter>,
    received: Counter,
    buffered: Gauge,
    in_flight: Gauge,
    pub(super) clients: Gauge,
    labels: Arc<Mutex<HashSet<String>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabel {
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

impl GatewayMetrics {
    /// Returns metrics to which those of `collectors` are added.
    pub(super) fn new(collectors: Vec<Box<dyn Collector>>) -> Self {
        let mut root = Registry::default();
        for collector in collectors {
            root.register_collector(collector);
        }
        let registry = root.sub_registry_with_prefix("cocaine_gateway");
        let seconds = Family::new_with_constructor(Buckets);
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            seconds,
            retries: Family::default(),
            received: Counter::default(),
            buffered: Gauge::default(),
            in_flight: Gauge::default(),
            clients: Gauge::default(),
            labels: Arc::default(),
        };
        registry.register("requests", "Requests that were answered", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request to the head of its answer",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register("retries", "Events that were sent again", metrics.retries.clone());
        registry.register_with_unit("received", "Bodies of requests", Unit::Bytes, metrics.received.clone());
        registry.register_with_unit(
            "buffered",
            "Bodies of requests in memory",
            Unit::Bytes,
            metrics.buffered.clone(),
        );
        registry.register(
            "in_flight_requests",
            "Requests whose answers have not begun",
            metrics.in_flight.clone(),
        );
        registry.register("client_connections", "Connections of clients", metrics.clients.clone());
        Self { registry: Arc::new(root), ..metrics }
    }

    /// Starts to measure a request.
    pub(super) fn start_request(&self) -> RequestTimer<'_> {
        self.in_flight.inc();
        RequestTimer { metrics: self, start: Instant::now() }
    }

    /// Counts a call that is attempted again.
    pub(super) fn count_retry(&self, service: &str) {
        self.retries.get_or_create(&ServiceLabel { service: self.label(service) }).inc();
    }

    /// Counts the bytes of a request's body.
    pub(super) fn count_received(&self, bytes: usize) {
        self.received.inc_by(bytes as u64);
    }

    /// Sets how many bytes of requests' bodies are in memory.
    pub(super) fn set_buffered(&self, bytes: usize) {
        self.buffered.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Returns all metrics as text.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// Returns whether a service has a label of its own.
    pub(super) fn has_label(&self, service: &str) -> bool {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner).contains(service)
    }

    /// Returns the label of a service: its name, while there are not too many.
    fn label(&self, service: &str) -> String {
        let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        if labels.contains(service) {
            return service.to_owned();
        }
        if labels.len() == MAX_LABELS {
            return "other".to_owned();
        }
        labels.insert(service.to_owned());
        service.to_owned()
    }
}

impl fmt::Debug for GatewayMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayMetrics").finish_non_exhaustive()
    }
}

/// A request whose response has not begun. Counts it as in flight until it is dropped.
pub(super) struct RequestTimer<'a> {
    metrics: &'a GatewayMetrics,
    start: Instant,
}

impl RequestTimer<'_> {
    /// Counts the response to an event of a service that exists, or another one of the gateway if `None`.
    pub(super) fn finish(self, target: Option<&Target>, status: StatusCode) {
        let service =
            target.map_or_else(|| NO_SERVICE.to_owned(), |target| self.metrics.label(&target.service));
        let label = ServiceLabel { service };
        self.metrics.seconds.get_or_create(&label).observe(self.start.elapsed().as_secs_f64());
        let labels = RequestLabels { service: label.service, status: status.as_u16() };
        self.metrics.requests.get_or_create(&labels).inc();
    }
}

impl Drop for RequestTimer<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}
