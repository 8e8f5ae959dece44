//! What `#[derive(Schema)]` and `#[derive(AppError)]` are made of.

use std::marker::PhantomData;

pub use super::app_error::declared_error;
pub use super::bounded_hash;
pub use super::{
    Content, Definition, Definitions, EnumDefinition, Field, Presence, Schema, Shape, StructDefinition,
    Tagging, Type, Variant, kinds::Kinds,
};

/// Finds out whether `T` has a schema. What is inherent takes precedence over what [`OpaqueType`] has for every type.
#[derive(Debug)]
pub struct SchemaProbe<T: ?Sized>(PhantomData<T>);

impl<T: Schema + ?Sized> SchemaProbe<T> {
    /// The kinds of values.
    pub const KINDS: Kinds = T::KINDS;
    /// The structural hash down to a depth.
    pub const HASH_0: u64 = T::HASH_0;
    /// The structural hash down to a depth.
    pub const HASH_1: u64 = T::HASH_1;
    /// The structural hash down to a depth.
    pub const HASH_2: u64 = T::HASH_2;
    /// The structural hash down to a depth.
    pub const HASH_3: u64 = T::HASH_3;
    /// The structural hash down to a depth.
    pub const HASH_4: u64 = T::HASH_4;

    /// Returns the type.
    pub fn schema(definitions: &mut Definitions) -> Type {
        T::schema(definitions)
    }
}

/// A type without a schema.
pub trait OpaqueType {
    /// The kinds of values.
    const KINDS: Kinds = Kinds::UNKNOWN;
    /// The structural hash down to a depth.
    const HASH_0: u64 = bounded_hash::OPAQUE;
    /// The structural hash down to a depth.
    const HASH_1: u64 = bounded_hash::OPAQUE;
    /// The structural hash down to a depth.
    const HASH_2: u64 = bounded_hash::OPAQUE;
    /// The structural hash down to a depth.
    const HASH_3: u64 = bounded_hash::OPAQUE;
    /// The structural hash down to a depth.
    const HASH_4: u64 = bounded_hash::OPAQUE;

    /// Returns the type.
    fn schema(_definitions: &mut Definitions) -> Type {
        Type::Opaque
    }
}

impl<T: ?Sized> OpaqueType for SchemaProbe<T> {}

/// What stands for a type without a schema in `#[schema(as = Type)]`, as in `Vec<OpaqueContent>`.
#[derive(Debug)]
pub enum OpaqueContent {}

impl Schema for OpaqueContent {
    bounded_hash::bounded_hashes!(|_parts| bounded_hash::OPAQUE;);

    fn schema(_definitions: &mut Definitions) -> Type {
        Type::Opaque
    }
}

/// What stands for `(T,)` in `#[schema(as = Type)]`, in which `prettyplease` drops the comma.
#[derive(Debug)]
pub struct SingleTuple<T>(PhantomData<T>);

impl<T: Schema> Schema for SingleTuple<T> {
    const KINDS: Kinds = Kinds::ARRAY;
    bounded_hash::bounded_hashes!(as (T,));

    fn schema(definitions: &mut Definitions) -> Type {
        <(T,)>::schema(definitions)
    }
}
