//! The structural hash down to a depth, which the compiler can compute.
//!
//! [`TypeSchema::hash`](super::TypeSchema::hash) needs rounds over the graph of all types. Here a type is hashed with the hashes
//! of its parts to a smaller depth, so that a recursive type needs no cycle of constants: `HASH_0` is the structure of the
//! type alone, with the names of its fields and variants, and `HASH_4` is that with the `HASH_3` of its parts. As in the
//! structural hash, a newtype and a pointer are their content, of the same depth; names of types, docs, defaults, aliases
//! and the order of fields do not count.
//!
//! `#[derive(Schema)]`, the implementations in this crate and [`hash_types`], for types as data, all call the functions below.

use std::collections::{BTreeMap, HashMap};

use super::{
    Schema,
    hash::StructuralHasher,
    model::{Content, Definition, EnumDefinition, Field, Shape, Tagging, Type, Variant},
};

/// The depth of `HASH_4`.
const MAX_DEPTH: usize = 4;
/// The most newtypes within one another that are taken for their content.
const MAX_NEWTYPES: usize = 128;

/// The hash of a type whose `Schema` is implemented by hand, and of what contains one.
pub const UNKNOWN: u64 = 0;
/// What stands for a part that is deeper than the hash.
pub const OMITTED: u64 = 1;
/// The hash of an opaque type.
pub const OPAQUE: u64 = hash_parts("opaque", &[]);
/// The hash of the content of a variant without content.
pub const NO_CONTENT: u64 = hash_parts("unit variant", &[]);

/// Returns the hash of `T`, [`UNKNOWN`] if a type within it implements `Schema` by hand.
pub const fn of<T: Schema + ?Sized>() -> u64 {
    T::HASH_4
}

/// Returns [`OMITTED`], for the part `T`.
#[expect(
    clippy::extra_unused_type_parameters,
    reason = "it stands where a function with the type of a field does"
)]
pub(super) const fn omitted<T: ?Sized>() -> u64 {
    OMITTED
}

/// Returns the hash of a type of this kind, which has these parts.
pub const fn hash_parts(kind: &str, parts: &[u64]) -> u64 {
    let mut hash = StructuralHasher::new(kind);
    hash.numbers(parts);
    finish(&hash, parts)
}

/// Returns the hash of an array.
pub const fn hash_array(of: u64, len: usize) -> u64 {
    let mut hash = StructuralHasher::new("array");
    hash.number(len as u64);
    hash.number(of);
    finish(&hash, &[of])
}

/// Returns the hash of a field.
pub const fn hash_field(name: &str, ty: u64) -> u64 {
    hash_named("field", name, ty)
}

/// Returns the hash of a variant. The name of one that is untagged does not travel.
pub const fn hash_variant(name: &str, content: u64) -> u64 {
    hash_named("variant", name, content)
}

/// Returns the hash of the content of a variant, which is a type within an enum whose hash has this depth.
pub const fn hash_content(depth: usize, hash: u64) -> u64 {
    if depth == 0 { OMITTED } else { hash }
}

/// Returns the hash of a struct of these fields, in any order.
pub const fn hash_fields(fields: &[u64]) -> u64 {
    hash_unordered(StructuralHasher::new("struct"), fields)
}

/// Returns the hash of an enum of these variants, in any order; `tagging` says how they are told apart.
pub const fn hash_enum(tagging: &[&str], variants: &[u64]) -> u64 {
    let mut hash = StructuralHasher::new("enum");
    let mut index = 0;
    while index < tagging.len() {
        hash.text(tagging[index]);
        index += 1;
    }
    hash_unordered(hash, variants)
}

const fn hash_named(kind: &str, name: &str, of: u64) -> u64 {
    let mut hash = StructuralHasher::new(kind);
    hash.text(name);
    hash.number(of);
    finish(&hash, &[of])
}

/// Adds the sum of `parts`, which is the same in any order.
const fn hash_unordered(mut hash: StructuralHasher, parts: &[u64]) -> u64 {
    let (mut sum, mut index) = (0_u64, 0);
    while index < parts.len() {
        sum = sum.wrapping_add(parts[index]);
        index += 1;
    }
    hash.number(parts.len() as u64);
    hash.number(sum);
    finish(&hash, parts)
}

/// Returns the hash, which is none of the reserved numbers unless one of `parts` is unknown.
const fn finish(hash: &StructuralHasher, parts: &[u64]) -> u64 {
    let mut index = 0;
    while index < parts.len() {
        if parts[index] == UNKNOWN {
            return UNKNOWN;
        }
        index += 1;
    }
    let hash = hash.finish();
    if hash <= OMITTED { hash + 2 } else { hash }
}

