//! How large a schema may be, and how deeply nested.

use cocaine::{Value, msgpack, schema::AppSchema};
use serde::Serialize;

use crate::error::{Error, Result};

/// How many bytes a schema may have in a manifest. A node reads manifests of 1 MiB, and the rest of it is small.
const MAX_BYTES: usize = (1 << 20) - (16 << 10);

/// How many containers lie around a part of a schema in an answer to `info`: the message, its arguments, the report, the manifest,
/// the schema, and the map of events, of errors or of types.
const OUTER: usize = 6;

/// Checks that a manifest can have the schema.
///
/// # Errors
/// A schema that is too large or nested too deeply, with the names of its largest parts.
pub(crate) fn check(schema: &AppSchema) -> Result<()> {
    let mut parts = Vec::new();
    for (name, event) in &schema.events {
        parts.push((format!("event `{name}`"), part_size(event)));
    }
    for (name, definition) in &schema.types {
        parts.push((format!("type `{name}`"), part_size(definition)));
    }
    for (name, definition) in &schema.errors {
        parts.push((format!("errors `{name}`"), part_size(definition)));
    }
    if let Some((name, _)) = parts.iter().find(|(_, size)| size.is_none()) {
        return Err(Error::Failed(format!(
            "the {name} is nested too deeply for a manifest: give its inner types names of their own"
        )));
    }
    let size = msgpack::to_vec(schema).map_or(usize::MAX, |encoded| encoded.len());
    if size <= MAX_BYTES {
        return Ok(());
    }
    parts.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let largest: Vec<_> = parts
        .iter()
        .take(3)
        .map(|(name, size)| format!("the {name} has {}", size.unwrap_or_default()))
        .collect();
    Err(Error::Failed(format!(
        "the schema has {size} bytes, and a manifest has room for {MAX_BYTES}: {}",
        largest.join(", ")
    )))
}

/// Returns the encoded size of a part; `None` if it is nested too deeply.
fn part_size(part: &impl Serialize) -> Option<usize> {
    let encoded = msgpack::to_vec(part).ok()?;
    let value: Value = msgpack::from_slice(&encoded).ok()?;
    let nested = (0..OUTER).fold(value, |inner, _| Value::Array(vec![inner]));
    msgpack::to_vec(&nested).ok().map(|_| encoded.len())
}

#[cfg(test)]
mod tests {
    use cocaine::schema::{EventOutput, EventSchema, Type};

    use super::*;

    fn schema(event: EventSchema) -> AppSchema {
        AppSchema { events: [("shorten".to_owned(), event)].into(), ..AppSchema::default() }
    }

    fn nested(depth: usize) -> AppSchema {
        let ty = (0..depth).fold(Type::Text, |of, _| Type::List(Box::new(of)));
        schema(EventSchema { output: EventOutput::Reply(ty), ..EventSchema::default() })
    }

    #[test]
    fn deepest_event_is_named() {
        check(&nested(20)).unwrap();
        let error = check(&nested(40)).unwrap_err().to_string();
        assert!(error.starts_with("the event `shorten` is nested too deeply"), "{error}");
    }

    #[test]
    fn largest_part_is_named() {
        let event = EventSchema { doc: "x".repeat(MAX_BYTES), ..EventSchema::default() };
        let error = check(&schema(event)).unwrap_err().to_string();
        assert!(error.contains("the event `shorten` has 10"), "{error}");
    }
}
