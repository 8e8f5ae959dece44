//! Enums, in each form in which serde tells their variants apart.

use crate::{
    schema::{Content, EnumDefinition, Presence, Tagging, Variant},
    wire::value::Value,
};

use super::{Conversion, ConversionDirection, Entry, Misfit, fields::borrowed};

impl<'s> Conversion<'s> {
    pub(super) fn enumeration(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
        value: &Value,
    ) -> Result<Value, Misfit> {
        match (&definition.tagging, value) {
            (Tagging::Untagged, _) => self.untagged(name, definition, value),
            (Tagging::External, Value::Raw(_)) => {
                let variant = self.find_variant(name, definition, value)?;
                let is_unit = variant.is_none_or(|variant| matches!(variant.content, Content::Unit));
                let written = variant.map_or_else(|| value.clone(), |variant| variant.name.as_str().into());
                if is_unit { Ok(written) } else { Err(Misfit::expected(&"a variant with content", value)) }
            }
            (Tagging::External, Value::Map(entries)) => match &entries[..] {
                [(key, content)] => match self.find_variant(name, definition, key)? {
                    // A variant without content is its name.
                    Some(variant) if matches!(variant.content, Content::Unit) && content.is_nil() => {
                        Ok(variant.name.as_str().into())
                    }
                    _ => self.tagged(name, definition, &mut vec![(key, content)]).map(Value::Map),
                },
                _ => Err(Misfit::expected(&format_args!("one variant of {name}"), value)),
            },
            (_, Value::Map(entries)) => self.tagged(name, definition, &mut borrowed(entries)).map(Value::Map),
            _ => Err(Misfit::expected(&name, value)),
        }
    }

    /// Converts what a variant takes of the entries, which leaves the others: those of a map, or those that a flattened
    /// enum has in its place.
    pub(super) fn tagged(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
        rest: &mut Vec<Entry<'_>>,
    ) -> Result<Vec<(Value, Value)>, Misfit> {
        match &definition.tagging {
            Tagging::External => {
                self.charge(rest.len() / 8)?;
                let Some(at) =
                    (0..rest.len()).find(|at| self.known_variant(definition, rest[*at].0).is_some())
                else {
                    return Err(Misfit::new(unknown_variant(name, definition)));
                };
                let (key, content) = rest.remove(at);
                let Some(variant) = self.find_variant(name, definition, key)? else {
                    return Ok(vec![(key.clone(), self.untyped(content)?)]);
                };
                let content =
                    self.content(variant, content).map_err(|misfit| misfit.at_name(&variant.name))?;
                Ok(vec![(variant.name.as_str().into(), content)])
            }
            Tagging::Internal { tag } => self.internally_tagged(name, definition, tag, rest),
            Tagging::Adjacent { tag, content } => {
                let (variant, written) = self.remove_tag(name, definition, tag, rest)?;
                let mut converted = vec![(tag.as_str().into(), written)];
                let found = remove(rest, content);
                if let Some(variant) = variant.filter(|variant| !matches!(variant.content, Content::Unit)) {
                    let found = found.unwrap_or(&Value::Nil);
                    let value = self.content(variant, found).map_err(|misfit| misfit.at_name(content))?;
                    converted.push((content.as_str().into(), value));
                }
                Ok(converted)
            }
            Tagging::Untagged => self.first_that_fits(name, definition, |conversion, variant| {
                let mut left = rest.clone();
                let converted = conversion.flattened_content(variant, &mut left)?;
                *rest = left;
                Ok(converted)
            }),
        }
    }

    fn internally_tagged(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
        tag: &'s str,
        rest: &mut Vec<Entry<'_>>,
    ) -> Result<Vec<(Value, Value)>, Misfit> {
        let (variant, written) = self.remove_tag(name, definition, tag, rest)?;
        let mut converted = vec![(tag.into(), written)];
        if let Some(variant) = variant {
            converted.extend(self.flattened_content(variant, rest)?);
        }
        Ok(converted)
    }

    /// Converts the content of a variant whose fields stand among the entries.
    fn flattened_content(
        &mut self,
        variant: &'s Variant,
        rest: &mut Vec<Entry<'_>>,
    ) -> Result<Vec<(Value, Value)>, Misfit> {
        match &variant.content {
            Content::Unit => Ok(Vec::new()),
            Content::Newtype(of) => self.within(|conversion| conversion.flattened(of, rest)),
            Content::Struct(fields) => self.fields(fields, rest),
            Content::Tuple(_) => Err(Misfit::new(format!("`{}` is a tuple among fields", variant.name))),
        }
    }

