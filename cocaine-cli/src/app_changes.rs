//! What differs between two versions of an app.

mod files;

use std::collections::BTreeMap;

use cocaine::{Value, schema::MANIFEST_KEY};
use cocaine_codegen::{AppDifference, compare_apps, difference_table};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    app_store::{Manifest, Uploaded},
    environment::Environment,
    error::Result,
    json::data_to_json,
    output::{Format, Row},
};

pub(crate) use self::files::{FileChange, file_changes};

/// What differs between the manifests and the events of two versions of an app.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AppChanges {
    pub(crate) manifest: Vec<KeyChange>,
    pub(crate) events: Vec<AppDifference>,
}

/// A key of a manifest with another value.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct KeyChange {
    key: String,
    /// `null` if the old manifest does not have it.
    old: Option<Json>,
    /// `null` if the new manifest does not have it.
    new: Option<Json>,
}

impl AppChanges {
    /// Compares two versions. A schema that cannot be read is warned of, and not compared.
    pub(crate) fn new(app: &str, old: &Uploaded, new: &Uploaded, environment: &Environment) -> Self {
        let schema = |uploaded: &Uploaded| {
            let schema = uploaded.manifest.as_ref().map(Manifest::schema).transpose();
            match schema {
                Ok(schema) => schema.flatten(),
                Err(error) => {
                    environment.output.warn(format_args!(
                        "a schema of `{app}` cannot be read, so that its events are not compared: {error}"
                    ));
                    None
                }
            }
        };
        let events = match (schema(old), schema(new)) {
            (Some(old), Some(new)) => compare_apps(app, &old, &new),
            _ => Vec::new(),
        };
        let entries = |uploaded: &Uploaded| {
            uploaded.manifest.as_ref().map(|manifest| manifest.entries().clone()).unwrap_or_default()
        };
        Self { manifest: key_changes(&entries(old), &entries(new)), events }
    }

    /// Returns how many of the differences break callers of the old version. Its schema is one of them, if the new version has none.
    pub(crate) fn breaking(&self) -> usize {
        let is_lost = |change: &&KeyChange| change.key == MANIFEST_KEY && change.new.is_none();
        let events = self.events.iter().filter(|difference| difference.breaks_callers());
        events.count() + self.manifest.iter().filter(is_lost).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.manifest.is_empty() && self.events.is_empty()
    }

    /// Prints the parts of a table, those that are not empty.
    pub(crate) fn print_tables(&self, environment: &Environment) -> Result<()> {
        environment.output.rows(&self.manifest)?;
        if !self.events.is_empty() {
            environment.output.bytes(difference_table(&self.events).as_bytes())?;
        }
        Ok(())
    }

    /// Prints a result that has changes: as JSON, or its tables.
    pub(crate) fn print(&self, result: &impl Serialize, environment: &Environment) -> Result<()> {
        match environment.output.format() {
            Format::Json => environment.output.json(result),
            Format::Jsonl => environment.output.json_line(result),
            Format::Table | Format::Plain => self.print_tables(environment),
        }
    }
}

/// Compares the keys of two manifests. Of schemas only that there is one counts: events say what differs in them.
fn key_changes(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Vec<KeyChange> {
    let json = |key: &str, value: &Value| {
        if key == MANIFEST_KEY {
            value.get("hash").map_or(Json::Bool(true), data_to_json)
        } else {
            data_to_json(value)
        }
    };
    let mut changes = Vec::new();
    let added =
        new.iter().filter(|(key, _)| !old.contains_key(*key)).map(|(key, value)| (key, None, Some(value)));
    let common = old.iter().map(|(key, value)| (key, Some(value), new.get(key)));
    for (key, old, new) in common.chain(added) {
        let is_same = old == new || key == MANIFEST_KEY && old.is_some() && new.is_some();
        if !is_same {
            let [old, new] = [old, new].map(|value| value.map(|value| json(key, value)));
            changes.push(KeyChange { key: key.clone(), old, new });
        }
    }
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes
}

impl Row for KeyChange {
    const COLUMNS: &'static [&'static str] = &["manifest", "old", "new"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<Json>| value.as_ref().map(Json::to_string).unwrap_or_default();
        vec![self.key.clone(), text(&self.old), text(&self.new)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_manifests_are_compared() {
        let map = |entries: &[(&str, Value)]| {
            entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
        };
        let schema = |hash: u64| Value::Map(vec![("hash".into(), Value::UInt(hash))]);
        let old =
            map(&[("a", 1_u8.into()), ("b", "x".into()), ("schema", schema(1)), ("slave", "run".into())]);
        let new =
            map(&[("b", "y".into()), ("c", true.into()), ("schema", schema(2)), ("slave", "run".into())]);
        let change = |key: &str, old, new| KeyChange { key: key.to_owned(), old, new };
        let expected = [
            change("a", Some(json!(1)), None),
            change("b", Some(json!("x")), Some(json!("y"))),
            change("c", None, Some(json!(true))),
        ];
        assert_eq!(key_changes(&old, &new), expected);
        let changes = AppChanges { manifest: key_changes(&old, &map(&[])), ..AppChanges::default() };
        assert_eq!((changes.manifest.len(), changes.breaking()), (4, 1), "the schema is lost");
    }
}
