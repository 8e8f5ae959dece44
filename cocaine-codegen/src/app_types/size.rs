//! How large values are, and whether there are any.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::schema::{Content, Definition, Shape, Type, Variant};

use super::{
    fields::FieldForm,
    graph::InlineCycles,
    walk::{DefinitionMap, for_each_type},
};

/// The estimated size of a pointer, a number, or a tag with its padding.
const WORD: usize = 8;

/// The size of a variant from which clippy may ask for a `Box`: it does from a difference of 200 bytes on.
const LARGE_VARIANT: usize = 100;

/// The estimated sizes of values in memory, in bytes, without what they have on the heap.
pub(super) struct Sizes<'s> {
    cycles: &'s InlineCycles<'s>,
    sizes: BTreeMap<&'s str, usize>,
}

impl<'s> Sizes<'s> {
    pub(super) fn new(types: &'s DefinitionMap, cycles: &'s InlineCycles<'s>) -> Self {
        let mut this = Self { cycles, sizes: BTreeMap::new() };
        for name in &cycles.order {
            let size = this.definition(name, &types[*name]);
            this.sizes.insert(name, size);
        }
        this
    }

    /// Returns the size of the values of a definition.
    pub(super) fn named(&self, name: &str) -> usize {
        self.sizes.get(name).copied().unwrap_or(WORD)
    }

    /// Returns the size of the values of `ty`, which stands in the definition `container`.
    pub(super) fn of(&self, container: &str, ty: &Type) -> usize {
        match ty {
            Type::Named(name) if self.cycles.are_in_one(container, name) => WORD,
            Type::Named(name) => self.named(name),
            Type::Option(of) => self.of(container, of).saturating_add(WORD),
            Type::Array(of, len) if super::AppTypes::is_array(*len) => {
                self.of(container, of).saturating_mul(*len)
            }
            Type::Tuple(types) => sum(types.iter().map(|of| self.of(container, of))),
            Type::Text | Type::List(_) | Type::Array(..) | Type::Map(..) => 3 * WORD,
            Type::Bytes | Type::Any | Type::Opaque => 5 * WORD,
            _ => WORD,
        }
    }

    /// Returns whether the largest variant of an enum is much larger than the others.
    pub(super) fn has_large_variants(&self, name: &str, definition: &Definition) -> bool {
        let Shape::Enum(definition) = &definition.shape else {
            return false;
        };
        definition.variants.iter().any(|variant| self.variant(name, variant) >= LARGE_VARIANT)
    }

    fn definition(&self, name: &str, definition: &Definition) -> usize {
        if let Shape::Enum(definition) = &definition.shape {
            let sizes = definition.variants.iter().map(|variant| self.variant(name, variant));
            return sizes.max().unwrap_or(0).saturating_add(WORD);
        }
        let mut size = 0_usize;
        for_each_type(definition, &mut |ty| {
            size = size.saturating_add(self.of(name, ty).saturating_add(WORD));
        });
        size
    }

    fn variant(&self, name: &str, variant: &Variant) -> usize {
        match &variant.content {
            Content::Unit => 0,
            Content::Newtype(of) => self.of(name, of),
            Content::Tuple(types) => sum(types.iter().map(|of| self.of(name, of))),
            Content::Struct(fields) => sum(fields.iter().map(|field| self.of(name, &field.ty))),
        }
    }
}

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

/// Returns the definitions of which each value would contain another one of its kind, and so on without an end.
pub(super) fn infinite(types: &DefinitionMap) -> Vec<&str> {
    let mut finite = BTreeSet::new();
    loop {
        let len = finite.len();
        for (name, definition) in types {
            if is_finite_definition(definition, &finite) {
                finite.insert(name.as_str());
            }
        }
        if finite.len() == len {
            return types.keys().map(String::as_str).filter(|name| !finite.contains(name)).collect();
        }
    }
}

fn is_finite_definition(definition: &Definition, finite: &BTreeSet<&str>) -> bool {
    let is_field_finite = |field| FieldForm::may_be_none(field) || is_finite(&field.ty, finite);
    match &definition.shape {
        Shape::Newtype(of) => is_finite(of, finite),
        Shape::TupleStruct(types) => types.iter().all(|of| is_finite(of, finite)),
        Shape::Struct(definition) => definition.fields.iter().all(is_field_finite),
        Shape::Enum(definition) => {
            definition.variants.is_empty()
                || definition.variants.iter().any(|variant| match &variant.content {
                    Content::Unit => true,
                    Content::Newtype(of) => is_finite(of, finite),
                    Content::Tuple(types) => types.iter().all(|of| is_finite(of, finite)),
                    Content::Struct(fields) => fields.iter().all(is_field_finite),
                })
        }
        _ => true,
    }
}

fn is_finite(ty: &Type, finite: &BTreeSet<&str>) -> bool {
    match ty {
        Type::Named(name) => finite.contains(name.as_str()),
        Type::Array(of, len) => *len == 0 || is_finite(of, finite),
        Type::Tuple(types) => types.iter().all(|of| is_finite(of, finite)),
        _ => true,
    }
}
