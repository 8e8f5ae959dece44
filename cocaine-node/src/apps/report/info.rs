//! What `info` says of an app (`node.md` 6.1): maps whose keys are sorted.

use std::time::Duration;

use cocaine::Value;

use super::figures;

use crate::apps::{
    overseer::{Overseer, Phase, Setup, Slave, Snapshot},
    worker::task::Death,
};

/// What somebody wants to know, by the bits of `flags`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted(pub(crate) u32);

impl Wanted {
    /// All that the app's own `info` tells.
    pub(crate) const REPORT: Self = Self(1);

    fn report(self) -> bool {
        self.0 & 1 != 0
    }

    fn manifest(self) -> bool {
        self.0 & 2 != 0
    }

    fn profile(self) -> bool {
        self.0 & 4 != 0
    }
}

/// Returns a map from entries in any order.
fn map(mut entries: Vec<(&str, Value)>) -> Value {
    entries.sort_by_key(|(key, _)| *key);
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Returns what is said of a running app. `published` is left out of what the app says of itself.
pub(crate) fn running(overseer: &Overseer, wanted: Wanted, published: Option<bool>) -> Value {
    overseer.look(|snapshot| {
        let mut entries = vec![("uptime", seconds(snapshot.uptime))];
        if let Some(published) = published {
            entries.push(("publushed", published.into()));
            entries.push(("state", "running".into()));
        }
        if wanted.report() {
            full(overseer.setup(), snapshot, wanted, &mut entries);
        }
        map(entries)
    })
}

/// Returns what is said of an app that does not run.
pub(crate) fn idle(state: &str, failure: Option<(i64, &str)>) -> Value {
    let mut entries = vec![("state", state.into())];
    if let Some((error, cause)) = failure {
        entries.push(("error", error.into()));
        entries.push(("cause", cause.into()));
    }
    map(entries)
}

fn full(setup: &Setup, snapshot: &Snapshot<'_>, wanted: Wanted, entries: &mut Vec<(&str, Value)>) {
    let (metrics, now) = (snapshot.metrics, snapshot.now);
    let queue = vec![
        ("capacity", setup.profile.queue_limit.into()),
        ("depth", count(snapshot.queued)),
        ("depth_average", figures::depth_average(metrics, now)),
        ("oldest_event_age", millis(snapshot.oldest_event.unwrap_or_default())),
    ];
    entries.extend([
        ("load", count(snapshot.load)),
        ("pool", pool(setup, snapshot, wanted)),
        ("profile", profile(setup, wanted)),
        ("queue", map(queue)),
        ("rate", figures::rate(metrics, now)),
        ("rate_mean", figures::rate_mean(metrics, now)),
        ("requests", figures::requests(metrics, now)),
        ("timings", figures::timings(metrics, now)),
        ("timings_reversed", figures::timings_reversed(metrics, now)),
    ]);
    if wanted.manifest() {
        entries.push(("manifest", setup.manifest.raw.clone()));
    }
    if let Some(death) = snapshot.failure {
        entries.push(("failure", failure(death)));
    }
}

/// Returns why workers do not start: not in the original's report, which says nothing of it.
fn failure(death: &Death) -> Value {
    map(vec![
        ("code", death.code.into()),
        ("output", death.output.as_str().into()),
        ("reason", death.reason.as_str().into()),
    ])
}

fn pool(setup: &Setup, snapshot: &Snapshot<'_>, wanted: Wanted) -> Value {
    let active = |slave: &&Slave| slave.phase == Phase::Active && slave.channels.load(snapshot.now).total > 0;
    let active = snapshot.slaves.values().filter(active).count();
    let slaves = snapshot.slaves.iter().map(|(uuid, slave)| {
        let report = self::slave(setup, slave, snapshot, wanted);
        (Value::from(&**uuid), report)
    });
    map(vec![
        ("active", count(active)),
        ("capacity", setup.profile.pool_limit.into()),
        ("idle", count(snapshot.slaves.len() - active)),
        ("slaves", Value::Map(slaves.collect())),
        ("total:crashed", snapshot.crashed.into()),
        ("total:spawned", snapshot.spawned.into()),
    ])
}

fn slave(setup: &Setup, slave: &Slave, snapshot: &Snapshot<'_>, wanted: Wanted) -> Value {
    let load = slave.channels.load(snapshot.now);
    map(vec![
        ("accepted", slave.accepted.into()),
        ("load:rx", count(load.answers)),
        ("load:total", count(load.total)),
        ("load:tx", count(load.requests)),
        ("oldest_channel_age", millis(load.oldest)),
        ("profile", profile(setup, wanted)),
        ("state", slave.phase.name().into()),
        ("uptime", seconds(snapshot.now.saturating_duration_since(slave.since))),
    ])
}

fn profile(setup: &Setup, wanted: Wanted) -> Value {
    let mut entries = vec![("name", setup.profile_name.as_str().into())];
    if wanted.profile() {
        entries.push(("data", setup.profile.raw.clone()));
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
