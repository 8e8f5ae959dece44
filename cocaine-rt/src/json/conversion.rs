//! Converts values between JSON and payloads by the schema of an app. `docs/apps.md` 6 has the table of both forms.
//!
//! Nothing in a schema or a value is trusted: how deeply types nest is bounded, and so is the work, which the variants of
//! untagged enums could multiply.

mod fields;
mod misfit;
mod scalars;
mod variants;

use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    schema::{AppSchema, Definition, Shape, Type},
    wire::value::Value,
};

pub use self::misfit::Misfit;
use self::scalars::KeyKind;
use super::forms::{resolve_forms, write_forms};

/// How many types may lie within one another on the way to a value.
const MAX_DEPTH: usize = 192;

/// How many steps a conversion may take beside those for its values.
const FREE_STEPS: usize = 1_000_000;

/// How many steps a conversion may take for each value.
const STEPS_PER_VALUE: usize = 8;

/// Where values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversionDirection {
    /// From the JSON of a caller to the payload that a worker reads.
    ToPayload,
    /// From the payload that a worker has written to JSON.
    ToJson,
}

/// A key and its value.
type Entry<'v> = (&'v Value, &'v Value);

/// Places of fields or variants, by name.
type NamePositions<'s> = HashMap<&'s str, usize>;

/// Converts values of the types of one schema in one direction.
#[derive(Debug)]
pub struct Conversion<'s> {
    types: &'s BTreeMap<String, Definition>,
    direction: ConversionDirection,
    /// How many steps are left.
    steps: usize,
    depth: usize,
    /// The names of the lists of fields and variants that were met, by their addresses.
    indexes: HashMap<usize, NamePositions<'s>>,
}

impl<'s> Conversion<'s> {
    /// Returns a conversion of values of the types of a schema.
    pub fn new(schema: &'s AppSchema, direction: ConversionDirection) -> Self {
        Self { types: &schema.types, direction, steps: 0, depth: 0, indexes: HashMap::new() }
    }

    /// Converts a value of a type. What becomes JSON has texts as keys, and no bytes that are not text
    /// ([`PlainJson`]).
    ///
    /// # Errors
    /// The place in the value that does not fit the type.
    pub fn convert(&mut self, ty: &'s Type, value: &Value) -> Result<Value, Misfit> {
        self.steps = FREE_STEPS.saturating_add(STEPS_PER_VALUE.saturating_mul(count(value)));
        self.depth = 0;
        self.value(ty, value)
    }

    fn value(&mut self, ty: &'s Type, value: &Value) -> Result<Value, Misfit> {
        self.within(|conversion| conversion.value_within(ty, value))
    }

    /// Does something one level deeper.
    fn within<T>(&mut self, convert: impl FnOnce(&mut Self) -> Result<T, Misfit>) -> Result<T, Misfit> {
        self.charge(1)?;
        if self.depth == MAX_DEPTH {
            return Err(Misfit::new(format!("more than {MAX_DEPTH} types lie within one another")));
        }
        self.depth += 1;
        let converted = convert(self);
        self.depth -= 1;
        converted
    }

    fn charge(&mut self, steps: usize) -> Result<(), Misfit> {
        match self.steps.checked_sub(steps) {
            Some(left) => self.steps = left,
            None => return Err(Misfit::endless()),
        }
        Ok(())
    }

    fn value_within(&mut self, ty: &'s Type, value: &Value) -> Result<Value, Misfit> {
        match ty {
            Type::Any | Type::Opaque => self.untyped(value),
            Type::Option(_) if value.is_nil() => Ok(Value::Nil),
            Type::Option(of) => self.value(of, value),
            Type::List(of) => self.list(ty, of, value),
            Type::Array(of, len) => {
                let list = self.list(ty, of, value)?;
                let found = list.as_array().map_or(0, <[_]>::len);
                if found == *len { Ok(list) } else { Err(Misfit::length(*len, found)) }
            }
            Type::Tuple(types) => self.tuple(types, value),
            Type::Map(key, of) => self.map(ty, key, of, value),
            Type::Named(name) => match self.types.get(name) {
                Some(definition) => self.defined(name, definition, value),
                None => self.untyped(value),
            },
            scalar => scalars::convert(scalar, value, self.direction),
        }
    }

    /// Converts a value of which nothing is known.
    fn untyped(&mut self, value: &Value) -> Result<Value, Misfit> {
        self.charge(count(value))?;
        match self.direction {
            ConversionDirection::ToPayload => resolve_forms(value.clone()).map_err(Misfit::new),
            ConversionDirection::ToJson => Ok(write_forms(value)),
        }
    }

    fn defined(&mut self, name: &str, definition: &'s Definition, value: &Value) -> Result<Value, Misfit> {
        match &definition.shape {
            Shape::UnitStruct => self.unit_struct(name, value),
            Shape::Newtype(of) => self.value(of, value),
            Shape::TupleStruct(types) => self.tuple(types, value),
            Shape::Struct(definition) => self.structure(name, definition, value),
            Shape::Enum(definition) => self.enumeration(name, definition, value),
        }
    }

