//! Enums in each form.

use super::{
    Fit, Mismatch, Source, Validator, cut, describe,
    fields::{FieldSource, MapEntry, segment},
};
use crate::{
    schema::model::{Content, EnumDefinition, Presence, Tagging, Type, Variant},
    wire::value::Value,
};

impl Validator<'_> {
    pub(super) fn check_enum(
        &self,
        name: &str,
        definition: &EnumDefinition,
        value: &Value,
        source: Source,
    ) -> Fit {
        match &definition.tagging {
            Tagging::External => self.check_external(name, definition, value, source),
            Tagging::Internal { tag } => self.check_internal(name, definition, tag, value, source),
            Tagging::Adjacent { tag, content } => {
                self.check_adjacent(name, definition, [tag, content], value, source)
            }
            Tagging::Untagged => {
                let fits = |variant: &Variant| {
                    self.check_content(definition, variant, value, source.buffered()).is_ok()
                };
                if readable(definition).any(fits) {
                    Ok(())
                } else {
                    Err(Mismatch::new(name, describe(value)))
                }
            }
        }
    }

    fn check_external(&self, name: &str, definition: &EnumDefinition, value: &Value, source: Source) -> Fit {
        match value {
            Value::UInt(_) if source.is_buffered => Err(Mismatch::new(name, describe(value))),
            Value::Raw(_) | Value::UInt(_) => {
                let variant = find_variant(definition, value)?;
                if variant.content == Content::Unit {
                    return Ok(());
                }
                Err(Mismatch::new(format!("the content of {}", variant.name), "its name alone"))
            }
            Value::Map(entries) => match &entries[..] {
                [(key, content)] => {
                    let variant = find_variant(definition, key)?;
                    let checked = self.check_content(definition, variant, content, source);
                    checked.map_err(|mismatch| mismatch.within(&segment(&variant.name)))
                }
                entries => Err(Mismatch::new(name, format!("map of {} entries", entries.len()))),
            },
            other => Err(Mismatch::new(name, describe(other))),
        }
    }

    /// Checks an enum whose variant is named by an entry or by the first element. Serde buffers the others.
    fn check_internal(
        &self,
        name: &str,
        definition: &EnumDefinition,
        tag: &str,
        value: &Value,
        source: Source,
    ) -> Fit {
        let (variant, rest) = match value {
            Value::Map(entries) => {
                let (position, variant) = find_tag(definition, tag, entries)?;
                let mut rest = entries.clone();
                rest.remove(position);
                (variant, Value::Map(rest))
            }
            Value::Array(items) => match items.split_first() {
                Some((first, rest)) => (find_variant(definition, first)?, Value::Array(rest.to_vec())),
                None => return Err(missing(&expected_variant(definition), tag)),
            },
            other => return Err(Mismatch::new(name, describe(other))),
        };
        match (&variant.content, &rest) {
            (Content::Unit, Value::Array(items)) if !items.is_empty() => {
                Err(Mismatch::new(&variant.name, format!("list of {}", items.len())))
            }
            (Content::Unit, _) => Ok(()),
            _ => self.check_content(definition, variant, &rest, source.buffered()),
        }
    }

    /// Checks an enum whose variant and content are entries, or two elements. Serde buffers content that it finds first.
    fn check_adjacent(
        &self,
        name: &str,
        definition: &EnumDefinition,
        [tag, content]: [&String; 2],
        value: &Value,
        source: Source,
    ) -> Fit {
        let (variant, found, is_buffered) = match value {
            Value::Map(entries) => {
                let (position, variant) = find_tag(definition, tag, entries)?;
                let found = entries.iter().position(|(key, _)| key.as_str() == Some(content));
                let is_buffered = found.is_some_and(|found| found < position);
                (variant, found.map(|found| &entries[found].1), is_buffered)
            }
            Value::Array(items) => match items.split_first() {
                Some((first, [])) => {
                    find_variant(definition, first)?;
                    return Err(Mismatch::new(name, "list of 1"));
                }
                Some((first, [content, ..])) => (find_variant(definition, first)?, Some(content), false),
                None => return Err(missing(&expected_variant(definition), tag)),
            },
            other => return Err(Mismatch::new(name, describe(other))),
        };
        let source = if is_buffered { source.buffered() } else { source };
        match (&variant.content, found) {
            (Content::Unit, None) => Ok(()),
            (Content::Newtype(ty), None) if self.can_be_missing(ty) => Ok(()),
            (_, None) => Err(missing(&format!("the content of {}", variant.name), content)),
            (_, Some(found)) => {
                let checked = self.check_content(definition, variant, found, source);
                checked.map_err(|mismatch| mismatch.within(&segment(content)))
            }
        }
    }

    fn check_content(
        &self,
        definition: &EnumDefinition,
        variant: &Variant,
        value: &Value,
        source: Source,
    ) -> Fit {
        let name = &variant.name;
        match &variant.content {
            Content::Unit if value.is_nil() => Ok(()),
            Content::Unit => Err(Mismatch::new(Type::Unit, describe(value))),
            Content::Newtype(ty) => self.check(ty, value, source),
            Content::Tuple(types) => self.check_tuple(name, types.iter(), value, source),
            Content::Struct(fields) => match FieldSource::of(value) {
                Some(FieldSource::Items(_)) if !has_positions(definition) => {
                    Err(Mismatch::new(name, describe(value)))
                }
                Some(found) => self.check_fields(name, fields, &found, source),
                None => Err(Mismatch::new(name, describe(value))),
            },
        }
    }
}

/// Returns whether the fields of a variant may be an array.
fn has_positions(definition: &EnumDefinition) -> bool {
    matches!(definition.tagging, Tagging::External | Tagging::Internal { .. })
}

/// Returns the position of the entry that names the variant, and the variant.
fn find_tag<'d>(
    definition: &'d EnumDefinition,
    tag: &str,
    entries: &[MapEntry],
) -> Result<(usize, &'d Variant), Mismatch> {
    let Some(position) = entries.iter().position(|(key, _)| key.as_str() == Some(tag)) else {
        return Err(missing(&expected_variant(definition), tag));
    };
    let variant = find_variant(definition, &entries[position].1);
    Ok((position, variant.map_err(|mismatch| mismatch.within(&segment(tag)))?))
}

fn missing(expected: &str, name: &str) -> Mismatch {
    Mismatch::new(expected, "nothing").within(&segment(name))
}

fn readable(definition: &EnumDefinition) -> impl Iterator<Item = &Variant> {
    definition.variants.iter().filter(|variant| variant.read != Presence::Never)
}

/// Returns the variant that a value names or counts.
fn find_variant<'d>(definition: &'d EnumDefinition, name: &Value) -> Result<&'d Variant, Mismatch> {
    let other = || readable(definition).find(|variant| variant.other);
    let found = match name {
        Value::UInt(index) => usize::try_from(*index).ok().and_then(|index| readable(definition).nth(index)),
        Value::Raw(raw) => readable(definition)
            .find(|variant| *raw == *variant.name || variant.aliases.iter().any(|alias| *raw == **alias)),
        other => return Err(Mismatch::new(expected_variant(definition), describe(other))),
    };
    found.or_else(other).ok_or_else(|| {
        Mismatch::new(expected_variant(definition), format!("{} {}", describe(name), cut(name.to_string())))
    })
}

/// Returns the names of the variants, such as `one of red, green`.
fn expected_variant(definition: &EnumDefinition) -> String {
    let names: Vec<_> = readable(definition).map(|variant| variant.name.as_str()).collect();
    format!("one of {}", names.join(", "))
}
