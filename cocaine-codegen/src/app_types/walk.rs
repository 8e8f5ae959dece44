//! The types within types and definitions.

use std::collections::BTreeMap;

use cocaine::schema::{Content, Definition, Shape, Type};

/// The definitions of a schema, by name.
pub(super) type DefinitionMap = BTreeMap<String, Definition>;

/// Calls `visit` for each type that stands in `definition` itself, in their order.
pub(crate) fn for_each_type<'s>(definition: &'s Definition, visit: &mut impl FnMut(&'s Type)) {
    match &definition.shape {
        Shape::Newtype(of) => visit(of),
        Shape::TupleStruct(types) => types.iter().for_each(visit),
        Shape::Struct(definition) => definition.fields.iter().for_each(|field| visit(&field.ty)),
        Shape::Enum(definition) => definition.variants.iter().for_each(|variant| match &variant.content {
            Content::Newtype(of) => visit(of),
            Content::Tuple(types) => types.iter().for_each(&mut *visit),
            Content::Struct(fields) => fields.iter().for_each(|field| visit(&field.ty)),
            Content::Unit => {}
        }),
        _ => {}
    }
}

/// Calls `visit` for each type directly within `ty`, and says whether values of `ty` contain those of it by value, which they
/// do not in lists and maps.
pub(crate) fn for_each_part<'s>(ty: &'s Type, visit: &mut impl FnMut(&'s Type, bool)) {
    match ty {
        Type::NonZero(of) | Type::Option(of) => visit(of, true),
        Type::Array(of, len) => visit(of, *len <= super::MAX_ARRAY),
        Type::List(of) => visit(of, false),
        Type::Tuple(types) => types.iter().for_each(|of| visit(of, true)),
        Type::Map(key, value) => [key, value].into_iter().for_each(|of| visit(of, false)),
        _ => {}
    }
}

/// Calls `visit` for each name in `ty`, and says whether values of `ty` contain those of the named type by value.
pub(super) fn for_each_name<'s>(ty: &'s Type, visit: &mut impl FnMut(&'s str, bool)) {
    let mut open = vec![(ty, true)];
    while let Some((ty, is_inline)) = open.pop() {
        if let Type::Named(name) = ty {
            visit(name, is_inline);
        }
        for_each_part(ty, &mut |of, is_part_inline| open.push((of, is_inline && is_part_inline)));
    }
}
