//! What metrics say at one moment, and the two formats in which it is told (`services.md` 13).

use std::collections::BTreeMap;

use cocaine::Value;

/// What one metric says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) name: String,
    pub(crate) value: Measured,
}

/// The value of a metric, by its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measured {
    /// How many there were, or are.
    Counter(u64),
    /// What is so now.
    Gauge(Value),
    /// How many there were, and how often.
    Meter(Rate),
    /// How many there were, how often, and how long they took.
    Timer(Rate, Times),
}

/// A number of events, and events per second over 1, 5 and 15 minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) count: u64,
    pub(crate) per_second: [f64; 3],
}

/// How long events took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Times {
    pub(crate) mean: f64,
    pub(crate) stddev: f64,
    /// By the order of [`Times::QUANTILES`].
    pub(crate) quantiles: [f64; 6],
}

impl Times {
    pub(crate) const QUANTILES: [f64; 6] = [0.5, 0.75, 0.9, 0.95, 0.98, 0.99];
    const NAMES: [&str; 6] = [".p50", ".p75", ".p90", ".p95", ".p98", ".p99"];
}

impl Reading {
    pub(crate) fn new(name: impl Into<String>, value: Measured) -> Self {
        Self { name: name.into(), value }
    }

    pub(crate) fn counter(name: impl Into<String>, count: u64) -> Self {
        Self::new(name, Measured::Counter(count))
    }

    pub(crate) fn gauge(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(name, Measured::Gauge(value.into()))
    }

    /// Returns the name of the type, which queries can ask for.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Measured::Counter(_) => "counter",
            Measured::Gauge(_) => "gauge",
            Measured::Meter(_) => "meter",
            Measured::Timer(..) => "timer",
        }
    }

    /// Hands over what is told: the ends of names, and values.
    fn each(self, mut tell: impl FnMut(&str, &str, Value)) {
        let name = self.name.as_str();
        match self.value {
            Measured::Counter(count) => tell(name, "", count.into()),
            Measured::Gauge(value) => tell(name, "", value),
            Measured::Meter(rate) => rate.each(|end, value| tell(name, end, value)),
            Measured::Timer(rate, times) => {
                rate.each(|end, value| tell(name, end, value));
                tell(name, ".mean", times.mean.into());
                tell(name, ".stddev", times.stddev.into());
                for (end, time) in Times::NAMES.into_iter().zip(times.quantiles) {
                    tell(name, end, time.into());
                }
            }
        }
    }
}

impl Rate {
    fn each(self, mut tell: impl FnMut(&str, Value)) {
        tell(".count", self.count.into());
        for (end, rate) in [".m01rate", ".m05rate", ".m15rate"].into_iter().zip(self.per_second) {
            tell(end, rate.into());
        }
    }
}

/// Returns a flat map, by names.
pub(crate) fn plain(readings: Vec<Reading>) -> Value {
    let mut all = BTreeMap::new();
    for reading in readings {
        reading.each(|name, end, value| drop(all.insert(format!("{name}{end}"), value)));
    }
    Value::Map(all.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// A value, or what is below a part of a name.
enum Node {
    Leaf(Value),
    Inner(BTreeMap<String, Node>),
}

/// Returns maps within maps, by the parts of names between their dots. Where one name goes on where another one ends,
/// the value of that one has the empty name.
pub(crate) fn tree(readings: Vec<Reading>) -> Value {
    let mut root = BTreeMap::new();
    for reading in readings {
        reading.each(|name, end, value| insert(&mut root, name.split('.').chain(parts(end)), value));
    }
    value_of(Node::Inner(root))
}

fn parts(end: &str) -> impl Iterator<Item = &str> {
    end.split('.').skip(1)
}

fn insert<'a>(mut node: &mut BTreeMap<String, Node>, mut parts: impl Iterator<Item = &'a str>, value: Value) {
    let Some(mut part) = parts.next() else { return };
    for next in parts {
        let inner = node.entry(part.to_owned()).or_insert_with(|| Node::Inner(BTreeMap::new()));
        if let Node::Leaf(_) = inner {
            let leaf = std::mem::replace(inner, Node::Inner(BTreeMap::new()));
            if let Node::Inner(entries) = inner {
                entries.insert(String::new(), leaf);
            }
        }
        let Node::Inner(entries) = inner else { return };
        (node, part) = (entries, next);
    }
    match node.get_mut(part) {
        Some(Node::Inner(entries)) => drop(entries.insert(String::new(), Node::Leaf(value))),
        _ => drop(node.insert(part.to_owned(), Node::Leaf(value))),
    }
}

fn value_of(node: Node) -> Value {
    match node {
        Node::Leaf(value) => value,
        Node::Inner(entries) => {
            Value::Map(entries.into_iter().map(|(name, node)| (name.into(), value_of(node))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings() -> Vec<Reading> {
        let rate = Rate { count: 3, per_second: [0.5, 0.25, 0.125] };
        let times = Times { mean: 2.0, stddev: 1.0, quantiles: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        vec![
            Reading::new("s.timer[read]", Measured::Timer(rate, times)),
            Reading::new("s.meter.summary", Measured::Meter(rate)),
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
        assert_eq!(plain(readings()).to_string(), expected);
    }

    #[test]
    fn tree_format_splits_at_dots() {
        let mut few = readings();
        few.remove(0);
        let expected = concat!(
            r#"{"a": {"state": "active"}, "s": {"load": 7, "meter": {"summary": {"count": 3, "m01rate": 0.5, "#,
            r#""m05rate": 0.25, "m15rate": 0.125}}}}"#
        );
        assert_eq!(tree(few).to_string(), expected);
    }

    #[test]
    fn name_that_extends_another_keeps_both() {
        let both = || vec![Reading::counter("a.b", 1), Reading::counter("a.b.c", 2)];
        let expected = r#"{"a": {"b": {"": 1, "c": 2}}}"#;
        assert_eq!(tree(both()).to_string(), expected);
        assert_eq!(tree(both().into_iter().rev().collect()).to_string(), expected);
        assert_eq!(plain(both()).to_string(), r#"{"a.b": 1, "a.b.c": 2}"#);
    }
}
