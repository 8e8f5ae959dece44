//! The kinds of values that types are written as and read from, as `#[derive(Schema)]` knows them: they decide whether serde
//! can tell the variants of an untagged enum apart, and what can be flattened.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::schema::{Content, EnumDefinition, Shape, Tagging, Type, Variant};

use super::{
    fields::FieldForm,
    graph::InlineCycles,
    walk::{DefinitionMap, for_each_part},
};

/// The kinds that a type is written as, and those that it is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ValueKinds {
    written: u8,
    read: u8,
}

const NIL: u8 = 1;
const BOOL: u8 = 1 << 1;
const INTEGER: u8 = 1 << 2;
const FLOAT: u8 = 1 << 3;
const RAW: u8 = 1 << 4;
const ARRAY: u8 = 1 << 5;
const MAP: u8 = 1 << 6;

impl ValueKinds {
    /// Of what nothing is known about.
    const UNKNOWN: Self = Self::new(0, 0);

    const fn new(written: u8, read: u8) -> Self {
        Self { written, read }
    }

    const fn same(kinds: u8) -> Self {
        Self::new(kinds, kinds)
    }

    const fn or(self, other: Self) -> Self {
        Self::new(self.written | other.written, self.read | other.read)
    }

    /// Returns whether its values are maps, or nil.
    pub(super) const fn is_map(self) -> bool {
        self.written & !(MAP | NIL) == 0
    }
}

/// The kinds of all definitions.
pub(super) struct KindTable<'s> {
    types: &'s DefinitionMap,
    cycles: &'s InlineCycles<'s>,
    known: BTreeMap<&'s str, ValueKinds>,
    /// The untagged enums whose variants are told apart only by what stands deeper than the kinds of their values.
    boxed: BTreeSet<&'s str>,
}

impl<'s> KindTable<'s> {
    pub(super) fn new(types: &'s DefinitionMap, cycles: &'s InlineCycles<'s>) -> Self {
        let mut table = Self { types, cycles, known: BTreeMap::new(), boxed: BTreeSet::new() };
        for name in types.keys() {
            table.named(name);
        }
        table
    }

