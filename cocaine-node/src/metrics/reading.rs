//! The values of metrics at one moment, and the two formats of `fetch` (`services.md` 13).

use std::collections::BTreeMap;

use cocaine::Value;

/// The name and value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) name: String,
    pub(crate) value: MetricValue,
}

/// The value of a metric, by its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MetricValue {
    /// A number of things.
    Counter(u64),
    /// A current value.
    Gauge(Value),
    /// The number and rate of events.
    Meter(Rate),
    /// The number, rate and durations of events.
    Timer(Rate, TimeStats),
}

/// A number of events, and events per second over 1, 5 and 15 minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) count: u64,
    pub(crate) per_second: [f64; 3],
}

/// How long events took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TimeStats {
    pub(crate) mean: f64,
    pub(crate) stddev: f64,
    /// In the order of [`TimeStats::QUANTILES`].
    pub(crate) quantiles: [f64; 6],
}

impl TimeStats {
    pub(crate) const QUANTILES: [f64; 6] = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99];
    const NAMES: [&str; 6] = [".p50", ".p75", ".p90", ".p95", ".p98", ".p99"];
}

impl Reading {
    pub(crate) fn new(name: impl Into<String>, value: MetricValue) -> Self {
        Self { name: name.into(), value }
    }

    pub(crate) fn counter(name: impl Into<String>, count: u64) -> Self {
        Self::new(name, MetricValue::Counter(count))
    }

    pub(crate) fn gauge(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(name, MetricValue::Gauge(value.into()))
    }

    /// Returns the name of the type, which queries can match.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            MetricValue::Counter(_) => "counter",
            MetricValue::Gauge(_) => "gauge",
            MetricValue::Meter(_) => "meter",
            MetricValue::Timer(..) => "timer",
        }
    }

    /// Calls `visit` with the name, a suffix and the value of each number.
    fn for_each_value(self, mut visit: impl FnMut(&str, &str, Value)) {
        let name = self.name.as_str();
        match self.value {
            MetricValue::Counter(count) => visit(name, "", count.into()),
            MetricValue::Gauge(value) => visit(name, "", value),
            MetricValue::Meter(rate) => rate.for_each_value(|end, value| visit(name, end, value)),
            MetricValue::Timer(rate, times) => {
                rate.for_each_value(|end, value| visit(name, end, value));
                visit(name, ".mean", times.mean.into());
                visit(name, ".stddev", times.stddev.into());
                for (end, time) in TimeStats::NAMES.into_iter().zip(times.quantiles) {
                    visit(name, end, time.into());
                }
            }
        }
    }
}

impl Rate {
    fn for_each_value(self, mut visit: impl FnMut(&str, Value)) {
        visit(".count", self.count.into());
        for (end, rate) in [".m01rate", ".m05rate", ".m15rate"].into_iter().zip(self.per_second) {
            visit(end, rate.into());
        }
    }
}

/// Returns a flat map, sorted by name.
pub(crate) fn to_flat_map(readings: Vec<Reading>) -> Value {
    let mut all = BTreeMap::new();
    for reading in readings {
        reading.for_each_value(|name, end, value| drop(all.insert(format!("{name}{end}"), value)));
    }
    Value::Map(all.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// A value, or the map below a part of a name.
enum TreeEntry {
    Leaf(Value),
    Inner(BTreeMap<String, TreeEntry>),
}

/// Returns nested maps, split at the dots in names. If a name extends another one, the value of the shorter has the
/// empty key.
pub(crate) fn to_nested_map(readings: Vec<Reading>) -> Value {
    let mut root = BTreeMap::new();
    for reading in readings {
        reading.for_each_value(|name, end, value| {
            insert(&mut root, name.split('.').chain(suffix_names(end)), value)
        });
    }
    value_of(TreeEntry::Inner(root))
}

fn suffix_names(end: &str) -> impl Iterator<Item = &str> {
    end.split('.').skip(1)
}

fn insert<'a>(
    mut node: &mut BTreeMap<String, TreeEntry>,
    mut parts: impl Iterator<Item = &'a str>,
    value: Value,
) {
    let Some(mut part) = parts.next() else { return };
    for next in parts {
        let inner = node.entry(part.to_owned()).or_insert_with(|| TreeEntry::Inner(BTreeMap::new()));
        if let TreeEntry::Leaf(_) = inner {
            let leaf = std::mem::replace(inner, TreeEntry::Inner(BTreeMap::new()));
            if let TreeEntry::Inner(entries) = inner {
                entries.insert(String::new(), leaf);
            }
        }
        let TreeEntry::Inner(entries) = inner else { return };
        (node, part) = (entries, next);
    }
    match node.get_mut(part) {
        Some(TreeEntry::Inner(entries)) => drop(entries.insert(String::new(), TreeEntry::Leaf(value))),
        _ => drop(node.insert(part.to_owned(), TreeEntry::Leaf(value))),
    }
}

fn value_of(node: TreeEntry) -> Value {
    match node {
        TreeEntry::Leaf(value) => value,
        TreeEntry::Inner(entries) => {
            Value::Map(entries.into_iter().map(|(name, node)| (name.into(), value_of(node))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings() -> Vec<Reading> {
        let rate = Rate { count: 3, per_second: [0.5, 0.25, 0.125] };
        let times = TimeStats { mean: 2.0, stddev: 1.0, quantiles: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        vec![
            Reading::new("s.timer[read]", MetricValue::Timer(rate, times)),
            Reading::new("s.meter.summary", MetricValue::Meter(rate)),
            Reading::counter("s.load", 7),
            Reading::gauge("a.state", "active"),
        ]
    }

    #[test]
    fn plain_format_is_a_sorted_flat_map() {
        let expected = concat!(
            r#"{"a.state": "active", "s.load": 7, "s.meter.summary.count": 3, "s.meter.summary.m01rate": 0.5, "#,
            r#""s.meter.summary.m05rate": 0.25, "s.meter.summary.m15rate": 0.125, "s.timer[read].count": 3, "#,
            r#""s.timer[read].m01rate": 0.5, "s.timer[read].m05rate": 0.25, "s.timer[read].m15rate": 0.125, "#,
            r#""s.timer[read].mean": 2.0, "s.timer[read].p50": 1.0, "s.timer[read].p75": 2.0, "#,
            r#""s.timer[read].p90": 3.0, "s.timer[read].p95": 4.0, "s.timer[read].p98": 5.0, "#,
            r#""s.timer[read].p99": 6.0, "s.timer[read].stddev": 1.0}"#
        );
        assert_eq!(to_flat_map(readings()).to_string(), expected);
    }

    #[test]
    fn tree_format_splits_at_dots() {
        let mut few = readings();
        few.remove(0);
        let expected = concat!(
            r#"{"a": {"state": "active"}, "s": {"load": 7, "meter": {"summary": {"count": 3, "m01rate": 0.5, "#,
            r#""m05rate": 0.25, "m15rate": 0.125}}}}"#
        );
        assert_eq!(to_nested_map(few).to_string(), expected);
    }

    #[test]
    fn name_that_extends_another_keeps_both() {
        let both = || vec![Reading::counter("a.b", 1), Reading::counter("a.b.c", 2)];
        let expected = r#"{"a": {"b": {"": 1, "c": 2}}}"#;
        assert_eq!(to_nested_map(both()).to_string(), expected);
        assert_eq!(to_nested_map(both().into_iter().rev().collect()).to_string(), expected);
        assert_eq!(to_flat_map(both()).to_string(), r#"{"a.b": 1, "a.b.c": 2}"#);
    }
}
