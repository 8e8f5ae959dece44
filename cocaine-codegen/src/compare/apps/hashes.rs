//! Apps compared with generated code, which has the hashes of their events.

use std::collections::BTreeMap;

use cocaine::schema::{AppSchema, EventKind, hash_text};

use super::{differences::AppDifference, rules::AppRule};

/// Returns which events of apps differ from those that code was generated for, whose hashes by app and event are `expected`
/// ([`read_event_hashes`](crate::read_event_hashes)). What it is that differs, and whom it breaks, is not in hashes.
pub fn compare_event_hashes(
    expected: &BTreeMap<String, BTreeMap<String, String>>,
    found: &BTreeMap<String, AppSchema>,
) -> Vec<AppDifference> {
    let mut differences = Vec::new();
    for (app, hashes) in expected {
        match found.get(app) {
            Some(schema) => compare_events(app, hashes, schema, &mut differences),
            None => differences.push(AppDifference::of_app(app, AppRule::AppRemoved)),
        }
    }
    let added = found.keys().filter(|app| !expected.contains_key(*app));
    differences.extend(added.map(|app| AppDifference::of_app(app, AppRule::AppAdded)));
    differences.sort_by_key(AppDifference::severity);
    differences
}

fn compare_events(
    app: &str,
    expected: &BTreeMap<String, String>,
    found: &AppSchema,
    differences: &mut Vec<AppDifference>,
) {
    let difference = |event: &str, rule| AppDifference {
        event: Some(event.to_owned()),
        ..AppDifference::of_app(app, rule)
    };
    let calls: BTreeMap<_, _> =
        found.events.iter().filter(|(_, event)| event.kind == EventKind::Call).collect();
    for (event, expected) in expected {
        let hash = found.event_hash(event).map(hash_text);
        if calls.contains_key(event) {
            if hash.as_ref() != Some(expected) {
                let expected = Some(expected.clone());
                differences.push(AppDifference {
                    expected,
                    found: hash,
                    ..difference(event, AppRule::EventChanged)
                });
            }
        } else {
            let rule = if hash.is_some() { AppRule::EventKind } else { AppRule::EventRemoved };
            differences.push(difference(event, rule));
        }
    }
    let added = calls.keys().filter(|event| !expected.contains_key(**event));
    differences.extend(added.map(|event| difference(event, AppRule::EventAdded)));
}