    /// Returns the untagged enums whose variants hold defined types in a `Box`. The derive takes a `Box` for something of
    /// which it knows nothing, as it did where the variants came from.
    pub(super) fn boxed(&self) -> &BTreeSet<&'s str> {
        &self.boxed
    }

    /// Returns the kinds of a value of `ty` within the definition `container`.
    pub(super) fn of(&mut self, container: &str, ty: &'s Type) -> ValueKinds {
        if self.has_box(container, ty) { ValueKinds::UNKNOWN } else { self.unboxed(ty) }
    }

    fn has_box(&self, container: &str, ty: &Type) -> bool {
        if let Type::Named(name) = ty {
            return self.cycles.are_in_one(container, name);
        }
        let mut found = false;
        for_each_part(ty, &mut |of, is_inline| found = found || is_inline && self.has_box(container, of));
        found
    }

    fn unboxed(&mut self, ty: &'s Type) -> ValueKinds {
        match ty {
            Type::Any => ValueKinds::new(0, u8::MAX),
            Type::Unit => ValueKinds::same(NIL),
            Type::Bool => ValueKinds::same(BOOL),
            Type::F32 | Type::F64 => ValueKinds::new(FLOAT, FLOAT | INTEGER),
            Type::Char | Type::Text => ValueKinds::same(RAW),
            Type::Bytes => ValueKinds::new(RAW, RAW | ARRAY),
            Type::Option(of) => self.unboxed(of).or(ValueKinds::same(NIL)),
            Type::Tuple(types) if types.is_empty() => ValueKinds::new(ARRAY, NIL | ARRAY | MAP),
            Type::List(_) | Type::Array(..) | Type::Tuple(_) => ValueKinds::same(ARRAY),
            Type::Map(..) => ValueKinds::same(MAP),
            Type::Named(name) => self.named(name),
            Type::Opaque => ValueKinds::UNKNOWN,
            _ => ValueKinds::same(INTEGER),
        }
    }

    fn named(&mut self, name: &str) -> ValueKinds {
        let Some((name, definition)) = self.types.get_key_value(name) else {
            return ValueKinds::UNKNOWN;
        };
        if let Some(kinds) = self.known.get(name.as_str()) {
            return *kinds;
        }
        let structure = ValueKinds::new(MAP, MAP | ARRAY);
        let kinds = match &definition.shape {
            Shape::Newtype(of) => self.of(name, of),
            Shape::TupleStruct(_) => ValueKinds::same(ARRAY),
            Shape::Struct(definition) if definition.fields.iter().any(|field| field.flatten) => {
                ValueKinds::same(MAP)
            }
            Shape::Struct(_) => structure,
            Shape::Enum(definition) => match definition.tagging {
                Tagging::External => external(definition),
                Tagging::Internal { .. } | Tagging::Adjacent { .. } => structure,
                Tagging::Untagged => self.untagged(name, definition),
            },
            _ => ValueKinds::new(ARRAY, NIL | ARRAY | MAP),
        };
        self.known.insert(name, kinds);
        kinds
    }

    fn untagged(&mut self, name: &'s str, definition: &'s EnumDefinition) -> ValueKinds {
        if self.find_ambiguous(name, definition).is_some() {
            self.boxed.insert(name);
        }
        let contents: Vec<_> =
            definition.variants.iter().map(|variant| self.content(name, variant)).collect();
        contents.into_iter().fold(ValueKinds::UNKNOWN, ValueKinds::or)
    }

    /// Returns the first variant whose values are read as those of one before it.
    pub(super) fn find_ambiguous(
        &mut self,
        name: &str,
        definition: &'s EnumDefinition,
    ) -> Option<&'s Variant> {
        let is_struct = |variant: &Variant| matches!(variant.content, Content::Struct(_));
        for (index, later) in definition.variants.iter().enumerate() {
            let kinds = self.content(name, later);
            for earlier in &definition.variants[..index] {
                let both_are_structs = is_struct(earlier) && is_struct(later);
                if !both_are_structs && self.content(name, earlier).read & kinds.written != 0 {
                    return Some(later);
                }
            }
        }
        None
    }

    fn content(&mut self, name: &str, variant: &'s Variant) -> ValueKinds {
        match &variant.content {
            Content::Unit => ValueKinds::same(NIL),
            Content::Newtype(Type::Named(_)) if self.boxed.contains(name) => ValueKinds::UNKNOWN,
            Content::Newtype(of) => self.of(name, of),
            Content::Tuple(_) => ValueKinds::same(ARRAY),
            Content::Struct(_) => ValueKinds::same(MAP),
        }
    }
}

/// Returns the first variant that has the required fields of one before it, as which it is read.
pub(super) fn find_ambiguous_struct(definition: &EnumDefinition) -> Option<&Variant> {
    let fields = |variant: &'_ Variant| match &variant.content {
        Content::Struct(fields) => Some(fields.clone()),
        _ => None,
    };
    let structs: Vec<_> =
        definition.variants.iter().filter_map(|variant| Some((variant, fields(variant)?))).collect();
    for (index, (later, fields)) in structs.iter().enumerate() {
        let names: BTreeSet<_> = fields.iter().map(|field| &field.name).collect();
        let is_taken = structs[..index].iter().any(|(_, earlier)| {
            let mut required = earlier.iter().filter(|field| FieldForm::is_required(field));
            required.all(|field| names.contains(&field.name))
        });
        if is_taken {
            return Some(later);
        }
    }
    None
}

fn external(definition: &EnumDefinition) -> ValueKinds {
    let variants = definition.variants.iter().map(|variant| match variant.content {
        Content::Unit => ValueKinds::new(RAW, RAW | MAP),
        _ => ValueKinds::new(MAP, RAW | MAP),
    });
    variants.fold(ValueKinds::UNKNOWN, ValueKinds::or)
}
