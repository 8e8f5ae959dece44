//! Structs, and what is flattened into them.

use crate::{
    schema::{Field, Presence, Shape, StructDefinition, Type},
    wire::value::Value,
};

use super::{Conversion, ConversionDirection, Entry, Misfit};

impl<'s> Conversion<'s> {
    pub(super) fn structure(
        &mut self,
        name: &str,
        definition: &'s StructDefinition,
        value: &Value,
    ) -> Result<Value, Misfit> {
        if let (Value::Array(items), ConversionDirection::ToJson) = (value, self.direction) {
            return self.positional_fields(&definition.fields, items);
        }
        let Value::Map(entries) = value else { return Err(Misfit::expected(&name, value)) };
        let mut rest = borrowed(entries);
        let fields = self.fields(&definition.fields, &mut rest)?;
        match rest.first() {
            Some((unknown, _)) if definition.deny_unknown_fields => {
                Err(Misfit::new(format!("`{name}` has no such field")).at_name(&key_name(unknown)))
            }
            _ => Ok(Value::Map(fields)),
        }
    }

    /// Converts the fields that are among the entries, which leaves the others. JSON and payloads have them by name, in
    /// any order.
    pub(super) fn fields(
        &mut self,
        fields: &'s [Field],
        rest: &mut Vec<Entry<'_>>,
    ) -> Result<Vec<(Value, Value)>, Misfit> {
        self.charge(fields.len() / 8)?;
        let (mut converted, mut is_found) = (Vec::new(), vec![false; fields.len()]);
        for (key, value) in std::mem::take(rest) {
            let Some(at) = key.as_str().and_then(|name| self.find_field(fields, name)) else {
                rest.push((key, value));
                continue;
            };
            let field = &fields[at];
            if std::mem::replace(&mut is_found[at], true) {
                return Err(Misfit::new("the field is there twice".to_owned()).at_name(&field.name));
            }
            let value = self.value(&field.ty, value).map_err(|misfit| misfit.at_name(&field.name))?;
            converted.push((field.name.as_str().into(), value));
        }
        let missing = |(field, is_found): &(&Field, bool)| !is_found && self.is_required(field);
        if let Some((field, _)) = fields.iter().zip(is_found).find(missing) {
            return Err(Misfit::new("the field is missing".to_owned()).at_name(&field.name));
        }
        for field in fields.iter().filter(|field| field.flatten) {
            converted.extend(self.within(|conversion| conversion.flattened(&field.ty, rest))?);
        }
        Ok(converted)
    }

    /// Converts the elements of an array, which are fields in their order.
    fn positional_fields(&mut self, fields: &'s [Field], items: &[Value]) -> Result<Value, Misfit> {
        self.charge(fields.len() / 8)?;
        let present: Vec<_> =
            fields.iter().filter(|field| !field.flatten && field.written != Presence::Never).collect();
        if items.len() > present.len() {
            return Err(Misfit::length(present.len(), items.len()));
        }
        let field = |(field, item): (&&'s Field, &Value)| {
            let value = self.value(&field.ty, item).map_err(|misfit| misfit.at_name(&field.name))?;
            Ok((field.name.as_str().into(), value))
        };
        present.iter().zip(items).map(field).collect::<Result<_, _>>().map(Value::Map)
    }

    fn find_field(&mut self, fields: &'s [Field], name: &str) -> Option<usize> {
        let names = fields.iter().enumerate().filter(|(_, field)| !field.flatten);
        let names = names.flat_map(|(at, field)| {
            std::iter::once(&field.name).chain(&field.aliases).map(move |name| (name.as_str(), at))
        });
        let at = self.index(fields.as_ptr().addr(), names).get(name).copied()?;
        let field = &fields[at];
        let presence = match self.direction {
            ConversionDirection::ToPayload => field.read,
            ConversionDirection::ToJson => field.written,
        };
        (presence != Presence::Never).then_some(at)
    }

    fn is_required(&self, field: &Field) -> bool {
        let is_always_read = !field.flatten && field.read == Presence::Always;
        match self.direction {
            ConversionDirection::ToPayload => is_always_read,
            ConversionDirection::ToJson => is_always_read && field.written == Presence::Always,
        }
    }

    /// Converts what a flattened field takes of the entries, which leaves the others, as serde reads it.
    pub(super) fn flattened(
        &mut self,
        ty: &'s Type,
        rest: &mut Vec<Entry<'_>>,
    ) -> Result<Vec<(Value, Value)>, Misfit> {
        match ty {
            Type::Unit => Ok(Vec::new()),
            Type::Option(of) => {
                self.charge(rest.len())?;
                let mut left = rest.clone();
                match self.within(|conversion| conversion.flattened(of, &mut left)) {
                    Ok(converted) => {
                        *rest = left;
                        Ok(converted)
                    }
                    Err(misfit) if misfit.is_endless() => Err(misfit),
                    Err(_) => Ok(Vec::new()),
                }
            }
            Type::Map(key, of) => self.entries(key, of, std::mem::take(rest).into_iter()),
            Type::Named(name) => match self.types.get(name).map(|definition| &definition.shape) {
                Some(Shape::Newtype(of)) => self.within(|conversion| conversion.flattened(of, rest)),
                Some(Shape::Struct(definition)) => self.fields(&definition.fields, rest),
                Some(Shape::Enum(definition)) => self.tagged(name, definition, rest),
                Some(Shape::UnitStruct) => Ok(Vec::new()),
                Some(_) => Err(Misfit::new(format!("`{name}` cannot be flattened"))),
                None => self.untyped_entries(rest),
            },
            Type::Any | Type::Opaque => self.untyped_entries(rest),
            other => Err(Misfit::new(format!("{other} cannot be flattened"))),
        }
    }

    fn untyped_entries(&mut self, rest: &mut Vec<Entry<'_>>) -> Result<Vec<(Value, Value)>, Misfit> {
        let entry = |(key, value): Entry<'_>| Ok((key_name(key).into(), self.untyped(value)?));
        std::mem::take(rest).into_iter().map(entry).collect()
    }
}

/// Returns the entries of a map as pairs of references.
pub(super) fn borrowed(entries: &[(Value, Value)]) -> Vec<Entry<'_>> {
    entries.iter().map(|(key, value)| (key, value)).collect()
}

/// Returns a key as text.
pub(super) fn key_name(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}
