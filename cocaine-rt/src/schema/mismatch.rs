//! Finds the place where a payload does not fit its type, for the text of an error.
//!
//! It follows what decoding does, as far as a schema knows: where a schema does not say whether something is accepted, it
//! is. Its work is bounded, whatever the payload and the schema are.

mod enums;
mod fields;

use std::{cell::Cell, collections::BTreeMap, fmt::Display};

use super::model::{Definition, Shape, Type};
use crate::wire::value::Value;

/// The most types that are compared with values. What is left then counts as fitting.
const MAX_STEPS: usize = 1 << 20;
/// The most definitions within one another.
const MAX_DEPTH: usize = 128;
/// The most characters of a type, of a name or of a text in an error.
const MAX_TEXT: usize = 120;

/// Where a value does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The path from the value to the place, such as `.links[3].ttl`; empty if it is the value itself.
    pub(crate) path: String,
    /// What the type expects there.
    pub(crate) expected: String,
    /// What is there.
    pub(crate) found: String,
}

impl Mismatch {
    fn new(expected: impl Display, found: impl Into<String>) -> Self {
        Self { path: String::new(), expected: cut(format!("{expected}")), found: found.into() }
    }

    /// Returns the mismatch as one within a value that contains this one.
    fn within(mut self, segment: &str) -> Self {
        self.path.insert_str(0, segment);
        self
    }
}

/// Returns the first place where `value` does not fit `ty`, which refers to `types`.
pub(crate) fn find_mismatch(
    types: &BTreeMap<String, Definition>,
    ty: &Type,
    value: &Value,
) -> Option<Mismatch> {
    let validator = Validator { types, steps: Cell::new(0) };
    validator.check(ty, value, Source { is_buffered: false, depth: 0 }).err()
}

type Fit = Result<(), Mismatch>;

/// How a value is read.
#[derive(Clone, Copy)]
struct Source {
    /// Whether serde has read the value before it knew the type, which it does for `flatten`, `untagged` and `tag`. It
    /// converts less then.
    is_buffered: bool,
    /// The number of definitions around the value.
    depth: usize,
}

impl Source {
    fn buffered(self) -> Self {
        Self { is_buffered: true, ..self }
    }
}

struct Validator<'s> {
    types: &'s BTreeMap<String, Definition>,
    steps: Cell<usize>,
}

