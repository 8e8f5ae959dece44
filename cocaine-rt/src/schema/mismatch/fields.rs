//! Fields that have names: of structs, and of variants.

use super::{Fit, Mismatch, Source, Validator, cut, describe};
use crate::{
    schema::model::{Field, Presence, Shape, StructDefinition, Type},
    wire::value::Value,
};

/// An entry of a map.
pub(super) type MapEntry = (Value, Value);

/// What fields are found in.
pub(super) enum FieldSource<'v> {
    /// An array, in their order.
    Items(&'v [Value]),
    /// A map, by name.
    Entries(Vec<&'v MapEntry>),
}

impl<'v> FieldSource<'v> {
    /// Returns the fields in `value`; `None` if it has none.
    pub(super) fn of(value: &'v Value) -> Option<Self> {
        match value {
            Value::Array(items) => Some(Self::Items(items)),
            Value::Map(entries) => Some(Self::Entries(entries.iter().collect())),
            _ => None,
        }
    }
}

impl Validator<'_> {
    pub(super) fn check_struct(
        &self,
        name: &str,
        definition: &StructDefinition,
        value: &Value,
        source: Source,
    ) -> Fit {
        let StructDefinition { fields, deny_unknown_fields } = definition;
        let found = FieldSource::of(value).ok_or_else(|| Mismatch::new(name, describe(value)))?;
        self.check_fields(name, fields, &found, source)?;
        match &found {
            FieldSource::Entries(entries) if *deny_unknown_fields && !has_flatten(fields) => {
                let unknown = entries.iter().find(|(key, _)| find_field(fields, key).is_none());
                unknown.map_or(Ok(()), |(key, value)| Err(unknown_field(key, value)))
            }
            _ => Ok(()),
        }
    }

    /// Checks the fields of `name`. Those that it does not know are ignored.
    pub(super) fn check_fields(
        &self,
        name: &str,
        fields: &[Field],
        found: &FieldSource<'_>,
        source: Source,
    ) -> Fit {
        match found {
            FieldSource::Items(items) if has_flatten(fields) => {
                Err(Mismatch::new(name, format!("list of {}", items.len())))
            }
            FieldSource::Items(items) => self.check_positions(name, fields, items, source),
            FieldSource::Entries(entries) => {
                self.check_entries(fields, entries, source)?;
                self.check_flattened(fields, entries, source.buffered())
            }
        }
    }

    fn check_positions(&self, name: &str, fields: &[Field], items: &[Value], source: Source) -> Fit {
        let mut items_left = items.iter();
        for field in readable(fields) {
            match items_left.next() {
                Some(item) => self.check_field(field, item, source)?,
                None => self.check_missing(field)?,
            }
        }
        match items_left.next() {
            Some(_) if source.is_buffered => Err(Mismatch::new(name, format!("list of {}", items.len()))),
            _ => Ok(()),
        }
    }

    fn check_entries(&self, fields: &[Field], entries: &[&MapEntry], source: Source) -> Fit {
        let mut found = vec![false; fields.len()];
        for (key, value) in entries {
            if !matches!(key, Value::Raw(_) | Value::UInt(_)) {
                return Err(Mismatch::new("the name of a field", describe(key)));
            }
            if let Some(index) = find_field(fields, key) {
                found[index] = true;
                self.check_field(&fields[index], value, source)?;
            }
        }
        let is_missing =
            |field: &Field, found: bool| !found && !field.flatten && field.read == Presence::Always;
        let mut fields = fields.iter().zip(found);
        fields.try_for_each(
            |(field, found)| if is_missing(field, found) { self.check_missing(field) } else { Ok(()) },
        )
    }

    fn check_field(&self, field: &Field, value: &Value, source: Source) -> Fit {
        let checked = self.check(&field.ty, value, source);
        checked.map_err(|mismatch| mismatch.within(&segment(&field.name)))
    }

    fn check_missing(&self, field: &Field) -> Fit {
        if field.read == Presence::Always && !self.can_be_missing(&field.ty) {
            return Err(Mismatch::new(&field.ty, "nothing").within(&segment(&field.name)));
        }
        Ok(())
    }

    /// Checks what stands in the place of flattened fields: the fields of structs, and the other entries as those of a map.
    fn check_flattened(&self, fields: &[Field], entries: &[&MapEntry], source: Source) -> Fit {
        let mut rest: Vec<_> =
            entries.iter().copied().filter(|(key, _)| find_field(fields, key).is_none()).collect();
        if source.depth >= super::MAX_DEPTH {
            return Ok(());
        }
        let source = Source { depth: source.depth + 1, ..source };
        for field in readable(fields).filter(|field| field.flatten) {
            match self.without_newtypes(&field.ty) {
                Type::Named(name) => {
                    let Some(Shape::Struct(definition)) = self.types.get(name).map(|known| &known.shape)
                    else {
                        return Ok(());
                    };
                    let named: Vec<_> =
                        rest.iter().copied().filter(|(key, _)| key.as_str().is_some()).collect();
                    self.check_fields(name, &definition.fields, &FieldSource::Entries(named), source)?;
                    let is_claimed =
                        |key: &Value| key.as_str().is_some() && find_field(&definition.fields, key).is_some();
                    rest.retain(|(key, _)| !is_claimed(key));
                }
                Type::Map(key, of) => {
                    for (entry_key, value) in &rest {
                        self.check(key, entry_key, source)?;
                        let segment = || segment(entry_key.as_str().unwrap_or_default());
                        self.check(of, value, source).map_err(|mismatch| mismatch.within(&segment()))?;
                    }
                }
                // Serde takes an `Option` that does not fit for `None`.
                _ => return Ok(()),
            }
        }
        Ok(())
    }
}

fn has_flatten(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.flatten)
}

fn readable(fields: &[Field]) -> impl Iterator<Item = &Field> {
    fields.iter().filter(|field| field.read != Presence::Never)
}

/// Returns the index of the field that a key names, or counts if nothing is flattened.
fn find_field(fields: &[Field], key: &Value) -> Option<usize> {
    let mut readable = fields.iter().enumerate().filter(|(_, field)| field.read != Presence::Never);
    let found = match key {
        Value::UInt(index) if !has_flatten(fields) => readable.nth(usize::try_from(*index).ok()?),
        key => {
            let key = key.as_str()?;
            readable
                .filter(|(_, field)| !field.flatten)
                .find(|(_, field)| field.name == key || field.aliases.iter().any(|alias| alias == key))
        }
    };
    found.map(|(index, _)| index)
}

fn unknown_field(key: &Value, value: &Value) -> Mismatch {
    let name = key.as_str().map_or_else(|| key.to_string(), ToOwned::to_owned);
    Mismatch::new("no such field", describe(value)).within(&segment(&name))
}

/// Returns the part of a path that leads to a field.
pub(super) fn segment(name: &str) -> String {
    format!(".{}", cut(name.to_owned()))
}
