//! The structural hash of a schema: equal for types whose payloads look the same.
//!
//! It is over the names of fields and variants and over types. Docs, the names of types, defaults, aliases and the order of
//! fields and of tagged variants are not in it, and a newtype is its content. Two graphs of types that cannot be told apart have
//! one hash, whatever their types are called, and whether two equal types are one or two.
//!
//! Each definition has a color, which in each round becomes the hash of its structure with the colors of the round before
//! in place of names; a newtype has the color of its content in the same round. Definitions that can be told apart are told
//! apart after as many rounds as there are kinds of them, and those of two schemas after the sum of both.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    model::{Content, Definition, EnumDefinition, Field, Shape, Tagging, Type, Variant},
    registry::TypeSchema,
};

/// The most rounds. Types that differ in something that lies deeper within them than this many others have one hash.
const MAX_ROUNDS: usize = 256;
/// The most newtypes within one another that are taken for their content.
const MAX_NEWTYPES: usize = 32;

impl TypeSchema {
    /// Returns the structural hash: of the names of fields and variants, and of types. It does not change with docs, with the
    /// names of types, or with the order of fields, and is the same in every version of this crate.
    ///
    /// A name without a definition counts as opaque.
    pub fn hash(&self) -> u64 {
        hash_types(&self.types, &[&self.root])[0]
    }
}

/// Returns the structural hashes of `roots`, which refer to `types`.
pub(super) fn hash_types(types: &BTreeMap<String, Definition>, roots: &[&Type]) -> Vec<u64> {
    let graph = TypeGraph { types, roots };
    let (nodes, newtypes) = graph.partition();
    let rounds = (2 * graph.count_classes(&nodes, &newtypes)).min(MAX_ROUNDS);
    let mut colors = graph.initial_colors(&nodes, &newtypes);
    for _ in 0..rounds {
        colors = graph.next_colors(&nodes, &newtypes, &colors);
    }
    let coloring = Coloring { colors: &colors };
    roots.iter().map(|root| coloring.hash(root)).collect()
}

/// Returns the names of the definitions that `roots` refer to, itself or through others.
pub(super) fn reachable<'s>(
    types: &'s BTreeMap<String, Definition>,
    roots: &'s [&'s Type],
) -> BTreeSet<&'s str> {
    TypeGraph { types, roots }.reachable()
}

/// Types, and the definitions that they refer to.
struct TypeGraph<'s> {
    types: &'s BTreeMap<String, Definition>,
    roots: &'s [&'s Type],
}

impl<'s> TypeGraph<'s> {
    /// Returns how many kinds of definitions there are.
    fn count_classes(&self, nodes: &[&'s str], newtypes: &[&'s str]) -> usize {
        let mut colors = self.initial_colors(nodes, newtypes);
        let mut classes = 0;
        for _ in 0..MAX_ROUNDS {
            colors = self.next_colors(nodes, newtypes, &colors);
            let distinct = nodes.iter().map(|name| colors[name]).collect::<BTreeSet<_>>().len();
            if distinct == classes {
                break;
            }
            classes = distinct;
        }
        classes
    }

    fn initial_colors(&self, nodes: &[&'s str], newtypes: &[&'s str]) -> BTreeMap<&'s str, u64> {
        let colors = nodes.iter().map(|name| (*name, 0)).collect();
        self.with_newtypes(newtypes, colors)
    }

    fn next_colors(
        &self,
        nodes: &[&'s str],
        newtypes: &[&'s str],
        colors: &BTreeMap<&'s str, u64>,
    ) -> BTreeMap<&'s str, u64> {
        let coloring = Coloring { colors };
        let next = nodes.iter().map(|name| (*name, coloring.definition(&self.types[*name]))).collect();
        self.with_newtypes(newtypes, next)
    }

    /// Adds the colors of newtypes, which are those of their content.
    fn with_newtypes(
        &self,
        newtypes: &[&'s str],
        mut colors: BTreeMap<&'s str, u64>,
    ) -> BTreeMap<&'s str, u64> {
        for name in newtypes {
            let color = Coloring { colors: &colors }.definition(&self.types[*name]);
            colors.insert(name, color);
        }
        colors
    }

    /// Returns the reachable definitions, and apart from them the newtypes, of which each comes after those that it contains. A
    /// newtype that contains itself is a definition like others.
    fn partition(&self) -> (Vec<&'s str>, Vec<&'s str>) {
        let is_newtype = |name: &&str| matches!(self.types[*name].shape, Shape::Newtype(_));
        let (mut open, mut nodes): (Vec<_>, Vec<_>) = self.reachable().into_iter().partition(is_newtype);
        let mut newtypes = Vec::new();
        for _ in 0..MAX_NEWTYPES {
            if open.is_empty() {
                break;
            }
            let unordered: BTreeSet<_> = open.iter().copied().collect();
            let (ready, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|name| {
                let mut is_ready = true;
                for_each_type(&self.types[*name], &mut |ty| {
                    for_each_name(ty, &mut |name| is_ready &= !unordered.contains(name));
                });
                is_ready
            });
            newtypes.extend(ready);
            open = rest;
        }
        nodes.append(&mut open);
        (nodes, newtypes)
    }

    /// Returns the names of the definitions that the roots refer to, itself or through others.
    fn reachable(&self) -> BTreeSet<&'s str> {
        let mut found = BTreeSet::new();
        let mut open = Vec::new();
        for root in self.roots {
            for_each_name(root, &mut |name| open.push(name));
        }
        while let Some(name) = open.pop() {
            if let Some((name, definition)) = self.types.get_key_value(name)
                && found.insert(name.as_str())
            {
                for_each_type(definition, &mut |ty| for_each_name(ty, &mut |name| open.push(name)));
            }
        }
        found
    }
}

