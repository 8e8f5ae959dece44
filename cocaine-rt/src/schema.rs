//! What a type looks like in a payload: names, types and docs of its fields and variants, as data.
//!
//! `#[derive(Schema)]`, beside serde's derives, describes a type in serde's data model and in the encoding of payloads
//! ([`msgpack`](crate::msgpack)), not in that of JSON: bytes are bytes, keys of maps may be anything, and fields have an order.
//! It reads serde's attributes, so that a name is the one that travels.
//!
//! ```
//! use cocaine::{Schema, schema::TypeSchema};
//! use serde::{Deserialize, Serialize};
//!
//! /// A short link.
//! #[derive(Serialize, Deserialize, Schema)]
//! struct Link {
//!     slug: String,
//!     #[serde(rename = "url")]
//!     target: String,
//! }
//!
//! let schema = TypeSchema::of::<Link>();
//! let definition = schema.types.values().next().unwrap();
//! assert_eq!(definition.doc, "A short link.");
//! ```
//!
//! A [`TypeSchema`] implements `Serialize` and `Deserialize`: this is its form in JSON. Its [hash](TypeSchema::hash) is equal for
//! types of one structure.

mod app;
mod app_error;
#[doc(hidden)]
pub mod bounded_hash;
#[doc(hidden)]
pub mod derived;
mod foreign_types;
mod hash;
mod json;
mod kinds;
mod mismatch;
mod model;
mod registry;
mod std_types;

pub use app::{
    AppSchema, ArgumentSchema, ErrorDefinition, ErrorVariant, EventKind, EventOutput, EventSchema,
    HASH_HEADER, MANIFEST_KEY, SCHEMA_VERSION, hash_text, parse_hash,
};
pub use app_error::AppError;
pub(crate) use mismatch::{Mismatch, find_mismatch};
pub use model::{
    Content, Definition, EnumDefinition, Field, Presence, Shape, StructDefinition, Tagging, Type, Variant,
};
pub use registry::{Definitions, TypeSchema};

use kinds::Kinds;

/// A type whose payloads can be described. Derive it: `#[derive(Schema)]`.
///
/// A field whose type does not implement it is *opaque*: it travels, and nothing is known of it.
///
/// By hand it is implemented for a type that serde serializes like another. The compiler cannot compare such a type with a
/// schema: for the types that `cocaine-codegen --types` uses, put `#[schema(as = f64)]` at the field.
///
/// ```
/// use cocaine::{Schema, schema::{Definitions, Type}};
///
/// struct Celsius(f64);
///
/// impl Schema for Celsius {
///     fn schema(definitions: &mut Definitions) -> Type {
///         f64::schema(definitions)
///     }
/// }
/// ```
pub trait Schema {
    /// The kinds of values that it is written as, and read from.
    #[doc(hidden)]
    const KINDS: Kinds = Kinds::UNKNOWN;

    /// The structural hash down to a depth.
    #[doc(hidden)]
    const HASH_0: u64 = bounded_hash::UNKNOWN;

    #[doc(hidden)]
    const HASH_1: u64 = bounded_hash::UNKNOWN;

    #[doc(hidden)]
    const HASH_2: u64 = bounded_hash::UNKNOWN;

    #[doc(hidden)]
    const HASH_3: u64 = bounded_hash::UNKNOWN;

    #[doc(hidden)]
    const HASH_4: u64 = bounded_hash::UNKNOWN;

    /// Returns the type, and adds the definitions that it refers to.
    fn schema(definitions: &mut Definitions) -> Type;
}
