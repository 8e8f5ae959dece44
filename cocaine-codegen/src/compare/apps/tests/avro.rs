//! The table of Avro's schema resolution, walked: what its readers resolve, ours read, but for the differences that are named.

use std::collections::{BTreeMap, HashSet};

use cocaine::schema::{Definition, Type};

use super::super::{
    comparer::{Budget, TypeComparer},
    node::Verdict,
};

/// Returns whether `reader` reads all that `writer` writes.
fn verdict(writer: &str, reader: &str) -> Verdict {
    let types = |json: &str| -> BTreeMap<String, Definition> {
        json.split_once(" where ")
            .map_or_else(BTreeMap::new, |(_, types)| serde_json::from_str(types).unwrap())
    };
    let root = |json: &str| -> Type {
        serde_json::from_str(json.split_once(" where ").map_or(json, |(root, _)| root)).unwrap()
    };
    let (types, reader_types) = (types(writer), types(reader));
    let (writer, reader) = (root(writer), root(reader));
    let equal = HashSet::new();
    let mut budget = Budget { steps: 1_000, findings: 100 };
    let mut comparer = TypeComparer::new(&types, &reader_types, &equal, &mut budget);
    comparer.compare("", &writer, &reader);
    comparer.findings.iter().map(|finding| finding.verdicts.old_to_new).max().unwrap_or_default()
}

const INT: &str = r#""i32""#;
const LONG: &str = r#""i64""#;
const FLOAT: &str = r#""f32""#;
const DOUBLE: &str = r#""f64""#;
const STRING: &str = r#""text""#;
const BYTES: &str = r#""bytes""#;
const BOOLEAN: &str = r#""bool""#;
const NULL: &str = r#""unit""#;

