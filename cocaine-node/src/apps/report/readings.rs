//! The metrics of a running app, beside those of its service, by the names of the original.

use crate::apps::overseer::Overseer;
use crate::metrics::{MetricValue, Reading};

/// Adds the metrics of an app.
pub(crate) fn add_app(overseer: &Overseer, readings: &mut Vec<Reading>) {
    let app = &overseer.config().app;
    overseer.read_state(|snapshot| {
        let now = snapshot.now;
        let metrics = snapshot.metrics;
        let (rate, timings) = (metrics.accepted(now), metrics.finished(now));
        readings.extend([
            Reading::counter(format!("{app}.requests.accepted"), rate.count),
            Reading::counter(format!("{app}.requests.rejected"), metrics.rejected()),
            Reading::new(format!("{app}.rate"), MetricValue::Meter(rate)),
            Reading::new(format!("{app}.timings"), MetricValue::Timer(timings.0, timings.1)),
            Reading::gauge(format!("{app}.queue.depth_average"), metrics.queue_depth(now)),
            Reading::counter(format!("{app}.slaves.crashed"), snapshot.crashed),
            Reading::counter(format!("{app}.slaves.spawned"), snapshot.spawned),
        ]);
        for (uuid, worker) in snapshot.workers {
            let name = format!("{app}.pool.slaves.{uuid}");
            let age = now.saturating_duration_since(worker.since);
            let load = u32::try_from(worker.channels.load(now).total).unwrap_or(u32::MAX);
            readings.extend([
                Reading::gauge(format!("{name}.load"), f64::from(load)),
                Reading::gauge(format!("{name}.state"), worker.state.name()),
                Reading::gauge(format!("{name}.uptime"), age.as_secs()),
            ]);
        }
    });
}
