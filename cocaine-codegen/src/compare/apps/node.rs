//! Types without their names: what stands on the wire, one level of it.

use std::collections::BTreeMap;

use cocaine::schema::{Content, Definition, EnumDefinition, Field, Shape, Tagging, Type};

/// The definitions of a schema, by name.
pub(super) type Types = BTreeMap<String, Definition>;

/// The most names, newtypes and `Option`s within one another that are looked through.
const MAX_NEWTYPES: usize = 64;

/// Whether the reader reads what the writer writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Each value.
    #[default]
    Reads,
    /// Not certainly each value, or not as the same one.
    Unknown,
    /// Some value is refused.
    Fails,
}

/// A type whose name, and the names of newtypes around it, are looked through.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'s> {
    Opaque,
    Any,
    Unit,
    Bool,
    Int(IntValues),
    F32,
    F64,
    Char,
    Text,
    Bytes,
    /// The type within, which is no `Option`.
    Option(&'s Type),
    List(&'s Type),
    Fixed(Elements<'s>),
    Map(&'s Type, &'s Type),
    Struct(Fields<'s>),
    Enum(&'s EnumDefinition),
}

/// The values of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IntValues {
    min: i128,
    max: i128,
    has_zero: bool,
}

impl IntValues {
    pub(super) const U8: Self = Self::of(0, u8::MAX as i128);

    const fn of(min: i128, max: i128) -> Self {
        Self { min, max, has_zero: true }
    }

    /// Returns whether each value of `other` is one of these.
    pub(super) fn contain(self, other: Self) -> bool {
        self.min <= other.min && other.max <= self.max && (self.has_zero || !other.has_zero)
    }
}

/// The elements of an array whose length its type says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Elements<'s> {
    Each(&'s [Type]),
    Same(&'s Type, usize),
}

impl<'s> Elements<'s> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Each(types) => types.len(),
            Self::Same(_, len) => len,
        }
    }

    pub(super) fn get(self, index: usize) -> Option<&'s Type> {
        match self {
            Self::Each(types) => types.get(index),
            Self::Same(ty, len) => (index < len).then_some(ty),
        }
    }

    /// Returns a type for each element that has one of its own.
    pub(super) fn types(self) -> impl Iterator<Item = &'s Type> {
        let (each, same) = match self {
            Self::Each(types) => (types, None),
            Self::Same(ty, len) => (&[][..], (len > 0).then_some(ty)),
        };
        each.iter().chain(same)
    }
}

/// The fields of a struct, or of a variant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'s> {
    pub(super) fields: &'s [Field],
    pub(super) deny_unknown: bool,
}

impl<'s> Node<'s> {
    /// Returns what `ty` is on the wire. A name that has no definition, or is a newtype of itself, is opaque.
    pub(super) fn of(types: &'s Types, ty: &'s Type) -> Self {
        let mut ty = ty;
        let mut has_option = false;
        for _ in 0..MAX_NEWTYPES {
            match ty {
                Type::Named(name) => match types.get(name).map(|definition| &definition.shape) {
                    Some(Shape::Newtype(of)) => ty = of,
                    Some(shape) => return if has_option { Self::Option(ty) } else { Self::of_shape(shape) },
                    None => return Self::Opaque,
                },
                Type::Option(of) => {
                    has_option = true;
                    ty = of;
                }
                // Nil is one of their values already.
                Type::Unit if has_option => return Self::Unit,
                Type::Any if has_option => return Self::Any,
                plain if has_option => return Self::Option(plain),
                Type::NonZero(of) => {
                    return match Self::of_plain(of) {
                        Self::Int(values) => Self::Int(IntValues { has_zero: false, ..values }),
                        node => node,
                    };
                }
                plain => return Self::of_plain(plain),
            }
        }
        Self::Opaque
    }

    /// Returns the content of a variant that has some.
    pub(super) fn of_content(types: &'s Types, content: &'s Content) -> Option<Self> {
        match content {
            Content::Unit => None,
            Content::Newtype(of) => Some(Self::of(types, of)),
            Content::Tuple(of) => Some(Self::Fixed(Elements::Each(of))),
            Content::Struct(fields) => Some(Self::Struct(Fields { fields, deny_unknown: false })),
        }
    }

    fn of_shape(shape: &'s Shape) -> Self {
        match shape {
            Shape::UnitStruct => Self::Fixed(Elements::Each(&[])),
            Shape::TupleStruct(types) => Self::Fixed(Elements::Each(types)),
            Shape::Struct(definition) => Self::Struct(Fields {
                fields: &definition.fields,
                deny_unknown: definition.deny_unknown_fields,
            }),
            Shape::Enum(definition) => Self::Enum(definition),
            _ => Self::Opaque,
        }
    }

    fn of_plain(ty: &'s Type) -> Self {
        match ty {
            Type::Any => Self::Any,
            Type::Unit => Self::Unit,
            Type::Bool => Self::Bool,
            Type::U8 => Self::Int(IntValues::U8),
            Type::U16 => Self::Int(IntValues::of(0, u16::MAX.into())),
            Type::U32 => Self::Int(IntValues::of(0, u32::MAX.into())),
            Type::U64 => Self::Int(IntValues::of(0, u64::MAX.into())),
            Type::I8 => Self::Int(IntValues::of(i8::MIN.into(), i8::MAX.into())),
            Type::I16 => Self::Int(IntValues::of(i16::MIN.into(), i16::MAX.into())),
            Type::I32 => Self::Int(IntValues::of(i32::MIN.into(), i32::MAX.into())),
            Type::I64 => Self::Int(IntValues::of(i64::MIN.into(), i64::MAX.into())),
            Type::F32 => Self::F32,
            Type::F64 => Self::F64,
            Type::Char => Self::Char,
            Type::Text => Self::Text,
            Type::Bytes => Self::Bytes,
            Type::List(of) => Self::List(of),
            Type::Array(of, len) => Self::Fixed(Elements::Same(of, *len)),
            Type::Tuple(types) => Self::Fixed(Elements::Each(types)),
            Type::Map(key, value) => Self::Map(key, value),
            _ => Self::Opaque,
        }
    }

    /// Returns what it is, in words.
    pub(super) fn kind_text(self) -> &'static str {
        match self {
            Self::Opaque => "an opaque type",
            Self::Any => "any value",
            Self::Unit => "nil",
            Self::Bool => "a boolean",
            Self::Int(_) => "an integer",
            Self::F32 | Self::F64 => "a float",
            Self::Char | Self::Text => "a text",
            Self::Bytes => "bytes",
            Self::Option(_) => "an optional value",
            Self::List(_) => "a list",
            Self::Fixed(_) => "an array",
            Self::Map(..) => "a map",
            Self::Struct(_) => "fields by name",
            Self::Enum(_) => "an enum",
        }
    }

    /// Returns whether nil is read as one of its values.
    pub(super) fn reads_nil(self) -> Verdict {
        match self {
            Self::Any | Self::Unit | Self::Option(_) => Verdict::Reads,
            Self::Fixed(elements) if elements.len() == 0 => Verdict::Reads,
            Self::Enum(definition) if definition.tagging == Tagging::Untagged => Verdict::Unknown,
            _ => Verdict::Fails,
        }
    }
}
