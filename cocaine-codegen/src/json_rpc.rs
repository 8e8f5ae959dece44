//! What a gateway offers as JSON-RPC: the methods of services and apps, and their types as they look in JSON
//! (`apps.md` 6).
//!
//! Clients in other languages, and the documents for their tools, are made of this model. Every name in it is decided.

mod apps;
mod check;
mod cycles;
mod directions;
mod forms;
mod interface;
mod names;
mod services;

pub(crate) use interface::interface;

use crate::error::Warning;

/// The member of `params` with the items that a caller streams.
pub(crate) const INPUT: &str = "$input";

/// All that a gateway offers.
#[derive(Debug, Default)]
pub(crate) struct RpcModel {
    /// The services, and then the apps, each sorted by name.
    pub(crate) interfaces: Vec<Interface>,
    /// In the order of the interfaces.
    pub(crate) definitions: Vec<JsonDefinition>,
    pub(crate) errors: Vec<ErrorType>,
    pub(crate) warnings: Vec<Warning>,
}

/// A service or an app.
#[derive(Debug)]
pub(crate) struct Interface {
    /// The name on the wire.
    pub(crate) wire_name: String,
    /// The name of its client.
    pub(crate) client: String,
    pub(crate) docs: Vec<String>,
    pub(crate) methods: Vec<RpcMethod>,
    /// The names of the methods that JSON-RPC cannot call, with the reasons.
    pub(crate) omitted: Vec<(String, &'static str)>,
}

/// A method that JSON-RPC can call.
#[derive(Debug)]
pub(crate) struct RpcMethod {
    /// The name on the wire.
    pub(crate) wire_name: String,
    /// The name in a client.
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) params: Params,
    /// The type of the items that a caller streams, which travel as a list.
    pub(crate) input: Option<JsonType>,
    pub(crate) result: MethodResult,
    /// The name of the errors that it declares.
    pub(crate) error: Option<String>,
}

/// How arguments travel.
#[derive(Debug)]
pub(crate) enum Params {
    /// As an object.
    Named(Vec<Param>),
    /// As a list.
    Positional(Vec<Param>),
    /// As a list of any values: nobody knows which.
    Unknown,
}

/// An argument.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) wire_name: String,
    /// The name in a client.
    pub(crate) name: String,
    pub(crate) ty: JsonType,
    pub(crate) is_required: bool,
}

/// What a call returns.
#[derive(Debug)]
pub(crate) enum MethodResult {
    /// Nothing, which is written as this value.
    Nothing(JsonType),
    Value(JsonType),
    /// The items of a stream, as a list.
    Stream(JsonType),
}

/// Errors that an app declares.
#[derive(Debug)]
pub(crate) struct ErrorType {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) variants: Vec<DeclaredError>,
}

/// A declared error.
#[derive(Debug)]
pub(crate) struct DeclaredError {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) category: i64,
    pub(crate) code: i64,
}

/// A type with a name.
#[derive(Debug)]
pub(crate) struct JsonDefinition {
    pub(crate) name: String,
    /// The name in the schema or in the catalogue.
    pub(crate) origin: String,
    pub(crate) docs: Vec<String>,
    pub(crate) ty: JsonType,
    pub(crate) direction: Direction,
    /// The names of numbers, if it is one of them or any other.
    pub(crate) numbers: Vec<NamedNumber>,
}

/// A number with a name.
#[derive(Debug)]
pub(crate) struct NamedNumber {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) value: i128,
}

/// Which way values of a type travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// From the caller, only.
    Sent,
    /// To the caller, or both ways in one form.
    Received,
}

/// A type, as it looks in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum JsonType {
    /// Any value, in the gateway's forms of values without a schema.
    Value,
    Null,
    Boolean,
    Integer(IntegerType),
    /// A number, or the form of one that JSON lacks.
    Float,
    Text,
    /// A text of one character.
    Character,
    /// Bytes as base64.
    Base64,
    /// Bytes without a schema: a text if they are one, and otherwise a form with base64.
    RawBytes,
    /// This exact text.
    Literal(String),
    Nullable(Box<JsonType>),
    List(Box<JsonType>),
    /// A list of this length.
    Array(Box<JsonType>, usize),
    Tuple(TupleType),
    /// An object with any names.
    Map(MapKeys, Box<JsonType>),
    /// A list of pairs: a map whose keys are no texts.
    Pairs(Box<JsonType>, Box<JsonType>),
    /// The form of a map without a schema whose keys are no texts.
    MapForm(Box<JsonType>, Box<JsonType>),
    Object(ObjectType),
    Union(Vec<Alternative>),
    /// A [definition](JsonDefinition), by its name.
    Named(String),
}

