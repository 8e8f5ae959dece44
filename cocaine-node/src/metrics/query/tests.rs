use super::*;
use crate::metrics::reading::{MetricValue, Rate, TimeStats};

fn map(name: &str, args: Vec<Value>) -> Value {
    Value::Map(vec![(name.into(), Value::Array(args))])
}

fn name() -> Value {
    map("name", Vec::new())
}

fn constant(value: impl Into<Value>) -> Value {
    map("const", vec![value.into()])
}

fn readings() -> Vec<Reading> {
    let timer = MetricValue::Timer(Rate::default(), TimeStats::default());
    vec![
        Reading::counter("storage.load", 1),
        Reading::new("storage.timer[read]", timer.clone()),
        Reading::new("storage.meter.summary", MetricValue::Meter(Rate::default())),
        Reading::gauge("node.uptime", 5_u64),
        Reading::new("node.timer[list]", timer),
    ]
}

fn matched(query: &Value) -> Vec<&'static str> {
    let parsed = Query::parse(query).unwrap();
    let names =
        ["storage.load", "storage.timer[read]", "storage.meter.summary", "node.uptime", "node.timer[list]"];
    let readings = readings();
    names
        .into_iter()
        .zip(&readings)
        .filter(|(_, reading)| parsed.matches(reading))
        .map(|(name, _)| name)
        .collect()
}

fn refusal(query: &Value) -> String {
    Query::parse(query).unwrap_err().to_string()
}

#[test]
fn contains_matches_substrings() {
    let timers = map("contains", vec![name(), constant("timer")]);
    assert_eq!(matched(&timers), ["storage.timer[read]", "node.timer[list]"]);
    assert_eq!(matched(&map("contains", vec![name(), constant("")])).len(), 5);
    assert_eq!(matched(&map("contains", vec![constant("all"), constant("al")])).len(), 5);
    assert_eq!(matched(&map("contains", vec![constant("al"), constant("all")])), [""; 0]);
    assert_eq!(matched(&map("contains", vec![name(), constant(5_u64)])), [""; 0], "a number is not text");
}

#[test]
fn eq_compares_all_extractors() {
    let kind = |kind: &str| map("eq", vec![map("type", Vec::new()), constant(kind)]);
    assert_eq!(matched(&kind("counter")), ["storage.load"]);
    assert_eq!(matched(&kind("gauge")), ["node.uptime"]);
    assert_eq!(matched(&kind("meter")), ["storage.meter.summary"]);
    assert_eq!(matched(&kind("timer")), ["storage.timer[read]", "node.timer[list]"]);
    assert_eq!(matched(&map("eq", vec![constant("node.uptime"), name()])), ["node.uptime"]);
    assert_eq!(matched(&map("eq", vec![constant(1_u64), constant(1_u64)])).len(), 5);
    assert_eq!(matched(&map("eq", vec![constant(1_u64), constant(2_u64)])), [""; 0]);
    assert_eq!(matched(&map("eq", vec![constant(1_u64), name()])), [""; 0]);
}

#[test]
fn tag_is_name_type_or_empty() {
    let tag = |tag: Value, value: &str| map("eq", vec![map("tag", vec![tag]), constant(value)]);
    assert_eq!(matched(&tag("type".into(), "gauge")), ["node.uptime"]);
    assert_eq!(
        matched(&tag(constant("type"), "gauge")),
        ["node.uptime"],
        "an extractor, as for the original"
    );
    assert_eq!(matched(&tag("name".into(), "storage.load")), ["storage.load"]);
    assert_eq!(matched(&tag("host".into(), "")).len(), 5);
    assert_eq!(matched(&tag("host".into(), "x")), [""; 0]);
}

#[test]
fn and_or_take_any_number_of_filters() {
    let has = |text: &str| map("contains", vec![name(), constant(text)]);
    assert_eq!(matched(&map("and", vec![has("storage"), has("timer")])), ["storage.timer[read]"]);
    assert_eq!(matched(&map("or", vec![has("load"), has("uptime"), has("list")])).len(), 3);
    assert_eq!(matched(&map("and", Vec::new())).len(), 5);
    assert_eq!(matched(&map("or", Vec::new())), [""; 0]);
    let nested = map("or", vec![map("and", vec![has("node"), has("uptime")]), has("load")]);
    assert_eq!(matched(&nested), ["storage.load", "node.uptime"]);
}

#[test]
fn ge_matches_everything() {
    assert_eq!(matched(&map("ge", vec![name(), constant("zzz")])).len(), 5);
}

#[test]
fn malformed_query_has_the_original_text() {
    let two = |filter: &str| map(filter, vec![name()]);
    let cases = [
        ("x".into(), "AST filter node must be an object"),
        (Value::Array(Vec::new()), "AST filter node must be an object"),
        (Value::Map(Vec::new()), "AST filter node must have exactly one name"),
        (map("foo", Vec::new()), "unknown filter 'foo'"),
        (two("contains"), "expected 2 arguments for filter 'contains', found 1"),
        (two("eq"), "expected 2 arguments for filter 'eq', found 1"),
        (two("ge"), "expected 2 arguments for filter 'ge', found 1"),
        (map("eq", vec![name(), "x".into()]), "AST extractor node must be an object"),
        (map("eq", vec![name(), Value::Map(Vec::new())]), "AST extractor node must have exactly one name"),
        (map("eq", vec![name(), map("bar", Vec::new())]), "unknown extractor 'bar'"),
        (
            map("eq", vec![map("name", vec![name()]), name()]),
            "expected 0 arguments for extractor 'name', found 1",
        ),
        (
            map("ge", vec![map("const", Vec::new()), name()]),
            "expected 1 arguments for extractor 'const', found 0",
        ),
        (
            map("ge", vec![map("tag", Vec::new()), name()]),
            "expected 1 arguments for extractor 'tag', found 0",
        ),
        (map("and", vec![name()]), "unknown filter 'name'"),
        (Value::Map(vec![("eq".into(), 5_u64.into())]), "arguments of filter 'eq' must be a list"),
        (Value::Map(vec![(5_u64.into(), Value::Array(Vec::new()))]), "the name of a filter must be a text"),
    ];
    for (query, text) in cases {
        assert_eq!(refusal(&query), text, "{query}");
    }
}

#[test]
fn query_limits_are_enforced() {
    let deep = |depth| (0..depth).fold(map("or", Vec::new()), |query, _| map("and", vec![query]));
    assert!(Query::parse(&deep(15)).is_ok());
    assert_eq!(refusal(&deep(16)), "a query may be 16 filters and extractors deep");
    let wide = |width| map("or", vec![map("and", Vec::new()); width]);
    assert!(Query::parse(&wide(255)).is_ok());
    let many = "a query may have 256 filters, extractors and values, and 2048 bytes of texts";
    assert_eq!(refusal(&wide(256)), many);
    let long = |length: usize| map("contains", vec![name(), constant("x".repeat(length).as_str())]);
    assert!(Query::parse(&long(2000)).is_ok());
    assert_eq!(refusal(&long(2048)), many);
    let list = map("eq", vec![name(), constant(Value::Array(vec![Value::Nil; 256]))]);
    assert_eq!(refusal(&list), many, "values within values count");
}
