//! The answers to `info` (`node.md` 6.1): maps with sorted keys.

use std::time::Duration;

use cocaine::Value;

use super::figures;
use crate::apps::{
    overseer::{Overseer, OverseerSnapshot, WorkerEntry},
    profile::config::AppConfig,
    worker::{exit::WorkerExit, state::WorkerState},
};

/// The argument `flags` of `info`: which parts a client wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InfoFlags(pub(crate) u32);

impl InfoFlags {
    /// The parts that the app's own `info` has.
    pub(crate) const REPORT: Self = Self(1);

    fn has_report(self) -> bool {
        self.0 & 1 != 0
    }

    fn has_manifest(self) -> bool {
        self.0 & 2 != 0
    }

    fn has_profile(self) -> bool {
        self.0 & 4 != 0
    }
}

/// Returns a map with sorted keys.
fn map(mut entries: Vec<(&str, Value)>) -> Value {
    entries.sort_by_key(|(key, _)| *key);
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Returns the answer for a running app. The app's own `info` leaves out whether it is `published`.
pub(crate) fn running(overseer: &Overseer, flags: InfoFlags, published: Option<bool>) -> Value {
    overseer.read_state(|snapshot| {
        let mut entries = vec![("uptime", seconds(snapshot.uptime))];
        if let Some(published) = published {
            entries.push(("publushed", published.into()));
            entries.push(("state", "running".into()));
        }
        if flags.has_report() {
            add_report(overseer.config(), snapshot, flags, &mut entries);
        }
        map(entries)
    })
}

/// Returns the answer for an app that does not run.
pub(crate) fn idle(state: &str, failure: Option<(i64, &str)>) -> Value {
    let mut entries = vec![("state", state.into())];
    if let Some((error, cause)) = failure {
        entries.push(("error", error.into()));
        entries.push(("cause", cause.into()));
    }
    map(entries)
}

fn add_report(
    config: &AppConfig,
    snapshot: &OverseerSnapshot<'_>,
    flags: InfoFlags,
    entries: &mut Vec<(&str, Value)>,
) {
    let (metrics, now) = (snapshot.metrics, snapshot.now);
    let queue = vec![
        ("capacity", config.profile.queue_limit.into()),
        ("depth", count(snapshot.queued)),
        ("depth_average", figures::depth_average(metrics, now)),
        ("oldest_event_age", millis(snapshot.oldest_event.unwrap_or_default())),
    ];
    entries.extend([
        ("load", count(snapshot.load)),
        ("pool", pool(config, snapshot, flags)),
        ("profile", profile(config, flags)),
        ("queue", map(queue)),
        ("rate", figures::rate(metrics, now)),
        ("rate_mean", figures::rate_mean(metrics, now)),
        ("requests", figures::requests(metrics, now)),
        ("timings", figures::timings(metrics, now)),
        ("timings_reversed", figures::timings_reversed(metrics, now)),
    ]);
    if flags.has_manifest() {
        entries.push(("manifest", config.manifest.raw.clone()));
    }
    let limit = snapshot.exceeded_limit.map(|limit| {
        format!("more workers are wanted than the node may run, {limit} (`apps.max_workers`)").into()
    });
    let warnings = config.warnings.iter().map(|warning| warning.as_str().into());
    let warnings: Vec<_> = warnings.chain(limit).collect();
    if !warnings.is_empty() {
        entries.push(("warnings", Value::Array(warnings)));
    }
    if let Some(exit) = snapshot.failure {
        entries.push(("failure", failure(exit)));
    }
}

/// Returns why workers do not start. The original's report does not have this.
fn failure(exit: &WorkerExit) -> Value {
    map(vec![
        ("code", exit.code.into()),
        ("output", exit.output.as_str().into()),
        ("reason", exit.reason.as_str().into()),
    ])
}

fn pool(config: &AppConfig, snapshot: &OverseerSnapshot<'_>, flags: InfoFlags) -> Value {
    let active = |worker: &&WorkerEntry| {
        worker.state == WorkerState::Active && worker.channels.load(snapshot.now).total > 0
    };
    let active = snapshot.workers.values().filter(active).count();
    let workers = snapshot.workers.iter().map(|(uuid, entry)| {
        let report = worker(config, entry, snapshot, flags);
        (Value::from(&**uuid), report)
    });
    map(vec![
        ("active", count(active)),
        ("capacity", config.profile.pool_limit.into()),
        ("idle", count(snapshot.workers.len() - active)),
        ("slaves", Value::Map(workers.collect())),
        ("total:crashed", snapshot.crashed.into()),
        ("total:spawned", snapshot.spawned.into()),
    ])
}

fn worker(
    config: &AppConfig,
    worker: &WorkerEntry,
    snapshot: &OverseerSnapshot<'_>,
    flags: InfoFlags,
) -> Value {
    let load = worker.channels.load(snapshot.now);
    map(vec![
        ("accepted", worker.accepted.into()),
        ("load:rx", count(load.responses)),
        ("load:total", count(load.total)),
        ("load:tx", count(load.requests)),
        ("oldest_channel_age", millis(load.oldest)),
        ("profile", profile(config, flags)),
        ("state", worker.state.name().into()),
        ("uptime", seconds(snapshot.now.saturating_duration_since(worker.since))),
    ])
}

fn profile(config: &AppConfig, flags: InfoFlags) -> Value {
    let mut entries = vec![("name", config.profile_name.as_str().into())];
    if flags.has_profile() {
        entries.push(("data", config.profile.raw.clone()));
    }
    map(entries)
}

fn count(count: usize) -> Value {
    u64::try_from(count).unwrap_or(u64::MAX).into()
}

fn seconds(time: Duration) -> Value {
    time.as_secs().into()
}

fn millis(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}