fn for_each_name<'s>(ty: &'s Type, visit: &mut impl FnMut(&'s str)) {
    match ty {
        Type::Named(name) => visit(name),
        Type::NonZero(of) | Type::Option(of) | Type::List(of) | Type::Array(of, _) => {
            for_each_name(of, visit);
        }
        Type::Tuple(types) => types.iter().for_each(|of| for_each_name(of, visit)),
        Type::Map(key, value) => [key, value].into_iter().for_each(|of| for_each_name(of, visit)),
        _ => {}
    }
}

fn for_each_type<'s>(definition: &'s Definition, visit: &mut impl FnMut(&'s Type)) {
    match &definition.shape {
        Shape::UnitStruct => {}
        Shape::Newtype(of) => visit(of),
        Shape::TupleStruct(types) => types.iter().for_each(visit),
        Shape::Struct(definition) => definition.fields.iter().for_each(|field| visit(&field.ty)),
        Shape::Enum(definition) => definition.variants.iter().for_each(|variant| match &variant.content {
            Content::Unit => {}
            Content::Newtype(of) => visit(of),
            Content::Tuple(types) => types.iter().for_each(&mut *visit),
            Content::Struct(fields) => fields.iter().for_each(|field| visit(&field.ty)),
        }),
    }
}

/// Hashes structures, with colors in place of names. A name without a color is opaque.
struct Coloring<'s> {
    colors: &'s BTreeMap<&'s str, u64>,
}

impl Coloring<'_> {
    fn definition(&self, definition: &Definition) -> u64 {
        match &definition.shape {
            Shape::UnitStruct => self.tuple(&[]),
            Shape::Newtype(of) => self.hash(of),
            Shape::TupleStruct(types) => self.tuple(types),
            Shape::Struct(definition) => self.fields(&definition.fields),
            Shape::Enum(definition) => self.enumeration(definition),
        }
    }

    fn enumeration(&self, definition: &EnumDefinition) -> u64 {
        let mut hash = StructuralHasher::new("enum");
        match &definition.tagging {
            Tagging::External => hash.text("external"),
            Tagging::Internal { tag } => hash.text("internal").text(tag),
            Tagging::Adjacent { tag, content } => hash.text("adjacent").text(tag).text(content),
            Tagging::Untagged => hash.text("untagged"),
        };
        let is_untagged = definition.tagging == Tagging::Untagged;
        let mut variants: Vec<u64> =
            definition.variants.iter().map(|variant| self.variant(variant, is_untagged)).collect();
        if !is_untagged {
            variants.sort_unstable();
        }
        hash.numbers(&variants).finish()
    }

    /// Hashes a variant. The name of one that is untagged does not travel.
    fn variant(&self, variant: &Variant, is_untagged: bool) -> u64 {
        let mut hash = StructuralHasher::new("variant");
        hash.text(if is_untagged { "" } else { &variant.name });
        match &variant.content {
            Content::Unit => hash.text("unit"),
            Content::Newtype(of) => hash.text("content").number(self.hash(of)),
            Content::Tuple(types) => hash.text("content").number(self.tuple(types)),
            Content::Struct(fields) => hash.text("content").number(self.fields(fields)),
        };
        hash.finish()
    }

    fn fields(&self, fields: &[Field]) -> u64 {
        let mut hashes: Vec<u64> = fields
            .iter()
            .map(|field| {
                let mut hash = StructuralHasher::new(if field.flatten { "flatten" } else { "field" });
                hash.text(if field.flatten { "" } else { &field.name }).number(self.hash(&field.ty)).finish()
            })
            .collect();
        hashes.sort_unstable();
        StructuralHasher::new("struct").numbers(&hashes).finish()
    }

    fn tuple(&self, types: &[Type]) -> u64 {
        let types: Vec<u64> = types.iter().map(|of| self.hash(of)).collect();
        StructuralHasher::new("tuple").numbers(&types).finish()
    }

    fn hash(&self, ty: &Type) -> u64 {
        let mut hash = StructuralHasher::new(ty.simple_name());
        match ty {
            Type::Named(name) => {
                let opaque = || StructuralHasher::new(Type::Opaque.simple_name()).finish();
                return self.colors.get(name.as_str()).copied().unwrap_or_else(opaque);
            }
            Type::NonZero(of) | Type::Option(of) | Type::List(of) => hash.number(self.hash(of)),
            Type::Array(of, len) => hash.number(*len as u64).number(self.hash(of)),
            Type::Tuple(types) => return self.tuple(types),
            Type::Map(key, value) => hash.number(self.hash(key)).number(self.hash(value)),
            _ => &mut hash,
        };
        hash.finish()
    }
}

/// FNV-1a with 64 bits, over texts with their lengths, with a last step that spreads each bit.
pub(super) struct StructuralHasher(u64);

impl StructuralHasher {
    pub(super) const fn new(kind: &str) -> Self {
        let mut hash = Self(0xcbf2_9ce4_8422_2325);
        hash.text(kind);
        hash
    }

    const fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let mut index = 0;
        while index < bytes.len() {
            self.0 = (self.0 ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
            index += 1;
        }
        self
    }

    pub(super) const fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    pub(super) const fn numbers(&mut self, numbers: &[u64]) -> &mut Self {
        self.number(numbers.len() as u64);
        let mut index = 0;
        while index < numbers.len() {
            self.number(numbers[index]);
            index += 1;
        }
        self
    }

    pub(super) const fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    pub(super) const fn finish(&self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}
