//! The metrics of a node in the text format of Prometheus, beside those of its gateway.

use std::{fmt, time::Instant};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet},
    metrics::MetricType,
    registry::Unit,
};

use crate::{
    apps::{AppTotals, Apps},
    log::Log,
    metrics::{MetricsRegistry, ServiceTotals, TimeStats},
    store::{FileUsage, Store},
};

/// Reads the metrics of apps, services and the node itself. Only what runs has labels, so that there are never many.
#[derive(Debug)]
pub(super) struct NodeCollector {
    pub(super) since: Instant,
    pub(super) metrics: MetricsRegistry,
    pub(super) apps: Apps,
    pub(super) log: Log,
    pub(super) store: Store,
}

/// A number with its labels.
type Sample<'a, N> = (Vec<(&'a str, &'a str)>, N);

impl Collector for NodeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode_apps(&mut encoder, &self.apps.totals())?;
        encode_services(&mut encoder, &self.metrics.totals())?;
        if let Some(usage) = self.store.file_usage() {
            encode_storage(&mut encoder, usage)?;
        }
        let uptime = self.since.elapsed().as_secs_f64();
        gauges(
            &mut encoder,
            "cocaine_node_uptime",
            "Age of the node",
            Some(&Unit::Seconds),
            [(vec![], uptime)],
        )?;
        let lines = [
            (vec![("outcome", "accepted")], self.log.accepted()),
            (vec![("outcome", "dropped")], self.log.rejected()),
        ];
        counters(&mut encoder, "cocaine_node_log_lines", "Lines of the log", lines)
    }
}

fn encode_apps(encoder: &mut DescriptorEncoder<'_>, apps: &[AppTotals]) -> fmt::Result {
    let by_outcome = apps.iter().flat_map(|app| {
        [("accepted", app.accepted), ("rejected", app.rejected)]
            .map(|(outcome, count)| (vec![("app", app.app.as_str()), ("outcome", outcome)], count))
    });
    counters(encoder, "cocaine_app_events", "Events that were taken, or found the queue full", by_outcome)?;
    counters(
        encoder,
        "cocaine_app_workers_started",
        "Workers that were started",
        each(apps, |app| app.spawned),
    )?;
    counters(encoder, "cocaine_app_workers_crashed", "Workers that crashed", each(apps, |app| app.crashed))?;
    let (events, workers) = (Unit::Other("events".into()), Unit::Other("workers".into()));
    gauges(encoder, "cocaine_app_queue", "Events that wait", Some(&events), each(apps, |app| app.queued))?;
    let limit = each(apps, |app| app.queue_limit);
    gauges(encoder, "cocaine_app_queue_limit", "The most events that may wait", Some(&events), limit)?;
    let oldest = each(apps, |app| app.oldest_event.as_secs_f64());
    gauges(
        encoder,
        "cocaine_app_oldest_event",
        "Age of the event that waits longest",
        Some(&Unit::Seconds),
        oldest,
    )?;
    let running = each(apps, |app| app.running);
    gauges(encoder, "cocaine_app_running", "Events that workers have", Some(&events), running)?;
    let limit = each(apps, |app| app.pool_limit);
    gauges(encoder, "cocaine_app_pool_limit", "The most workers", Some(&workers), limit)?;
    let by_state = apps.iter().flat_map(|app| {
        let labels = |state| vec![("app", app.app.as_str()), ("state", state)];
        app.workers.iter().map(move |(state, count)| (labels(*state), *count))
    });
    gauges(encoder, "cocaine_app_workers", "Workers by their state", None, by_state)?;
    let quantiles = TimeStats::QUANTILES.map(|quantile| quantile.to_string());
    let times = apps.iter().flat_map(|app| {
        let each = quantiles.iter().zip(app.times.quantiles);
        each.map(|(quantile, millis)| (vec![("app", app.app.as_str()), ("quantile", quantile)], millis / 1e3))
    });
    gauges(encoder, "cocaine_app_event", "How long the last events took", Some(&Unit::Seconds), times)
}

fn encode_services(encoder: &mut DescriptorEncoder<'_>, services: &[ServiceTotals]) -> fmt::Result {
    fn with_name(service: &ServiceTotals) -> Vec<(&str, &str)> {
        vec![("service", service.name.as_str())]
    }
    let calls = services.iter().map(|service| (with_name(service), service.calls));
    counters(encoder, "cocaine_service_calls", "Calls that were begun", calls)?;
    let running = services.iter().map(|service| (with_name(service), service.running));
    let unit = Unit::Other("calls".into());
    gauges(
        encoder,
        "cocaine_service_running",
        "Calls that run, streams and sessions too",
        Some(&unit),
        running,
    )?;
    let connections = services.iter().flat_map(|service| {
        [("accepted", service.accepted), ("rejected", service.rejected)]
            .map(|(outcome, count)| (vec![("service", service.name.as_str()), ("outcome", outcome)], count))
    });
    counters(encoder, "cocaine_service_connections", "Connections by outcome", connections)
}

fn encode_storage(encoder: &mut DescriptorEncoder<'_>, usage: FileUsage) -> fmt::Result {
    let file = [(vec![], usage.file_bytes)];
    gauges(encoder, "cocaine_storage_file", "Size of the database's file", Some(&Unit::Bytes), file)?;
    let free = usage.free_bytes.map(|free| (vec![], free));
    let help = "Bytes of the database's file that are unused, as last measured";
    gauges(encoder, "cocaine_storage_free", help, Some(&Unit::Bytes), free)
}

/// Returns a number of each app.
fn each<N>(apps: &[AppTotals], read: impl Fn(&AppTotals) -> N) -> impl Iterator<Item = Sample<'_, N>> {
    apps.iter().map(move |app| (vec![("app", app.app.as_str())], read(app)))
}

fn counters<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = Sample<'a, u64>>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in samples {
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}

fn gauges<'a, N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    samples: impl IntoIterator<Item = Sample<'a, N>>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (labels, value) in samples {
        if labels.is_empty() {
            family.encode_gauge(&value)?;
        } else {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
    }
    Ok(())
}