/// Defines the hashes of an implementation of `Schema`: those of another type, or those of parts.
macro_rules! bounded_hashes {
    (as $of:ty) => {
        const HASH_0: u64 = <$of as Schema>::HASH_0;
        const HASH_1: u64 = <$of as Schema>::HASH_1;
        const HASH_2: u64 = <$of as Schema>::HASH_2;
        const HASH_3: u64 = <$of as Schema>::HASH_3;
        const HASH_4: u64 = <$of as Schema>::HASH_4;
    };
    (|$parts:ident| $hash:expr; $($part:ty),* $(,)?) => {
        const HASH_0: u64 = {
            let $parts: &[u64] = &[$($crate::schema::bounded_hash::omitted::<$part>()),*];
            $hash
        };
        const HASH_1: u64 = {
            let $parts: &[u64] = &[$(<$part as Schema>::HASH_0),*];
            $hash
        };
        const HASH_2: u64 = {
            let $parts: &[u64] = &[$(<$part as Schema>::HASH_1),*];
            $hash
        };
        const HASH_3: u64 = {
            let $parts: &[u64] = &[$(<$part as Schema>::HASH_2),*];
            $hash
        };
        const HASH_4: u64 = {
            let $parts: &[u64] = &[$(<$part as Schema>::HASH_3),*];
            $hash
        };
    };
}
pub(super) use bounded_hashes;

/// Returns the hashes of `roots`, which refer to `types`: each is that of a Rust type of this schema.
pub fn hash_types(types: &BTreeMap<String, Definition>, roots: &[&Type]) -> Vec<u64> {
    let mut hasher = TypeHasher { types, known: HashMap::new(), newtypes: 0 };
    roots.iter().map(|root| hasher.hash(root, MAX_DEPTH)).collect()
}

/// Hashes types as data.
struct TypeHasher<'s> {
    types: &'s BTreeMap<String, Definition>,
    /// The hashes of definitions, by depth.
    known: HashMap<(&'s str, usize), u64>,
    /// How many newtypes are being hashed.
    newtypes: usize,
}

impl<'s> TypeHasher<'s> {
    fn hash(&mut self, ty: &'s Type, depth: usize) -> u64 {
        match ty {
            Type::Named(name) => self.hash_name(name, depth),
            Type::NonZero(of) | Type::Option(of) | Type::List(of) => {
                hash_parts(ty.simple_name(), &[self.hash_part(of, depth)])
            }
            Type::Array(of, len) => hash_array(self.hash_part(of, depth), *len),
            Type::Tuple(types) => self.hash_tuple(types, depth),
            Type::Map(key, value) => {
                hash_parts(ty.simple_name(), &[self.hash_part(key, depth), self.hash_part(value, depth)])
            }
            _ => hash_parts(ty.simple_name(), &[]),
        }
    }

    fn hash_part(&mut self, ty: &'s Type, depth: usize) -> u64 {
        depth.checked_sub(1).map_or(OMITTED, |depth| self.hash(ty, depth))
    }

    fn hash_tuple(&mut self, types: &'s [Type], depth: usize) -> u64 {
        let parts: Vec<_> = types.iter().map(|of| self.hash_part(of, depth)).collect();
        hash_parts("tuple", &parts)
    }

    /// Hashes a definition. A name that has none is opaque, and so is a newtype that contains itself.
    fn hash_name(&mut self, name: &'s str, depth: usize) -> u64 {
        if let Some(hash) = self.known.get(&(name, depth)) {
            return *hash;
        }
        let Some(definition) = self.types.get(name) else {
            return OPAQUE;
        };
        let hash = match &definition.shape {
            Shape::UnitStruct => self.hash_tuple(&[], depth),
            Shape::TupleStruct(types) => self.hash_tuple(types, depth),
            Shape::Struct(definition) => self.hash_fields(&definition.fields, depth),
            Shape::Enum(definition) => self.hash_enum(definition, depth),
            Shape::Newtype(_) if self.newtypes == MAX_NEWTYPES => OPAQUE,
            Shape::Newtype(of) => {
                self.newtypes += 1;
                let hash = self.hash(of, depth);
                self.newtypes -= 1;
                hash
            }
        };
        self.known.insert((name, depth), hash);
        hash
    }

    fn hash_fields(&mut self, fields: &'s [Field], depth: usize) -> u64 {
        let hash = |field: &'s Field| {
            let ty = self.hash_part(&field.ty, depth);
            if field.flatten { hash_parts("flatten", &[ty]) } else { hash_field(&field.name, ty) }
        };
        let fields: Vec<_> = fields.iter().map(hash).collect();
        hash_fields(&fields)
    }

    fn hash_enum(&mut self, definition: &'s EnumDefinition, depth: usize) -> u64 {
        let is_untagged = definition.tagging == Tagging::Untagged;
        let hash = |variant: &'s Variant| {
            let content = match &variant.content {
                Content::Unit => NO_CONTENT,
                Content::Newtype(of) => self.hash_part(of, depth),
                Content::Tuple(types) => hash_content(depth, self.hash_tuple(types, depth.saturating_sub(1))),
                Content::Struct(fields) => {
                    hash_content(depth, self.hash_fields(fields, depth.saturating_sub(1)))
                }
            };
            hash_variant(if is_untagged { "" } else { &variant.name }, content)
        };
        let variants: Vec<_> = definition.variants.iter().map(hash).collect();
        match &definition.tagging {
            Tagging::External => hash_enum(&["external"], &variants),
            Tagging::Internal { tag } => hash_enum(&["internal", tag], &variants),
            Tagging::Adjacent { tag, content } => hash_enum(&["adjacent", tag, content], &variants),
            Tagging::Untagged => hash_parts("untagged", &variants),
        }
    }
}