    /// A payload has an empty array, and JSON null.
    fn unit_struct(&mut self, name: &str, value: &Value) -> Result<Value, Misfit> {
        let is_empty = match value {
            Value::Nil => true,
            Value::Array(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            _ => false,
        };
        match self.direction {
            _ if !is_empty => Err(Misfit::expected(&name, value)),
            ConversionDirection::ToPayload => Ok(Value::Array(Vec::new())),
            ConversionDirection::ToJson => Ok(Value::Nil),
        }
    }

    fn list(&mut self, ty: &'s Type, of: &'s Type, value: &Value) -> Result<Value, Misfit> {
        match value {
            Value::Array(items) => {
                let convert = |(index, item)| self.value(of, item).map_err(|misfit| misfit.at_index(index));
                items.iter().enumerate().map(convert).collect::<Result<_, _>>().map(Value::Array)
            }
            // Payloads may have bytes for a list of them.
            Value::Raw(bytes) if *of == Type::U8 && self.direction == ConversionDirection::ToJson => {
                self.charge(bytes.len())?;
                Ok(Value::Array(bytes.iter().map(|byte| Value::from(*byte)).collect()))
            }
            other => Err(Misfit::expected(ty, other)),
        }
    }

    fn tuple(&mut self, types: &'s [Type], value: &Value) -> Result<Value, Misfit> {
        let Value::Array(items) = value else { return Err(Misfit::expected(&"an array", value)) };
        if items.len() != types.len() {
            return Err(Misfit::length(types.len(), items.len()));
        }
        let convert =
            |(index, (ty, item))| self.value(ty, item).map_err(|misfit: Misfit| misfit.at_index(index));
        types.iter().zip(items).enumerate().map(convert).collect::<Result<_, _>>().map(Value::Array)
    }

    /// In JSON a map is an object if its keys can be texts, and a list of pairs otherwise.
    fn map(&mut self, ty: &'s Type, key: &'s Type, of: &'s Type, value: &Value) -> Result<Value, Misfit> {
        let kind = KeyKind::of(key, self.types);
        match (self.direction, kind, value) {
            (ConversionDirection::ToPayload, None, Value::Array(pairs)) => {
                let pair = |(index, pair): (usize, &Value)| {
                    let Some([name, content]) = pair.as_array() else {
                        return Err(Misfit::expected(&"a pair", pair).at_index(index));
                    };
                    let converted =
                        self.value(key, name).and_then(|name| Ok((name, self.value(of, content)?)));
                    converted.map_err(|misfit| misfit.at_index(index))
                };
                pairs.iter().enumerate().map(pair).collect::<Result<_, _>>().map(Value::Map)
            }
            (ConversionDirection::ToJson, None, Value::Map(entries)) => {
                let pair = |(index, (name, content)): (usize, &(Value, Value))| {
                    let converted =
                        self.value(key, name).and_then(|name| Ok(vec![name, self.value(of, content)?]));
                    converted.map(Value::Array).map_err(|misfit| misfit.at_index(index))
                };
                entries.iter().enumerate().map(pair).collect::<Result<_, _>>().map(Value::Array)
            }
            (_, Some(_), Value::Map(entries)) => {
                self.entries(key, of, entries.iter().map(|(key, value)| (key, value))).map(Value::Map)
            }
            _ => Err(Misfit::expected(ty, value)),
        }
    }

    /// Converts the entries of a map whose keys are texts in JSON.
    fn entries<'v>(
        &mut self,
        key: &'s Type,
        of: &'s Type,
        entries: impl Iterator<Item = Entry<'v>>,
    ) -> Result<Vec<(Value, Value)>, Misfit> {
        let kind = KeyKind::of(key, self.types);
        let entry = |(name, content): Entry<'v>| {
            let converted = match self.direction {
                ConversionDirection::ToPayload => {
                    let parsed = kind.and_then(|kind| kind.parse(name));
                    self.value(key, parsed.as_ref().unwrap_or(name))
                }
                ConversionDirection::ToJson => self.value(key, name).map(scalars::key_text),
            };
            let name_of = || name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            let converted = converted.and_then(|name| Ok((name, self.value(of, content)?)));
            converted.map_err(|misfit| misfit.at_name(&name_of()))
        };
        entries.map(entry).collect()
    }

    /// Returns the places of names. Of two equal names the first counts.
    fn index(&mut self, address: usize, names: impl Iterator<Item = (&'s str, usize)>) -> &NamePositions<'s> {
        self.indexes.entry(address).or_insert_with(|| {
            let mut index = NamePositions::new();
            for (name, at) in names {
                index.entry(name).or_insert(at);
            }
            index
        })
    }
}

/// Returns how many values a value has within it, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => entries.iter().map(|(key, value)| count(key) + count(value)).sum(),
        _ => 0,
    }
}

/// A value that serializes as JSON as it is: its keys are texts, and so are all its raws.
#[derive(Debug)]
pub struct PlainJson<'a>(pub &'a Value);

impl Serialize for PlainJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Raw(text) => serializer.serialize_str(text.as_str().unwrap_or_default()),
            Value::Array(items) => serializer.collect_seq(items.iter().map(PlainJson)),
            Value::Map(entries) => {
                let mut object = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    object.serialize_entry(key.as_str().unwrap_or_default(), &PlainJson(value))?;
                }
                object.end()
            }
            Value::Nil => serializer.serialize_unit(),
            scalar => scalar.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
