use cocaine::Value;
use cocaine_bindings::logging_v2::Disposition;

use super::*;
use crate::log::filters::{Filter, LogMessage, NO_DEADLINE};

fn rule(logger: &str, id: u64, filter: &[Value], deadline: u64) -> FilterRule {
    let filter = Filter::parse(&Value::Array(filter.to_vec())).unwrap().into();
    FilterRule { logger: logger.to_owned(), filter, id, deadline, disposition: Disposition::Local }
}

fn severity(logger: &str, id: u64, least: u64, deadline: u64) -> FilterRule {
    rule(logger, id, &["severity".into(), least.into()], deadline)
}

fn table() -> FilterTable {
    FilterTable::new(rule(DEFAULT_LOGGER, 1, &["empty".into()], NO_DEADLINE))
}

fn passes(table: &FilterTable, name: &str, severity: i32, now: u64) -> bool {
    table.logger(name, now).accept(&LogMessage { severity, traced: false, attribute: &|_| None }, now)
}

fn ids(table: &FilterTable) -> Vec<u64> {
    table.rules().map(|rule| rule.id).collect()
}

#[test]
fn default_filter_accepts_everything() {
    let table = table();
    for name in ["", "app/x", "core", "default", "\u{10ffff}"] {
        assert!(passes(&table, name, 0, 0), "{name}");
    }
    assert_eq!(table.names(0), ["core", "default"]);
}

#[test]
fn longest_matching_prefix_decides() {
    let mut table = table();
    for (id, (name, least)) in
        [("app/", 1), ("app/a", 2), ("app/abc", 3), ("app/ad", 9), ("é", 4)].iter().enumerate()
    {
        table.add(severity(name, id as u64 + 2, *least, NO_DEADLINE)).unwrap();
    }
    let least = |name: &str| (0..10).find(|severity| passes(&table, name, *severity, 0)).unwrap();
    let cases = [
        ("app", 0),
        ("app/", 1),
        ("app/b", 1),
        ("app/a", 2),
        ("app/ab", 2),
        ("app/abb", 2),
        ("app/abc", 3),
        ("app/abcd/e", 3),
        ("app/ac", 2),
        ("app/ad", 9),
        ("app/az", 2),
        ("app/ö", 1),
        ("bpp/a", 0),
        ("é", 4),
        ("éa", 4),
        ("è", 0),
        ("", 0),
    ];
    for (name, expected) in cases {
        assert_eq!(least(name), expected, "{name}");
    }
}

#[test]
fn one_matching_filter_is_enough() {
    let mut table = table();
    table.add(severity("x", 2, 3, NO_DEADLINE)).unwrap();
    assert!(!passes(&table, "x", 1, 0));
    table.add(severity("x", 3, 1, NO_DEADLINE)).unwrap();
    assert!(passes(&table, "x", 1, 0) && !passes(&table, "x", 0, 0));
}

#[test]
fn expired_filter_is_ignored_before_removal() {
    let mut table = table();
    table.add(severity("app", 2, 1, 100)).unwrap();
    table.add(severity("app/x", 3, 9, 50)).unwrap();
    assert!(!passes(&table, "app/x", 1, 50));
    assert!(passes(&table, "app/x", 1, 51), "the next shorter name counts");
    assert!(!passes(&table, "app/x", 0, 100));
    assert!(passes(&table, "app/x", 0, 101), "the default counts");
    assert_eq!(table.names(51), ["app", "core", "default"]);
    assert_eq!(table.expire(50), []);
    assert_eq!(table.expire(51).into_iter().map(|rule| rule.id).collect::<Vec<_>>(), [3]);
    assert_eq!(ids(&table), [2, 1], "by the names of the loggers");
}

#[test]
fn logger_is_removed_with_last_filter() {
    let mut table = table();
    table.add(severity("x", 2, 1, NO_DEADLINE)).unwrap();
    table.add(severity("core", 3, 2, NO_DEADLINE)).unwrap();
    assert_eq!(table.names(0), ["core", "default", "x"]);
    assert!(!passes(&table, "core", 1, 0));
    assert!(table.remove(2).is_some() && table.remove(2).is_none() && table.remove(3).is_some());
    assert_eq!(table.names(0), ["core", "default"]);
    assert!(passes(&table, "core", 0, 0), "a logger without filters is none");
}

#[test]
fn default_without_filters_accepts_nothing() {
    let mut table = table();
    assert!(table.remove(1).is_some());
    assert!(!passes(&table, "x", 9, 0));
    assert_eq!(table.names(0), ["core", "default"]);
    table.add(severity("default", 2, 2, NO_DEADLINE)).unwrap();
    assert!(passes(&table, "x", 2, 0) && !passes(&table, "x", 1, 0));
}

#[test]
fn number_of_filters_is_limited() {
    let mut table = table();
    for id in 2..=1024 {
        table.add(severity("x", id, 1, NO_DEADLINE)).unwrap();
    }
    assert_eq!(table.add(severity("x", 2000, 1, NO_DEADLINE)), Err(TooManyFiltersError));
    assert_eq!(TooManyFiltersError.to_string(), "1024 filters are set: remove some first");
    assert!(table.remove(500).is_some());
    table.add(severity("x", 2000, 1, NO_DEADLINE)).unwrap();
}

#[test]
fn accepted_and_rejected_messages_are_counted() {
    let mut table = table();
    table.add(severity("x", 2, 2, NO_DEADLINE)).unwrap();
    let counts = |table: &FilterTable| {
        let mut readings = Vec::new();
        table.collect_metrics(&mut readings);
        let metrics = crate::metrics::to_nested_map(readings);
        let counts = metrics.get("logging").and_then(|logging| logging.get("x")).unwrap();
        counts.to_string()
    };
    let passed: Vec<_> = (0..4).map(|severity| passes(&table, "x", severity, 0)).collect();
    assert_eq!(passed, [false, false, true, true]);
    passes(&table, "y", 0, 0);
    let expected = concat!(
        r#"{"accepted": {"count": 2, "count_since_change": 2}, "rejected": {"count": 2, "#,
        r#""count_since_change": 2}, "sum": {"count": 4}}"#
    );
    assert_eq!(counts(&table), expected);
    table.add(severity("x", 3, 1, NO_DEADLINE)).unwrap();
    passes(&table, "x", 1, 0);
    let expected = concat!(
        r#"{"accepted": {"count": 3, "count_since_change": 1}, "rejected": {"count": 2, "#,
        r#""count_since_change": 0}, "sum": {"count": 5}}"#
    );
    assert_eq!(counts(&table), expected);
}
