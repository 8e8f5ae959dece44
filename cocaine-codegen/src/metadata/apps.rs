//! The schemas of apps, read from JSON.

use std::collections::BTreeMap;

use cocaine::schema::{AppSchema, Definition, ErrorDefinition, EventKind, EventSchema, SCHEMA_VERSION};
use serde::{Deserialize, Deserializer, de};

use super::unique_map::UniqueMap;
use crate::error::{Problem, Result};

/// Reads the schema of an app, as `WORKER --describe` prints it.
///
/// # Errors
///
/// The text is no schema, is one of another version, or has a name twice. The error names the line and the column.
pub fn read_app_schema(json: &str) -> Result<AppSchema> {
    let schema = serde_json::from_str::<UniqueSchema>(json);
    schema.map(|schema| schema.0).map_err(|error| Problem::Schema(error.to_string()).into())
}

/// The schemas of apps by name.
#[derive(Default, Deserialize)]
pub(super) struct UniqueApps(UniqueMap<String, UniqueSchema>);

impl UniqueApps {
    pub(super) fn into_schemas(self) -> BTreeMap<String, AppSchema> {
        self.0.0.into_iter().map(|(name, schema)| (name, schema.0)).collect()
    }
}

/// Reads as a schema in which no name stands twice.
struct UniqueSchema(AppSchema);

#[derive(Deserialize)]
struct UniqueFields {
    schema: u32,
    #[serde(default)]
    events: UniqueMap<String, EventSchema>,
    #[serde(default)]
    fallback: Option<EventKind>,
    #[serde(default)]
    errors: UniqueMap<String, ErrorDefinition>,
    #[serde(default)]
    types: UniqueMap<String, Definition>,
}

impl<'de> Deserialize<'de> for UniqueSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let UniqueFields { schema, events, fallback, errors, types } =
            UniqueFields::deserialize(deserializer)?;
        if schema != SCHEMA_VERSION {
            return Err(de::Error::custom(format_args!(
                "the schema has version {schema}, and this program reads version {SCHEMA_VERSION}"
            )));
        }
        let (events, errors, types) = (events.0, errors.0, types.0);
        Ok(Self(AppSchema { version: schema, events, fallback, errors, types }))
    }
}
