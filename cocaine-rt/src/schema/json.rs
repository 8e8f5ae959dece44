//! Schemas as JSON text.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    app::{AppSchema, EventSchema},
    hash,
    model::{Definition, Type},
};
use crate::{
    protocol::{
        error::{Error, Result},
        msgpack,
    },
    wire::value::Value,
};

/// The most characters of a type in the text of an error.
const MAX_TYPE_TEXT: usize = 200;

impl AppSchema {
    /// Returns the schema as JSON, with a line for each value, as `WORKER --describe` prints it.
    ///
    /// # Errors
    ///
    /// Fails if a type is nested deeper than a manifest can hold, which is 32 levels with those of the manifest. The error
    /// names the event and the type.
    pub fn to_json(&self) -> Result<String> {
        let value = self.to_value().map_err(|error| self.nesting_error().unwrap_or(error))?;
        let mut text = String::new();
        write_value(&value, 0, &mut text);
        text.push('\n');
        Ok(text)
    }

    /// Returns the schema as a value that fits into a manifest.
    fn to_value(&self) -> Result<Value> {
        let manifest = msgpack::to_vec(&BTreeMap::from([("schema", self)]))?;
        let mut manifest: BTreeMap<String, Value> = msgpack::from_slice(&manifest)?;
        Ok(manifest.remove("schema").unwrap_or_default())
    }

    /// Returns the error for the first type that is nested too deeply.
    fn nesting_error(&self) -> Option<Error> {
        self.events.iter().find_map(|(name, event)| {
            let own = event_types(event).find(|ty| !fits(&with_argument(ty)));
            let roots: Vec<_> = event_types(event).collect();
            let defined = || {
                let mut names = hash::reachable(&self.types, &roots).into_iter();
                names.find(|name| !fits(&with_definition(name, &self.types[*name])))
            };
            let mut ty = match own {
                Some(ty) => ty.to_string(),
                None => defined()?.to_owned(),
            };
            if let Some((end, _)) = ty.char_indices().nth(MAX_TYPE_TEXT) {
                ty.truncate(end);
                ty.push('…');
            }
            Some(Error::encode(format!(
                "the schema of the event `{name}`: the type {ty} is nested deeper than a manifest can hold, which is 32 \
                 levels: make an inner part a struct that derives `Schema`"
            )))
        })
    }
}

fn event_types(event: &EventSchema) -> impl Iterator<Item = &Type> {
    event.arguments.iter().map(|argument| &argument.ty).chain(&event.input).chain([event.output.ty()])
}

fn fits(schema: &AppSchema) -> bool {
    schema.to_value().is_ok()
}

/// Returns a schema with this type where types are nested most deeply among those of events.
fn with_argument(ty: &Type) -> AppSchema {
    let argument = super::ArgumentSchema { name: String::new(), ty: ty.clone() };
    let event = EventSchema { arguments: vec![argument], ..EventSchema::default() };
    AppSchema { events: BTreeMap::from([(String::new(), event)]), ..AppSchema::default() }
}

fn with_definition(name: &str, definition: &Definition) -> AppSchema {
    AppSchema { types: BTreeMap::from([(name.to_owned(), definition.clone())]), ..AppSchema::default() }
}

/// Writes a value, the inner lines of which are indented by two spaces more than `depth` times two.
fn write_value(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Nil => text.push_str("null"),
        Value::Raw(raw) => write_text(raw.as_str().unwrap_or_default(), text),
        Value::Array(items) => write_list(items, ['[', ']'], depth, text, |item, text| {
            write_value(item, depth + 1, text);
        }),
        Value::Map(entries) => write_list(entries, ['{', '}'], depth, text, |(key, value), text| {
            write_value(key, depth + 1, text);
            text.push_str(": ");
            write_value(value, depth + 1, text);
        }),
        number => {
            let _ = write!(text, "{number}");
        }
    }
}

fn write_list<T>(
    items: &[T],
    [open, close]: [char; 2],
    depth: usize,
    text: &mut String,
    write: impl Fn(&T, &mut String),
) {
    text.push(open);
    for (index, item) in items.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.extend(std::iter::repeat_n("  ", depth + 1));
        write(item, text);
    }
    if !items.is_empty() {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    }
    text.push(close);
}

fn write_text(raw: &str, text: &mut String) {
    text.push('"');
    for char in raw.chars() {
        match char {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\x1f' => {
                let _ = write!(text, "\\u{:04x}", u32::from(char));
            }
            char => text.push(char),
        }
    }
    text.push('"');
}
