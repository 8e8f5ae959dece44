//! `metrics`: the metrics of the node (`services.md` 13).
//!
//! The names are those of the original. Of each service that runs, apps among them, under its own name:
//!
//! | name | type | what |
//! |---|---|---|
//! | `connections.accepted`, `connections.rejected` | counter | connections; what could not be accepted |
//! | `load` | counter | calls that run, streams and sessions among them |
//! | `meter.summary` | meter | calls that were begun |
//! | `timer[METHOD]` | timer | calls that have ended |
//!
//! Of each app that runs, too:
//!
//! | name | type | what |
//! |---|---|---|
//! | `requests.accepted`, `requests.rejected` | counter | events that were taken; those that found the queue full |
//! | `rate` | meter | events that were taken |
//! | `timings` | timer | events that have ended |
//! | `queue.depth_average` | gauge | events that wait, averaged over the last seconds |
//! | `slaves.spawned`, `slaves.crashed` | counter | workers |
//! | `pool.slaves.UUID.load`, `.state`, `.uptime` | gauge | a worker: its events, what it does, its age in seconds |
//!
//! Of each logger of `logging::v2` that has filters: `logging.NAME.accepted.count`, `logging.NAME.rejected.count` and
//! `logging.NAME.sum.count`, the messages that passed, that did not, and both; the first two also as
//! `count_since_change`, since its filters were last changed. Of the node itself, which the original does not count:
//! `node.uptime`, its age in seconds, `node.log.accepted` and `node.log.rejected`, the lines that went to its log
//! and those that found that full, and `node.memory.used` and `node.memory.limit`, the bytes that its connections use
//! together and may use.
//!
//! A meter reports `count`, and the rates per second `m01rate`, `m05rate` and `m15rate` over the last 1, 5 and 15 minutes.
//! A timer reports these too, and for the last five to ten minutes `mean`, `stddev`, `p50`, `p75`, `p90`, `p95`, `p98`
//! and `p99` in milliseconds, with a precision of one part in thirty. Counts are integers, all others are floats.

use std::{sync::Arc, time::Instant};

use cocaine::{Error, MemoryBudget, Result, Value};
use cocaine_bindings::Metrics;

use crate::{
    apps::Apps,
    errno,
    log::{Log, filters::Filters},
    metrics::{MetricsRegistry, Query, Reading, to_flat_map, to_nested_map},
};

/// The sources of all metrics.
#[derive(Debug)]
pub(crate) struct MetricSources {
    pub(crate) since: Instant,
    pub(crate) metrics: MetricsRegistry,
    pub(crate) memory: MemoryBudget,
    pub(crate) apps: Apps,
    pub(crate) filters: Arc<Filters>,
    pub(crate) log: Log,
}

impl MetricSources {
    fn read(&self) -> Vec<Reading> {
        let now = Instant::now();
        let mut readings = self.metrics.read(now);
        self.apps.read_metrics(&mut readings);
        self.filters.collect_metrics(&mut readings);
        readings.extend([
            Reading::gauge("node.uptime", now.saturating_duration_since(self.since).as_secs()),
            Reading::counter("node.log.accepted", self.log.accepted()),
            Reading::counter("node.log.rejected", self.log.rejected()),
            Reading::gauge("node.memory.used", self.memory.used() as u64),
        ]);
        let limit = self.memory.limit();
        readings.extend(limit.map(|limit| Reading::gauge("node.memory.limit", limit as u64)));
        readings
    }
}

/// The service around the sources.
#[derive(Clone, Debug)]
pub(crate) struct MetricsService(Arc<MetricSources>);

impl MetricsService {
    pub(crate) fn new(sources: MetricSources) -> Self {
        Self(Arc::new(sources))
    }
}

impl Metrics for MetricsService {
    async fn fetch(&self, format: Option<&str>, query: Option<&Value>) -> Result<Value> {
        let render = match format.unwrap_or_default() {
            "" | "plain" => to_flat_map,
            "json" => to_nested_map,
            _ => return Err(invalid("unknown output type")),
        };
        let query = query.filter(|query| !query.is_nil()).map(Query::parse).transpose();
        let query = query.map_err(|error| invalid(&error.to_string()))?;
        let mut readings = self.0.read();
        if let Some(query) = query {
            readings.retain(|reading| query.matches(reading));
        }
        Ok(render(readings))
    }
}

fn invalid(text: &str) -> Error {
    errno::invalid_argument(text)
}
