//! The definitions that are those of types of std.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    time::{Duration, SystemTime},
};

use cocaine::schema::{
    Content, Definition, Definitions, EnumDefinition, Field, Presence, Schema, Shape, StructDefinition,
    Tagging, Type, Variant,
};

/// A type of std.
#[derive(Clone, Debug)]
pub(crate) struct StdType {
    pub(crate) path: &'static str,
    /// The arguments of a generic type.
    pub(crate) arguments: Vec<Type>,
    /// Whether values are copied.
    pub(crate) is_copy: bool,
    pub(super) has_default: bool,
    pub(super) is_ordered: bool,
}

/// Returns the definitions that have the name, and the whole structure, of a type of std.
pub(super) fn find(types: &BTreeMap<String, Definition>) -> BTreeMap<&str, StdType> {
    let mut found = BTreeMap::new();
    for (path, std_type, expected) in plain_types() {
        if expected.iter().all(|(name, definition)| types.get(name) == Some(definition)) {
            found.insert(path, std_type);
        }
    }
    for (name, definition) in types {
        if let Some(std_type) = generic_type(name, &definition.shape) {
            found.insert(name.as_str(), std_type);
        }
    }
    found
}

type PlainType = (&'static str, StdType, BTreeMap<String, Definition>);

fn plain_types() -> [PlainType; 8] {
    fn plain<T: Schema>(path: &'static str) -> PlainType {
        let mut definitions = Definitions::default();
        T::schema(&mut definitions);
        let has_default = path == "std::time::Duration";
        let std_type = StdType { path, arguments: Vec::new(), is_copy: true, has_default, is_ordered: true };
        (path, std_type, definitions.types().clone())
    }
    [
        plain::<Duration>("std::time::Duration"),
        plain::<SystemTime>("std::time::SystemTime"),
        plain::<IpAddr>("std::net::IpAddr"),
        plain::<Ipv4Addr>("std::net::Ipv4Addr"),
        plain::<Ipv6Addr>("std::net::Ipv6Addr"),
        plain::<SocketAddr>("std::net::SocketAddr"),
        plain::<SocketAddrV4>("std::net::SocketAddrV4"),
        plain::<SocketAddrV6>("std::net::SocketAddrV6"),
    ]
}

fn generic_type(name: &str, shape: &Shape) -> Option<StdType> {
    let (path, _) = name.split_once('<')?;
    let of = |path, arguments: &[&Type], is_ordered, has_default| StdType {
        path,
        arguments: arguments.iter().map(|argument| (*argument).clone()).collect(),
        is_copy: false,
        has_default,
        is_ordered,
    };
    match path {
        "std::ops::Range" => {
            range_bound(shape, &["start", "end"]).map(|bound| of("std::ops::Range", &[bound], false, true))
        }
        "std::ops::RangeInclusive" => range_bound(shape, &["start", "end"])
            .map(|bound| of("std::ops::RangeInclusive", &[bound], false, false)),
        "std::ops::RangeFrom" => {
            range_bound(shape, &["start"]).map(|bound| of("std::ops::RangeFrom", &[bound], false, false))
        }
        "std::ops::RangeTo" => {
            range_bound(shape, &["end"]).map(|bound| of("std::ops::RangeTo", &[bound], false, false))
        }
        "std::ops::Bound" => match newtype_variants(shape, &["Unbounded", "Included", "Excluded"])?[..] {
            [None, Some(first), Some(second)] if first == second => {
                Some(of("std::ops::Bound", &[first], false, false))
            }
            _ => None,
        },
        "std::result::Result" => match newtype_variants(shape, &["Ok", "Err"])?[..] {
            [Some(value), Some(error)] => Some(of("std::result::Result", &[value, error], true, false)),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the type of the fields, if the shape is a struct of exactly these.
fn range_bound<'s>(shape: &'s Shape, names: &[&str]) -> Option<&'s Type> {
    let Shape::Struct(StructDefinition { fields, deny_unknown_fields: false }) = shape else {
        return None;
    };
    let bound = &fields.first()?.ty;
    let expected = names.iter().map(|name| Field::new(*name, bound.clone()));
    expected.eq(fields.iter().cloned()).then_some(bound)
}

/// Returns the content of the variants, if the shape is an enum of exactly these, each with one value or none.
fn newtype_variants<'s>(shape: &'s Shape, names: &[&str]) -> Option<Vec<Option<&'s Type>>> {
    let Shape::Enum(EnumDefinition { tagging: Tagging::External, variants }) = shape else {
        return None;
    };
    let content = |(variant, name): (&'s Variant, &&str)| {
        let is_plain = variant.name == **name
            && variant.aliases.is_empty()
            && !variant.other
            && (variant.written, variant.read) == (Presence::Always, Presence::Always);
        match &variant.content {
            Content::Unit if is_plain => Some(None),
            Content::Newtype(of) if is_plain => Some(Some(of)),
            _ => None,
        }
    };
    if variants.len() != names.len() {
        return None;
    }
    variants.iter().zip(names).map(content).collect()
}
