//! Types as data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A type, as it travels in a payload.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Type {
    /// A type that has no schema.
    Opaque,
    /// Any value.
    Any,
    /// `()`, which is nil.
    Unit,
    /// A boolean.
    Bool,
    /// An integer.
    U8,
    /// An integer.
    U16,
    /// An integer.
    U32,
    /// An integer, also of a `usize`.
    U64,
    /// An integer.
    I8,
    /// An integer.
    I16,
    /// An integer.
    I32,
    /// An integer, also of an `isize`.
    I64,
    /// An integer that is not 0.
    NonZero(Box<Type>),
    /// A float.
    F32,
    /// A float.
    F64,
    /// A text of one character.
    Char,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A value or nil. `Option<Option<T>>` has one nil for both of its `None`s.
    Option(Box<Type>),
    /// An array of any length.
    List(Box<Type>),
    /// An array of this length.
    Array(Box<Type>, usize),
    /// An array of values of these types.
    Tuple(Vec<Type>),
    /// A map of keys to values.
    Map(Box<Type>, Box<Type>),
    /// A type with a definition, by its name.
    Named(String),
}

/// Formats the type like one of Rust: `map<text, option<u8>>`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::NonZero(of) => write!(f, "nonzero<{of}>"),
            Self::Option(of) => write!(f, "option<{of}>"),
            Self::List(of) => write!(f, "list<{of}>"),
            Self::Array(of, len) => write!(f, "array<{of}, {len}>"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Tuple(types) => {
                f.write_str("tuple<")?;
                for (index, of) in types.iter().enumerate() {
                    write!(f, "{}{of}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(">")
            }
            simple => f.write_str(simple.simple_name()),
        }
    }
}

impl Type {
    /// Returns the name of a type without parameters, as in JSON.
    pub(super) const fn simple_name(&self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Any => "any",
            Self::Unit => "unit",
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::NonZero(_) => "nonzero",
            Self::Option(_) => "option",
            Self::List(_) => "list",
            Self::Array(..) => "array",
            Self::Tuple(_) => "tuple",
            Self::Map(..) => "map",
            Self::Named(_) => "named",
        }
    }
}

/// The definition of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The doc comment of the type.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// What the type is.
    pub shape: Shape,
}

/// What a defined type is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shape {
    /// A struct without fields, which is an empty array.
    UnitStruct,
    /// A struct that is its only field.
    Newtype(Type),
    /// A struct whose fields have no names, which is an array.
    TupleStruct(Vec<Type>),
    /// A struct, which is a map of its fields by name.
    Struct(StructDefinition),
    /// An enum.
    Enum(EnumDefinition),
}

/// A struct whose fields have names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructDefinition {
    /// The fields, in their order.
    pub fields: Vec<Field>,
    /// Whether a field that is not among them is an error.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deny_unknown_fields: bool,
}

/// An enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumDefinition {
    /// How a variant is told from another.
    #[serde(default, skip_serializing_if = "Tagging::is_external")]
    pub tagging: Tagging,
    /// The variants, in their order.
    pub variants: Vec<Variant>,
}

/// How the variants of an enum are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tagging {
    /// By name: a variant without content is its name, any other a map of its name to its content.
    #[default]
    External,
    /// By a field of this name, beside the fields of the variant.
    Internal {
        /// The name of the field.
        tag: String,
    },
    /// By a field, beside one that has the content.
    Adjacent {
        /// The name of the field that has the name of the variant.
        tag: String,
        /// The name of the field that has the content.
        content: String,
    },
    /// By their content alone: the first that fits.
    Untagged,
}

impl Tagging {
    fn is_external(&self) -> bool {
        *self == Self::External
    }
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name, as it travels.
    pub name: String,
    /// Its doc comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Other names under which it is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it contains.
    #[serde(default, skip_serializing_if = "Content::is_unit")]
    pub content: Content,
    /// Whether it stands for every name that no other variant has.
    #[serde(default, skip_serializing_if = "is_false")]
    pub other: bool,
    /// Whether it is written: not if serde skips it.
    #[serde(default, skip_serializing_if = "Presence::is_always")]
    pub written: Presence,
    /// Whether it is read: not if serde skips it.
    #[serde(default, skip_serializing_if = "Presence::is_always")]
    pub read: Presence,
}

/// What a variant contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Nothing.
    #[default]
    Unit,
    /// One value.
    Newtype(Type),
    /// An array.
    Tuple(Vec<Type>),
    /// A map of fields.
    Struct(Vec<Field>),
}

impl Content {
    fn is_unit(&self) -> bool {
        *self == Self::Unit
    }
}

/// A field that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as it travels.
    pub name: String,
    /// Its doc comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Other names under which it is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether it is written: sometimes with `skip_serializing_if`.
    #[serde(default, skip_serializing_if = "Presence::is_always")]
    pub written: Presence,
    /// Whether it has to be there to be read: sometimes if it has a default, or is an `Option`.
    #[serde(default, skip_serializing_if = "Presence::is_always")]
    pub read: Presence,
    /// Whether its own fields or entries stand in its place.
    #[serde(default, skip_serializing_if = "is_false")]
    pub flatten: bool,
}

impl Field {
    /// Returns a field that is always written, and has to be there unless it is an `Option`.
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        let read = if let Type::Option(_) = ty { Presence::Sometimes } else { Presence::Always };
        Self {
            name: name.into(),
            doc: String::new(),
            aliases: Vec::new(),
            ty,
            written: Presence::Always,
            read,
            flatten: false,
        }
    }
}

/// How often something is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// In every value.
    #[default]
    Always,
    /// In some values.
    Sometimes,
    /// In no value.
    Never,
}

impl Presence {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_always(&self) -> bool {
        *self == Self::Always
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
