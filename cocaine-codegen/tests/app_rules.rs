//! A case, and more where they matter, of each rule by which schemas of apps are compared. `BLESS=1` rewrites what is expected, but
//! not where `CI` is set.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::PathBuf};

use cocaine::schema::AppSchema;
use cocaine_codegen::{AppDirection, AppGrade, AppRule, compare_apps};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct Case {
    rule: String,
    old: Value,
    new: Value,
    expected: Vec<String>,
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/app_rules.json")
}

fn cases() -> Vec<Case> {
    serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap()
}

fn schema(json: &Value) -> AppSchema {
    serde_json::from_value(json.clone()).unwrap()
}

#[test]
fn rules_find_what_they_are_for() {
    let mut cases = cases();
    let is_blessed = env::var_os("BLESS").is_some_and(|value| value == "1");
    for case in &mut cases {
        let differences = compare_apps("app", &schema(&case.old), &schema(&case.new));
        let is_found = differences.iter().any(|difference| difference.rule.name() == case.rule);
        assert!(is_found, "{}: {differences:?}", case.rule);
        let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
        if is_blessed {
            case.expected = lines;
        } else {
            assert_eq!(lines, case.expected, "{}: look at the change, then run with BLESS=1", case.rule);
        }
    }
    if is_blessed {
        assert!(env::var_os("CI").is_none(), "golden files are not rewritten where CI is set");
        let lines: Vec<_> = cases.iter().map(|case| serde_json::to_string(case).unwrap()).collect();
        fs::write(path(), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
}

#[test]
fn every_rule_has_a_case() {
    let cases: BTreeSet<_> = cases().into_iter().map(|case| case.rule).collect();
    // What is about whole apps and about hashes is tested with the command line, and too many differences with the library.
    let elsewhere =
        [AppRule::AppAdded, AppRule::AppRemoved, AppRule::EventChanged, AppRule::TooManyDifferences];
    let rules = AppRule::ALL.iter().filter(|rule| !elsewhere.contains(rule));
    assert_eq!(cases, rules.map(|rule| rule.name().to_owned()).collect());
}

#[test]
fn equal_schemas_differ_in_nothing() {
    for case in cases() {
        for side in [&case.old, &case.new] {
            assert_eq!(compare_apps("app", &schema(side), &schema(side)), [], "{}", case.rule);
        }
    }
}

/// Where the sides are exchanged, so are old and new callers, and the grade is the same, if it is that of the wire.
#[test]
fn exchanged_sides_exchange_directions() {
    let wire = |old: &Value, new: &Value| {
        let differences = compare_apps("app", &schema(old), &schema(new));
        let wire = differences.iter().filter(|difference| difference.grade == AppGrade::Wire);
        let (mut backward, mut forward) = (false, false);
        for difference in wire {
            backward |= difference.direction != AppDirection::Forward;
            forward |= difference.direction != AppDirection::Backward;
        }
        (backward, forward)
    };
    for Case { rule, old, new, .. } in cases() {
        let (backward, forward) = wire(&old, &new);
        assert_eq!(wire(&new, &old), (forward, backward), "{rule}");
    }
}

#[test]
fn documented_rules_are_those_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/apps.md");
    let docs = fs::read_to_string(path).unwrap();
    let mut expected = String::new();
    for rule in AppRule::ALL {
        let (grade, direction) = rule.grade();
        let grade = match (rule.depends_on_values(), grade) {
            (true, AppGrade::Wire) => "wire where it is not read".to_owned(),
            (true, grade) => format!("wire where it is not read, else {grade}"),
            (false, grade) => grade.to_string(),
        };
        let _ = writeln!(expected, "| `{rule}` | {} | {grade} | {direction} |", rule.message());
    }
    let documented: String = docs
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3)
        .fold(String::new(), |text, line| {
            if AppRule::ALL.iter().any(|rule| line.starts_with(&format!("| `{rule}` |"))) {
                text + line + "\n"
            } else {
                text
            }
        });
    assert!(documented == expected, "docs/apps.md 5 lists other rules; these are the rows:\n{expected}");
}