/// An integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntegerType {
    /// What it is called in a schema.
    pub(crate) name: &'static str,
    pub(crate) min: i128,
    pub(crate) max: i128,
    pub(crate) is_nonzero: bool,
    /// Whether it is a text of digits where a double-precision number is not exact.
    pub(crate) has_text_form: bool,
}

/// A list of values of different types.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TupleType {
    /// The items; those of a catalogue have names.
    pub(crate) items: Vec<(Option<String>, JsonType)>,
    /// How many of them are always there.
    pub(crate) required: usize,
}

/// What the keys of a map are; in JSON they are texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKeys {
    Text,
    Character,
    Integer,
    Boolean,
}

/// An object with known names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ObjectType {
    pub(crate) properties: Vec<Property>,
    /// Types whose own properties stand beside these.
    pub(crate) parts: Vec<Part>,
    /// The type of all further properties, if they belong to the value.
    pub(crate) rest: Option<Box<JsonType>>,
    /// Whether an unknown property is an error.
    pub(crate) is_closed: bool,
}

/// A property of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    pub(crate) ty: JsonType,
    pub(crate) is_required: bool,
    /// Other names under which it may stand.
    pub(crate) aliases: Vec<String>,
}

/// A type whose properties are those of the object that it is a part of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) ty: JsonType,
    /// Whether they are all there or none.
    pub(crate) is_optional: bool,
}

/// One of the types of a union.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alternative {
    pub(crate) docs: Vec<String>,
    pub(crate) ty: JsonType,
}

impl JsonType {
    /// Returns the type of nil or a value of this type, which has one null.
    pub(crate) fn or_null(self) -> Self {
        match self {
            Self::Value | Self::Null | Self::Nullable(_) => self,
            other => Self::Nullable(Box::new(other)),
        }
    }

    /// Returns the union of types without docs.
    pub(crate) fn any_of(types: impl IntoIterator<Item = Self>) -> Self {
        Self::Union(types.into_iter().map(|ty| Alternative { docs: Vec::new(), ty }).collect())
    }

    /// Returns the type of a list of these items, all of which are there.
    pub(crate) fn tuple(items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<_> = items.into_iter().map(|ty| (None, ty)).collect();
        Self::Tuple(TupleType { required: items.len(), items })
    }

    /// Calls `visit` with each type that it is directly made of.
    pub(crate) fn for_each_part<'t>(&'t self, visit: &mut dyn FnMut(&'t Self)) {
        match self {
            Self::Nullable(of) | Self::List(of) | Self::Array(of, _) | Self::Map(_, of) => visit(of),
            Self::Pairs(key, value) | Self::MapForm(key, value) => {
                visit(key);
                visit(value);
            }
            Self::Tuple(tuple) => tuple.items.iter().for_each(|(_, of)| visit(of)),
            Self::Object(object) => {
                object.properties.iter().for_each(|property| visit(&property.ty));
                object.parts.iter().for_each(|part| visit(&part.ty));
                object.rest.iter().for_each(|of| visit(of));
            }
            Self::Union(alternatives) => alternatives.iter().for_each(|alternative| visit(&alternative.ty)),
            _ => {}
        }
    }
}

impl IntegerType {
    /// Returns the integer that a schema or a catalogue calls `name`; 64 bits without a sign for any other name.
    pub(crate) fn new(name: &str, has_text_form: bool) -> Self {
        let (name, min, max) = match name {
            "i8" => ("i8", i8::MIN.into(), i8::MAX.into()),
            "i16" => ("i16", i16::MIN.into(), i16::MAX.into()),
            "i32" => ("i32", i32::MIN.into(), i32::MAX.into()),
            "i64" => ("i64", i64::MIN.into(), i64::MAX.into()),
            "u8" => ("u8", 0, u8::MAX.into()),
            "u16" => ("u16", 0, u16::MAX.into()),
            "u32" => ("u32", 0, u32::MAX.into()),
            _ => ("u64", 0, u64::MAX.into()),
        };
        Self { name, min, max, is_nonzero: false, has_text_form }
    }
}

impl Property {
    /// Returns a property that is always there.
    pub(crate) fn new(name: impl Into<String>, ty: JsonType) -> Self {
        Self { name: name.into(), docs: Vec::new(), ty, is_required: true, aliases: Vec::new() }
    }
}

impl From<ObjectType> for JsonType {
    fn from(object: ObjectType) -> Self {
        Self::Object(object)
    }
}

/// Returns the lines of a doc comment.
pub(crate) fn doc_lines(doc: &str) -> Vec<String> {
    doc.lines().map(|line| line.trim_end().to_owned()).collect()
}
