//! What has changed between two schemas of an app, and whom it breaks.
//!
//! A call fails, or is misread, where one side writes what the other does not read. What reads what is decided by the decoder of
//! payloads ([`cocaine::msgpack`]): an integer is read as a float, bytes as a list of `u8`, an array as a struct; unknown fields
//! are skipped, missing `Option`s and fields with a default may be missing. Arguments and input are written by callers and read by
//! the worker, output the other way round, so that one change of a type may break old callers in one place and new ones in
//! another.

mod comparer;
mod definitions;
mod differences;
mod enums;
mod errors;
mod events;
mod grades;
mod hashes;
mod node;
mod rules;
mod scalars;
mod structs;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cocaine::schema::AppSchema;

use self::{comparer::Budget, events::AppComparer};

pub use self::{
    differences::{AppDifference, difference_table},
    grades::{AppDirection, AppGrade},
    hashes::compare_event_hashes,
    rules::AppRule,
};

/// The most differences that are found, and the most pairs of types, fields and variants that are compared.
const BUDGET: Budget = Budget { steps: 4_000_000, findings: 10_000 };

/// Returns what differs between two schemas of the app `app`: the worst first, then by event. Callers were made for either.
///
/// ```
/// use cocaine_codegen::{AppGrade, AppDirection, compare_apps, read_app_schema};
///
/// let schema = |ttl: &str| {
///     let arguments = format!(r#"[{{"name": "url", "type": "text"}}, {{"name": "ttl", "type": {ttl}}}]"#);
///     read_app_schema(&format!(r#"{{"schema": 1, "events": {{"shorten": {{"arguments": {arguments}}}}}}}"#))
/// };
/// let differences = compare_apps("shortener", &schema(r#"{"option": "u32"}"#)?, &schema(r#""u32""#)?);
/// assert_eq!((differences[0].grade, differences[0].direction), (AppGrade::Wire, AppDirection::Backward));
/// assert_eq!(
///     differences[0].to_string(),
///     "wire (backward): shortener.shorten arguments.ttl: option-to-required: the value has to be there now: \
///      expected option<u32>, found u32"
/// );
/// # Ok::<(), cocaine_codegen::Error>(())
/// ```
pub fn compare_apps(app: &str, old: &AppSchema, new: &AppSchema) -> Vec<AppDifference> {
    compare_within(app, old, new, BUDGET)
}

/// Returns what differs between the schemas of apps of two files or clouds: the worst first, then by app and event.
pub fn compare_all_apps(
    old: &BTreeMap<String, AppSchema>,
    new: &BTreeMap<String, AppSchema>,
) -> Vec<AppDifference> {
    let mut differences = Vec::new();
    for (name, schema) in old {
        match new.get(name) {
            Some(now) => differences.extend(compare_apps(name, schema, now)),
            None => differences.push(AppDifference::of_app(name, AppRule::AppRemoved)),
        }
    }
    let added = new.keys().filter(|name| !old.contains_key(*name));
    differences.extend(added.map(|name| AppDifference::of_app(name, AppRule::AppAdded)));
    differences.sort_by_key(AppDifference::severity);
    differences
}

fn compare_within(app: &str, old: &AppSchema, new: &AppSchema, budget: Budget) -> Vec<AppDifference> {
    let mut comparer = AppComparer::new(app, old, new, budget);
    comparer.compare_events();
    comparer.compare_definitions(old, new);
    if comparer.budget.is_exhausted() {
        comparer.budget.findings = 1;
        comparer.report(None, "", AppRule::TooManyDifferences, [None, None]);
    }
    let mut differences = comparer.differences;
    differences.sort_by_key(AppDifference::severity);
    differences
}