fn record(fields: &str) -> String {
    format!(r#"{{"named": "R"}} where {{"R": {{"shape": {{"struct": {{"fields": [{fields}]}}}}}}}}"#)
}

fn symbols(symbols: &str) -> String {
    format!(r#"{{"named": "E"}} where {{"E": {{"shape": {{"enum": {{"variants": [{symbols}]}}}}}}}}"#)
}

fn union(branches: &[&str]) -> String {
    let variant = |(index, branch): (usize, &&str)| {
        format!(r#"{{"name": "V{index}", "content": {{"newtype": {branch}}}}}"#)
    };
    let variants: Vec<_> = branches.iter().enumerate().map(variant).collect();
    let shape = format!(r#"{{"enum": {{"tagging": "untagged", "variants": [{}]}}}}"#, variants.join(", "));
    format!(r#"{{"named": "U"}} where {{"U": {{"shape": {shape}}}}}"#)
}

/// Rows are writers, columns readers: r for what Avro resolves. Ours refuses bytes that are no UTF-8 for a text, and takes what
/// Avro does not: an f64 for an f32 is read, but is another value.
#[test]
fn primitive_types_are_promoted_as_in_avro() {
    let types = [NULL, BOOLEAN, INT, LONG, FLOAT, DOUBLE, STRING, BYTES];
    let table = [
        "r.......", // null
        ".r......", // boolean
        "..rrrr..", // int
        "...rrr..", // long
        "....rr..", // float
        ".....r..", // double
        "......rr", // string
        "......rr", // bytes
    ];
    for (writer, row) in types.iter().zip(table) {
        for (reader, resolves) in types.iter().zip(row.chars()) {
            let expected = match (*writer, *reader) {
                (BYTES, STRING) => Verdict::Fails,
                (DOUBLE, FLOAT) => Verdict::Unknown,
                _ if resolves == 'r' => Verdict::Reads,
                _ => Verdict::Fails,
            };
            assert_eq!(verdict(writer, reader), expected, "{writer} -> {reader}");
        }
    }
}

#[test]
fn records_resolve_by_name_as_in_avro() {
    let (a, b) = (r#"{"name": "a", "type": "i32"}"#, r#"{"name": "b", "type": "text"}"#);
    let ab = record(&format!("{a}, {b}"));
    // Fields may be in another order, and those that the reader does not know are ignored.
    assert_eq!(verdict(&ab, &record(&format!("{b}, {a}"))), Verdict::Reads);
    assert_eq!(verdict(&ab, &record(a)), Verdict::Reads);
    // A field that the writer does not have needs a default.
    let default = r#"{"name": "b", "type": "text", "read": "sometimes"}"#;
    assert_eq!(verdict(&record(a), &record(&format!("{a}, {default}"))), Verdict::Reads);
    assert_eq!(verdict(&record(a), &ab), Verdict::Fails);
    // Fields are resolved like types, also under an alias of the reader, but not of the writer.
    let promoted = r#"{"name": "a", "type": "f64"}"#;
    assert_eq!(verdict(&record(a), &record(promoted)), Verdict::Reads);
    assert_eq!(verdict(&record(promoted), &record(a)), Verdict::Fails);
    let alias = r#"{"name": "c", "type": "i32", "aliases": ["a"]}"#;
    assert_eq!(verdict(&record(a), &record(alias)), Verdict::Reads);
    assert_eq!(verdict(&record(alias), &record(a)), Verdict::Fails);
}

#[test]
fn enums_resolve_by_symbol_as_in_avro() {
    let (ab, abc) = (
        symbols(r#"{"name": "A"}, {"name": "B"}"#),
        symbols(r#"{"name": "C"}, {"name": "B"}, {"name": "A"}"#),
    );
    assert_eq!(verdict(&ab, &abc), Verdict::Reads);
    assert_eq!(verdict(&abc, &ab), Verdict::Fails);
    // The default of an enum is the variant for any other name.
    let default = symbols(r#"{"name": "A"}, {"name": "B"}, {"name": "Unknown", "other": true}"#);
    assert_eq!(verdict(&abc, &default), Verdict::Reads);
}

#[test]
fn containers_resolve_by_elements_as_in_avro() {
    let (array, map) =
        (|of: &str| format!(r#"{{"list": {of}}}"#), |of: &str| format!(r#"{{"map": ["text", {of}]}}"#));
    for container in [&array as &dyn Fn(&str) -> String, &map] {
        assert_eq!(verdict(&container(INT), &container(DOUBLE)), Verdict::Reads);
        assert_eq!(verdict(&container(DOUBLE), &container(INT)), Verdict::Fails);
    }
    assert_eq!(verdict(&array(INT), &map(INT)), Verdict::Fails);
    // `fixed` needs the same length. Ours skips what is more.
    let fixed = |len: usize| format!(r#"{{"array": ["u8", {len}]}}"#);
    assert_eq!(verdict(&fixed(4), &fixed(4)), Verdict::Reads);
    assert_eq!(verdict(&fixed(4), &fixed(5)), Verdict::Fails);
    assert_eq!(verdict(&fixed(4), &fixed(3)), Verdict::Reads);
}

#[test]
fn unions_resolve_by_branch_as_in_avro() {
    // Only the reader has a union: the first branch that matches.
    assert_eq!(verdict(INT, &union(&[INT, STRING])), Verdict::Reads);
    assert_eq!(verdict(BOOLEAN, &union(&[INT, STRING])), Verdict::Unknown);
    let option = |of: &str| format!(r#"{{"option": {of}}}"#);
    assert_eq!(verdict(INT, &option(INT)), Verdict::Reads);
    // Only the writer has one: what is written may be no branch that matches.
    assert_eq!(verdict(&union(&[INT, STRING]), INT), Verdict::Unknown);
    assert_eq!(verdict(&option(INT), INT), Verdict::Fails);
    // Both have one.
    assert_eq!(verdict(&union(&[INT, STRING]), &union(&[LONG, STRING])), Verdict::Reads);
    assert_eq!(verdict(&union(&[INT, STRING]), &union(&[INT])), Verdict::Unknown);
    assert_eq!(verdict(&union(&[INT]), &union(&[INT, STRING])), Verdict::Reads);
}