impl Validator<'_> {
    fn check(&self, ty: &Type, value: &Value, source: Source) -> Fit {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS {
            return Ok(());
        }
        let fits = match ty {
            Type::Opaque | Type::Any => true,
            Type::Option(_) if value.is_nil() => true,
            Type::Unit => value.is_nil() || source.is_buffered && value.as_map().is_some_and(<[_]>::is_empty),
            Type::Bool => value.as_bool().is_some(),
            Type::F32 | Type::F64 => matches!(value, Value::Float(_) | Value::UInt(_) | Value::Int(_)),
            Type::Char => value.as_str().is_some_and(|text| text.chars().count() == 1),
            Type::Text => value.as_str().is_some(),
            Type::NonZero(of) => {
                self.check(of, value, source)?;
                value.as_u64() != Some(0)
            }
            Type::Option(of) => {
                return self.check(of, value, source).map_err(|mismatch| match &*mismatch.path {
                    "" => Mismatch { expected: cut(ty.to_string()), ..mismatch },
                    _ => mismatch,
                });
            }
            Type::Bytes => return self.check_bytes(ty, value, source),
            Type::List(of) => return self.check_list(ty, of, value, source),
            Type::Array(of, len) => {
                let types = std::iter::repeat_n(&**of, *len);
                return self.check_tuple(&ty.to_string(), types, value, source);
            }
            Type::Tuple(types) => {
                let is_unit_struct = types.is_empty() && value.is_nil();
                return if is_unit_struct {
                    Ok(())
                } else {
                    self.check_tuple(&ty.to_string(), types.iter(), value, source)
                };
            }
            Type::Map(key, of) => return self.check_map(ty, key, of, value, source),
            Type::Named(name) => return self.check_definition(name, value, source),
            integer => return check_integer(integer, value),
        };
        if fits { Ok(()) } else { Err(Mismatch::new(ty, describe(value))) }
    }

    fn check_bytes(&self, ty: &Type, value: &Value, source: Source) -> Fit {
        match value {
            Value::Raw(_) => Ok(()),
            Value::Array(items) => self.check_items(items.iter().map(|item| (&Type::U8, item)), source),
            other => Err(Mismatch::new(ty, describe(other))),
        }
    }

    fn check_list(&self, ty: &Type, of: &Type, value: &Value, source: Source) -> Fit {
        match value {
            Value::Array(items) => self.check_items(items.iter().map(|item| (of, item)), source),
            Value::Raw(_) if !source.is_buffered && self.can_be_byte(of) => Ok(()),
            other => Err(Mismatch::new(ty, describe(other))),
        }
    }

    fn check_items<'v>(&self, items: impl Iterator<Item = (&'v Type, &'v Value)>, source: Source) -> Fit {
        for (index, (ty, item)) in items.enumerate() {
            self.check(ty, item, source).map_err(|mismatch| mismatch.within(&format!("[{index}]")))?;
        }
        Ok(())
    }

    /// Checks an array with an element for each of `types`. Further elements are ignored, unless serde has counted them.
    fn check_tuple<'t>(
        &self,
        expected: &str,
        mut types: impl ExactSizeIterator<Item = &'t Type>,
        value: &Value,
        source: Source,
    ) -> Fit {
        let len = types.len();
        let fits = |found: usize| found == len || found > len && !source.is_buffered;
        match value {
            Value::Array(items) if fits(items.len()) => {
                for (index, (ty, item)) in types.zip(items).enumerate() {
                    self.check(ty, item, source)
                        .map_err(|mismatch| mismatch.within(&format!("[{index}]")))?;
                }
                Ok(())
            }
            Value::Array(items) => Err(Mismatch::new(expected, format!("list of {}", items.len()))),
            Value::Raw(bytes) if !source.is_buffered && fits(bytes.len()) => {
                let are_bytes = types.all(|ty| self.can_be_byte(ty));
                if are_bytes { Ok(()) } else { Err(Mismatch::new(expected, describe(value))) }
            }
            other => Err(Mismatch::new(expected, describe(other))),
        }
    }

    fn check_map(&self, ty: &Type, key: &Type, of: &Type, value: &Value, source: Source) -> Fit {
        let Some(entries) = value.as_map() else { return Err(Mismatch::new(ty, describe(value))) };
        for (entry_key, item) in entries {
            let segment = || format!("[{}]", cut(entry_key.to_string()));
            self.check(key, entry_key, source).map_err(|mismatch| {
                Mismatch { found: format!("{} as a key", mismatch.found), ..mismatch }.within(&segment())
            })?;
            self.check(of, item, source).map_err(|mismatch| mismatch.within(&segment()))?;
        }
        Ok(())
    }

    fn check_definition(&self, name: &str, value: &Value, source: Source) -> Fit {
        let Some(definition) = self.types.get(name) else { return Ok(()) };
        if source.depth == MAX_DEPTH {
            return Ok(());
        }
        let source = Source { depth: source.depth + 1, ..source };
        match &definition.shape {
            Shape::UnitStruct => match value {
                Value::Nil | Value::Array(_) => Ok(()),
                Value::Map(entries) if source.is_buffered && entries.is_empty() => Ok(()),
                other => Err(Mismatch::new(name, describe(other))),
            },
            Shape::Newtype(of) => self.check(of, value, source),
            Shape::TupleStruct(types) => self.check_tuple(name, types.iter(), value, source),
            Shape::Struct(definition) => self.check_struct(name, definition, value, source),
            Shape::Enum(definition) => self.check_enum(name, definition, value, source),
        }
    }

    /// Returns whether values of `ty` may be `u8`, a sequence of which is read from bytes.
    fn can_be_byte(&self, ty: &Type) -> bool {
        matches!(self.without_newtypes(ty), Type::U8 | Type::Opaque)
    }

    /// Returns whether a field of this type may be missing, as an `Option` may.
    fn can_be_missing(&self, ty: &Type) -> bool {
        matches!(self.without_newtypes(ty), Type::Option(_) | Type::Opaque)
    }

    /// Returns what is within newtypes.
    fn without_newtypes<'t>(&'t self, mut ty: &'t Type) -> &'t Type {
        for _ in 0..MAX_DEPTH {
            let Type::Named(name) = ty else { return ty };
            let Some(Definition { shape: Shape::Newtype(of), .. }) = self.types.get(name) else { return ty };
            ty = of;
        }
        ty
    }
}

fn check_integer(ty: &Type, value: &Value) -> Fit {
    let range = match ty {
        Type::U8 => 0..=u8::MAX.into(),
        Type::U16 => 0..=u16::MAX.into(),
        Type::U32 => 0..=u32::MAX.into(),
        Type::U64 => 0..=u64::MAX.into(),
        Type::I8 => i8::MIN.into()..=i8::MAX.into(),
        Type::I16 => i16::MIN.into()..=i16::MAX.into(),
        Type::I32 => i32::MIN.into()..=i32::MAX.into(),
        _ => i64::MIN.into()..=i64::MAX.into(),
    };
    let integer: i128 = match value {
        Value::UInt(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        other => return Err(Mismatch::new(ty, describe(other))),
    };
    if range.contains(&integer) { Ok(()) } else { Err(Mismatch::new(ty, format!("integer {integer}"))) }
}

/// Returns what kind of value this is.
fn describe(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::UInt(_) => "integer",
        Value::Float(_) => "float",
        Value::Raw(raw) if raw.as_str().is_some() => "text",
        Value::Raw(_) => "bytes",
        Value::Array(_) => "list",
        Value::Map(_) => "map",
    }
}

/// Returns `text`, or its beginning if it is long.
fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
