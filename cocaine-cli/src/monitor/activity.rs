//! What an app does, from what the node says of it.

use std::{collections::BTreeMap, time::Instant};

use serde::Serialize;

use crate::{
    error::Result,
    node_apps::AppInfo,
    output::{Row, Style},
};

/// What an app does. What the node does not say is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Activity {
    pub(crate) name: String,
    /// `unknown` if the node does not say it in time.
    pub(crate) state: String,
    pub(crate) profile: Option<String>,
    pub(crate) workers: Option<u64>,
    /// Workers that have events.
    pub(crate) busy: Option<u64>,
    /// Events that wait.
    pub(crate) queue: Option<u64>,
    /// Events that workers have.
    pub(crate) running: Option<u64>,
    /// Events that were accepted in a second, since the sample before, or during the last minute if there is none.
    pub(crate) rate: Option<f64>,
    /// How long half of the events took, in milliseconds.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) accepted: Option<u64>,
    pub(crate) rejected: Option<u64>,
    pub(crate) crashed: Option<u64>,
    /// In seconds.
    pub(crate) uptime: Option<u64>,
}

/// The counts of the sample before.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    taken: Option<Instant>,
    accepted: BTreeMap<String, u64>,
}

impl Counters {
    /// Returns what apps do, of which the node has said this now.
    pub(super) fn activities(
        &mut self,
        now: Instant,
        infos: &BTreeMap<String, Result<AppInfo>>,
    ) -> Vec<Activity> {
        let seconds = self.taken.map(|taken| now.saturating_duration_since(taken).as_secs_f64());
        let mut activities: Vec<_> = infos.iter().map(|(name, info)| Activity::new(name, info)).collect();
        for activity in &mut activities {
            let before = self.accepted.get(&activity.name);
            // An app that was started again counts from zero.
            let more = activity.accepted.zip(before).and_then(|(now, before)| now.checked_sub(*before));
            if let (Some(more), Some(seconds)) = (more, seconds.filter(|seconds| *seconds > 0.0)) {
                activity.rate = Some(tenths(float(more) / seconds));
            }
        }
        let counts =
            activities.iter().filter_map(|activity| Some((activity.name.clone(), activity.accepted?)));
        (self.taken, self.accepted) = (Some(now), counts.collect());
        activities
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is rounded")]
fn float(count: u64) -> f64 {
    count as f64
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

impl Activity {
    fn new(name: &str, info: &Result<AppInfo>) -> Self {
        let info = info.as_ref().ok();
        let count = |section, name| info.and_then(|info| info.count(section, name));
        Self {
            name: name.to_owned(),
            state: info.map_or("unknown", AppInfo::state).to_owned(),
            profile: info.and_then(AppInfo::profile).map(str::to_owned),
            workers: info.and_then(AppInfo::workers),
            busy: count("pool", "active"),
            queue: count("queue", "depth"),
            running: info.and_then(AppInfo::load),
            rate: info.and_then(AppInfo::rate).map(tenths),
            p50: info.and_then(|info| info.timing("50.00%")),
            p99: info.and_then(|info| info.timing("99.00%")),
            accepted: count("requests", "accepted"),
            rejected: count("requests", "rejected"),
            crashed: count("pool", "total:crashed"),
            uptime: info.and_then(AppInfo::uptime),
        }
    }

    /// Returns how the state looks.
    pub(super) fn state_style(&self) -> Style {
        Style::of_app_state(&self.state)
    }
}

/// Returns a number of seconds for people: the two largest units.
pub(super) fn duration_text(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

impl Row for Activity {
    const COLUMNS: &'static [&'static str] =
        &["name", "state", "workers", "busy", "queue", "rate", "p50", "p99", "rejected", "crashed", "uptime"];

    fn cells(&self) -> Vec<String> {
        let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
        let float = |number: Option<f64>| number.map(|number| format!("{number:.1}")).unwrap_or_default();
        vec![
            self.name.clone(),
            self.state.clone(),
            count(self.workers),
            count(self.busy),
            count(self.queue),
            float(self.rate),
            float(self.p50),
            float(self.p99),
            count(self.rejected),
            count(self.crashed),
            self.uptime.map(duration_text).unwrap_or_default(),
        ]
    }

    fn style(&self, column: usize) -> Style {
        if column == 1 { self.state_style() } else { Style::Plain }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cocaine::Value;

    use super::*;
    use crate::error::Error;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
    }

    fn infos(accepted: u64) -> BTreeMap<String, Result<AppInfo>> {
        let info = map(&[
            ("state", "running".into()),
            ("requests", map(&[("accepted", accepted.into())])),
            ("rate", Value::Array(vec![2.04_f64.into(), 0.0_f64.into(), 0.0_f64.into()])),
        ]);
        let silent = Err(Error::Failed("late".to_owned()));
        BTreeMap::from([("shop".to_owned(), Ok(AppInfo(info))), ("silent".to_owned(), silent)])
    }

    #[test]
    fn rate_is_that_between_two_samples() {
        let (mut counters, start) = (Counters::default(), Instant::now());
        let mut rate = |seconds, accepted| {
            let activities = counters.activities(start + Duration::from_secs(seconds), &infos(accepted));
            assert_eq!((activities[1].state.as_str(), activities[1].rate), ("unknown", None));
            activities[0].rate
        };
        assert_eq!(rate(0, 100), Some(2.0), "of the last minute");
        assert_eq!(rate(2, 130), Some(15.0));
        assert_eq!(rate(3, 130), Some(0.0));
        assert_eq!(rate(3, 135), Some(2.0), "no time has passed");
        assert_eq!(rate(4, 5), Some(2.0), "it was started again");
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (61, "1m 01s"),
            (3_600, "1h 00m"),
            (90_000, "1d 01h"),
            (u64::MAX, "213503982334601d 07h"),
        ] {
            assert_eq!(duration_text(seconds), text);
        }
    }
}