    fn content(&mut self, variant: &'s Variant, value: &Value) -> Result<Value, Misfit> {
        match (&variant.content, value) {
            (Content::Unit, Value::Nil) => Ok(Value::Nil),
            (Content::Unit, _) => Err(Misfit::expected(&"null", value)),
            (Content::Newtype(of), _) => self.value(of, value),
            (Content::Tuple(types), _) => self.tuple(types, value),
            (Content::Struct(fields), Value::Map(entries)) => {
                self.fields(fields, &mut borrowed(entries)).map(Value::Map)
            }
            (Content::Struct(_), _) => Err(Misfit::expected(&"fields", value)),
        }
    }

    fn untagged(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
        value: &Value,
    ) -> Result<Value, Misfit> {
        self.first_that_fits(name, definition, |conversion, variant| {
            conversion.within(|conversion| conversion.content(variant, value))
        })
    }

    /// Returns what the first variant makes that takes the value.
    fn first_that_fits<T>(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
        mut convert: impl FnMut(&mut Self, &'s Variant) -> Result<T, Misfit>,
    ) -> Result<T, Misfit> {
        self.charge(definition.variants.len() / 8)?;
        for variant in &definition.variants {
            if !self.is_present(variant) {
                continue;
            }
            match convert(self, variant) {
                Err(misfit) if !misfit.is_endless() => {}
                ended => return ended,
            }
        }
        Err(Misfit::new(format!("no variant of {name} fits")))
    }

    /// Removes the tag from the entries, and returns its variant, and its name as it is written.
    fn remove_tag(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
        tag: &str,
        rest: &mut Vec<Entry<'_>>,
    ) -> Result<(Option<&'s Variant>, Value), Misfit> {
        let Some(value) = remove(rest, tag) else {
            return Err(Misfit::new("the field is missing".to_owned()).at_name(tag));
        };
        let variant = self.find_variant(name, definition, value).map_err(|misfit| misfit.at_name(tag))?;
        Ok((variant, variant.map_or_else(|| value.clone(), |variant| variant.name.as_str().into())))
    }

    /// Returns the variant of a name; `None` if it is one of those for which the enum has a common variant.
    fn find_variant(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
        value: &Value,
    ) -> Result<Option<&'s Variant>, Misfit> {
        if let Some(variant) = self.known_variant(definition, value) {
            return Ok(Some(variant));
        }
        let Some(unknown) = value.as_str() else {
            return Err(Misfit::expected(&"the name of a variant", value));
        };
        self.charge(definition.variants.len() / 8)?;
        if definition.variants.iter().any(|variant| variant.other) {
            return Ok(None);
        }
        Err(Misfit::new(unknown_variant(name, definition)).at_name(unknown))
    }

    fn known_variant(&mut self, definition: &'s EnumDefinition, value: &Value) -> Option<&'s Variant> {
        let wanted = value.as_str()?;
        let variants = &definition.variants;
        let names = variants.iter().enumerate().filter(|(_, variant)| !variant.other);
        let names = names.flat_map(|(at, variant)| {
            std::iter::once(&variant.name).chain(&variant.aliases).map(move |name| (name.as_str(), at))
        });
        let at = *self.index(variants.as_ptr().addr(), names).get(wanted)?;
        Some(&variants[at]).filter(|variant| self.is_present(variant))
    }

    fn is_present(&self, variant: &Variant) -> bool {
        let presence = match self.direction {
            ConversionDirection::ToPayload => variant.read,
            ConversionDirection::ToJson => variant.written,
        };
        presence != Presence::Never
    }
}

fn unknown_variant(name: &str, definition: &EnumDefinition) -> String {
    let known: Vec<_> = definition.variants.iter().take(16).map(|variant| variant.name.as_str()).collect();
    let more = if definition.variants.len() > known.len() { ", …" } else { "" };
    format!("{name} has no such variant, only {}{more}", known.join(", "))
}

/// Removes the entry with this key, and returns its value.
fn remove<'v>(rest: &mut Vec<Entry<'v>>, name: &str) -> Option<&'v Value> {
    let at = rest.iter().position(|(key, _)| key.as_str() == Some(name))?;
    Some(rest.remove(at).1)
}
